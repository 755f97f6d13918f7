// σ and tanh of whole vector registers, by the formulas of logistic.hpp and vector_math.hpp: for bodies with several of
// them, which the compiler turns into slower code where they are written for one element.
#pragma once

#include <bit>

#include "math/lanes.hpp"
#include "math/vector_math.hpp"

namespace glassnet {
namespace {  // each variant of the native module has its own

template <class T>
class Gates {
public:
    using Lanes = typename Vec<T, vector_bytes>::Lanes;

    // See logistic.hpp.
    static Lanes logistic(const Lanes& x) {
        const Reduced reduced(smaller(Lanes{} + T(40), larger(Lanes{} + C::lowest, x)));
        const Lanes e = reduced.scale * (reduced.d + reduced.n);
        return e / (e + (reduced.d - reduced.n));
    }

    // See vector_math.hpp.
    static Lanes tanh(const Lanes& x) {
        const BitLanes bits = std::bit_cast<BitLanes>(x), sign = bits & (BitLanes{} + sign_bit);
        const BitLanes positive = bits ^ sign;
        const Lanes size = std::bit_cast<Lanes>(positive);
        const Reduced reduced(2 * smaller(Lanes{} + T(20), size));
        const Lanes above = reduced.scale + 1, below = reduced.scale - 1;
        const Lanes value = (below * reduced.d + above * reduced.n) / (above * reduced.d + below * reduced.n);
        const BitLanes with_sign = (std::bit_cast<BitLanes>(value) & ~(BitLanes{} + sign_bit)) | sign;
        return std::bit_cast<Lanes>(with_sign);
    }

private:
    using C = MathConstants<T>;
    typedef Bits<T> BitLanes __attribute__((vector_size(vector_bytes)));
    static constexpr Bits<T> sign_bit = Bits<T>{1} << (8 * sizeof(T) - 1);

    // The larger and the smaller one of a bound and x; NaN stays.
    static Lanes larger(const Lanes& bound, const Lanes& x) {
#if defined(GLASSNET_INTRINSICS) && !defined(__AVX512VL__)
        if constexpr (sizeof(T) == 4)
            return _mm256_max_ps(bound, x);
        else
            return _mm256_max_pd(bound, x);
#else
        return x < bound ? bound : x;
#endif
    }
    static Lanes smaller(const Lanes& bound, const Lanes& x) {
#if defined(GLASSNET_INTRINSICS) && !defined(__AVX512VL__)
        if constexpr (sizeof(T) == 4)
            return _mm256_min_ps(bound, x);
        else
            return _mm256_min_pd(bound, x);
#else
        return x > bound ? bound : x;
#endif
    }

    // x = k ln 2 + r, 2^k, and tanh(r/2) = n/d
    struct Reduced {
        Lanes scale, n, d;

        explicit Reduced(const Lanes& x) {
            const Lanes shifted = x * C::log2e + C::magic;
            const Lanes k = shifted - C::magic;
            const Lanes r = (x - k * C::ln2_high) - k * C::ln2_low;
            const BitLanes bits = (std::bit_cast<BitLanes>(shifted) + C::bias) << C::mantissa;
            scale = std::bit_cast<Lanes>(bits);
            n = r * polynomial(C::half_tanh_p, r * r);
            d = polynomial(C::half_tanh_q, r * r);
        }
    };

    template <std::size_t count>
    static Lanes polynomial(const T (&c)[count], const Lanes& x) {
        return sum<count>(c, x);
    }

    template <std::size_t count>
    static Lanes sum(const T* c, const Lanes& x) {
        if constexpr (count == 1) {
            return Lanes{} + c[0];
        } else {
            constexpr std::size_t half = std::bit_floor(count - 1);
            return sum<half>(c, x) + sum<count - half>(c + half, x) * power<half>(x);
        }
    }
};

}  // namespace
}  // namespace glassnet
