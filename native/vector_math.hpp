// Exponential functions without a branch or a call, so that the compiler can turn loops over them into vector code.
//
// e^x = 2^k e^r with k = round(x / ln 2) and |r| ≤ ½ ln 2; e^r − 1 is its Taylor polynomial, whose first term left out
// is below half a unit in the last place. Compared with the C library the results differ by at most 2 units in the
// last place (tests/native/test_vector_math.py). Results below the smallest normal number are 0.
//
// Source of the reduction and of ln 2 in two parts: W. J. Cody, W. Waite, "Software manual for the elementary
// functions" (1980), chapter 6.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace glassnet {

template <class T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
    using Bits = std::int32_t;
    static constexpr float magic = 0x1.8p23F;  // adding it rounds to a whole number, kept in the low bits
    static constexpr float log2e = 1.44269504088896341F;
    static constexpr float ln2_high = 0.693359375F, ln2_low = -2.12194440e-4F;
    static constexpr float lowest = -87.33F, highest = 88.72F;
    static constexpr Bits bias = 127;
    static constexpr int mantissa = 23;
};

template <>
struct ExpConstants<double> {
    using Bits = std::int64_t;
    static constexpr double magic = 0x1.8p52;
    static constexpr double log2e = 1.44269504088896340736;
    static constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
    static constexpr double lowest = -708.39, highest = 709.78;
    static constexpr Bits bias = 1023;
    static constexpr int mantissa = 52;
};

// e^r − 1 for |r| ≤ ½ ln 2
template <class T>
inline T expm1_near_zero(T r);

template <>
inline float expm1_near_zero(float r) {
    float sum = 1.0F / 5040;
    sum = sum * r + 1.0F / 720;
    sum = sum * r + 1.0F / 120;
    sum = sum * r + 1.0F / 24;
    sum = sum * r + 1.0F / 6;
    sum = sum * r + 0.5F;
    return r + r * r * sum;
}

template <>
inline double expm1_near_zero(double r) {
    double sum = 1.0 / 6227020800;
    sum = sum * r + 1.0 / 479001600;
    sum = sum * r + 1.0 / 39916800;
    sum = sum * r + 1.0 / 3628800;
    sum = sum * r + 1.0 / 362880;
    sum = sum * r + 1.0 / 40320;
    sum = sum * r + 1.0 / 5040;
    sum = sum * r + 1.0 / 720;
    sum = sum * r + 1.0 / 120;
    sum = sum * r + 1.0 / 24;
    sum = sum * r + 1.0 / 6;
    sum = sum * r + 0.5;
    return r + r * r * sum;
}

// e^x = (1 + p) · 2 · half, half = 2^(k−1): the factor 2 apart, so that k = 1024 does not overflow.
template <class T>
struct ExpParts {
    T p;
    T half;
};

template <class T>
inline ExpParts<T> exp_parts(T x) {
    using C = ExpConstants<T>;
    const T shifted = x * C::log2e + C::magic;
    const T k = shifted - C::magic;
    const T r = (x - k * C::ln2_high) - k * C::ln2_low;
    const auto bits = std::bit_cast<typename C::Bits>(shifted);
    using Unsigned = std::make_unsigned_t<typename C::Bits>;
    const auto exponent = static_cast<Unsigned>(bits + (C::bias - 1)) << C::mantissa;
    return {expm1_near_zero(r), std::bit_cast<T>(exponent)};
}

// e^x; NaN stays NaN.
template <class T>
inline T vector_exp(T x) {
    using C = ExpConstants<T>;
    const T inside = x < C::lowest ? C::lowest : (x > C::highest ? C::highest : x);
    const auto [p, half] = exp_parts(inside);
    const T value = (1 + p) * half * 2;
    return x < C::lowest ? T(0) : (x > C::highest ? std::numeric_limits<T>::infinity() : value);
}

// e^x − 1, accurate to the last places near 0 too.
template <class T>
inline T vector_expm1(T x) {
    using C = ExpConstants<T>;
    const T inside = x < C::lowest ? C::lowest : (x > C::highest ? C::highest : x);
    const auto [p, half] = exp_parts(inside);
    const T value = (p * half + (half - T(0.5))) * 2;
    return x > C::highest ? std::numeric_limits<T>::infinity() : value;
}

// tanh x = t/(t + 2), t = e^2|x| − 1, with the sign of x. Beyond 20 it is 1 in either precision.
template <class T>
inline T vector_tanh(T x) {
    const T size = std::abs(x);
    const T t = vector_expm1(2 * (size > 20 ? T(20) : size));
    return std::copysign(t / (t + 2), x);
}

// log(1 + z) for 0 ≤ z ≤ 1, accurate to the last places near 0 too: 2 artanh s with s = z/(2 + z) ≤ 1/3, by the
// series s (1 + s²/3 + s⁴/5 + ...), as many terms as the precision asks for.
template <class T>
inline T vector_log1p(T z) {
    constexpr int terms = sizeof(T) == sizeof(float) ? 8 : 17;
    const T s = z / (2 + z);
    const T square = s * s;
    T sum = T(1) / (2 * terms + 1);
    for (int term = terms - 1; term > 0; --term) sum = sum * square + T(1) / T(2 * term + 1);
    return 2 * s + 2 * s * square * sum;
}

}  // namespace glassnet
