// Elementary functions without a branch or a call, so that the compiler can turn loops over them into vector code.
//
// Their largest errors against the C library, in units in the last place (tests/native/test_vector_math.py): log 2,
// exp, expm1 and log1p 3, tanh 4, the normal distribution 8. Results below the smallest normal number may be 0.
// Polynomials and quotients without another source interpolate the function at Chebyshev points, with an error below a
// quarter of a unit.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace glassnet {

template <class T>
using Bits = std::conditional_t<sizeof(T) == sizeof(float), std::uint32_t, std::uint64_t>;

template <class T>
struct MathConstants;

template <>
struct MathConstants<float> {
    static constexpr float magic = 0x1.8p23F;  // adding it rounds to a whole number, kept in the low bits
    static constexpr float log2e = 1.44269504088896341F;
    static constexpr float ln2_high = 0.693359375F, ln2_low = -2.12194440e-4F;
    static constexpr float lowest = -88;  // e^x counts as 0
    static constexpr float highest = 89;  // e^x is ∞
    static constexpr std::uint32_t bias = 127;
    static constexpr int mantissa = 23;
    // (e^r − 1 − r)/r²
    static constexpr float exp_series[] = {0.5F, 0.1666657689F, 0.0416665545F, 0.008363194882F, 0.001392620336F};
    // tanh(r/2) = r p(r²)/q(r²), from the continued fraction w/(1 + w²/(3 + w²/5))
    static constexpr float half_tanh_p[] = {60, 1};
    static constexpr float half_tanh_q[] = {120, 12};
    // log(1 + f) as in e_logf.c of the FreeBSD library
    static constexpr float log_series[] = {0xaaaaaa.0p-24F, 0xccce13.0p-25F, 0x91e9ee.0p-25F, 0xf89e26.0p-26F};
    // e^(x²/2) Φ(−x) = p(x)/q(x) for 0 ≤ x ≤ tail_end
    static constexpr float tail_p[] = {0.500000002F, 0.437370847F, 0.182505177F, 0.0403739933F, 0.00407411634F};
    static constexpr float tail_q[] = {1, 1.67262657F, 1.19956941F, 0.467532371F, 0.101209168F, 0.010212173F};
    static constexpr float tail_end = 13.27F;  // Φ(−x) counts as 0
};

template <>
struct MathConstants<double> {
    static constexpr double magic = 0x1.8p52;
    static constexpr double log2e = 1.44269504088896340736;
    static constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
    static constexpr double lowest = -709;
    static constexpr double highest = 710;
    static constexpr std::uint64_t bias = 1023;
    static constexpr int mantissa = 52;
    static constexpr double exp_series[] = {0.5,
                                            0.16666666666666669,
                                            0.04166666666662404,
                                            0.008333333333330055,
                                            0.0013888888917258759,
                                            0.00019841269863088255,
                                            2.4801521225986432e-05,
                                            2.7557268406190795e-06,
                                            2.7620121717381933e-07,
                                            2.51004110820149e-08};
    // S. Moshier, Cephes mathematical library, exp.c
    static constexpr double half_tanh_p[] = {9.99999999999999999910e-1, 3.02994407707441961300e-2,
                                             1.26177193074810590878e-4};
    static constexpr double half_tanh_q[] = {2.00000000000000000009, 2.27265548208155028766e-1,
                                             2.52448340349684104192e-3, 3.00198505138664455042e-6};
    // fdlibm, e_log.c
    static constexpr double log_series[] = {
        6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
        1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01};
    static constexpr double tail_p[] = {0.5,
                                        0.7755663428377656,
                                        0.5950216954889781,
                                        0.2900106793034927,
                                        0.09799485784379652,
                                        0.02370972327714027,
                                        0.004107126967228792,
                                        0.0004928677782964947,
                                        3.74624373016114e-05,
                                        1.394096665369294e-06};
    static constexpr double tail_q[] = {1.0,
                                        2.34901724647839,
                                        2.564287985002946,
                                        1.7174800483185615,
                                        0.7839447352555196,
                                        0.2557439022291592,
                                        0.060659910488161474,
                                        0.010388944977934054,
                                        0.0012389307910304552,
                                        9.390440457492298e-05,
                                        3.4944821189924443e-06};
    static constexpr double tail_end = 37.66;
};

// x^n by squaring, n a power of two
template <std::size_t n, class T>
inline T power(T x) {
    if constexpr (n == 1)
        return x;
    else
        return power<n / 2>(x) * power<n / 2>(x);
}

// Σ_i c_i x^i in Estrin's order, halves side by side: few steps wait for one another.
template <std::size_t count, class T>
inline T polynomial_of(const T* c, T x) {
    if constexpr (count == 1) {
        return c[0];
    } else {
        constexpr std::size_t half = std::bit_floor(count - 1);
        return polynomial_of<half>(c, x) + polynomial_of<count - half>(c + half, x) * power<half>(x);
    }
}

template <class T, std::size_t count>
inline T polynomial(const T (&c)[count], T x) {
    return polynomial_of<count>(c, x);
}

// x + rest = k ln 2 + r with k = round(x / ln 2), |r| ≤ ½ ln 2, for a small rest.
//
// Source, and of ln 2 in two parts: W. J. Cody, W. Waite, "Software manual for the elementary functions" (1980),
// chapter 6.
template <class T>
struct Reduced {
    T r;
    T scale;  // 2^k, and 0 for the first k below the normal numbers

    explicit Reduced(T x, T rest = 0) {
        using C = MathConstants<T>;
        const T shifted = x * C::log2e + C::magic;
        const T k = shifted - C::magic;
        r = (x - k * C::ln2_high) - (k * C::ln2_low - rest);
        scale = std::bit_cast<T>((std::bit_cast<Bits<T>>(shifted) + C::bias) << C::mantissa);
    }
};

// e^r − 1 for |r| ≤ ½ ln 2
template <class T>
inline T expm1_near_zero(T r) {
    return r + r * r * polynomial(MathConstants<T>::exp_series, r);
}

// The functions below compare each argument once: of two comparisons that have to do with one another GCC 12 makes
// paths, and computes all of them. NaN passes through.

template <class T>
inline T at_least(T x, T low) {
    return x < low ? low : x;
}

template <class T>
inline T at_most(T x, T high) {
    return x > high ? high : x;
}

// e^(x + rest) for lowest ≤ x ≤ 0 and a small rest.
template <class T>
inline T exp_within(T x, T rest = 0) {
    const Reduced<T> reduced(x, rest);
    return (1 + expm1_near_zero(reduced.r)) * reduced.scale;
}

// e^x for x ≤ 0
template <class T>
inline T vector_exp(T x) {
    return exp_within(at_least(x, MathConstants<T>::lowest));
}

// e^x for any x: ∞ from about 2^(largest exponent + ½) on, the last factor 1.4 below the largest number included.
template <class T>
inline T exponential(T x) {
    using C = MathConstants<T>;
    const Reduced<T> reduced(at_most(at_least(x, C::lowest), C::highest));
    return (1 + expm1_near_zero(reduced.r)) * reduced.scale;
}

// e^x − 1 for x ≤ 1, accurate to the last places near 0 too.
template <class T>
inline T vector_expm1(T x) {
    const Reduced<T> reduced(at_least(x, MathConstants<T>::lowest));
    return expm1_near_zero(reduced.r) * reduced.scale + (reduced.scale - 1);
}

// tanh(r/2) = n/d for |r| ≤ ½ ln 2, so that e^r = (d + n)/(d − n) costs no division of its own.
template <class T>
struct HalfTanh {
    T n, d;

    explicit HalfTanh(T r) {
        using C = MathConstants<T>;
        n = r * polynomial(C::half_tanh_p, r * r);
        d = polynomial(C::half_tanh_q, r * r);
    }
};

// tanh x = (e^2x − 1)/(e^2x + 1) with the sign of x apart and e^2|x| = 2^k (d + n)/(d − n): one division. Beyond 20 it
// is 1 in either precision.
template <class T>
inline T vector_tanh(T x) {
    const Reduced<T> reduced(2 * at_most(std::abs(x), T(20)));
    const HalfTanh<T> half(reduced.r);
    const T above = reduced.scale + 1, below = reduced.scale - 1;
    return std::copysign((below * half.d + above * half.n) / (above * half.d + below * half.n), x);
}

// k ln 2 + log(1 + f) for √½ ≤ 1 + f ≤ √2, in the order of fdlibm's e_log.c.
template <class T>
inline T log_of_parts(T k, T f) {
    using C = MathConstants<T>;
    const T s = f / (2 + f);
    const T square = s * s;
    const T series = square * polynomial(C::log_series, square);
    const T half = f * f / 2;
    return k * C::ln2_high - ((half - (s * (half + series) + k * C::ln2_low)) - f);
}

// x = 2^k m with √½ ≤ m ≤ √2, for normal x > 0.
template <class T>
struct Mantissa {
    T k, m;

    explicit Mantissa(T x) {
        using C = MathConstants<T>;
        constexpr Bits<T> root_half = std::bit_cast<Bits<T>>(T(0.70710678118654752440));
        constexpr Bits<T> one = std::bit_cast<Bits<T>>(T(1)), fraction = (Bits<T>{1} << C::mantissa) - 1;
        constexpr T whole = T(std::uint64_t{1} << C::mantissa);  // its last bit counts ones
        const Bits<T> bits = std::bit_cast<Bits<T>>(x) + (one - root_half);
        k = std::bit_cast<T>((bits >> C::mantissa) | std::bit_cast<Bits<T>>(whole)) - (whole + T(C::bias));
        m = std::bit_cast<T>((bits & fraction) + root_half);
    }
};

// log x: −∞ at 0, NaN to the left of it.
template <class T>
inline T vector_log(T x) {
    using Limits = std::numeric_limits<T>;
    constexpr int lift = MathConstants<T>::mantissa + 1;
    const T up = x < Limits::min() ? T(std::uint64_t{1} << lift) : T(1);
    const T down = x < Limits::min() ? T(lift) : T(0);
    const Mantissa<T> parts(x * up);
    const T value = log_of_parts(parts.k - down, parts.m - 1);
    const T positive = x > Limits::max() ? x : value;
    const T outside = x == 0 ? -Limits::infinity() : Limits::quiet_NaN();
    return x > 0 ? positive : outside;
}

// log(1 + z) for 0 ≤ z ≤ 1, accurate to the last places near 0 too: 1 + f = (1 + z)/2^k, k = 0 or 1.
template <class T>
inline T vector_log1p(T z) {
    const T k = Mantissa<T>(1 + z).k;
    return log_of_parts(k, (z - k) * (1 - k / 2));
}

// The standard normal distribution.
template <class T>
struct Normal {
    T cdf;   // Φ(x)
    T bell;  // e^(−x²/2), the density times √(2π)
};

// Φ(−|x|) = e^(−x²/2) p(|x|)/q(|x|), and Φ(|x|) = 1 − Φ(−|x|): accurate to the last places far out on the left too,
// x² being split into the square of its leading half and a small rest.
template <class T>
inline Normal<T> vector_normal(T x) {
    using C = MathConstants<T>;
    constexpr Bits<T> leading = ~((Bits<T>{1} << (C::mantissa / 2 + 1)) - 1);
    const T size = at_most(std::abs(x), C::tail_end);
    const T high = std::bit_cast<T>(std::bit_cast<Bits<T>>(size) & leading);
    const T bell = exp_within(-(high * high) / 2, -((size - high) * (size + high)) / 2);
    const T tail = bell * (polynomial(C::tail_p, size) / polynomial(C::tail_q, size));
    return {x > 0 ? 1 - tail : tail, bell};
}

}  // namespace glassnet
