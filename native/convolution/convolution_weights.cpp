#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "convolution/convolution.hpp"
#include "convolution/cut.hpp"
#include "math/lanes.hpp"

namespace glassnet {
namespace {

constexpr int weight_rows = registers == 32 ? 4 : 3, weight_columns = registers == 32 ? 6 : 3;

// Some output planes by some (input plane, tap) pairs.
template <class T>
struct Products {
    int64_t images, x_image, dy_image;
    const T* x;  // scratch
    int64_t pixels[weight_columns];
    const T* dy;
    int64_t dy_plane, dy_row, x_row;
    int64_t rows, columns;
    T totals[weight_rows][weight_columns];
};

template <class T, int bytes>
T total(const typename Vec<T, bytes>::Lanes& sums) {
    constexpr int half = bytes / sizeof(T) / 2;
    if constexpr (half == 0) {
        return sums[0];
    } else if constexpr (bytes == 16) {
        T sum[2 * half];
        std::memcpy(sum, &sums, sizeof sums);
        for (int width = half; width > 0; width /= 2)
            for (int i = 0; i < width; ++i) sum[i] += sum[width + i];
        return sum[0];
    } else {
        const auto add_halves = [&]<std::size_t... lane>(std::index_sequence<lane...>) {
            return __builtin_shufflevector(sums, sums, lane...) + __builtin_shufflevector(sums, sums, (half + lane)...);
        };
        const typename Vec<T, bytes / 2>::Lanes sum = add_halves(std::make_index_sequence<half>());
        return total<T, bytes / 2>(sum);
    }
}

// The lanes tell the order of the sums, and so are those that every processor has.
template <class T, int rows, int columns>
void multiply_up(Products<T>& o) {
    using V = Vec<T, short_bytes>;
    using Lanes = typename V::Lanes;
    Lanes sum[rows][columns] = {};
    const T* x[columns];
    const int64_t whole = o.columns / V::width * V::width, dy_plane = o.dy_plane;
    const auto rest = V::first(o.columns - whole);
    for (int64_t image = 0; image < o.images; ++image) {
#pragma GCC unroll 8
        for (int j = 0; j < columns; ++j) x[j] = o.x + image * o.x_image + o.pixels[j];
        const T* dy = o.dy + image * o.dy_image;
        for (int64_t h = 0; h < o.rows; ++h, dy += o.dy_row) {
            const int64_t x_row = h * o.x_row;
            const auto add = [&](int64_t w, const auto& load) __attribute__((always_inline)) {
                Lanes left[rows];
#pragma GCC unroll 8
                for (int i = 0; i < rows; ++i) left[i] = load(dy + i * dy_plane + w);
#pragma GCC unroll 8
                for (int j = 0; j < columns; ++j) {
                    const Lanes right = V::load(x[j] + x_row + w);
#pragma GCC unroll 8
                    for (int i = 0; i < rows; ++i) sum[i][j] += left[i] * right;
                }
            };
            int64_t w = 0;
            for (; w < whole; w += V::width) add(w, [](const T* from) { return V::load(from); });
            if (w < o.columns) add(w, [&](const T* from) { return V::load(from, rest); });
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 8
        for (int j = 0; j < columns; ++j) o.totals[i][j] = total<T, short_bytes>(sum[i][j]);
}

template <class T>
using ProductFunction = void (*)(Products<T>&);

template <class T>
constexpr auto product_functions = []<int... i>(std::integer_sequence<int, i...>) {
    return std::array<ProductFunction<T>, sizeof...(i)>{
        multiply_up<T, i / weight_columns + 1, i % weight_columns + 1>...};
}(std::make_integer_sequence<int, weight_rows * weight_columns>());

}  // namespace

template <class T>
void correlate_weights(int64_t images, const Planes<const T>& x, int64_t x_image, const Planes<const T>& dy,
                       int64_t dy_image, const Weights<T>& dweight, bool adds, const Axis& vertical,
                       const Axis& horizontal) {
    alignas(64) T scratch[scratch_bytes / sizeof(T)];
    int64_t pixels[most_taps];
    const auto tap_at = [&](int64_t i, int64_t j, Tap& tap) {
        tap = tap_of(vertical, horizontal, i, j);
        return true;
    };
    const auto work = [&](const Taps& taps, bool, bool) {
        Cut<T> cut(taps, dy.rows, dy.columns, x.count, vertical.stride, horizontal.stride);
        const int64_t plane_size =
            Scratch<T>(taps, {0, cut.rows, 0, cut.columns}, vertical.stride, horizontal.stride).plane();
        // Rather all images than all planes: each block of sums is folded once for all images at hand.
        cut.planes = std::clamp(room<T> / (plane_size * std::max(images, int64_t{1})), int64_t{1}, cut.planes);
        cut.planes = parts_of(x.count, parts_of(x.count, cut.planes));
        const int64_t at_once =
            std::clamp(room<T> / (plane_size * cut.planes), int64_t{1}, std::max(images, int64_t{1}));
        for (int64_t plane = 0; plane < x.count; plane += cut.planes) {
            const int64_t planes = std::min(cut.planes, x.count - plane), pairs = planes * taps.count;
            bool continues = adds;
            for (int64_t row = 0; row < dy.rows; row += cut.rows)
                for (int64_t column = 0; column < dy.columns; column += cut.columns)
                    for (int64_t image = 0; image < images; image += at_once) {
                        const Tile tile{row, std::min(cut.rows, dy.rows - row), column,
                                        std::min(cut.columns, dy.columns - column)};
                        const Scratch<T> of_tile(taps, tile, vertical.stride, horizontal.stride);
                        const int64_t some = std::min(at_once, images - image), of_image = planes * of_tile.plane();
                        for (int64_t n = 0; n < some; ++n)
                            for (int64_t i = 0; i < planes; ++i)
                                of_tile.fill(x.data + (image + n) * x_image + (plane + i) * x.size(), x.rows, x.columns,
                                             scratch + n * of_image + i * of_tile.plane());
                        for (int64_t t = 0; t < taps.count; ++t) pixels[t] = of_tile.offset(taps, taps.all[t]);
                        std::fill_n(scratch + some * of_image, slack<T>, T(0));  // which a last vector reads, times 0
                        Products<T> products{some,      of_image,   dy_image,        scratch,   {},           nullptr,
                                             dy.size(), dy.columns, of_tile.columns, tile.rows, tile.columns, {}};
                        for (int64_t output = 0; output < dy.count; output += weight_rows) {
                            const int64_t outputs = std::min<int64_t>(weight_rows, dy.count - output);
                            products.dy = dy.data + image * dy_image + output * dy.size() + row * dy.columns + column;
                            T* const sums = dweight.data + output * dweight.output + plane * dweight.input;
                            int64_t i = 0, t = 0, places[weight_columns];  // of the next pair
                            for (int64_t pair = 0; pair < pairs; pair += weight_columns) {
                                const int64_t some_pairs = std::min<int64_t>(weight_columns, pairs - pair);
                                for (int64_t j = 0; j < some_pairs; ++j) {
                                    products.pixels[j] = i * of_tile.plane() + pixels[t];
                                    places[j] = i * dweight.input + taps.all[t].weight;
                                    if (++t == taps.count) t = 0, ++i;
                                }
                                product_functions<T>[(outputs - 1) * weight_columns + some_pairs - 1](products);
                                for (int64_t row = 0; row < outputs; ++row)
                                    for (int64_t j = 0; j < some_pairs; ++j) {
                                        T& to = sums[row * dweight.output + places[j]];
                                        to = (continues ? to : T(0)) + products.totals[row][j];
                                    }
                            }
                        }
                        continues = true;
                    }
        }
    };
    for_taps<T>(vertical, horizontal, vertical.stride, horizontal.stride, tap_at, work);
}

#define GLASSNET_CORRELATE_WEIGHTS(T)                                                                              \
    template void correlate_weights<T>(std::int64_t, const Planes<const T>&, std::int64_t, const Planes<const T>&, \
                                       std::int64_t, const Weights<T>&, bool, const Axis&, const Axis&);

GLASSNET_CORRELATE_WEIGHTS(float)
GLASSNET_CORRELATE_WEIGHTS(double)

}  // namespace glassnet
