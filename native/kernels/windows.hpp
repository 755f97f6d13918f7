// Windows on images, and rows of images as windows meet them.
#pragma once

#include <algorithm>
#include <bit>
#include <type_traits>

#include "kernels/images.hpp"
#include "math/reduce.hpp"

namespace glassnet {
namespace {  // each variant of the native module has its own

// Outputs of a row that are computed at a time.
constexpr int64_t outputs_at_a_time = 256;

// A window's settings in the order of the twin's.
struct Window {
    static constexpr std::size_t settings = 6;
    int64_t height, width, stride_height, stride_width, top, left;

    explicit Window(const double* s)
        : height(static_cast<int64_t>(s[0])),
          width(static_cast<int64_t>(s[1])),
          stride_height(static_cast<int64_t>(s[2])),
          stride_width(static_cast<int64_t>(s[3])),
          top(static_cast<int64_t>(s[4])),
          left(static_cast<int64_t>(s[5])) {}
};

// Indices from .. to − 1
struct Range {
    int64_t from, to;

    int64_t count() const { return std::max(to - from, int64_t{0}); }
};

// Which of the window's rows (or columns) lie in an image of that size where the window begins at `start`.
inline Range inside(int64_t start, int64_t window, int64_t size) {
    return {std::max(-start, int64_t{0}), std::min(window, size - start)};
}

// Of the image, that part of a window which begins at `start`
inline Range part_of_image(int64_t start, int64_t window, int64_t size) {
    const Range part = inside(start, window, size);
    return {start + part.from, start + part.to};
}

// Which of the outputs o have their place o stride + offset in a row of that size.
inline Range reaching(Range outputs, int64_t stride, int64_t offset, int64_t size) {
    const int64_t from = offset < 0 ? (stride - 1 - offset) / stride : 0;
    const int64_t to = offset < size ? (size - 1 - offset) / stride + 1 : 0;
    return {std::max(outputs.from, from), std::min(outputs.to, to)};
}

// Which of `count` windows reach the place of a padded row.
inline Range reached_by(int64_t place, int64_t window, int64_t stride, int64_t count) {
    const int64_t from = place < window ? 0 : (place - window) / stride + 1;
    return {from, std::min(place / stride + 1, count)};
}

// Whether windows of 2 x 2 lie side by side within the image.
inline bool are_squares(const Window& w, const Images& x, const Images& y) {
    return w.height == 2 && w.width == 2 && w.stride_height == 2 && w.stride_width == 2 && w.top == 0 && w.left == 0 &&
           2 * y.height <= x.height && 2 * y.width <= x.width;
}

// Zeros where no window of 2 x 2 reaches: the last column and the last row of odd images.
template <class T>
void clear_beyond_squares(T* dx, const Images& of_dx, const Images& of_dy) {
    const int64_t width = 2 * of_dy.width, rest = of_dx.width - width;
    for (int64_t row = 0; row < 2 * of_dy.height && rest > 0; ++row)
        std::fill_n(dx + row * of_dx.width + width, rest, T(0));
    std::fill(dx + 2 * of_dy.height * of_dx.width, dx + of_dx.size(), T(0));
}

// Calls body with the stride, as a constant where that makes vectors.
template <class Body>
inline void with_stride(int64_t stride, Body body) {
    if (stride == 1)
        body(std::integral_constant<int64_t, 1>());
    else if (stride == 2)
        body(std::integral_constant<int64_t, 2>());
    else
        body(stride);
}

// body(output row, row of the window, its row of the image) for those within the image
template <class Body>
inline void for_rows(const Window& w, const Images& x, int64_t output, Body body) {
    const int64_t start = output * w.stride_height - w.top;
    const Range rows = inside(start, w.height, x.height);
    for (int64_t i = rows.from; i < rows.to; ++i) body(i, start + i);
}

// Some rows of an image as windows meet them: columns of one phase (modulo the stride) side by side, so that column j
// of all windows lies in one piece. What lies outside the image keeps the value it was made with. Many rows are read
// before the first of them is used: loads that follow on stores of other widths would wait.
template <class T>
class Phases {
public:
    using V = Vec<T, vector_bytes>;
    static constexpr int64_t most = outputs_at_a_time, room = 2048, longest_stride = 8;

    static bool fit(const Window& w, int64_t outputs) {
        return outputs <= most && w.width <= room && w.stride_width <= longest_stride &&
               w.height * pitch_of(w, outputs) * w.stride_width <= room / 2;
    }

    Phases(const Window& w, int64_t width, int64_t outputs, T outside)
        : window_(w), pitch_(pitch_of(w, outputs)), width_(width) {
        slots_ = static_cast<int64_t>(std::bit_floor(static_cast<std::uint64_t>(room / row_size())));
        std::fill_n(of_, slots_ * row_size(), outside);
        for (int64_t phase = 0; phase < w.stride_width; ++phase)
            reached_[phase] = reaching({0, pitch_}, w.stride_width, phase - w.left, width);
    }

    // Makes sure that these rows of the image are there; those before them need not be.
    void bring(const T* x, int64_t height, Range rows) {
        if (rows.to <= until_) return;
        const int64_t last = std::min(rows.from + slots_, height);
        for (int64_t row = std::max(rows.from, until_); row < last; ++row) read(x + row * width_, start_of(row));
        until_ = last;
    }

    void forget() { until_ = 0; }

    // body(j, column j of all windows) for a row of the image
    template <class Body>
    void for_columns(int64_t row, Body body) {
        T* const first = start_of(row);
        T* start = first;
        for (int64_t j = 0, phase = 0, turn = 0; j < window_.width; ++j) {
            body(j, start + turn);
            start += pitch_;
            if (++phase == window_.stride_width) {
                phase = 0;
                start = first;
                ++turn;
            }
        }
    }

    void clear(int64_t row) { std::fill_n(start_of(row), row_size(), T(0)); }

    void write(int64_t row, T* x) {
        for_phases([=, this](int64_t phase, int64_t first, int64_t count, auto stride) {
            const T* const from = start_of(row) + phase * pitch_ + first;
            T* const to = x + row * width_ + first * stride + phase - window_.left;
            for_each(count, [=](int64_t k) { to[k * stride] = from[k]; });
        });
    }

private:
    static int64_t pitch_of(const Window& w, int64_t outputs) {
        return (outputs + V::width - 1) / V::width * V::width + (w.width - 1) / w.stride_width;
    }

    int64_t row_size() const { return pitch_ * window_.stride_width; }
    T* start_of(int64_t row) { return of_ + (row & (slots_ - 1)) * row_size(); }

    void read(const T* row, T* start) {
        for_phases([=, this](int64_t phase, int64_t first, int64_t count, auto stride) {
            T* const to = start + phase * pitch_ + first;
            const T* const from = row + first * stride + phase - window_.left;
            for_each(count, [=](int64_t k) { to[k] = from[k * stride]; });
        });
    }

    template <class Body>
    void for_phases(Body body) const {
        with_stride(window_.stride_width, [&](auto stride) {
            for (int64_t phase = 0; phase < stride; ++phase)
                body(phase, reached_[phase].from, reached_[phase].count(), stride);
        });
    }

    Window window_;
    int64_t pitch_, width_, slots_, until_ = 0;
    Range reached_[longest_stride];
    T of_[room];
};

// How many of the window's elements lie in the image, and 1 where none does.
template <class T>
T elements(int64_t rows, int64_t columns) {
    return static_cast<T>(std::max(rows * columns, int64_t{1}));
}

// How many columns of each window lie in the image.
template <class T>
void columns_inside(const Window& w, int64_t width, int64_t outputs, T* columns) {
    for (int64_t o = 0; o < outputs; ++o)
        columns[o] = elements<T>(1, inside(o * w.stride_width - w.left, w.width, width).count());
}

}  // namespace
}  // namespace glassnet
