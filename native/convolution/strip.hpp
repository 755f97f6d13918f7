// Pixels with their planes side by side: a vector holds one pixel of as many planes as it has lanes.
#pragma once

#include <algorithm>

#include "convolution/convolution.hpp"
#include "math/transpose.hpp"

namespace glassnet {
namespace {  // each variant of the native module has its own

template <class T>
using V = Vec<T, vector_bytes>;
template <class T>
using Lanes = typename V<T>::Lanes;

// Up to a vector's width of rows, `distance` apart: element j of all rows to vector j.
template <class T>
void rows_to_lanes(const T* rows, int64_t distance, int64_t count, int64_t length, T* to) {
    constexpr int64_t width = V<T>::width;
    for (int64_t j = 0; j < length; j += width) {
        const auto mask = V<T>::first(std::min(width, length - j));
        Lanes<T> square[width];
#pragma GCC unroll 16
        for (int i = 0; i < width; ++i) square[i] = i < count ? V<T>::load(rows + i * distance + j, mask) : Lanes<T>{};
        transpose<V<T>>(square);
#pragma GCC unroll 16
        for (int i = 0; i < width; ++i) V<T>::store(to + (j + i) * width, square[i]);
    }
}

// The planes from `first` on, `image` elements further.
template <class T>
Planes<T> planes_from(const Planes<T>& planes, int64_t image, int64_t first) {
    return {planes.data + image + first * planes.size(), planes.count - first, planes.rows, planes.columns};
}

// Some pixel rows of an image's planes, a vector for each pixel with its planes in the lanes; zeros around the image.
template <class T>
struct Strip {
    T* data;
    int64_t first_row, rows, left, columns;  // relative to the image; `left` columns before it

    T* at(int64_t row, int64_t column) const { return data + (row * columns + column) * V<T>::width; }

    // From up to a vector's width of planes.
    void read(const Planes<const T>& x, int64_t planes) const {
        constexpr int64_t width = V<T>::width;
        const int64_t from = std::clamp(first_row, int64_t{0}, x.rows), to = std::clamp(first_row + rows, from, x.rows);
        std::fill(at(0, 0), at(from - first_row, 0), T(0));
        std::fill(at(to - first_row, 0), at(rows, 0), T(0));
        for (int64_t row = from - first_row; row < to - first_row; ++row) {
            std::fill(at(row, 0), at(row, left), T(0));
            std::fill(at(row, left + x.columns), at(row, columns), T(0));
        }
        const T* const plane = x.data;
        const int64_t size = x.size(), beside = (columns - x.columns) * width;
        T* pixel = at(from - first_row, left);
        for (int64_t p = from * x.columns, column = 0; p < to * x.columns; p += width) {
            const int64_t count = std::min(width, to * x.columns - p);
            const auto mask = V<T>::first(count);
            Lanes<T> square[width];
#pragma GCC unroll 16
            for (int i = 0; i < width; ++i)
                square[i] = i < planes ? V<T>::load(plane + i * size + p, mask) : Lanes<T>{};
            transpose<V<T>>(square);
#pragma GCC unroll 16
            for (int i = 0; i < width; ++i) {
                if (i == count) break;
                V<T>::store(pixel, square[i]);
                pixel += width;
                if (++column == x.columns) pixel += beside, column = 0;
            }
        }
    }

    // To planes, where there is nothing beside the image; rows that it has not are left out.
    void write(const Planes<T>& y, int64_t planes) const {
        constexpr int64_t width = V<T>::width;
        const int64_t first = first_row * y.columns, pixels = std::min(rows, y.rows - first_row) * y.columns;
        T* const plane = y.data + first;
        const int64_t size = y.size();
        for (int64_t p = 0; p < pixels; p += width) {
            const auto mask = V<T>::first(std::min(width, pixels - p));
            Lanes<T> square[width];
#pragma GCC unroll 16
            for (int i = 0; i < width; ++i) square[i] = V<T>::load(data + (p + i) * width);
            transpose<V<T>>(square);
#pragma GCC unroll 16
            for (int i = 0; i < width; ++i) {
                if (i == planes) break;
                V<T>::store(plane + i * size + p, square[i], mask);
            }
        }
    }
};

}  // namespace
}  // namespace glassnet
