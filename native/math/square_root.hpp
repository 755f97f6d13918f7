// Square roots of whole vectors, rounded as the processor rounds them, and sooner: its own instruction occupies the
// unit that divides for as long as the division that mostly follows.
//
// s ≈ √v and h ≈ 1/(2 √v) are refined together from an estimate of 1/√v with 14 bits: e = ½ − s h, s ← s + s e,
// h ← h + h e; and at the end s ← s + (v − s²) h (Markstein, IA-64 and Elementary Functions, 2000, section 9.1). For
// float the tests compare all mantissas with the instruction, for double a sample.
#pragma once

#include <cmath>

#include "math/lanes.hpp"

namespace glassnet {
namespace {  // each variant of the native module has its own

inline float square_root(float value) { return std::sqrt(value); }
inline double square_root(double value) { return std::sqrt(value); }

#if defined(__AVX512VL__)
// Far enough above the smallest number that v − s² is not rounded to 0.
constexpr float least_for_root_float = 0x1p-96F;
constexpr double least_for_root_double = 0x1p-960;

inline __m512 square_root(const __m512& value) {
    constexpr __mmask16 all = 0xFFFF;
    const __mmask16 large = _mm512_cmp_ps_mask(value, _mm512_set1_ps(least_for_root_float), _CMP_GT_OQ);
    if (_mm512_mask_cmp_ps_mask(large, value, _mm512_set1_ps(INFINITY), _CMP_LT_OQ) != all)
        return _mm512_maskz_sqrt_ps(all, value);
    const __m512 half = _mm512_set1_ps(0.5F), estimate = _mm512_maskz_rsqrt14_ps(all, value);
    __m512 s = value * estimate, h = half * estimate;
    const __m512 e = _mm512_fnmadd_ps(s, h, half);
    s = _mm512_fmadd_ps(s, e, s);
    h = _mm512_fmadd_ps(h, e, h);
    return _mm512_fmadd_ps(_mm512_fnmadd_ps(s, s, value), h, s);
}

inline __m512d square_root(const __m512d& value) {
    constexpr __mmask8 all = 0xFF;
    const __mmask8 large = _mm512_cmp_pd_mask(value, _mm512_set1_pd(least_for_root_double), _CMP_GT_OQ);
    if (_mm512_mask_cmp_pd_mask(large, value, _mm512_set1_pd(INFINITY), _CMP_LT_OQ) != all)
        return _mm512_maskz_sqrt_pd(all, value);
    const __m512d half = _mm512_set1_pd(0.5), estimate = _mm512_maskz_rsqrt14_pd(all, value);
    __m512d s = value * estimate, h = half * estimate;
    for (int turn = 0; turn < 2; ++turn) {
        const __m512d e = _mm512_fnmadd_pd(s, h, half);
        s = _mm512_fmadd_pd(s, e, s);
        h = _mm512_fmadd_pd(h, e, h);
    }
    return _mm512_fmadd_pd(_mm512_fnmadd_pd(s, s, value), h, s);
}
#endif

}  // namespace
}  // namespace glassnet
