// Twin of src/glassnet/kernels/pool.py: the largest element of windows of an image, and of all of it.
//
// Of equal elements the first counts, and NaN as the largest, as NumPy has it.

#include "engine/kernel.hpp"
#include "kernels/images.hpp"
#include "kernels/windows.hpp"
#include "math/pairs.hpp"
#include "math/reduce.hpp"
#include "math/vector_math.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

namespace glassnet {
namespace {

// Whether b takes the place of a that stands before it.
template <class Lanes>
inline auto is_larger(const Lanes& b, const Lanes& a) {
    return ((b > a) | (b != b)) & (a == a);
}

template <class V>
inline void store_places(std::uint8_t* index, const auto& places) {
    if constexpr (V::width == 1) {
        *index = static_cast<std::uint8_t>(places);
    } else {
        typedef std::uint8_t Bytes __attribute__((vector_size(V::width)));
        const Bytes bytes = __builtin_convertvector(places, Bytes);
        std::memcpy(index, &bytes, sizeof bytes);
    }
}

// One row of y from two of x
template <bool with_index, class T>
void largest_of_squares(const T* x, int64_t x_width, T* y, std::uint8_t* index, int64_t width) {
    for_vectors<T>(width, [=](auto v, int64_t i) {
        using V = decltype(v);
        const auto upper = Pairs<V>::load(x + 2 * i), lower = Pairs<V>::load(x + x_width + 2 * i);
        const auto right_above = is_larger(upper.odd, upper.even), right_below = is_larger(lower.odd, lower.even);
        const typename V::Lanes above = right_above ? upper.odd : upper.even;
        const typename V::Lanes below = right_below ? lower.odd : lower.even;
        const auto is_below = is_larger(below, above);
        V::store(y + i, is_below ? below : above);
        if constexpr (with_index) {
            using Places = std::conditional_t<V::width == 1, int, decltype(is_below)>;
            const Places zero{}, above_at = right_above ? zero + 1 : zero, below_at = right_below ? zero + 3 : zero + 2;
            store_places<V>(index + i, is_below ? below_at : above_at);
        }
    });
}

// The windows of all rows of an image, where they fit.
template <class T>
void largest_of_rows(const T* x, const Images& of_x, const Window& w, Phases<T>& phases, const Images& of_y, T* y,
                     std::uint8_t* index) {
    using V = typename Phases<T>::V;
    typedef Bits<T> Places __attribute__((vector_size(vector_bytes)));
    constexpr int64_t room = Phases<T>::most;
    T best[room];
    Places places[room / V::width];
    std::uint8_t bytes[room];
    const int64_t count = of_y.width;
    phases.forget();
    for (int64_t row = 0; row < of_y.height; ++row, y += count) {
        for (int64_t v = 0; v < count; v += V::width) {
            V::store(best + v, typename V::Lanes{} - std::numeric_limits<T>::infinity());
            places[v / V::width] = Places{};
        }
        phases.bring(x, of_x.height, part_of_image(row * w.stride_height - w.top, w.height, of_x.height));
        for_rows(w, of_x, row, [&](int64_t i, int64_t x_row) {
            phases.for_columns(x_row, [&](int64_t j, const T* column) {
                const Places place = Places{} + static_cast<Bits<T>>(i * w.width + j);
                for (int64_t v = 0; v < count; v += V::width) {
                    const auto candidate = V::load(column + v), value = V::load(best + v);
                    const auto is_new = is_larger(candidate, value);
                    V::store(best + v, is_new ? candidate : value);
                    places[v / V::width] = is_new ? place : places[v / V::width];
                }
            });
        });
        std::copy_n(best, count, y);
        if (index == nullptr) continue;
        for (int64_t v = 0; v < count; v += V::width) store_places<V>(bytes + v, places[v / V::width]);
        index = std::copy_n(bytes, count, index);
    }
}

// One row of y and its places, both in T's size until they are written
template <class T>
void largest_of_windows(const T* x, const Images& of_x, const Window& w, int64_t row, Range outputs, T* y,
                        std::uint8_t* index) {
    T best[outputs_at_a_time];
    Bits<T> places[outputs_at_a_time];
    std::fill_n(best, outputs_at_a_time, -std::numeric_limits<T>::infinity());
    std::fill_n(places, outputs_at_a_time, Bits<T>{0});
    for_rows(w, of_x, row, [&](int64_t i, int64_t x_row) {
        for (int64_t j = 0; j < w.width; ++j) {
            const Range reached = reaching(outputs, w.stride_width, j - w.left, of_x.width);
            const auto place = static_cast<Bits<T>>(i * w.width + j);
            const T* const from = x + x_row * of_x.width + j - w.left;
            T* const values = best - outputs.from;
            Bits<T>* const of_values = places - outputs.from;
            with_stride(w.stride_width, [=](auto stride) {
                for_each(reached.count(), [=, o = reached.from](int64_t k) {
                    const T candidate = from[(o + k) * stride], value = values[o + k];
                    const bool is_new = !(candidate <= value) & (value == value);
                    values[o + k] = is_new ? candidate : value;
                    of_values[o + k] = is_new ? place : of_values[o + k];
                });
            });
        }
    });
    std::copy_n(best, outputs.count(), y + outputs.from);
    if (index != nullptr)
        for_each(outputs.count(), [=, places = &places[0]](int64_t k) {
            index[outputs.from + k] = static_cast<std::uint8_t>(places[k]);
        });
}

template <class T>
void max_pool2d_forward(In<T> of_x, Out<T> of_y, Out<std::uint8_t> of_index, Window w) {
    const Images from(of_x), to(of_y);
    const bool squares = are_squares(w, from, to), fit = !squares && Phases<T>::fit(w, to.width);
    const T* x = of_x;
    T* y = of_y;
    std::uint8_t* index = of_index;
    if (fit) {
        Phases<T> phases(w, from.width, to.width, -std::numeric_limits<T>::infinity());
        for (int64_t plane = 0; plane < to.planes; ++plane, x += from.size(), y += to.size()) {
            largest_of_rows(x, from, w, phases, to, y, index);
            if (index != nullptr) index += to.size();
        }
        return;
    }
    for (int64_t plane = 0; plane < to.planes; ++plane, x += from.size())
        for (int64_t row = 0; row < to.height; ++row, y += to.width) {
            if (squares && index != nullptr)
                largest_of_squares<true>(x + 2 * row * from.width, from.width, y, index, to.width);
            else if (squares)
                largest_of_squares<false>(x + 2 * row * from.width, from.width, y, index, to.width);
            else
                for (int64_t o = 0; o < to.width; o += outputs_at_a_time)
                    largest_of_windows(x, from, w, row, {o, std::min(o + outputs_at_a_time, to.width)}, y, index);
            if (index != nullptr) index += to.width;
        }
}
GLASSNET_KERNEL(max_pool2d_forward);

// Two rows of dx from one of dy: all four places of a window, three of them zero
template <class T>
void scatter_to_squares(const T* dy, const std::uint8_t* index, T* dx, int64_t dx_width, int64_t width) {
    for_vectors<T>(width, [=](auto v, int64_t i) {
        using V = decltype(v);
        const auto lanes = V::load(dy + i);
        const typename V::Lanes zero{};
        const auto places = [=] {
            if constexpr (V::width == 1) {
                return static_cast<Bits<T>>(index[i]);
            } else {
                typedef std::uint8_t Bytes __attribute__((vector_size(V::width)));
                typedef Bits<T> Places __attribute__((vector_size(sizeof(typename V::Lanes))));
                Bytes bytes;
                std::memcpy(&bytes, index + i, sizeof bytes);
                return __builtin_convertvector(bytes, Places);
            }
        }();
        Pairs<V>{places == 0 ? lanes : zero, places == 1 ? lanes : zero}.store(dx + 2 * i);
        Pairs<V>{places == 2 ? lanes : zero, places == 3 ? lanes : zero}.store(dx + dx_width + 2 * i);
    });
}

// Where in a window a place is.
struct Places {
    static constexpr int64_t count = std::numeric_limits<std::uint8_t>::max() + 1;
    int64_t row[count], column[count];

    explicit Places(const Window& w) {
        for (int64_t place = 0; place < count; ++place) {
            row[place] = place / w.width - w.top;
            column[place] = place % w.width - w.left;
        }
    }
};

// Adds one row of dy to dx, each element at its place; a place in the border counts for nothing.
template <class T>
void scatter(const T* dy, const std::uint8_t* index, T* dx, const Images& of_dx, const Window& w, const Places& places,
             int64_t row, int64_t width) {
    for (int64_t o = 0; o < width; ++o) {
        const int64_t x_row = row * w.stride_height + places.row[index[o]];
        const int64_t x_column = o * w.stride_width + places.column[index[o]];
        if (x_row >= 0 && x_row < of_dx.height && x_column >= 0 && x_column < of_dx.width)
            dx[x_row * of_dx.width + x_column] += dy[o];
    }
}

// The same for windows side by side in a row, place by place: in vectors
template <class T>
void scatter_in_rows(const T* dy, const std::uint8_t* index, T* dx, const Images& of_dx, const Window& w, int64_t row,
                     int64_t width) {
    for_rows(w, of_dx, row, [&](int64_t i, int64_t x_row) {
        for (int64_t j = 0; j < w.width; ++j) {
            const Range reached = reaching({0, width}, 1, j - w.left, of_dx.width);
            const auto place = static_cast<std::uint8_t>(i * w.width + j);
            T* const to = dx + x_row * of_dx.width + j - w.left;
            for_each(reached.count(),
                     [=, o = reached.from](int64_t k) { to[o + k] += index[o + k] == place ? dy[o + k] : T(0); });
        }
    });
}

template <class T>
void max_pool2d_backward(In<T> of_dy, In<std::uint8_t> of_index, Out<T> of_dx, Window w) {
    constexpr int64_t few = 8, many = 16;
    const Images from(of_dy), to(of_dx);
    const bool squares = are_squares(w, to, from);
    const bool in_rows = w.stride_width == 1 && w.height * w.width <= few && from.width >= many;
    const Places places(w);
    const T* dy = of_dy;
    T* dx = of_dx;
    const std::uint8_t* index = of_index;
    for (int64_t plane = 0; plane < from.planes; ++plane, dx += to.size()) {
        if (squares)
            clear_beyond_squares(dx, to, from);
        else
            std::fill_n(dx, to.size(), T(0));
        for (int64_t row = 0; row < from.height; ++row, dy += from.width, index += from.width) {
            if (squares)
                scatter_to_squares(dy, index, dx + 2 * row * to.width, to.width, from.width);
            else if (in_rows)
                scatter_in_rows(dy, index, dx, to, w, row, from.width);
            else
                scatter(dy, index, dx, to, w, places, row, from.width);
        }
    }
}
GLASSNET_KERNEL(max_pool2d_backward);

// Where the largest of a row stands: in each lane first, then of the lanes.
template <class T>
int64_t place_of_largest(const T* x, int64_t count) {
    using V = Vec<T, vector_bytes>;
    typedef Bits<T> Places __attribute__((vector_size(vector_bytes)));
    int64_t found = 0;
    if (count < V::width) {
        for (int64_t i = 1; i < count; ++i) found = is_larger(x[i], x[found]) ? i : found;
        return found;
    }
    Places lane;
    for (int i = 0; i < V::width; ++i) lane[i] = static_cast<Bits<T>>(i);
    auto best = V::load(x);
    Places places = lane;
    for (int64_t i = V::width; i < count; i += V::width) {
        const int64_t from = std::min(i, count - V::width);
        const auto candidate = V::load(x + from);
        const auto is_new = is_larger(candidate, best);
        best = is_new ? candidate : best;
        places = is_new ? lane + static_cast<Bits<T>>(from) : places;
    }
    found = static_cast<int64_t>(places[0]);
    for (int i = 1; i < V::width; ++i) {
        const auto place = static_cast<int64_t>(places[i]);
        const bool is_first = place < found;  // where neither is larger, both are equal or NaN
        if (is_first ? !is_larger(x[found], x[place]) : is_larger(x[place], x[found])) found = place;
    }
    return found;
}

// Columns of x (S, B), some at a time
template <class T>
void largest_of_columns(const T* x, int64_t count, int64_t columns, T* y, std::int32_t* place) {
    T best[outputs_at_a_time];
    Bits<T> places[outputs_at_a_time];
    for (int64_t from = 0; from < columns; from += outputs_at_a_time) {
        const int64_t width = std::min(outputs_at_a_time, columns - from);
        std::copy_n(x + from, width, best);
        std::fill_n(places, width, Bits<T>{0});
        for (int64_t s = 1; s < count; ++s)
            for_each(width, [=, row = x + s * columns + from, best = &best[0], places = &places[0]](int64_t b) {
                const bool is_new = !(row[b] <= best[b]) & (best[b] == best[b]);
                best[b] = is_new ? row[b] : best[b];
                places[b] = is_new ? static_cast<Bits<T>>(s) : places[b];
            });
        std::copy_n(best, width, y + from);
        if (place != nullptr) std::copy_n(places, width, place + from);
    }
}

template <class T>
void global_max_pool_forward(In<T> of_x, Out<T> of_y, Out<std::int32_t> of_place) {
    const int64_t count = of_x.shape(2), columns = of_x.shape(3);
    const T* x = of_x;
    T* y = of_y;
    std::int32_t* place = of_place;
    for (int64_t plane = 0; plane < of_x.shape(0) * of_x.shape(1); ++plane, x += count * columns, y += columns) {
        if (columns == 1) {
            const int64_t found = place_of_largest(x, count);
            *y = x[found];
            if (place != nullptr) *place = static_cast<std::int32_t>(found);
        } else {
            largest_of_columns(x, count, columns, y, place);
        }
        if (place != nullptr) place += columns;
    }
}
GLASSNET_KERNEL(global_max_pool_forward);

template <class T>
void global_max_pool_backward(In<T> of_dy, In<std::int32_t> of_place, Out<T> of_dx) {
    const int64_t count = of_dx.shape(2), columns = of_dx.shape(3);
    const T* dy = of_dy;
    const std::int32_t* place = of_place;
    T* dx = of_dx;
    std::fill_n(dx, of_dx.size(), T(0));
    for (int64_t plane = 0; plane < of_dx.shape(0) * of_dx.shape(1); ++plane, dx += count * columns)
        for (int64_t b = 0; b < columns; ++b, ++dy, ++place)
            if (*place >= 0 && *place < count) dx[*place * columns + b] = *dy;
}
GLASSNET_KERNEL(global_max_pool_backward);

}  // namespace
}  // namespace glassnet
