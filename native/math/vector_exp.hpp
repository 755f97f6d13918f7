// e^x of whole vector registers: the operations of vector_math.hpp on all lanes, and their bits.
#pragma once

#include "math/lanes.hpp"
#include "math/vector_math.hpp"

#include <bit>
#include <cstddef>
#include <iterator>

namespace glassnet {
namespace {  // each variant of the native module has its own

// Σ_i c_i x^i, as polynomial_of in vector_math.hpp
template <std::size_t count, class T, class Lanes>
[[gnu::always_inline]] inline Lanes polynomial_of_lanes(const T* c, const Lanes& x) {
    if constexpr (count == 1) {
        return Lanes{} + c[0];
    } else {
        constexpr std::size_t half = std::bit_floor(count - 1);
        return polynomial_of_lanes<half>(c, x) + polynomial_of_lanes<count - half>(c + half, x) * power<half, Lanes>(x);
    }
}

// e^x for x ≤ 0, lane by lane
template <class V, class T>
[[gnu::always_inline]] inline typename V::Lanes exp_of_lanes(const typename V::Lanes& given) {
    using C = MathConstants<T>;
    using Lanes = typename V::Lanes;
    typedef Bits<T> Whole __attribute__((vector_size(sizeof(Lanes))));
    const Lanes x = at_least(given, C::lowest);
    const Lanes shifted = x * C::log2e + C::magic;
    const Lanes k = shifted - C::magic;
    const Lanes r = (x - k * C::ln2_high) - k * C::ln2_low;
    const Lanes scale = (Lanes)(((Whole)shifted + C::bias) << C::mantissa);
    const Lanes beyond = r + r * r * polynomial_of_lanes<std::size(C::exp_series)>(C::exp_series, r);
    return (1 + beyond) * scale;
}

}  // namespace
}  // namespace glassnet
