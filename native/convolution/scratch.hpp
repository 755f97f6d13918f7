// The pixels that sums over shifted images need, copied with zeros around them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "math/pairs.hpp"

namespace glassnet {

inline std::int64_t round_up(std::int64_t number, std::int64_t multiple) {
    return (number + multiple - 1) / multiple * multiple;
}

inline std::int64_t parts_of(std::int64_t total, std::int64_t most) { return (total + most - 1) / most; }

// A rectangle of pixels of a plane, for every remainder of row and column by the strides a small image of its own. A
// pixel that lies outside the plane is zero.
template <class T>
struct Pixels {
    std::int64_t vertical, horizontal;     // strides
    std::int64_t rows, columns;            // of a small image
    std::int64_t first_row, first_column;  // in the plane

    std::int64_t image() const { return rows * columns; }
    std::int64_t plane() const { return vertical * horizontal * image(); }

    void fill(const T* x, std::int64_t x_rows, std::int64_t x_columns, T* to) const {
        if (horizontal == 2) return fill_pairs(x, x_rows, x_columns, to);
        for (std::int64_t remainder_row = 0; remainder_row < vertical; ++remainder_row)
            for (std::int64_t remainder = 0; remainder < horizontal; ++remainder)
                for (std::int64_t row = 0; row < rows; ++row, to += columns) {
                    const std::int64_t from_row = first_row + remainder_row + row * vertical;
                    fill_row(from_row >= 0 && from_row < x_rows ? x + from_row * x_columns : nullptr, x_columns,
                             first_column + remainder, to);
                }
    }

private:
    // With a stride of two: even and odd columns at once.
    void fill_pairs(const T* x, std::int64_t x_rows, std::int64_t x_columns, T* to) const {
        const std::int64_t first = first_column, zero = 0;
        const std::int64_t begin = std::clamp(first >= 0 ? zero : parts_of(-first, 2), zero, columns);
        const std::int64_t end = std::clamp(first >= x_columns - 1 ? zero : (x_columns - first) / 2, begin, columns);
        for (std::int64_t remainder_row = 0; remainder_row < vertical; ++remainder_row, to += image())
            for (std::int64_t row = 0; row < rows; ++row, to += columns) {
                T *const even = to, *const odd = to + image();
                const std::int64_t from_row = first_row + remainder_row + row * vertical;
                if (from_row < 0 || from_row >= x_rows) {
                    std::fill_n(even, columns, T(0));
                    std::fill_n(odd, columns, T(0));
                    continue;
                }
                const T* const from = x + from_row * x_columns + first;
                const auto edge = [&](std::int64_t column) {
                    const std::int64_t place = first + 2 * column;
                    even[column] = place >= 0 && place < x_columns ? from[2 * column] : T(0);
                    odd[column] = place + 1 >= 0 && place + 1 < x_columns ? from[2 * column + 1] : T(0);
                };
                for (std::int64_t column = 0; column < begin; ++column) edge(column);
                for_vectors<T>(end - begin, [&](auto v, std::int64_t i) {
                    using V = decltype(v);
                    const auto pairs = Pairs<V>::load(from + 2 * (begin + i));
                    V::store(even + begin + i, pairs.even);
                    V::store(odd + begin + i, pairs.odd);
                });
                for (std::int64_t column = end; column < columns; ++column) edge(column);
            }
    }

    void fill_row(const T* x, std::int64_t x_columns, std::int64_t first, T* to) const {
        if (x == nullptr) {
            std::fill_n(to, columns, T(0));
            return;
        }
        // The columns whose pixels are in the plane: 0 <= first + column * horizontal < x_columns.
        const std::int64_t zero = 0;
        const std::int64_t begin = std::clamp(first >= 0 ? zero : parts_of(-first, horizontal), zero, columns);
        const std::int64_t end =
            std::clamp(first >= x_columns ? zero : parts_of(x_columns - first, horizontal), begin, columns);
        std::fill_n(to, begin, T(0));
        if (horizontal == 1)
            std::copy_n(x + first + begin, end - begin, to + begin);
        else
            for (std::int64_t column = begin; column < end; ++column) to[column] = x[first + column * horizontal];
        std::fill(to + end, to + columns, T(0));
    }
};

}  // namespace glassnet
