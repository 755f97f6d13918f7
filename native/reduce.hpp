// Loops over an index: each element alone, sums and maxima.
//
// Floating-point addition does not associate, so the compiler must keep one running sum in order. Eight of
// them side by side may become one vector register, and lose less to rounding besides.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

namespace glassnet {

// Elements of T in 64 bytes, the widest vector register there is.
template <class T>
constexpr std::int64_t vector_lanes = 64 / sizeof(T);

// body(a[i], b[i], ...) for 0 <= i < size, in whole vectors only. The elements left over at the end are computed in
// copies of the last ones, taken before anything is written: an output may be one of the inputs.
template <class Body, class... Ts>
inline void for_elements(std::int64_t size, Body body, Ts*... arrays) {
    using T = std::common_type_t<std::remove_const_t<Ts>...>;
    constexpr std::int64_t lanes = vector_lanes<T>;
    const std::int64_t rest = size % lanes;
    const std::int64_t copied = size > lanes ? lanes : rest;
    T ends[sizeof...(Ts)][lanes];
    const auto with_ends = [&ends](auto act) {
        [&]<std::size_t... I>(std::index_sequence<I...>) { act(ends[I]...); }(std::index_sequence_for<Ts...>());
    };
    if (rest != 0) {
        with_ends([&](auto&... end) {
            if (size > lanes)
                (std::copy_n(arrays + size - lanes, lanes, end), ...);
            else
                ((std::fill_n(end, lanes, T(1)), std::copy_n(arrays, size, end)), ...);
        });
    }
    // One loop for both, of a count that the compiler does not know: GCC 12 makes no vectors of a few turns.
    std::tuple<Ts*...> at(arrays...);
    for (std::int64_t count = size - rest, left = copied;; count = lanes, left = 0) {
        std::apply(
            [count, &body](Ts*... a) {
#pragma GCC ivdep
                for (std::int64_t i = 0; i < count; ++i) body(a[i]...);
            },
            at);
        if (left == 0) break;
        with_ends([&at](auto&... end) { at = std::tuple<Ts*...>(end...); });
    }
    if (rest == 0) return;
    with_ends([&](auto&... end) {
        const auto put = [&](auto* array, const T* from) {
            if constexpr (!std::is_const_v<std::remove_pointer_t<decltype(array)>>) {
                if (size > lanes)
                    std::copy_n(from, lanes, array + size - lanes);
                else
                    std::copy_n(from, size, array);
            }
        };
        (put(arrays, end), ...);
    });
}

// join of start and all term(i), 0 <= i < count; start must be neutral for join.
template <class T, class Term, class Join>
inline T reduce(std::int64_t count, T start, Term term, Join join) {
    constexpr std::int64_t lanes = 8;
    if (count < lanes) {
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

}  // namespace glassnet
