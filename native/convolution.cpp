#include "convolution.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "lanes.hpp"
#include "taps.hpp"

namespace glassnet {
namespace {

// Of the stack, for the pixels that a sum needs.
constexpr int64_t scratch_bytes = 1 << 18;

// The largest tile whose pixels fit, for some planes at once, and of how many planes they do.
template <class T>
struct Cut {
    int64_t rows, columns, planes;

    Cut(const Taps& taps, int64_t all_rows, int64_t all_columns, int64_t all_planes, int64_t vertical,
        int64_t horizontal, int64_t slack)
        : rows(all_rows), columns(all_columns) {
        constexpr int64_t wanted = 16;
        const int64_t room = scratch_bytes / int64_t(sizeof(T)) - slack;
        const auto of_plane = [&] { return Scratch<T>(taps, {0, rows, 0, columns}, vertical, horizontal).plane(); };
        while (rows > 1 && of_plane() * std::min(all_planes, wanted) > room) rows = (rows + 1) / 2;
        while (columns > 1 && of_plane() > room) columns = (columns + 1) / 2;
        planes = std::clamp(room / of_plane(), int64_t{1}, all_planes);
        planes = parts_of(all_planes, parts_of(all_planes, planes));
    }
};

// Whether the pixels for a single position fit with one more tap; if not, they are taken in turns.
template <class T>
bool fits_with(const Taps& taps, const Tap& tap, int64_t vertical, int64_t horizontal) {
    const int64_t rows = std::max(taps.last_row, tap.row) - std::min(taps.first_row, tap.row) + 1;
    const int64_t columns = std::max(taps.last_column, tap.column) - std::min(taps.first_column, tap.column) + 1;
    constexpr int64_t room = scratch_bytes / int64_t(sizeof(T)) - vector_bytes / int64_t(sizeof(T));
    return round_up(rows, vertical) * round_up(columns, horizontal) <= room;
}

constexpr int most_rows = 6;
constexpr int most_vectors = registers == 32 ? 4 : 2, most_vectors_of_few_rows = registers == 32 ? 8 : 4;
constexpr int few_rows = 3;

// Vectors of positions: where their pixels and their results begin, and how many lanes count.
template <class T>
struct Sums {
    int64_t planes, plane;  // of input, and their distance
    const T* x;
    int64_t taps;
    const int64_t* pixels;  // of each tap, relative to x
    const int64_t* places;  // of each tap's weight
    const T* weights;
    int64_t output, input;  // distances of weights
    Ending<T> ending;       // of the first of the outputs and those that follow it
    bool continues, ends;   // from what y holds; with these planes and taps
    T* y;
    int64_t y_plane, y_step;
    int64_t x_of[most_vectors_of_few_rows], y_of[most_vectors_of_few_rows], lanes[most_vectors_of_few_rows];
};

template <class T, int bytes, int vectors, int rows>
void end(const Ending<T>& ending, typename Vec<T, bytes>::Lanes (&sum)[rows][vectors]) {
    const auto for_all = [&](const auto& change) __attribute__((always_inline)) {
#pragma GCC unroll 8
        for (int i = 0; i < rows; ++i)
#pragma GCC unroll 8
            for (int v = 0; v < vectors; ++v) change(i, sum[i][v]);
    };
    if (ending.scale != nullptr) for_all([&](int i, auto& sum) { sum *= ending.scale[i]; });
    if (ending.shift != nullptr) for_all([&](int i, auto& sum) { sum += ending.shift[i]; });
    if (ending.is_bounded()) for_all([&](int, auto& sum) { sum = at_least(sum, ending.least); });
}

template <class T, int bytes, int vectors, int rows>
void add_up(const Sums<T>& o) {
    using V = Vec<T, bytes>;
    using Lanes = typename V::Lanes;
    Lanes sum[rows][vectors];
    const int64_t output = o.output, taps = o.taps;
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) {
            sum[i][v] = Lanes{};
            if (o.continues && o.y_step == 1)
                sum[i][v] = V::load(o.y + i * o.y_plane + o.y_of[v], V::first(o.lanes[v]));
            else if (o.continues)
                for (int64_t lane = 0; lane < o.lanes[v]; ++lane)
                    sum[i][v][lane] = o.y[i * o.y_plane + o.y_of[v] + lane * o.y_step];
        }
    const T* x[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) x[v] = o.x + o.x_of[v];
    for (int64_t plane = 0; plane < o.planes; ++plane) {
        const T* const weights = o.weights + plane * o.input;
        const int64_t to_plane = plane * o.plane;
        for (int64_t t = 0; t < taps; ++t) {
            const int64_t pixel = to_plane + o.pixels[t];
            const T* weight = weights + o.places[t];
            Lanes right[vectors];
#pragma GCC unroll 8
            for (int v = 0; v < vectors; ++v) right[v] = V::load(x[v] + pixel);
#pragma GCC unroll 8
            for (int i = 0; i < rows; ++i) {
                const T left = weight[i * output];
#pragma GCC unroll 8
                for (int v = 0; v < vectors; ++v) sum[i][v] += left * right[v];
            }
        }
    }
    if (o.ends) end<T, bytes, vectors, rows>(o.ending, sum);
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) {
            T* const y = o.y + i * o.y_plane + o.y_of[v];
            if (o.y_step == 1 && o.lanes[v] == V::width)
                V::store(y, sum[i][v]);
            else if (o.y_step == 1)
                V::store(y, sum[i][v], V::first(o.lanes[v]));
            else
                for (int64_t lane = 0; lane < o.lanes[v]; ++lane) y[lane * o.y_step] = sum[i][v][lane];
        }
}

template <class T>
using SumFunction = void (*)(const Sums<T>&);

// The functions for 1, 2, ... rows of a number of vectors.
template <class T, int bytes>
constexpr auto sum_functions = []<int... v>(std::integer_sequence<int, v...>) {
    constexpr auto of = []<int vectors, int... row>(std::integral_constant<int, vectors>,
                                                    std::integer_sequence<int, row...>) {
        std::array<SumFunction<T>, most_rows> functions{};
        ((functions[row] = add_up<T, bytes, vectors, row + 1>), ...);
        return functions;
    };
    return std::array<std::array<SumFunction<T>, most_rows>, sizeof...(v)>{
        of(std::integral_constant<int, v + 1>{},
           std::make_integer_sequence<int, (v + 1 > most_vectors ? few_rows : most_rows)>())...};
}(std::make_integer_sequence<int, most_vectors_of_few_rows>());

// Results at rows row + h * row_step and columns column + w * column_step of planes of `columns`.
struct Places {
    int64_t row, row_step, column, column_step, columns;
};

template <class T, int bytes>
void add_tile(Sums<T>& sums, int64_t outputs, const Taps& taps, int64_t pixel_rows, const Scratch<T>& scratch,
              const Tile& tile, const Places& places) {
    constexpr int64_t width = Vec<T, bytes>::width;
    const bool has_few_rows = outputs <= few_rows;
    const int64_t vectors_of_row = parts_of(tile.columns, width), all = tile.rows * vectors_of_row;
    const int64_t panels = parts_of(all, has_few_rows ? most_vectors_of_few_rows : most_vectors);
    const int64_t blocks = parts_of(outputs, most_rows);
    const T* const weights = sums.weights;
    const Ending<T> ending = sums.ending;
    const int64_t *const pixels = sums.pixels, *const weight_places = sums.places;
    T* const y = sums.y;
    for (int64_t panel = 0, vector = 0; panel < panels; ++panel) {
        const int64_t stop = all * (panel + 1) / panels, vectors = stop - vector;
        const auto [first_tap, taps_there] =
            taps.meeting((tile.row + vector / vectors_of_row) * scratch.vertical,
                         (tile.row + (stop - 1) / vectors_of_row) * scratch.vertical, pixel_rows);
        sums.pixels = pixels + first_tap;
        sums.places = weight_places + first_tap;
        sums.taps = taps_there;
        for (int64_t v = 0; vector < stop; ++v, ++vector) {
            const int64_t row = vector / vectors_of_row, column = vector % vectors_of_row * width;
            sums.x_of[v] = row * scratch.columns + column;
            sums.y_of[v] = (places.row + (tile.row + row) * places.row_step) * places.columns + places.column +
                           (tile.column + column) * places.column_step;
            sums.lanes[v] = std::min(width, tile.columns - column);
        }
        for (int64_t block = 0, output = 0; block < blocks; ++block) {
            const int64_t last = outputs * (block + 1) / blocks;
            sums.weights = weights + output * sums.output;
            sums.ending = ending.from(output);
            sums.y = y + output * sums.y_plane;
            sum_functions<T, bytes>[vectors - 1][last - output - 1](sums);
            output = last;
        }
    }
    sums.weights = weights;
    sums.ending = ending;
    sums.y = y;
}

// Whether short vectors leave fewer lanes of a row empty.
template <class T>
bool prefers_short(int64_t columns) {
    constexpr int64_t width = vector_bytes / sizeof(T);
    return short_bytes < vector_bytes && round_up(columns, width / 2) < round_up(columns, width);
}

// y = the ending of Σ over planes of x and taps, for all positions. Of all taps these may be a part, `is_first` or
// `is_last`.
template <class T>
void sum_over_taps(const Planes<const T>& x, const Weights<const T>& weights, const Ending<T>& ending,
                   const Planes<T>& y, const Taps& taps, int64_t vertical, int64_t horizontal, int64_t rows,
                   int64_t columns, const Places& places, bool is_first, bool is_last) {
    constexpr int64_t slack = vector_bytes / sizeof(T);
    alignas(64) T scratch[scratch_bytes / sizeof(T)];
    int64_t pixels[most_taps], weight_places[most_taps];
    const Cut<T> cut(taps, rows, columns, x.count, vertical, horizontal, slack);
    for (int64_t t = 0; t < taps.count; ++t) weight_places[t] = taps.all[t].weight;
    for (int64_t row = 0; row < rows; row += cut.rows)
        for (int64_t column = 0; column < columns; column += cut.columns) {
            const Tile tile{row, std::min(cut.rows, rows - row), column, std::min(cut.columns, columns - column)};
            const Scratch<T> of_tile(taps, tile, vertical, horizontal);
            for (int64_t t = 0; t < taps.count; ++t) pixels[t] = of_tile.offset(taps, taps.all[t]);
            int64_t plane = 0;
            do {
                const int64_t planes = taps.count == 0 ? 0 : std::min(cut.planes, x.count - plane);
                for (int64_t i = 0; i < planes; ++i)
                    of_tile.fill(x.data + (plane + i) * x.size(), x.rows, x.columns, scratch + i * of_tile.plane());
                Sums<T> sums{planes, of_tile.plane(), scratch, taps.count, pixels, weight_places,
                             weights.data + plane * weights.input, weights.output, weights.input, ending,
                             !is_first || plane > 0, is_last && (taps.count == 0 || plane + planes == x.count),
                             y.data, y.size(), places.column_step, {}, {}, {}};
                if (prefers_short<T>(tile.columns))
                    add_tile<T, short_bytes>(sums, y.count, taps, x.rows, of_tile, tile, places);
                else
                    add_tile<T, vector_bytes>(sums, y.count, taps, x.rows, of_tile, tile, places);
                plane += cut.planes;
            } while (plane < x.count && taps.count > 0);
        }
}

// Calls work(taps, is_first, is_last) for all taps that `tap_of` gives, at most so many at a time that they fit; once
// for none.
template <class T, class TapOf, class Work>
void for_taps(const Axis& vertical, const Axis& horizontal, int64_t row_stride, int64_t column_stride,
              const TapOf& tap_of, const Work& work) {
    Taps taps;
    bool is_first = true;
    for (int64_t i = 0; i < vertical.taps; ++i)
        for (int64_t j = 0; j < horizontal.taps; ++j) {
            Tap tap;
            if (!tap_of(i, j, tap)) continue;
            if (taps.count == most_taps || (taps.count > 0 && !fits_with<T>(taps, tap, row_stride, column_stride))) {
                work(taps, is_first, false);
                is_first = false;
                taps.clear();
            }
            taps.add(tap);
        }
    work(taps, is_first, true);
}

}  // namespace

template <class T>
void correlate(const Planes<const T>& x, const Weights<const T>& weights, const Ending<T>& ending, const Planes<T>& y,
               const Axis& vertical, const Axis& horizontal) {
    const auto tap_of = [&](int64_t i, int64_t j, Tap& tap) {
        tap = {i * vertical.dilation - vertical.pad, j * horizontal.dilation - horizontal.pad, i * horizontal.taps + j};
        return true;
    };
    const auto work = [&](const Taps& taps, bool is_first, bool is_last) {
        sum_over_taps<T>(x, weights, ending, y, taps, vertical.stride, horizontal.stride, y.rows, y.columns,
                         {0, 1, 0, 1, y.columns}, is_first, is_last);
    };
    for_taps<T>(vertical, horizontal, vertical.stride, horizontal.stride, tap_of, work);
}

template <class T>
void spread(const Planes<const T>& x, const Weights<const T>& weights, const Ending<T>& ending, const Planes<T>& y,
            const Axis& vertical, const Axis& horizontal) {
    // Pixel u of y gets x at h where u + pad = h * stride + tap * dilation: those u with the same remainder by the
    // stride have taps of their own, and their neighbours are neighbours in x.
    for (int64_t row = 0; row < std::min(vertical.stride, y.rows); ++row)
        for (int64_t column = 0; column < std::min(horizontal.stride, y.columns); ++column) {
            const auto tap_of = [&](int64_t i, int64_t j, Tap& tap) {
                const int64_t u = row + vertical.pad - i * vertical.dilation;
                const int64_t v = column + horizontal.pad - j * horizontal.dilation;
                if (u % vertical.stride != 0 || v % horizontal.stride != 0) return false;
                tap = {u / vertical.stride, v / horizontal.stride, i * horizontal.taps + j};
                return true;
            };
            const int64_t rows = parts_of(y.rows - row, vertical.stride);
            const int64_t columns = parts_of(y.columns - column, horizontal.stride);
            const auto work = [&](const Taps& taps, bool is_first, bool is_last) {
                sum_over_taps<T>(x, weights, ending, y, taps, 1, 1, rows, columns,
                                 {row, vertical.stride, column, horizontal.stride, y.columns}, is_first, is_last);
            };
            for_taps<T>(vertical, horizontal, 1, 1, tap_of, work);
        }
}

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

template <class T, int bytes, int rows, int columns>
void multiply_up(Products<T>& o) {
    using V = Vec<T, bytes>;
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
        for (int j = 0; j < columns; ++j) o.totals[i][j] = total<T, bytes>(sum[i][j]);
}

template <class T>
using ProductFunction = void (*)(Products<T>&);

template <class T, int bytes>
constexpr auto product_functions = []<int... i>(std::integer_sequence<int, i...>) {
    return std::array<ProductFunction<T>, sizeof...(i)>{
        multiply_up<T, bytes, i / weight_columns + 1, i % weight_columns + 1>...};
}(std::make_integer_sequence<int, weight_rows * weight_columns>());

}  // namespace

template <class T>
void correlate_weights(int64_t images, const Planes<const T>& x, int64_t x_image, const Planes<const T>& dy,
                       int64_t dy_image, const Weights<T>& dweight, bool adds, const Axis& vertical,
                       const Axis& horizontal) {
    constexpr int64_t slack = vector_bytes / sizeof(T), room = scratch_bytes / int64_t(sizeof(T)) - slack;
    alignas(64) T scratch[scratch_bytes / sizeof(T)];
    int64_t pixels[most_taps];
    const auto tap_of = [&](int64_t i, int64_t j, Tap& tap) {
        tap = {i * vertical.dilation - vertical.pad, j * horizontal.dilation - horizontal.pad, i * horizontal.taps + j};
        return true;
    };
    const auto work = [&](const Taps& taps, bool, bool) {
        Cut<T> cut(taps, dy.rows, dy.columns, x.count, vertical.stride, horizontal.stride, slack);
        const int64_t plane_size =
            Scratch<T>(taps, {0, cut.rows, 0, cut.columns}, vertical.stride, horizontal.stride).plane();
        // Rather all images than all planes: each block of sums is folded once for all images at hand.
        cut.planes = std::clamp(room / (plane_size * std::max(images, int64_t{1})), int64_t{1}, cut.planes);
        cut.planes = parts_of(x.count, parts_of(x.count, cut.planes));
        const int64_t at_once = std::clamp(room / (plane_size * cut.planes), int64_t{1}, std::max(images, int64_t{1}));
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
                        std::fill_n(scratch + some * of_image, slack, T(0));  // which a last vector reads, times 0
                        Products<T> products{some, of_image, dy_image, scratch, {}, nullptr, dy.size(), dy.columns,
                                             of_tile.columns, tile.rows, tile.columns, {}};
                        const auto& functions = prefers_short<T>(tile.columns) ? product_functions<T, short_bytes>
                                                                               : product_functions<T, vector_bytes>;
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
                                functions[(outputs - 1) * weight_columns + some_pairs - 1](products);
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
    for_taps<T>(vertical, horizontal, vertical.stride, horizontal.stride, tap_of, work);
}

#define GLASSNET_CONVOLUTION(T)                                                                                        \
    template void correlate<T>(const Planes<const T>&, const Weights<const T>&, const Ending<T>&, const Planes<T>&,   \
                               const Axis&, const Axis&);                                                             \
    template void spread<T>(const Planes<const T>&, const Weights<const T>&, const Ending<T>&, const Planes<T>&,      \
                            const Axis&, const Axis&);                                                                \
    template void correlate_weights<T>(std::int64_t, const Planes<const T>&, std::int64_t, const Planes<const T>&,    \
                                       std::int64_t, const Weights<T>&, bool, const Axis&, const Axis&);

GLASSNET_CONVOLUTION(float)
GLASSNET_CONVOLUTION(double)

}  // namespace glassnet
