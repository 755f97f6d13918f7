// Twin of src/glassnet/kernels/combine.py: how branches of a network meet.

#include "../kernel.hpp"

#include <algorithm>

namespace glassnet {
namespace {

template <class T>
void residual_forward(const T* shortcut, const T* branch, T* y, std::int64_t size) {
    for (std::int64_t i = 0; i < size; ++i) y[i] = shortcut[i] + branch[i];
}

template <class T>
void residual_backward(const T* dshortcut, const T* dbranch, T* dx, std::int64_t size) {
    for (std::int64_t i = 0; i < size; ++i) dx[i] = dshortcut[i] + dbranch[i];
}

// part (rows, width) into columns start .. start + width of y (rows, columns)
template <class T>
void concat_forward(const T* part, T* y, std::int64_t rows, std::int64_t width, std::int64_t columns,
                    std::int64_t start) {
    for (std::int64_t row = 0; row < rows; ++row)
        std::copy_n(part + row * width, width, y + row * columns + start);
}

template <class T>
void concat_backward(const T* dy, T* dpart, std::int64_t rows, std::int64_t width, std::int64_t columns,
                     std::int64_t start) {
    for (std::int64_t row = 0; row < rows; ++row)
        std::copy_n(dy + row * columns + start, width, dpart + row * width);
}

template <class T>
void accumulate(const T* dpart, T* dx, std::int64_t size) {
    for (std::int64_t i = 0; i < size; ++i) dx[i] += dpart[i];
}

template <class T>
struct Unpacked {
    static void residual_forward(const Operand* o, const double*) {
        glassnet::residual_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].size());
    }
    static void residual_backward(const Operand* o, const double*) {
        glassnet::residual_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].size());
    }
    static void concat_forward(const Operand* o, const double* settings) {
        glassnet::concat_forward(o[0].as<T>(), o[1].as<T>(), o[0].rows(), o[0].row_size(), o[1].row_size(),
                                 static_cast<std::int64_t>(settings[0]));
    }
    static void concat_backward(const Operand* o, const double* settings) {
        glassnet::concat_backward(o[0].as<T>(), o[1].as<T>(), o[1].rows(), o[1].row_size(), o[0].row_size(),
                                  static_cast<std::int64_t>(settings[0]));
    }
    static void accumulate(const Operand* o, const double*) {
        glassnet::accumulate(o[0].as<T>(), o[1].as<T>(), o[1].size());
    }
};

constexpr KernelEntry entries[] = {
    {"residual_forward", Unpacked<float>::residual_forward, Unpacked<double>::residual_forward},
    {"residual_backward", Unpacked<float>::residual_backward, Unpacked<double>::residual_backward},
    {"concat_forward", Unpacked<float>::concat_forward, Unpacked<double>::concat_forward},
    {"concat_backward", Unpacked<float>::concat_backward, Unpacked<double>::concat_backward},
    {"accumulate", Unpacked<float>::accumulate, Unpacked<double>::accumulate},
};

}  // namespace

std::span<const KernelEntry> combine_kernels() { return entries; }

}  // namespace glassnet
