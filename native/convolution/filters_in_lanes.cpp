#include "convolution/filters_in_lanes.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "convolution/lane_costs.hpp"
#include "convolution/strip.hpp"
#include "convolution/taps.hpp"
#include "convolution/thread_memory.hpp"

namespace glassnet {
namespace {

constexpr int most_columns = most_sums / 2;

// What becomes of vectors of sums.
template <class T>
struct EndOfLanes {
    Lanes<T> scale = Lanes<T>{} + T(1), shift = Lanes<T>{};
    T least = -std::numeric_limits<T>::infinity();

    EndOfLanes() = default;
    EndOfLanes(const Ending<T>& ending, int64_t filters) : least(ending.least) {
        const auto mask = V<T>::first(filters);
        if (ending.scale != nullptr) scale = V<T>::load(ending.scale, mask);
        if (ending.shift != nullptr) shift = V<T>::load(ending.shift, mask);
    }
    Lanes<T> of(const Lanes<T>& sum) const { return at_least(sum * scale + shift, least); }
};

// Some rows of neighbouring positions.
template <class T>
struct Sums {
    int64_t planes, plane;  // of input, and their distance
    const T* x;             // what the first position meets
    int64_t row;            // distance of the rows of positions
    int64_t taps;
    const int64_t* pixels;  // of each tap, relative to x
    const T* weights;       // a vector for each tap, of_plane elements for each plane
    int64_t of_plane;
    EndOfLanes<T> end;
    T* y;  // a vector for each position
    int64_t y_row, y_column;
};

template <class T, int rows, int columns>
void add_up(const Sums<T>& o) {
    Lanes<T> sum[rows][columns] = {};
    const int64_t taps = o.taps;
    for (int64_t plane = 0; plane < o.planes; ++plane) {
        const T* x[rows];
#pragma GCC unroll 2
        for (int i = 0; i < rows; ++i) x[i] = o.x + plane * o.plane + i * o.row;
        const T* weight = o.weights + plane * o.of_plane;
        for (int64_t t = 0; t < taps; ++t, weight += V<T>::width) {
            const int64_t pixel = o.pixels[t];
            const Lanes<T> right = V<T>::load(weight);
#pragma GCC unroll 2
            for (int i = 0; i < rows; ++i)
#pragma GCC unroll 14
                for (int j = 0; j < columns; ++j) sum[i][j] += x[i][pixel + j] * right;
        }
    }
#pragma GCC unroll 2
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 14
        for (int j = 0; j < columns; ++j) V<T>::store(o.y + i * o.y_row + j * o.y_column, o.end.of(sum[i][j]));
}

// The functions for 1, 2, ... columns of one row of positions, and of two.
template <class T>
constexpr auto sum_functions = []<int... column>(std::integer_sequence<int, column...>) {
    using Functions = std::array<void (*)(const Sums<T>&), most_columns>;
    return std::array<Functions, 2>{Functions{add_up<T, 1, column + 1>...}, Functions{add_up<T, 2, column + 1>...}};
}(std::make_integer_sequence<int, most_columns>());

// Sums for all positions of some images, tile by tile, and how the thread's memory is shared among what they need.
template <class T>
struct Sweep {
    static constexpr int64_t width = V<T>::width;

    Planes<const T> x;
    int64_t images, x_image;
    const Taps& taps;
    int64_t down, across;   // strides
    int64_t rows, columns;  // of positions
    int64_t panels;         // vectors of a position
    bool in_place;          // no tap leaves a row of pixels: they need no copy where rows meet taps of their own
    bool are_together;      // all of a tile's vectors at once, or one panel after the other
    int64_t strip_columns = 0;
    int64_t tile_rows = rows;
    T *weights = nullptr, *results = nullptr, *copied = nullptr, *strip = nullptr;

    // False where there is not memory enough.
    bool take_memory() {
        while (tile_rows > 1 && !fits()) tile_rows = tile_rows > 2 ? round_up(parts_of(tile_rows, 2), 2) : 1;
        weights = reinterpret_cast<T*>(thread_memory());
        if (weights == nullptr || !fits()) return false;
        results = weights + panels * of_panel();
        strip = results + of_results();
        copied = strip + of_strip();
        return true;
    }

    // A vector for each input plane and tap, and what is written beyond them.
    int64_t of_panel() const { return (x.count * taps.count + width) * width; }

    // Where the sums of a tile's first position stand, or the next one's.
    int64_t of_position() const { return are_together ? panels * width : width; }

    // Calls finish(n, tile, panel) when the sums of a panel, or of all, are there.
    template <class EndOf, class Finish>
    void for_tiles(const EndOf& end_of, const Finish& finish) const {
        int64_t pixels[most_taps];
        for (int64_t n = 0; n < images; ++n)
            for (int64_t row = 0; row < rows; row += tile_rows) {
                const Tile tile{row, std::min(tile_rows, rows - row), 0, columns};
                const Scratch<T> scratch(taps, tile, down, across);
                const T* const image = x.data + n * x_image;
                for (int64_t i = 0; i < (in_place ? 0 : x.count); ++i)
                    scratch.fill(image + i * x.size(), x.rows, x.columns, copied + i * scratch.plane());
                for (int64_t t = 0; t < taps.count; ++t)
                    pixels[t] = in_place ? (row + taps.all[t].row) * x.columns + taps.all[t].column
                                         : scratch.offset(taps, taps.all[t]);
                const Sums<T> sums{x.count,
                                   in_place ? x.size() : scratch.plane(),
                                   in_place ? image : copied,
                                   in_place ? x.columns : scratch.columns,
                                   taps.count,
                                   pixels,
                                   weights,
                                   taps.count * width,
                                   {},
                                   results,
                                   columns * of_position(),
                                   of_position()};
                for (int64_t p = 0; p < panels; ++p) {
                    add_tile(sums, p, end_of(p), tile);
                    if (!are_together || p == panels - 1) finish(n, tile, p);
                }
            }
    }

private:
    int64_t of_results() const { return round_up(tile_rows * columns + 1, width) * of_position(); }

    int64_t of_strip() const { return round_up(tile_rows * strip_columns, width) * width; }

    bool fits() const {
        const int64_t of_plane = in_place ? 0 : Scratch<T>(taps, {0, tile_rows, 0, columns}, down, across).plane();
        // Of the widest vectors, so that every processor has room for the same.
        constexpr int64_t widest = widest_bytes / sizeof(T);
        const int64_t lanes = round_up(panels * width, widest);
        const int64_t numbers = lanes * (x.count * taps.count + widest) +
                                round_up(tile_rows * columns + 1, widest) * (are_together ? lanes : widest) +
                                round_up(tile_rows * strip_columns, widest) * widest + x.count * of_plane;
        return numbers <= thread_memory_bytes / int64_t(sizeof(T)) &&
               (tile_rows <= 2 || tile_rows * columns <= positions_at_once);
    }

    void add_tile(Sums<T> sums, int64_t panel, const EndOfLanes<T>& end, const Tile& tile) const {
        const Sums<T> whole = sums;
        const int64_t parts = parts_of(columns, most_columns);
        sums.end = end;
        const auto meeting = [&](int64_t first, int64_t last) {
            return taps.meeting((tile.row + first) * down, (tile.row + last) * down, x.rows);
        };
        for (int64_t row = 0, some = 0; row < tile.rows; row += some) {
            const bool is_pair = row + 1 < tile.rows && (!in_place || meeting(row, row) == meeting(row + 1, row + 1));
            some = is_pair ? 2 : 1;
            const auto [first, count] = meeting(row, row + some - 1);
            sums.taps = count;
            sums.pixels = whole.pixels + first;
            sums.weights = whole.weights + panel * of_panel() + first * width;
            for (int64_t part = 0, column = 0; part < parts; ++part) {
                const int64_t stop = columns * (part + 1) / parts;
                sums.x = whole.x + row * sums.row + column;
                sums.y = whole.y + (are_together ? panel * width : 0) + row * sums.y_row + column * sums.y_column;
                sum_functions<T>[some - 1][stop - column - 1](sums);
                column = stop;
            }
        }
    }
};

// A convolution, or the adjoint of one with stride 1.
template <class T>
struct Task {
    int64_t images;
    const Planes<const T>& x;
    int64_t x_image;
    const Weights<const T>& weights;
    bool turned;
    const Ending<T>& ending;
    const Planes<T>& y;
    int64_t y_image;
    const Axis &vertical, &horizontal;

    int64_t down() const { return turned ? 1 : vertical.stride; }
    int64_t across() const { return turned ? 1 : horizontal.stride; }
    int64_t row(int64_t i) const { return place(i, vertical); }
    int64_t column(int64_t j) const { return place(j, horizontal); }
    bool stays_in_rows() const {
        const auto [least, most] = std::minmax({column(0), column(horizontal.taps - 1)});
        return down() == 1 && across() == 1 && least >= 0 && y.columns + most <= x.columns;
    }

private:
    int64_t place(int64_t tap, const Axis& axis) const {
        const int64_t place = tap * axis.dilation - axis.pad;
        return turned ? -place : place;
    }
};

// The weights of up to a vector's width of output planes: a vector for each input plane and tap.
template <class T>
void read_weights(const Weights<const T>& weights, int64_t outputs, int64_t inputs, int64_t taps, T* to) {
    const bool beside = weights.input == taps;
    for (int64_t i = 0; i < (beside ? 1 : inputs); ++i)
        rows_to_lanes(weights.data + i * weights.input, weights.output, outputs, beside ? inputs * taps : taps,
                      to + i * taps * V<T>::width);
}

template <class T>
bool with_filters(const Task<T>& o) {
    constexpr int64_t width = V<T>::width;
    Taps taps;
    for (int64_t i = 0; i < o.vertical.taps; ++i)
        for (int64_t j = 0; j < o.horizontal.taps; ++j) taps.add({o.row(i), o.column(j), i * o.horizontal.taps + j});
    Sweep<T> sweep{o.x,
                   o.images,
                   o.x_image,
                   taps,
                   o.down(),
                   o.across(),
                   o.y.rows,
                   o.y.columns,
                   parts_of(o.y.count, width),
                   o.stays_in_rows(),
                   false};
    if (!sweep.take_memory()) return false;
    const auto filters_of = [&](int64_t panel) { return std::min(width, o.y.count - panel * width); };
    for (int64_t p = 0; p < sweep.panels; ++p)
        read_weights<T>({o.weights.data + p * width * o.weights.output, o.weights.output, o.weights.input},
                        filters_of(p), o.x.count, sweep.taps.count, sweep.weights + p * sweep.of_panel());
    sweep.for_tiles([&](int64_t p) { return EndOfLanes<T>(o.ending.from(p * width), filters_of(p)); },
                    [&](int64_t n, const Tile& tile, int64_t p) {
                        const Strip<T> strip{sweep.results, tile.row, tile.rows, 0, tile.columns};
                        strip.write(planes_from(o.y, n * o.y_image, p * width), filters_of(p));
                    });
    return true;
}

// y(u, v)[o] = the ending of Σ over j of z(u, v + column of j)[j, o], for the rows of a strip.
template <class T>
void add_columns(const Task<T>& o, const T* z, int64_t of_position, const Strip<T>& strip) {
    int64_t columns[most_taps];
    for (int64_t j = 0; j < o.horizontal.taps; ++j) columns[j] = o.column(j);
    const EndOfLanes<T> end(o.ending, o.y.count);
    for (int64_t row = 0; row < strip.rows; ++row, z += o.x.columns * of_position)
        for (int64_t column = 0; column < strip.columns; ++column) {
            Lanes<T> sum{};
            for (int64_t j = 0; j < o.horizontal.taps; ++j) {
                const int64_t from = column + columns[j];
                if (from < 0 || from >= o.x.columns) continue;
                sum += V<T>::load(z + from * of_position + j * o.y.count);
            }
            V<T>::store(strip.at(row, column), end.of(sum));
        }
}

// With the taps j of a row beside the filters: z(s)[j, o] are sums over planes and rows of taps alone, for all columns
// of x.
template <class T>
bool with_taps_and_filters(const Task<T>& o) {
    constexpr int64_t width = V<T>::width;
    const int64_t filters = o.y.count, across = o.horizontal.taps, down = o.vertical.taps;
    Taps taps;
    for (int64_t i = 0; i < down; ++i) taps.add({o.row(i), 0, i});
    Sweep<T> sweep{o.x,           o.images,    o.x_image,
                   taps,          o.down(),    1,
                   o.y.rows,      o.x.columns, parts_of(across * filters, width),
                   o.down() == 1, true,        o.y.columns};
    if (!sweep.take_memory()) return false;
    for (int64_t p = 0; p < sweep.panels; ++p) {
        T* to = sweep.weights + p * sweep.of_panel();
        int64_t places[width], lanes = 0;
        for (; lanes < std::min(width, across * filters - p * width); ++lanes) {
            const int64_t lane = p * width + lanes;
            places[lanes] = lane % filters * o.weights.output + lane / filters;
        }
        std::fill_n(to, o.x.count * down * width, T(0));
        for (int64_t i = 0; i < o.x.count; ++i)
            for (int64_t row = 0; row < down; ++row, to += width) {
                const T* const from = o.weights.data + i * o.weights.input + row * across;
                for (int64_t lane = 0; lane < lanes; ++lane) to[lane] = from[places[lane]];
            }
    }
    sweep.for_tiles([](int64_t) { return EndOfLanes<T>(); },
                    [&](int64_t n, const Tile& tile, int64_t) {
                        const Strip<T> strip{sweep.strip, tile.row, tile.rows, 0, o.y.columns};
                        add_columns(o, sweep.results, sweep.of_position(), strip);
                        strip.write(planes_from(o.y, n * o.y_image, 0), filters);
                    });
    return true;
}

}  // namespace

template <class T>
bool correlate_by_filters(int64_t images, const Planes<const T>& x, int64_t x_image, const Weights<const T>& weights,
                          bool turned, const Ending<T>& ending, const Planes<T>& y, int64_t y_image,
                          const Axis& vertical, const Axis& horizontal) {
    const int64_t down = vertical.taps, across = horizontal.taps, pairs = x.count * down * across;
    if (pairs == 0 || down * across > most_taps || x.size() == 0 || y.count * y.size() == 0) return false;
    const Task<T> task{images, x, x_image, weights, turned, ending, y, y_image, vertical, horizontal};
    // Vectors along the columns need copies of the rows, which the other ways may do without.
    const int64_t copies = unit * 20 * x.count * x.rows;
    const auto by_columns_of = [&](int64_t of_row) { return y.count * y.rows * of_row * (pairs + 4); };
    // These sums have an order of their own.
    constexpr int bytes = short_bytes;
    const int64_t by_taps = along_filters<T, bytes>(across * y.count, y.rows * x.columns, x.count * down, 4) +
                            unit * y.size() * (across / 2 + 6);
    if (task.across() == 1 && across > 1 && y.count <= bytes / int64_t(sizeof(T)) &&
        by_taps < along_filters<T, bytes>(y.count, y.size(), pairs, 8) &&
        by_taps * 20 < (by_columns_of(along_columns<T, bytes>(y.columns)) + copies) * 19 && with_taps_and_filters(task))
        return true;
    const int64_t by_columns = by_columns_of(along_columns<T>(y.columns));
    const int64_t by_filters = along_filters<T>(y.count, y.size(), pairs, 8);
    return by_filters * 20 < (by_columns + (task.stays_in_rows() ? copies : 0)) * 17 && with_filters(task);
}

#define GLASSNET_FILTERS_IN_LANES(T)                                                                               \
    template bool correlate_by_filters<T>(int64_t, const Planes<const T>&, int64_t, const Weights<const T>&, bool, \
                                          const Ending<T>&, const Planes<T>&, int64_t, const Axis&, const Axis&);

GLASSNET_FILTERS_IN_LANES(float)
GLASSNET_FILTERS_IN_LANES(double)

}  // namespace glassnet
