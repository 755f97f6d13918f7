// Twin of src/glassnet/kernels/resize.py: images repeated, and with a border of zeros.

#include "engine/kernel.hpp"
#include "kernels/images.hpp"
#include "math/pairs.hpp"
#include "math/reduce.hpp"

#include <algorithm>

namespace glassnet {
namespace {

// y_i = x_(i / factor)
template <class T>
void repeat_row(const T* x, T* y, int64_t width, int64_t factor) {
    if (factor == 1) {
        std::copy_n(x, width, y);
    } else if (factor == 2) {
        for_vectors<T>(width, [=](auto v, int64_t i) {
            const auto lanes = v.load(x + i);
            Pairs<decltype(v)>{lanes, lanes}.store(y + 2 * i);
        });
    } else {
        for (int64_t i = 0; i < width; ++i) std::fill_n(y + i * factor, factor, x[i]);
    }
}

template <class T>
void upsample2d_forward(In<T> of_x, Out<T> of_y) {
    const Images from(of_x), to(of_y);
    const int64_t down = to.height / from.height, across = to.width / from.width;
    const T* x = of_x;
    T* y = of_y;
    for (int64_t row = 0; row < from.planes * from.height; ++row, x += from.width, y += down * to.width) {
        repeat_row(x, y, from.width, across);
        for (int64_t i = 1; i < down; ++i) std::copy_n(y, to.width, y + i * to.width);
    }
}
GLASSNET_KERNEL(upsample2d_forward);

// The sums of squares of two by two
template <class T>
void add_squares(const T* dy, T* dx, int64_t width) {
    for_vectors<T>(width, [=](auto v, int64_t i) {
        using V = decltype(v);
        const auto upper = Pairs<V>::load(dy + 2 * i), lower = Pairs<V>::load(dy + 2 * width + 2 * i);
        v.store(dx + i, (upper.even + upper.odd) + (lower.even + lower.odd));
    });
}

template <class T>
void add_rectangles(const T* dy, T* dx, int64_t width, int64_t down, int64_t across) {
    std::fill_n(dx, width, T(0));
    for (int64_t i = 0; i < down; ++i, dy += width * across)
        for (int64_t j = 0; j < across; ++j) for_each(width, [=](int64_t k) { dx[k] += dy[k * across + j]; });
}

template <class T>
void upsample2d_backward(In<T> of_dy, Out<T> of_dx) {
    const Images from(of_dy), to(of_dx);
    const int64_t down = from.height / to.height, across = from.width / to.width;
    const T* dy = of_dy;
    T* dx = of_dx;
    for (int64_t row = 0; row < to.planes * to.height; ++row, dx += to.width, dy += down * from.width) {
        if (down == 2 && across == 2)
            add_squares(dy, dx, to.width);
        else
            add_rectangles(dy, dx, to.width, down, across);
    }
}
GLASSNET_KERNEL(upsample2d_backward);

// Puts images into others with their corner at (top, left): zeros around them, and what lies outside left out.
template <class T>
void place(In<T> of_x, Out<T> of_y, int64_t top, int64_t left) {
    const Images from(of_x), to(of_y);
    const T* x = of_x;
    T* y = of_y;
    const auto within = [](int64_t value, int64_t most) { return std::clamp(value, int64_t{0}, most); };
    const int64_t first_row = within(top, to.height), last_row = within(top + from.height, to.height);
    const int64_t first = within(left, to.width), last = within(left + from.width, to.width);
    if (first >= last || first_row >= last_row) {
        std::fill_n(y, to.planes * to.size(), T(0));
        return;
    }
    // The end of a row and the beginning of the next are zeros in one piece.
    const int64_t between = first + to.width - last;
    for (int64_t plane = 0; plane < to.planes; ++plane, x += from.size(), y += to.size()) {
        T* next = std::fill_n(y, first_row * to.width + first, T(0));
        for (int64_t row = first_row; row < last_row; ++row) {
            next = std::copy_n(x + (row - top) * from.width + first - left, last - first, next);
            if (row + 1 < last_row) next = std::fill_n(next, between, T(0));
        }
        std::fill(next, y + to.size(), T(0));
    }
}

template <class T>
void zero_pad2d_forward(In<T> x, Out<T> y, int64_t top, int64_t left) {
    place<T>(x, y, top, left);
}
GLASSNET_KERNEL(zero_pad2d_forward);

template <class T>
void zero_pad2d_backward(In<T> dy, Out<T> dx, int64_t top, int64_t left) {
    place<T>(dy, dx, -top, -left);
}
GLASSNET_KERNEL(zero_pad2d_backward);

}  // namespace
}  // namespace glassnet
