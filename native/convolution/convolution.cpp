#include "convolution/convolution.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "convolution/cut.hpp"
#include "math/lanes.hpp"

namespace glassnet {
namespace {

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

// Calls body(row, vector) for each of a block's registers, unrolled: their numbers must be known.
template <int rows, int vectors, class Body>
[[gnu::always_inline]] inline void for_each(const Body& body) {
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) body(i, v);
}

template <class T, int bytes, int vectors, int rows>
void end(const Ending<T>& ending, typename Vec<T, bytes>::Lanes (&sum)[rows][vectors]) {
    if (ending.scale != nullptr) for_each<rows, vectors>([&](int i, int v) { sum[i][v] *= ending.scale[i]; });
    if (ending.shift != nullptr) for_each<rows, vectors>([&](int i, int v) { sum[i][v] += ending.shift[i]; });
    if (ending.is_bounded())
        for_each<rows, vectors>([&](int i, int v) { sum[i][v] = at_least(sum[i][v], ending.least); });
}

// What y holds where its results lie apart, and back; written once for all numbers of rows and vectors.
template <class T, int bytes>
[[gnu::noinline]] void read_apart(const Sums<T>& o, int rows, int vectors, typename Vec<T, bytes>::Lanes* sum) {
    for (int i = 0; i < rows; ++i)
        for (int v = 0; v < vectors; ++v, ++sum)
            for (int64_t lane = 0; lane < o.lanes[v]; ++lane)
                (*sum)[lane] = o.y[i * o.y_plane + o.y_of[v] + lane * o.y_step];
}

template <class T, int bytes>
[[gnu::noinline]] void write_apart(const Sums<T>& o, int rows, int vectors, const typename Vec<T, bytes>::Lanes* sum) {
    for (int i = 0; i < rows; ++i)
        for (int v = 0; v < vectors; ++v, ++sum)
            for (int64_t lane = 0; lane < o.lanes[v]; ++lane)
                o.y[i * o.y_plane + o.y_of[v] + lane * o.y_step] = (*sum)[lane];
}

template <class T, int bytes, int vectors, int rows>
void add_up(const Sums<T>& o) {
    using V = Vec<T, bytes>;
    using Lanes = typename V::Lanes;
    Lanes sum[rows][vectors] = {};
    const int64_t output = o.output, taps = o.taps;
    if (o.continues && o.y_step == 1) {
        for_each<rows, vectors>(
            [&](int i, int v) { sum[i][v] = V::load(o.y + i * o.y_plane + o.y_of[v], V::first(o.lanes[v])); });
    } else if (o.continues) {
        Lanes sums[rows][vectors] = {};
        read_apart<T, bytes>(o, rows, vectors, &sums[0][0]);
        for_each<rows, vectors>([&](int i, int v) { sum[i][v] = sums[i][v]; });
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
    if (o.y_step != 1) {
        Lanes sums[rows][vectors];
        for_each<rows, vectors>([&](int i, int v) { sums[i][v] = sum[i][v]; });
        return write_apart<T, bytes>(o, rows, vectors, &sums[0][0]);
    }
    for_each<rows, vectors>([&](int i, int v) {
        T* const y = o.y + i * o.y_plane + o.y_of[v];
        if (o.lanes[v] == V::width)
            V::store(y, sum[i][v]);
        else
            V::store(y, sum[i][v], V::first(o.lanes[v]));
    });
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

// y = the ending of Σ over planes of x and taps, for all positions. Of all taps these may be a part, `is_first` or
// `is_last`.
template <class T>
void sum_over_taps(const Planes<const T>& x, const Weights<const T>& weights, const Ending<T>& ending,
                   const Planes<T>& y, const Taps& taps, int64_t vertical, int64_t horizontal, int64_t rows,
                   int64_t columns, const Places& places, bool is_first, bool is_last) {
    alignas(64) T scratch[scratch_bytes / sizeof(T)];
    int64_t pixels[most_taps], weight_places[most_taps];
    const Cut<T> cut(taps, rows, columns, x.count, vertical, horizontal);
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
                Sums<T> sums{planes,
                             of_tile.plane(),
                             scratch,
                             taps.count,
                             pixels,
                             weight_places,
                             weights.data + plane * weights.input,
                             weights.output,
                             weights.input,
                             ending,
                             !is_first || plane > 0,
                             is_last && (taps.count == 0 || plane + planes == x.count),
                             y.data,
                             y.size(),
                             places.column_step,
                             {},
                             {},
                             {}};
                if (prefers_short<T>(tile.columns))
                    add_tile<T, short_bytes>(sums, y.count, taps, x.rows, of_tile, tile, places);
                else
                    add_tile<T, vector_bytes>(sums, y.count, taps, x.rows, of_tile, tile, places);
                plane += cut.planes;
            } while (plane < x.count && taps.count > 0);
        }
}

}  // namespace

template <class T>
void correlate(const Planes<const T>& x, const Weights<const T>& weights, const Ending<T>& ending, const Planes<T>& y,
               const Axis& vertical, const Axis& horizontal) {
    const auto tap_at = [&](int64_t i, int64_t j, Tap& tap) {
        tap = tap_of(vertical, horizontal, i, j);
        return true;
    };
    const auto work = [&](const Taps& taps, bool is_first, bool is_last) {
        sum_over_taps<T>(x, weights, ending, y, taps, vertical.stride, horizontal.stride, y.rows, y.columns,
                         {0, 1, 0, 1, y.columns}, is_first, is_last);
    };
    for_taps<T>(vertical, horizontal, vertical.stride, horizontal.stride, tap_at, work);
}

template <class T>
void spread(const Planes<const T>& x, const Weights<const T>& weights, const Ending<T>& ending, const Planes<T>& y,
            const Axis& vertical, const Axis& horizontal) {
    // Pixel u of y gets x at h where u + pad = h * stride + tap * dilation: those u with the same remainder by the
    // stride have taps of their own, and their neighbours are neighbours in x.
    for (int64_t row = 0; row < std::min(vertical.stride, y.rows); ++row)
        for (int64_t column = 0; column < std::min(horizontal.stride, y.columns); ++column) {
            const auto tap_at = [&](int64_t i, int64_t j, Tap& tap) {
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
            for_taps<T>(vertical, horizontal, 1, 1, tap_at, work);
        }
}

#define GLASSNET_CONVOLUTION(T)                                                                                     \
    template void correlate<T>(const Planes<const T>&, const Weights<const T>&, const Ending<T>&, const Planes<T>&, \
                               const Axis&, const Axis&);                                                           \
    template void spread<T>(const Planes<const T>&, const Weights<const T>&, const Ending<T>&, const Planes<T>&,    \
                            const Axis&, const Axis&);

GLASSNET_CONVOLUTION(float)
GLASSNET_CONVOLUTION(double)

}  // namespace glassnet
