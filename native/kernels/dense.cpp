// Twin of src/glassnet/kernels/dense.py: the dense layer.

#include "../blas.hpp"
#include "../kernel.hpp"

#include <algorithm>

namespace glassnet {
namespace {

// y (N, M) = x (N, D) W (D, M) + b (M,)
template <class T>
void dense_forward(const T* x, const T* weight, const T* bias, T* y, std::int64_t n, std::int64_t d, std::int64_t m) {
    if (bias != nullptr)
        for (std::int64_t row = 0; row < n; ++row) std::copy_n(bias, m, y + row * m);
    blas::multiply<T>(false, false, n, m, d, x, weight, bias != nullptr ? T(1) : T(0), y);
}

// dW = xᵀ dy, db = Σ_n dy, dx = dy Wᵀ
template <class T>
void dense_backward(const T* dy, const T* x, const T* weight, T* dx, T* dweight, T* dbias, std::int64_t n,
                    std::int64_t d, std::int64_t m) {
    blas::multiply<T>(true, false, d, m, n, x, dy, T(0), dweight);
    if (dbias != nullptr) {
        std::fill_n(dbias, m, T(0));
        for (std::int64_t row = 0; row < n; ++row)
            for (std::int64_t unit = 0; unit < m; ++unit) dbias[unit] += dy[row * m + unit];
    }
    if (dx != nullptr) blas::multiply<T>(false, true, n, d, m, dy, weight, T(0), dx);
}

template <class T>
struct Unpacked {
    static void dense_forward(const Operand* o, const double*) {
        glassnet::dense_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(), o[0].rows(), o[1].shape[0],
                                o[1].shape[1]);
    }
    static void dense_backward(const Operand* o, const double*) {
        glassnet::dense_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(), o[4].as<T>(), o[5].as<T>(),
                                 o[1].rows(), o[2].shape[0], o[2].shape[1]);
    }
};

constexpr KernelEntry entries[] = {
    {"dense_forward", Unpacked<float>::dense_forward, Unpacked<double>::dense_forward},
    {"dense_backward", Unpacked<float>::dense_backward, Unpacked<double>::dense_backward},
};

}  // namespace

std::span<const KernelEntry> dense_kernels() { return entries; }

}  // namespace glassnet
