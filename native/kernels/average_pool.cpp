// Twin of src/glassnet/kernels/pool.py: the mean of windows of an image.

#include "engine/kernel.hpp"
#include "kernels/images.hpp"
#include "kernels/windows.hpp"
#include "math/pairs.hpp"
#include "math/reduce.hpp"

#include <algorithm>
#include <type_traits>

namespace glassnet {
namespace {

template <class T>
void means_of_rows(const T* x, const Images& of_x, const Window& w, Phases<T>& phases, const Images& of_y, T* y) {
    using V = typename Phases<T>::V;
    T sums[Phases<T>::most], columns[Phases<T>::most];
    const int64_t count = of_y.width;
    phases.forget();
    columns_inside(w, of_x.width, count, columns);
    for (int64_t row = 0; row < of_y.height; ++row, y += count) {
        for (int64_t v = 0; v < count; v += V::width) V::store(sums + v, typename V::Lanes{});
        const Range reached = part_of_image(row * w.stride_height - w.top, w.height, of_x.height);
        phases.bring(x, of_x.height, reached);
        for (int64_t x_row = reached.from; x_row < reached.to; ++x_row)
            phases.for_columns(x_row, [&](int64_t, const T* column) {
                for (int64_t v = 0; v < count; v += V::width)
                    V::store(sums + v, V::load(sums + v) + V::load(column + v));
            });
        const T down = elements<T>(reached.count(), 1);
        for_each(count,
                 [=, sums = &sums[0], columns = &columns[0]](int64_t o) { y[o] = sums[o] / (down * columns[o]); });
    }
}

// Each row of dx gets the shares of all windows that reach it.
template <class T>
void share_among_rows(const T* dy, const Images& of_dy, const Window& w, Phases<T>& phases, const Images& of_dx,
                      T* dx) {
    using V = typename Phases<T>::V;
    T shares[Phases<T>::most], columns[Phases<T>::most];
    const int64_t count = of_dy.width;
    std::fill_n(shares, Phases<T>::most, T(0));
    columns_inside(w, of_dx.width, count, columns);
    std::fill_n(dx, of_dx.size(), T(0));
    for (int64_t x_row = 0; x_row < of_dx.height; ++x_row) {
        const Range rows = reached_by(x_row + w.top, w.height, w.stride_height, of_dy.height);
        if (rows.count() == 0) continue;
        phases.clear(x_row);
        for (int64_t row = rows.from; row < rows.to; ++row) {
            const T down = elements<T>(1, inside(row * w.stride_height - w.top, w.height, of_dx.height).count());
            for_each(count, [=, of_row = dy + row * count, shares = &shares[0], columns = &columns[0]](int64_t o) {
                shares[o] = of_row[o] / (down * columns[o]);
            });
            phases.for_columns(x_row, [&](int64_t, T* column) {
                for (int64_t v = 0; v < count; v += V::width)
                    V::store(column + v, V::load(column + v) + V::load(shares + v));
            });
        }
        phases.write(x_row, dx);
    }
}

template <class T>
void means_of_squares(const T* x, int64_t x_width, T* y, int64_t width) {
    for_vectors<T>(width, [=](auto v, int64_t i) {
        using V = decltype(v);
        const auto upper = Pairs<V>::load(x + 2 * i), lower = Pairs<V>::load(x + x_width + 2 * i);
        V::store(y + i, ((upper.even + upper.odd) + (lower.even + lower.odd)) * T(0.25));
    });
}

// One row of y, in vectors along it
template <class T>
void means_in_rows(const T* x, const Images& of_x, const Window& w, int64_t row, Range outputs, T* y) {
    T sums[outputs_at_a_time];
    std::fill_n(sums, outputs_at_a_time, T(0));
    for_rows(w, of_x, row, [&](int64_t, int64_t x_row) {
        for (int64_t j = 0; j < w.width; ++j) {
            const Range reached = reaching(outputs, w.stride_width, j - w.left, of_x.width);
            const T* const from = x + x_row * of_x.width + j - w.left;
            T* const to = sums - outputs.from;
            with_stride(w.stride_width, [=](auto stride) {
                for_each(reached.count(), [=, o = reached.from](int64_t k) { to[o + k] += from[(o + k) * stride]; });
            });
        }
    });
    const int64_t rows = inside(row * w.stride_height - w.top, w.height, of_x.height).count();
    for (int64_t o = outputs.from; o < outputs.to; ++o)
        y[o] = sums[o - outputs.from] /
               elements<T>(rows, inside(o * w.stride_width - w.left, w.width, of_x.width).count());
}

// The sum of neighbours, some thousands at a time: rounding errors stay small at any size.
template <class T>
double sum_of_many(const T* x, int64_t count) {
    constexpr int64_t at_a_time = 4096;
    double sum = 0;
    for (int64_t from = 0; from < count; from += at_a_time)
        sum += static_cast<double>(
            sum_of<T>(std::min(at_a_time, count - from), [x = x + from](int64_t i) { return x[i]; }));
    return sum;
}

// One element of y, in vectors along the window
template <class T>
T mean_of_window(const T* x, const Images& of_x, Range rows, Range columns) {
    const T* first = x + rows.from * of_x.width + columns.from;
    double sum = 0;
    if (columns.count() == of_x.width)
        sum = sum_of_many(first, rows.count() * of_x.width);
    else
        for (int64_t row = rows.from; row < rows.to; ++row, first += of_x.width)
            sum += sum_of_many(first, columns.count());
    return static_cast<T>(sum / elements<double>(rows.count(), columns.count()));
}

// Whether windows are wider than there are of them in a row.
bool are_wide(const Window& w, int64_t outputs) { return w.width > outputs; }

template <class T>
void average_pool2d_forward(In<T> of_x, Out<T> of_y, Window w) {
    const Images from(of_x), to(of_y);
    const bool squares = are_squares(w, from, to);
    const T* x = of_x;
    T* y = of_y;
    if (!squares && !are_wide(w, to.width) && Phases<T>::fit(w, to.width)) {
        Phases<T> phases(w, from.width, to.width, 0);
        for (int64_t plane = 0; plane < to.planes; ++plane, x += from.size(), y += to.size())
            means_of_rows(x, from, w, phases, to, y);
        return;
    }
    for (int64_t plane = 0; plane < to.planes; ++plane, x += from.size())
        for (int64_t row = 0; row < to.height; ++row, y += to.width) {
            if (squares) {
                means_of_squares(x + 2 * row * from.width, from.width, y, to.width);
            } else if (are_wide(w, to.width)) {
                const Range rows = part_of_image(row * w.stride_height - w.top, w.height, from.height);
                for (int64_t o = 0; o < to.width; ++o)
                    y[o] =
                        mean_of_window(x, from, rows, part_of_image(o * w.stride_width - w.left, w.width, from.width));
            } else {
                for (int64_t o = 0; o < to.width; o += outputs_at_a_time)
                    means_in_rows(x, from, w, row, {o, std::min(o + outputs_at_a_time, to.width)}, y);
            }
        }
}
GLASSNET_KERNEL(average_pool2d_forward);

template <class T>
void share_among_squares(const T* dy, T* dx, int64_t dx_width, int64_t width) {
    for_vectors<T>(width, [=](auto v, int64_t i) {
        using V = decltype(v);
        const typename V::Lanes share = V::load(dy + i) * T(0.25);
        const Pairs<V> both{share, share};
        both.store(dx + 2 * i);
        both.store(dx + dx_width + 2 * i);
    });
}

// Adds one row of dy, or a part of it, to dx.
template <class T>
void share_in_rows(const T* dy, T* dx, const Images& of_dx, const Window& w, int64_t row, Range outputs) {
    T shares[outputs_at_a_time];
    const int64_t rows = inside(row * w.stride_height - w.top, w.height, of_dx.height).count();
    for (int64_t o = outputs.from; o < outputs.to; ++o)
        shares[o - outputs.from] =
            dy[o] / elements<T>(rows, inside(o * w.stride_width - w.left, w.width, of_dx.width).count());
    for_rows(w, of_dx, row, [&](int64_t, int64_t x_row) {
        for (int64_t j = 0; j < w.width; ++j) {
            const Range reached = reaching(outputs, w.stride_width, j - w.left, of_dx.width);
            T* const to = dx + x_row * of_dx.width + j - w.left;
            const T* const from = shares - outputs.from;
            with_stride(w.stride_width, [=](auto stride) {
                for_each(reached.count(), [=, o = reached.from](int64_t k) { to[(o + k) * stride] += from[o + k]; });
            });
        }
    });
}

// Adds one element of dy to its window, in vectors along that.
template <class T>
void share_in_window(T dy, T* dx, const Images& of_dx, Range rows, Range columns) {
    const T share = dy / elements<T>(rows.count(), columns.count());
    for (int64_t row = rows.from; row < rows.to; ++row) {
        T* const to = dx + row * of_dx.width + columns.from;
        for_each(columns.count(), [=](int64_t i) { to[i] += share; });
    }
}

template <class T>
void average_pool2d_backward(In<T> of_dy, Out<T> of_dx, Window w) {
    const Images from(of_dy), to(of_dx);
    const bool squares = are_squares(w, to, from);
    const T* dy = of_dy;
    T* dx = of_dx;
    if (!squares && !are_wide(w, from.width) && Phases<T>::fit(w, from.width)) {
        Phases<T> phases(w, to.width, from.width, 0);
        for (int64_t plane = 0; plane < from.planes; ++plane, dx += to.size(), dy += from.size())
            share_among_rows(dy, from, w, phases, to, dx);
        return;
    }
    for (int64_t plane = 0; plane < from.planes; ++plane, dx += to.size()) {
        if (squares)
            clear_beyond_squares(dx, to, from);
        else
            std::fill_n(dx, to.size(), T(0));
        for (int64_t row = 0; row < from.height; ++row, dy += from.width) {
            if (squares) {
                share_among_squares(dy, dx + 2 * row * to.width, to.width, from.width);
            } else if (are_wide(w, from.width)) {
                const Range rows = part_of_image(row * w.stride_height - w.top, w.height, to.height);
                for (int64_t o = 0; o < from.width; ++o)
                    share_in_window(dy[o], dx, to, rows, part_of_image(o * w.stride_width - w.left, w.width, to.width));
            } else {
                for (int64_t o = 0; o < from.width; o += outputs_at_a_time)
                    share_in_rows(dy, dx, to, w, row, {o, std::min(o + outputs_at_a_time, from.width)});
            }
        }
    }
}
GLASSNET_KERNEL(average_pool2d_backward);

}  // namespace
}  // namespace glassnet
