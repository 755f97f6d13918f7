// Twin of src/glassnet/kernels/dense.py: the dense layer, and the one with another layer's weights.

#include "engine/kernel.hpp"
#include "math/reduce.hpp"
#include "products/matrix_product.hpp"
#include "products/narrow_product.hpp"
#include "products/segments.hpp"

#include <algorithm>

namespace glassnet {
namespace {

// y (N, M) = x (N, D) W (D, M) + b (M,); the weights may be some columns of W.
template <class T>
void dense_forward(In<T> x, In<T> weight, In<T> bias, Out<T> y) {
    const int64_t n = x.rows(), d = weight.shape(0), m = weight.shape(1);
    const int64_t weight_row = weight.operand.row_bytes / static_cast<int64_t>(sizeof(T));
    if (is_narrow<T>(m, d) && weight_row == m) return narrow_product<T>(n, m, d, x, weight, bias, y);
    const Segments segments(d);
    matrix_product<T>(n, m, segments.start(1), x, d, 1, weight, weight_row, bias, y, m);
    for (int64_t i = 1; i < segments.count; ++i) {
        const int64_t from = segments.start(i), k = segments.start(i + 1) - from;
        add_matrix_product<T>(n, m, k, x + from, d, weight + from * weight_row, weight_row, y, m);
    }
}
GLASSNET_KERNEL(dense_forward);

// dx (N, D) = dy Wᵀ, or some of its rows. Whether those are few is a matter of all of them: few rows' sums are made in
// another order.
template <class T>
void input_gradient(const T* dy, const T* weight, T* dx, std::int64_t n, std::int64_t all, std::int64_t d,
                    std::int64_t m) {
    if (is_short(all, m))
        short_product_transposed(n, d, m, dy, weight, dx);
    else
        matrix_product_transposed(n, d, m, dy, m, weight, m, dx, d);
}

// Rows of dW = xᵀ dy: those of `rows` features, of which x points to the first; x has d of them.
template <class T>
void weight_gradient(const T* dy, const T* x, T* dweight, std::int64_t n, std::int64_t rows, std::int64_t d,
                     std::int64_t m) {
    matrix_product(rows, m, n, x, 1, d, dy, m, static_cast<const T*>(nullptr), dweight, m);
}

// db = Σ_n dy = (1, ..., 1) dy. Several short rows are summed as one long one, which is then folded in halves.
template <class T>
void bias_gradient(const T* dy, T* dbias, std::int64_t n, std::int64_t m) {
    constexpr std::int64_t longest = 1024 / sizeof(T);
    constexpr T one = 1;
    const T* const none = nullptr;
    std::int64_t rows = std::min(longest / m, n / 2);
    if (rows < 2) {
        matrix_product(std::int64_t{1}, m, n, &one, 0, 0, dy, m, none, dbias, m);
        return;
    }
    const auto plus = [](T a, T b, T& sum) { sum = a + b; };
    const std::int64_t width = rows * m, whole = n / rows;
    T sums[longest];
    if (whole == 2)
        for_cheap_elements(width, plus, dy, dy + width, sums);
    else
        matrix_product(std::int64_t{1}, width, whole, &one, 0, 0, dy, width, none, sums, width);
    for (std::int64_t i = whole * width; i < n * m; i += m) for_cheap_elements(m, plus, sums, dy + i, sums);
    for (; rows > 1; rows /= 2) {
        const T* const last = sums + (rows - 1) * m;
        const std::int64_t half = rows / 2 * m;
        if (rows % 2 == 1) for_cheap_elements(m, plus, sums, last, sums);
        for_cheap_elements(half, plus, sums, sums + half, rows > 3 ? sums : dbias);
    }
}

// Any of dx, dweight and dbias may be missing; dweight may be some of its rows, and dbias belongs to the first.
template <class T>
void dense_backward(In<T> dy, In<T> x, In<T> weight, Out<T> dx, Out<T> dweight, Out<T> dbias) {
    const int64_t n = dy.rows(), d = weight.shape(0), m = weight.shape(1), first = dweight.operand.first;
    if (dweight != nullptr) weight_gradient<T>(dy, x + first, dweight, n, dweight.rows(), d, m);
    if (dbias != nullptr && first == 0) bias_gradient<T>(dy, dbias, n, m);
    if (dx != nullptr) input_gradient<T>(dy, weight, dx, n, dy.operand.all_rows(), d, m);
}
GLASSNET_KERNEL(dense_backward);

// The same of each step of sequences; sums may be added to what is there.
template <class T>
void dense_steps_backward(In<T> dy, In<T> x, In<T> weight, Out<T> dx, Out<T> dweight, Out<T> dbias) {
    const int64_t n = dy.rows() * dy.shape(1), d = weight.shape(0), m = weight.shape(1);
    constexpr T one = 1;
    const auto add_up = [&](int64_t rows, const T* left, int64_t a_column, const Out<T>& to) {
        const bool adds = to.operand.adds;
        const T* const start = adds ? to.data : nullptr;
        matrix_product(rows, m, n, left, int64_t{rows > 1}, a_column, dy.data, m, start, to.data, m, adds ? m : 0);
    };
    if (dweight != nullptr) add_up(d, x, d, dweight);
    if (dbias != nullptr) add_up(1, &one, 0, dbias);
    if (dx != nullptr) input_gradient<T>(dy, weight, dx, n, dy.operand.all_rows() * dy.shape(1), d, m);
}
GLASSNET_KERNEL(dense_steps_backward);

// y (N, K) = x (N, D) Wᵀ, W (K, D)
template <class T>
void tied_forward(In<T> x, In<T> weight, Out<T> y) {
    const int64_t n = x.rows(), k = weight.shape(0), d = weight.shape(1);
    matrix_product_transposed<T>(n, k, d, x, d, weight, d, y, k);
}
GLASSNET_KERNEL(tied_forward);

// dx (N, D) = dy (N, K) W, and dW (K, D) = dyᵀ x, or some of its rows. Either may be missing.
template <class T>
void tied_backward(In<T> dy, In<T> x, In<T> weight, Out<T> dx, Out<T> dweight) {
    const int64_t n = dy.rows(), k = weight.shape(0), d = weight.shape(1), first = dweight.operand.first;
    const T* const none = nullptr;
    if (dweight != nullptr) weight_gradient<T>(x, dy + first, dweight, n, dweight.rows(), k, d);
    if (dx != nullptr) matrix_product<T>(n, d, k, dy, k, 1, weight, d, none, dx, d);
}
GLASSNET_KERNEL(tied_backward);

}  // namespace
}  // namespace glassnet
