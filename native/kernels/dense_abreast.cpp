// The dense layer of several networks that are alike (engine/abreast.hpp), each of which gets the bits that dense.cpp
// gives it alone.
//
// A vector register holds the same element of all of them, so that the smallest network keeps whole registers busy, and
// no sum has to be put together from parts of a register. Every element of a product is the chain of multiply-adds that
// matrix_product.hpp promises, contracted by the compiler as those are.

#include "engine/kernel.hpp"
#include "math/lanes.hpp"
#include "products/narrow_product.hpp"
#include "products/segments.hpp"

#include <algorithm>

namespace glassnet {
namespace {

// A register's share of the networks.
template <class T>
constexpr int share_bytes = std::min<int>(vector_bytes, abreast * sizeof(T));

template <class T>
using Share = Vec<T, share_bytes<T>>;

constexpr int64_t longest_narrow = 8192;  // bytes of a column, beyond which narrow products take k in parts

// A matrix of several networks: strides in elements.
template <class T>
struct Matrix {
    T* data;
    int64_t row, column;

    T* at(int64_t i, int64_t j) const { return data + (i * row + j * column) * abreast; }
};

// A block of C = A B + start of a share of the networks, whose sums stay in registers.
template <class T, int rows, int columns>
void multiply_block(int64_t k, const Matrix<const T>& a, const Matrix<const T>& b, const T* start, const Matrix<T>& c) {
    using V = Share<T>;
    typename V::Lanes sum[rows][columns];
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 8
        for (int j = 0; j < columns; ++j)
            sum[i][j] = start == nullptr ? typename V::Lanes{} : V::load(start + j * abreast);
    const T *left = a.data, *right = b.data;
    const int64_t left_step = a.column * abreast, right_step = b.row * abreast;
    const int64_t left_row = a.row * abreast, right_column = b.column * abreast;
    for (int64_t p = 0; p < k; ++p, left += left_step, right += right_step) {
        typename V::Lanes of_b[columns];
#pragma GCC unroll 8
        for (int j = 0; j < columns; ++j) of_b[j] = V::load(right + j * right_column);
#pragma GCC unroll 8
        for (int i = 0; i < rows; ++i) {
            const auto of_a = V::load(left + i * left_row);
#pragma GCC unroll 8
            for (int j = 0; j < columns; ++j) sum[i][j] += of_a * of_b[j];
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 8
        for (int j = 0; j < columns; ++j) V::store(c.at(i, j), sum[i][j]);
}

// Some columns of C, in blocks of rows; fewer rows remain at the end.
template <class T, int rows, int columns>
void multiply_columns(int64_t m, int64_t k, Matrix<const T> a, const Matrix<const T>& b, const T* start, Matrix<T> c) {
    for (; m >= rows; m -= rows, a.data = a.at(rows, 0), c.data = c.at(rows, 0))
        multiply_block<T, rows, columns>(k, a, b, start, c);
    if constexpr (rows > 1)
        if (m > 0) multiply_columns<T, rows / 2, columns>(m, k, a, b, start, c);
}

// C (m, n) = A (m, k) B (k, n) + start, which is a bias (n,) or null, of each network.
template <class T>
void product(int64_t m, int64_t n, int64_t k, Matrix<const T> a, Matrix<const T> b, const T* start, Matrix<T> c) {
    const auto share = [&](int64_t first) {
        for (int64_t j = 0; j < n;) {
            const Matrix<const T> left{a.data + first, a.row, a.column}, right{b.at(0, j) + first, b.row, b.column};
            const Matrix<T> to{c.at(0, j) + first, c.row, c.column};
            const T* const from = start == nullptr ? nullptr : start + j * abreast + first;
            if (n - j >= 3 && n - j != 4) {
                multiply_columns<T, 4, 3>(m, k, left, right, from, to);
                j += 3;
            } else if (n - j >= 2) {
                multiply_columns<T, 4, 2>(m, k, left, right, from, to);
                j += 2;
            } else {
                multiply_columns<T, 8, 1>(m, k, left, right, from, to);
                ++j;
            }
        }
    };
    for (int64_t first = 0; first < abreast; first += Share<T>::width) share(first);
}

// C (m, n) = A (m, k) B (k, n) + bias by partial sums along k, as narrow_product does it: as many as a short
// vector has numbers, of which the upper half is added to the lower one until one is left.
template <class T>
void narrow(int64_t m, int64_t n, int64_t k, const T* a, const T* b, const T* bias, T* c) {
    using V = Share<T>;
    constexpr int partial = short_bytes / sizeof(T);
    const typename V::Lanes zero{};
    for (int64_t first = 0; first < abreast; first += V::width)
        for (int64_t i = 0; i < m; ++i)
            for (int64_t j = 0; j < n; ++j) {
                typename V::Lanes sums[partial] = {};
                const auto add = [&](int lane, int64_t p) {  // in one basic block, else nothing is contracted
                    sums[lane] +=
                        V::load(a + (i * k + p) * abreast + first) * V::load(b + (p * n + j) * abreast + first);
                };
                int64_t p = 0;
                for (; p + partial <= k; p += partial)
#pragma GCC unroll 16
                    for (int lane = 0; lane < partial; ++lane) add(lane, p + lane);
                if (p < k) {
                    for (int lane = 0; lane < k - p; ++lane) add(lane, p + lane);
                    for (auto lane = static_cast<int>(k - p); lane < partial; ++lane) sums[lane] += zero;
                }
#pragma GCC unroll 16
                for (int half = partial / 2; half > 0; half /= 2)
#pragma GCC unroll 16
                    for (int lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
                const auto start = bias == nullptr ? zero : V::load(bias + j * abreast + first);
                V::store(c + (i * n + j) * abreast + first, start + sums[0]);
            }
}

template <class T>
bool dense_forward_abreast(In<T> x, In<T> weight, In<T> bias, Out<T> y) {
    const int64_t n = x.rows(), d = weight.shape(0), m = weight.shape(1);
    const bool has_gaps = weight.operand.row_bytes != m * static_cast<int64_t>(sizeof(T));
    if (has_gaps || Segments(d).count > 1 || d * static_cast<int64_t>(sizeof(T)) > longest_narrow) return false;
    if (is_narrow<T>(m, d)) {
        narrow<T>(n, m, d, x, weight, bias, y);
        return true;
    }
    product<T>(n, m, d, {x.data, d, 1}, {weight.data, m, 1}, bias.data, {y.data, m, 1});
    return true;
}
GLASSNET_ABREAST_KERNEL(dense_forward, dense_forward_abreast);

// The sum of rows, several short ones as one long one that is folded in halves: as bias_gradient in dense.cpp.
template <class T>
void bias_gradient(const T* dy, T* dbias, int64_t n, int64_t m) {
    using V = Share<T>;
    constexpr int64_t longest = 1024 / sizeof(T);
    const int64_t rows = std::min(longest / m, n / 2), width = std::max<int64_t>(rows, 1) * m, whole = n * m / width;
    T long_row[longest * abreast];
    T* const sums = rows < 2 ? dbias : long_row;
    const auto for_all = [](int64_t count, auto body) {
        for (int64_t i = 0; i < count * abreast; i += V::width) body(i);
    };
    const auto add = [&](int64_t count, const T* a, const T* b, T* to) {
        for_all(count, [=](int64_t i) { V::store(to + i, V::load(a + i) + V::load(b + i)); });
    };
    if (rows >= 2 && whole == 2) {
        add(width, dy, dy + width * abreast, sums);
    } else {
        for_all(width, [=](int64_t i) {
            typename V::Lanes sum{};
            for (int64_t p = 0; p < whole; ++p) sum += V::load(dy + p * width * abreast + i);
            V::store(sums + i, sum);
        });
    }
    if (rows < 2) return;
    for (int64_t i = whole * width; i < n * m; i += m) add(m, sums, dy + i * abreast, sums);
    for (int64_t left = rows; left > 1; left /= 2) {
        if (left % 2 == 1) add(m, sums, sums + (left - 1) * m * abreast, sums);
        const int64_t half = left / 2 * m;
        add(half, sums, sums + half * abreast, left > 3 ? sums : dbias);
    }
}

template <class T>
bool dense_backward_abreast(In<T> dy, In<T> x, In<T> weight, Out<T> dx, Out<T> dweight, Out<T> dbias) {
    const int64_t n = dy.rows(), d = weight.shape(0), m = weight.shape(1), first = dweight.operand.first;
    if (dweight.operand.adds || dbias.operand.adds || (dx != nullptr && is_short(dy.operand.all_rows(), m)))
        return false;
    if (dweight != nullptr)
        product<T>(dweight.rows(), m, n, {x + first * abreast, 1, d}, {dy.data, m, 1}, nullptr, {dweight.data, m, 1});
    if (dbias != nullptr && first == 0) bias_gradient<T>(dy, dbias, n, m);
    if (dx != nullptr) product<T>(n, d, m, {dy.data, m, 1}, {weight.data, 1, m}, nullptr, {dx.data, d, 1});
    return true;
}
GLASSNET_ABREAST_KERNEL(dense_backward, dense_backward_abreast);

}  // namespace
}  // namespace glassnet
