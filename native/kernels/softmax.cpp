// Twin of src/glassnet/kernels/softmax.py: softmax over the last axis.

#include "../softmax.hpp"
#include "../kernel.hpp"
#include "../reduce.hpp"

namespace glassnet {
namespace {

template <class T>
void softmax_forward(const T* x, T* y, std::int64_t rows, std::int64_t classes) {
    softmax_rows(x, y, rows, classes, [](const SoftmaxScales<T>&) {});
}

template <class T>
void softmax_backward(const T* dy, const T* y, T* dx, std::int64_t rows, std::int64_t classes) {
    for (std::int64_t row = 0; row < rows; ++row, dy += classes, y += classes, dx += classes) {
        const T mean = sum_of<T>(classes, [dy, y](std::int64_t k) { return dy[k] * y[k]; });
        for (std::int64_t k = 0; k < classes; ++k) dx[k] = y[k] * (dy[k] - mean);
    }
}

// The last axis of (..., K), and how many rows of it there are.
std::int64_t classes_of(const Operand& x) { return x.shape[x.rank - 1]; }

std::int64_t rows_of(const Operand& x) {
    std::int64_t rows = 1;
    for (int axis = 0; axis < x.rank - 1; ++axis) rows *= x.shape[axis];
    return rows;
}

template <class T>
struct Unpacked {
    static void softmax_forward(const Operand* o, const double*) {
        glassnet::softmax_forward(o[0].as<T>(), o[1].as<T>(), rows_of(o[1]), classes_of(o[1]));
    }
    static void softmax_backward(const Operand* o, const double*) {
        glassnet::softmax_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), rows_of(o[2]), classes_of(o[2]));
    }
};

constexpr KernelEntry entries[] = {
    {"softmax_forward", Unpacked<float>::softmax_forward, Unpacked<double>::softmax_forward},
    {"softmax_backward", Unpacked<float>::softmax_backward, Unpacked<double>::softmax_backward},
};

}  // namespace

std::span<const KernelEntry> softmax_kernels() { return entries; }

}  // namespace glassnet
