#include "convolution/filters_in_lanes.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "convolution/lane_costs.hpp"
#include "convolution/strip.hpp"
#include "convolution/thread_memory.hpp"

namespace glassnet {
namespace {

constexpr int most_tap_columns = 7, most_tap_rows = 8;

constexpr int rows_of(int columns) { return std::min(most_tap_rows, most_sums / columns); }

// Some rows of neighbouring taps.
template <class T>
struct Products {
    const T* x[most_tap_rows];  // what the first tap of a row meets from the first position
    int64_t x_row, x_column;    // distances of positions there
    const T* dy;                // a vector for each position
    int64_t rows, columns;
    T* sums[most_tap_rows];  // a vector for each tap
};

template <class T, int rows, int columns>
void multiply_up(const Products<T>& o) {
    Lanes<T> sum[rows][columns] = {};
    const T *x[rows], *dy = o.dy;
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) x[i] = o.x[i];
    const int64_t step = o.x_column, length = o.columns * step;
    for (int64_t h = 0; h < o.rows; ++h) {
        const int64_t first = h * o.x_row;
        for (int64_t at = first; at < first + length; at += step, dy += V<T>::width) {
            const Lanes<T> right = V<T>::load(dy);
#pragma GCC unroll 8
            for (int i = 0; i < rows; ++i)
#pragma GCC unroll 7
                for (int j = 0; j < columns; ++j) sum[i][j] += x[i][at + j] * right;
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 7
        for (int j = 0; j < columns; ++j) {
            T* const to = o.sums[i] + j * V<T>::width;
            V<T>::store(to, V<T>::load(to) + sum[i][j]);
        }
}

// The functions for 1, 2, ... rows of a number of taps.
template <class T>
constexpr auto product_functions = []<int... c>(std::integer_sequence<int, c...>) {
    using Functions = std::array<void (*)(const Products<T>&), most_tap_rows>;
    constexpr auto of = []<int columns, int... row>(std::integral_constant<int, columns>,
                                                    std::integer_sequence<int, row...>) {
        return Functions{multiply_up<T, row + 1, columns>...};
    };
    return std::array<Functions, sizeof...(c)>{
        of(std::integral_constant<int, c + 1>{}, std::make_integer_sequence<int, rows_of(c + 1)>())...};
}(std::make_integer_sequence<int, most_tap_columns>());

// All rows of taps of some planes, `plane` elements apart; the rows of a plane lie `row` apart.
template <class T>
void multiply_tile(Products<T> products, const T* x, int64_t planes, int64_t plane, int64_t rows, int64_t row,
                   int64_t columns, T* sums) {
    const int64_t all = planes * rows, parts = parts_of(all, rows_of(static_cast<int>(columns)));
    for (int64_t part = 0, next = 0; part < parts; ++part) {
        const int64_t first = next, stop = all * (part + 1) / parts;
        for (; next < stop; ++next) {
            products.x[next - first] = x + next / rows * plane + next % rows * row;
            products.sums[next - first] = sums + next * columns * V<T>::width;
        }
        product_functions<T>[columns - 1][stop - first - 1](products);
    }
}

}  // namespace

template <class T>
bool correlate_weights_by_filters(int64_t images, const Planes<const T>& x, int64_t x_image, const Planes<const T>& dy,
                                  int64_t dy_image, const Weights<T>& dweight, bool adds, const Axis& vertical,
                                  const Axis& horizontal) {
    constexpr int64_t width = V<T>::width;
    const int64_t of_row = horizontal.taps, pairs = x.count * vertical.taps * of_row;
    if (pairs == 0 || dy.count * dy.size() == 0 || of_row > most_tap_columns || (horizontal.dilation > 1 && of_row > 1))
        return false;
    // There the ends of rows and the totals of vectors cost more, and the pixels that strides must bring together.
    const int64_t by_columns =
        dy.count * pairs * (dy.rows * along_columns<T, short_bytes>(dy.columns) * 7 / 5 + 2 * unit);
    const bool strides = vertical.stride > 1 || horizontal.stride > 1;
    if (along_filters<T, short_bytes>(dy.count, dy.size(), pairs, 8) * 10 >= by_columns * (strides ? 13 : 9))
        return false;
    const int64_t rows = std::clamp(positions_at_once / dy.columns, int64_t{1}, dy.rows);
    const int64_t reach = (vertical.taps - 1) * vertical.dilation + 1;
    const auto pixels_of = [&](int64_t row, int64_t some) {
        return Pixels<T>{1,
                         1,
                         (some - 1) * vertical.stride + reach,
                         (dy.columns - 1) * horizontal.stride + of_row,
                         row * vertical.stride - vertical.pad,
                         -horizontal.pad};
    };
    const Pixels<T> largest = pixels_of(0, rows);
    const bool in_place = vertical.pad == 0 && horizontal.pad == 0 && largest.columns <= x.columns &&
                          (dy.rows - 1) * vertical.stride + reach <= x.rows;
    const int64_t panels = parts_of(dy.count, width), of_panel = round_up(pairs, width) * width;
    const int64_t of_strip = round_up(rows * dy.columns, width) * width;
    constexpr int64_t widest = widest_bytes / sizeof(T);  // so that every processor has room for the same
    const int64_t needed = round_up(dy.count, widest) * round_up(pairs, widest) +
                           round_up(rows * dy.columns, widest) * widest + (in_place ? 0 : x.count * largest.plane());
    T* const sums = reinterpret_cast<T*>(thread_memory());
    if (sums == nullptr || needed > thread_memory_bytes / int64_t(sizeof(T))) return false;
    T* const strip = sums + panels * of_panel;
    T* const copied = strip + of_strip;
    std::fill_n(sums, panels * of_panel, T(0));
    for (int64_t p = 0; adds && p < panels; ++p)
        rows_to_lanes<T>(dweight.data + p * width * dweight.output, dweight.output,
                         std::min(width, dy.count - p * width), pairs, sums + p * of_panel);
    for (int64_t n = 0; n < images; ++n)
        for (int64_t row = 0; row < dy.rows; row += rows) {
            const int64_t some = std::min(rows, dy.rows - row);
            const Pixels<T> window = pixels_of(row, some);
            const T* from = x.data + n * x_image + row * vertical.stride * x.columns;
            for (int64_t i = 0; i < (in_place ? 0 : x.count); ++i)
                window.fill(x.data + n * x_image + i * x.size(), x.rows, x.columns, copied + i * window.plane());
            if (!in_place) from = copied;
            const int64_t plane = in_place ? x.size() : window.plane(), pitch = in_place ? x.columns : window.columns;
            for (int64_t p = 0; p < panels; ++p) {
                Strip<T>{strip, row, some, 0, dy.columns}.read(planes_from(dy, n * dy_image, p * width),
                                                               std::min(width, dy.count - p * width));
                multiply_tile<T>({{}, vertical.stride * pitch, horizontal.stride, strip, some, dy.columns, {}}, from,
                                 x.count, plane, vertical.taps, vertical.dilation * pitch, of_row, sums + p * of_panel);
            }
        }
    for (int64_t p = 0; p < panels; ++p) {
        const Planes<T> to{dweight.data + p * width * dweight.output, dy.count - p * width, 1, pairs};
        Strip<T>{sums + p * of_panel, 0, 1, 0, pairs}.write(to, std::min(width, to.count));
    }
    return true;
}

#define GLASSNET_WEIGHTS_BY_FILTERS(T)                                                                              \
    template bool correlate_weights_by_filters<T>(int64_t, const Planes<const T>&, int64_t, const Planes<const T>&, \
                                                  int64_t, const Weights<T>&, bool, const Axis&, const Axis&);

GLASSNET_WEIGHTS_BY_FILTERS(float)
GLASSNET_WEIGHTS_BY_FILTERS(double)

}  // namespace glassnet
