// Twin of src/glassnet/kernels/dense.py: the dense layer.

#include "../blas.hpp"
#include "../kernel.hpp"
#include "../narrow_product.hpp"
#include "../reduce.hpp"
#include "../small_product.hpp"

#include <algorithm>

namespace glassnet {
namespace {

// y (N, M) = x (N, D) W (D, M) + b (M,)
template <class T>
void dense_forward(const T* x, const T* weight, const T* bias, T* y, std::int64_t n, std::int64_t d, std::int64_t m) {
    if (is_narrow<T>(m, d)) {
        narrow_product(n, m, d, x, weight, bias, y);
        return;
    }
    if (is_small<T>(n, m, d, false, false)) {
        small_product(n, m, d, x, d, 1, weight, m, bias, y, m);
        return;
    }
    if (bias != nullptr)
        for (std::int64_t row = 0; row < n; ++row) std::copy_n(bias, m, y + row * m);
    blas::multiply<T>(false, false, n, m, d, x, d, weight, m, bias != nullptr ? T(1) : T(0), y, m);
}

// dx (N, D) = dy Wᵀ
template <class T>
void input_gradient(const T* dy, const T* weight, T* dx, std::int64_t n, std::int64_t d, std::int64_t m) {
    if (is_small<T>(n, d, m, false, true))
        small_product_transposed(n, d, m, dy, m, weight, m, dx, d);
    else
        blas::multiply<T>(false, true, n, d, m, dy, m, weight, m, T(0), dx, d);
}

// Rows of dW = xᵀ dy: those of `rows` features, of which x points to the first; x has d of them.
template <class T>
void weight_gradient(const T* dy, const T* x, T* dweight, std::int64_t n, std::int64_t rows, std::int64_t d,
                     std::int64_t m) {
    if (is_small<T>(rows, m, n, true, false))
        small_product(rows, m, n, x, 1, d, dy, m, static_cast<const T*>(nullptr), dweight, m);
    else
        blas::multiply<T>(true, false, rows, m, n, x, d, dy, m, T(0), dweight, m);
}

// db = Σ_n dy = (1, ..., 1) dy. Several short rows are summed as one long one, which is then folded in halves.
template <class T>
void bias_gradient(const T* dy, T* dbias, std::int64_t n, std::int64_t m) {
    constexpr std::int64_t longest = 1024 / sizeof(T);
    constexpr T one = 1;
    const T* const none = nullptr;
    std::int64_t rows = std::min(longest / m, n / 2);
    if (rows < 2) {
        small_product(std::int64_t{1}, m, n, &one, 0, 0, dy, m, none, dbias, m);
        return;
    }
    const auto plus = [](T a, T b, T& sum) { sum = a + b; };
    const std::int64_t width = rows * m, whole = n / rows;
    T sums[longest];
    if (whole == 2)
        for_cheap_elements(width, plus, dy, dy + width, sums);
    else
        small_product(std::int64_t{1}, width, whole, &one, 0, 0, dy, width, none, sums, width);
    for (std::int64_t i = whole * width; i < n * m; i += m) for_cheap_elements(m, plus, sums, dy + i, sums);
    for (; rows > 1; rows /= 2) {
        const T* const last = sums + (rows - 1) * m;
        const std::int64_t half = rows / 2 * m;
        if (rows % 2 == 1) for_cheap_elements(m, plus, sums, last, sums);
        for_cheap_elements(half, plus, sums, sums + half, rows > 3 ? sums : dbias);
    }
}

template <class T>
struct Unpacked {
    static void dense_forward(const Operand* o, const double*) {
        glassnet::dense_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(), o[0].rows(), o[1].shape[0],
                                o[1].shape[1]);
    }
    // Any of dx, dweight and dbias may be missing; dweight may be some of its rows, and dbias belongs to the first.
    static void dense_backward(const Operand* o, const double*) {
        const Operand &dy = o[0], &x = o[1], &weight = o[2], &dx = o[3], &dweight = o[4], &dbias = o[5];
        const std::int64_t n = dy.rows(), d = weight.shape[0], m = weight.shape[1];
        if (dweight.data != nullptr)
            weight_gradient(dy.as<T>(), x.as<T>() + dweight.first, dweight.as<T>(), n, dweight.rows(), d, m);
        if (dbias.data != nullptr && dweight.first == 0) bias_gradient(dy.as<T>(), dbias.as<T>(), n, m);
        if (dx.data != nullptr) input_gradient(dy.as<T>(), weight.as<T>(), dx.as<T>(), n, d, m);
    }
};

// Whether a product falls to the BLAS. In the forward pass the number of rows does not decide it, so that a program may
// be prepared for other numbers than it is then used with.
template <class T>
bool needs_blas(const Operand* o, bool is_backward) {
    const std::int64_t n = o[0].rows();
    if (!is_backward)
        return !is_narrow<T>(o[1].shape[1], o[1].shape[0]) && !is_small<T>(n, o[1].shape[1], o[1].shape[0], false, false);
    const std::int64_t d = o[2].shape[0], m = o[2].shape[1];
    return (o[3].data != nullptr && !is_small<T>(n, d, m, false, true)) ||
           (o[4].data != nullptr && !is_small<T>(o[4].rows(), m, n, true, false));
}

template <bool is_backward>
void prepare_dense(const Operand* o, bool is_double) {
    if (is_double ? needs_blas<double>(o, is_backward) : needs_blas<float>(o, is_backward)) blas::prepare();
}

constexpr KernelEntry entries[] = {
    {"dense_forward", Unpacked<float>::dense_forward, Unpacked<double>::dense_forward, prepare_dense<false>},
    {"dense_backward", Unpacked<float>::dense_backward, Unpacked<double>::dense_backward, prepare_dense<true>},
};

}  // namespace

std::span<const KernelEntry> dense_kernels() { return entries; }

}  // namespace glassnet
