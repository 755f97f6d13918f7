// Sums and maxima over an index.
//
// Floating-point addition does not associate, so the compiler must keep one running sum in order. Eight of
// them side by side may become one vector register, and lose less to rounding besides.
#pragma once

#include <algorithm>
#include <cstdint>

namespace glassnet {

// join of start and all term(i), 0 <= i < count; start must be neutral for join.
template <class T, class Term, class Join>
inline T reduce(std::int64_t count, T start, Term term, Join join) {
    constexpr std::int64_t lanes = 8;
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
