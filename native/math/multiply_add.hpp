// Multiply-adds of vector registers where code is compiled without contraction.
#pragma once

#include "math/lanes.hpp"

#include <cmath>
#include <cstddef>

namespace glassnet {
namespace {  // each variant of the native module has its own

// a b + c, rounded once, whatever the compiler is told of contracting.
template <class Lanes>
[[gnu::always_inline]] inline Lanes multiply_add(const Lanes& a, const Lanes& b, const Lanes& c) {
#if defined(__FMA__)
    constexpr bool is_float = sizeof(a[0]) == sizeof(float);
    if constexpr (sizeof(Lanes) == 16 && is_float) return (Lanes)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
    if constexpr (sizeof(Lanes) == 16 && !is_float) return (Lanes)_mm_fmadd_pd((__m128d)a, (__m128d)b, (__m128d)c);
    if constexpr (sizeof(Lanes) == 32 && is_float) return (Lanes)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
    if constexpr (sizeof(Lanes) == 32 && !is_float) return (Lanes)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#if defined(__AVX512F__)
    if constexpr (sizeof(Lanes) == 64 && is_float) return (Lanes)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
    if constexpr (sizeof(Lanes) == 64 && !is_float) return (Lanes)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#endif
#endif
    Lanes sum;
    for (std::size_t i = 0; i < sizeof(Lanes) / sizeof(a[0]); ++i) sum[i] = std::fma(a[i], b[i], c[i]);
    return sum;
}

}  // namespace
}  // namespace glassnet
