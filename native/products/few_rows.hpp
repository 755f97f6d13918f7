// Products of few rows, such as those of each step of a recurrence, which have too little to do for a masked load or a
// block that is set up anew.
//
// float32, AVX2 on an AMD Zen 3, nanoseconds here and by matrix_product: (4x32)(32x128) 410 and 480, (4x64)(64x192)
// 1040 and 1300, (4x128)(128x32) 370 and 420.
#pragma once

#include "math/lanes.hpp"
#include "products/matrix_product.hpp"
#include "products/parts.hpp"

#include <array>
#include <utility>

namespace glassnet {
namespace {  // each variant of the native module has its own

constexpr int most_few_rows = 4, vectors_of_few_rows = registers == 32 ? 6 : 3;

// C = A B + start for so many rows, and columns in so many whole vectors: the sums stay in registers.
template <class T, int rows, int vectors>
void multiply_few(int64_t k, const T* a, int64_t a_row, const T* b, int64_t b_row, const T* start, int64_t start_row,
                  T* c, int64_t c_row) {
    using V = Vec<T, vector_bytes>;
    typename V::Lanes sum[rows][vectors], right[vectors];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) sum[i][v] = V::load(start + i * start_row + v * V::width);
    for (int64_t p = 0; p < k; ++p, b += b_row) {
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) right[v] = V::load(b + v * V::width);
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) {
            const T left = a[i * a_row + p];
#pragma GCC unroll 16
            for (int v = 0; v < vectors; ++v) sum[i][v] += left * right[v];
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) V::store(c + i * c_row + v * V::width, sum[i][v]);
}

// The functions for 1, 2, ... vectors of so many rows.
template <class T, int rows>
constexpr auto multiply_few_of = []<int... v>(std::integer_sequence<int, v...>) {
    return std::array{multiply_few<T, rows, v + 1>...};
}(std::make_integer_sequence<int, vectors_of_few_rows>());

template <class T>
constexpr auto multiply_few_rows = []<int... row>(std::integer_sequence<int, row...>) {
    return std::array{multiply_few_of<T, row + 1>...};
}(std::make_integer_sequence<int, most_few_rows>());

// C (m, n) = A (m, k) B (k, n) + start, as matrix_product, with the same bits; rows of A and B are contiguous. The
// start may be C itself. A single row is matrix_product's, which takes more vectors beside it.
template <class T>
void few_rows_product(int64_t m, int64_t n, int64_t k, const T* a, int64_t a_row, const T* b, int64_t b_row,
                      const T* start, int64_t start_row, T* c, int64_t c_row) {
    constexpr int lanes = Vec<T, vector_bytes>::width;
    if (m < 2 || n % lanes != 0 || start == nullptr)
        return matrix_product<T>(m, n, k, a, a_row, 1, b, b_row, start, c, c_row, start_row);
    const Parts blocks(m, most_few_rows), panels(n / lanes, vectors_of_few_rows);
    for (int64_t panel = 0, j = 0; panel < panels.count; j += panels[panel++] * lanes)
        for (int64_t block = 0, i = 0; block < blocks.count; i += blocks[block++])
            multiply_few_rows<T>[blocks[block] - 1][panels[panel] - 1](
                k, a + i* a_row, a_row, b + j, b_row, start + i* start_row + j, start_row, c + i* c_row + j, c_row);
}

}  // namespace
}  // namespace glassnet
