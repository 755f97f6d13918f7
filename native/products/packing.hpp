// Factors of products, brought to where they are read one number after the other.
#pragma once

#include "math/transpose.hpp"
#include "products/parts.hpp"

#include <algorithm>

namespace glassnet {
namespace {  // each variant of the native module has its own

// Columns of Bᵀ, B (columns, depth), side by side: to (depth, width), square by square, of which `to` gets the first
// `used` rows.
template <class T, int bytes, int used>
void transpose_panel(const T* b, int64_t b_row, int64_t depth, int64_t columns, int64_t width, T* to) {
    using V = Vec<T, bytes>;
    constexpr int side = V::width;
    for (int64_t column = 0; column < columns; column += side)
        for (int64_t p = 0; p < depth; p += side) {
            const auto mask = V::first(std::min<int64_t>(side, depth - p));
            const T* from = b + column * b_row + p;
            typename V::Lanes square[side];
#pragma GCC unroll 16
            for (int i = 0; i < side; ++i) {
                square[i] = V::load(from, mask);
                if (column + i + 1 < columns) from += b_row;
            }
            transpose<V>(square);
#pragma GCC unroll 16
            for (int i = 0; i < used; ++i) V::store(to + (p + i) * width + column, square[i]);
        }
}

// Columns of B, side by side: to (depth, width), with zeros beyond the last of them.
template <class T, int bytes>
void copy_panel(const T* b, int64_t b_row, int64_t depth, int64_t columns, int64_t width, T* to) {
    using V = Vec<T, bytes>;
    const int64_t full = width - V::width;
    const auto mask = V::first(columns - full);
    for (int64_t p = 0; p < depth; ++p, b += b_row, to += width) {
        for (int64_t i = 0; i < full; i += V::width) V::store(to + i, V::load(b + i));
        V::store(to + full, V::load(b + full, mask));
    }
}

// Columns of A whose rows stand side by side, in strips of rows that lie `apart`: each to (depth, rows). A strip has at
// least as many rows as a vector has lanes; its last vector overlaps the one before.
template <class T, int bytes>
void pack_strips(const T* a, int64_t a_column, int64_t depth, const Parts& strips, int64_t first, int64_t count,
                 int64_t apart, T* to) {
    using V = Vec<T, bytes>;
    for (int64_t p = 0; p < depth; ++p, a += a_column) {
        const T* from = a;
        for (int64_t i = 0; i < count; ++i) {
            const int64_t rows = strips[first + i], last = rows - V::width;
            T* const strip = to + i * apart + p * rows;
            for (int64_t row = 0; row < last; row += V::width) V::store(strip + row, V::load(from + row));
            V::store(strip + last, V::load(from + last));
            from += rows;
        }
    }
}

}  // namespace
}  // namespace glassnet
