// Loops over an index: each element alone, sums and maxima.
//
// Floating-point addition does not associate, so the compiler must keep one running sum in order. Eight of
// them side by side may become one vector register, and lose less to rounding besides.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "math/lanes.hpp"

namespace glassnet {

// Elements of T in 64 bytes, the widest vector register there is.
template <class T>
constexpr std::int64_t vector_lanes = 64 / sizeof(T);

// body(i) for 0 <= i < count; none reads what another writes.
template <class Body>
inline void for_each(std::int64_t count, Body body) {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC ivdep
#endif
    for (std::int64_t i = 0; i < count; ++i) body(i);
}

// body(a[i], b[i], ...) for 0 <= i < count; an output may be one of the inputs.
template <class Body, class... Ts>
inline void for_cheap_elements(std::int64_t count, Body body, Ts*... arrays) {
    for_each(count, [=](std::int64_t i) { body(arrays[i]...); });
}

template <class V, class T>
inline void write_back(T* to, const typename V::Lanes& lanes) {
    if constexpr (!std::is_const_v<T>) V::store(to, lanes);
}

// A function of its own, so that whole arrays and copies of their ends share one loop, of a count that the compiler
// does not know: GCC 12 makes no vectors of a few turns.
template <class Body, class... Ts>
__attribute__((noinline)) void for_whole_vectors(std::int64_t count, Body body, Ts*... arrays) {
    for_cheap_elements(count, body, arrays...);
}

// A body for vector registers in the place of elements.
template <class Body>
struct OnVectors {
    Body body;
};

// The same for whole vectors, a register of each array at a time.
template <class Body, class... Ts>
__attribute__((noinline)) void for_whole_vectors(std::int64_t count, OnVectors<Body> on, Ts*... arrays) {
    using V = Vec<std::common_type_t<std::remove_const_t<Ts>...>, vector_bytes>;
    for (std::int64_t i = 0; i < count; i += V::width) {
        [&](auto... lanes) {
            on.body(lanes...);
            (write_back<V>(arrays + i, lanes), ...);
        }(V::load(arrays + i)...);
    }
}

template <class T>
inline void copy_back(const T*, std::int64_t, const T*) {}

template <class T>
inline void copy_back(const T* from, std::int64_t count, T* to) {
    std::copy_n(from, count, to);
}

// The same in whole vectors only, for a body that would take long one by one. The elements left over at the end are
// computed in copies of the last ones, taken before anything is written.
template <class Body, class... Ts>
inline void for_elements(std::int64_t size, Body body, Ts*... arrays) {
    using T = std::common_type_t<std::remove_const_t<Ts>...>;
    constexpr std::int64_t lanes = vector_lanes<T>;
    T ends[sizeof...(Ts)][lanes];
    const std::int64_t rest = size % lanes;
    const auto with_ends = [&]<std::size_t... I>(std::index_sequence<I...>) {
        if (rest == 0) {
            for_whole_vectors(size, body, arrays...);
        } else if (size > lanes) {
            (std::copy_n(arrays + size - lanes, lanes, ends[I]), ...);
            for_whole_vectors(size - rest, body, arrays...);
            for_whole_vectors(lanes, body, static_cast<Ts*>(ends[I])...);
            (copy_back(ends[I], lanes, arrays + size - lanes), ...);
        } else {
            ((std::fill_n(ends[I], lanes, T(1)), std::copy_n(arrays, size, ends[I])), ...);
            for_whole_vectors(lanes, body, static_cast<Ts*>(ends[I])...);
            (copy_back(ends[I], size, arrays), ...);
        }
    };
    with_ends(std::index_sequence_for<Ts...>());
}

// The loops for bodies of a few operations and for those with elementary functions, as types.
struct Cheap {
    void operator()(auto... arguments) const { for_cheap_elements(arguments...); }
};
struct Costly {
    void operator()(auto... arguments) const { for_elements(arguments...); }
};

// Calls body with `width` as a constant where it is one of those whose rows GCC takes apart, and puts together, in
// whole vectors; returns whether it was.
template <class Body>
inline bool with_narrow(std::int64_t width, Body body) {
    const auto call = [&]<std::int64_t... widths>(std::integer_sequence<std::int64_t, widths...>) {
        return ((width == widths && (body(std::integral_constant<std::int64_t, widths>()), true)) || ...);
    };
    return call(std::integer_sequence<std::int64_t, 2, 3, 4, 8>());
}

// to[row width + k] = from[row] for 0 <= k < width. Up to a vector beyond the end of `to` is written too.
template <class T>
__attribute__((noinline)) void spread(const T* from, std::int64_t rows, std::int64_t width, T* to) {
    const bool done = with_narrow(width, [=](auto narrow) {
        for_each(rows, [=](std::int64_t row) {
            for (std::int64_t k = 0; k < narrow; ++k) to[row * narrow + k] = from[row];
        });
    });
    if (done) return;
    for (std::int64_t row = 0; row < rows; ++row)
        for (std::int64_t k = 0; k < width; k += vector_lanes<T>)
            std::fill_n(to + row * width + k, vector_lanes<T>, from[row]);
}

// Rows shorter than this are taken many at a time, as one row of all their elements.
constexpr std::int64_t short_row = 32;
constexpr std::int64_t rows_at_a_time = 64;

// A number for each element of so many short rows, with room for `spread`.
template <class T>
struct ForShortRows {
    T values[rows_at_a_time * short_row + vector_lanes<T>];
};

// join of start and all term(i), 0 <= i < count; start must be neutral for join.
template <class T, class Term, class Join>
inline T reduce(std::int64_t count, T start, Term term, Join join) {
    constexpr std::int64_t lanes = 8;
    if (count < 2 * lanes) {  // too few to gain from it
        for (std::int64_t i = 0; i < count; ++i) start = join(start, term(i));
        return start;
    }
    T part[lanes];
    std::fill_n(part, lanes, start);
    const std::int64_t whole = count - count % lanes;
    for (std::int64_t i = 0; i < whole; i += lanes)
        for (std::int64_t lane = 0; lane < lanes; ++lane) part[lane] = join(part[lane], term(i + lane));
    for (std::int64_t i = whole; i < count; ++i) part[i - whole] = join(part[i - whole], term(i));
    for (std::int64_t width = lanes / 2; width > 0; width /= 2)
        for (std::int64_t lane = 0; lane < width; ++lane) part[lane] = join(part[lane], part[lane + width]);
    return part[0];
}

// Σ_i term(i) in T
template <class T, class Term>
inline T sum_of(std::int64_t count, Term term) {
    return reduce(count, T(0), term, [](T a, T b) { return a + b; });
}

// max(start, max_i term(i)); a term that is NaN is passed over.
template <class T, class Term>
inline T max_of(std::int64_t count, T start, Term term) {
    return reduce(count, start, term, [](T a, T b) { return std::max(a, b); });
}

// results[row] = join of start and the row's elements, as `reduce` has it, for rows of `width` elements.
template <class T, class Join>
inline void reduce_rows(const T* x, std::int64_t rows, std::int64_t width, T start, T* results, Join join) {
    const bool done = with_narrow(width, [=](auto narrow) {
        for_each(rows, [=](std::int64_t row) {
            T result = start;
            for (std::int64_t k = 0; k < narrow; ++k) result = join(result, x[row * narrow + k]);
            results[row] = result;
        });
    });
    if (done) return;
    for (std::int64_t row = 0; row < rows; ++row, x += width)
        results[row] = reduce(width, start, [x](std::int64_t k) { return x[k]; }, join);
}

// The sum of each row
template <class T>
__attribute__((noinline)) void sums_of_rows(const T* x, std::int64_t rows, std::int64_t width, T* sums) {
    reduce_rows(x, rows, width, T(0), sums, [](T a, T b) { return a + b; });
}

// The largest element of each row, one that is NaN being passed over
template <class T>
__attribute__((noinline)) void largest_of_rows(const T* x, std::int64_t rows, std::int64_t width, T* largest) {
    reduce_rows(x, rows, width, -std::numeric_limits<T>::infinity(), largest, [](T a, T b) { return std::max(a, b); });
}

}  // namespace glassnet
