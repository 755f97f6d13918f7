// Vector registers, and the loads and stores of their first lanes alone.
#pragma once

#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace glassnet {
namespace {  // each variant of the native module has its own

using std::int64_t;

// No bit of any result depends on the width: with GLASSNET_VECTOR_BYTES the compiler makes vectors of that many bytes
// out of those that there are, to see that.
#if defined(GLASSNET_VECTOR_BYTES)
constexpr int vector_bytes = GLASSNET_VECTOR_BYTES, registers = vector_bytes == 64 ? 32 : 16;
#elif defined(__AVX512VL__)
constexpr int vector_bytes = 64, registers = 32;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32, registers = 16;
#else  // of 64-bit ARM two of its 32 registers each
constexpr int vector_bytes = 32, registers = 16;
#endif
#if defined(__AVX2__) && !defined(GLASSNET_VECTOR_BYTES)
#define GLASSNET_INTRINSICS
#endif
// Of a vector for at most half as many columns, where there is such a vector; every processor has these.
constexpr int short_bytes = 32;
constexpr int widest_bytes = 64;

// One vector register of T, and the loads and stores of its first lanes alone.
template <class T, int bytes>
struct Vec {
    static constexpr int width = bytes / sizeof(T);
    typedef T Lanes __attribute__((vector_size(bytes)));
    typedef T Unaligned __attribute__((vector_size(bytes), aligned(alignof(T)), may_alias));

    static Lanes load(const T* from) { return *reinterpret_cast<const Unaligned*>(from); }
    static void store(T* to, const Lanes& lanes) { *reinterpret_cast<Unaligned*>(to) = lanes; }

#if defined(GLASSNET_INTRINSICS) && defined(__AVX512VL__)
    using Mask = unsigned;
    static Mask first(int64_t count) { return (1U << count) - 1; }
    static Lanes load(const T* from, Mask mask) {
        if constexpr (bytes == 64 && sizeof(T) == 4) return _mm512_maskz_loadu_ps(mask, from);
        if constexpr (bytes == 64 && sizeof(T) == 8) return _mm512_maskz_loadu_pd(mask, from);
        if constexpr (bytes == 32 && sizeof(T) == 4) return _mm256_maskz_loadu_ps(mask, from);
        if constexpr (bytes == 32 && sizeof(T) == 8) return _mm256_maskz_loadu_pd(mask, from);
    }
    static void store(T* to, const Lanes& lanes, Mask mask) {
        if constexpr (bytes == 64 && sizeof(T) == 4) _mm512_mask_storeu_ps(to, mask, lanes);
        if constexpr (bytes == 64 && sizeof(T) == 8) _mm512_mask_storeu_pd(to, mask, lanes);
        if constexpr (bytes == 32 && sizeof(T) == 4) _mm256_mask_storeu_ps(to, mask, lanes);
        if constexpr (bytes == 32 && sizeof(T) == 8) _mm256_mask_storeu_pd(to, mask, lanes);
    }
#elif defined(GLASSNET_INTRINSICS)
    using Mask = __m256i;
    static Mask first(int64_t count) {
        if constexpr (sizeof(T) == 4)
            return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        else
            return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
    }
    static Lanes load(const T* from, const Mask& mask) {
        if constexpr (sizeof(T) == 4)
            return _mm256_maskload_ps(from, mask);
        else
            return _mm256_maskload_pd(from, mask);
    }
    static void store(T* to, const Lanes& lanes, const Mask& mask) {
        if constexpr (sizeof(T) == 4)
            _mm256_maskstore_ps(to, mask, lanes);
        else
            _mm256_maskstore_pd(to, mask, lanes);
    }
#else
    using Mask = int64_t;
    static Mask first(int64_t count) { return count; }
    static Lanes load(const T* from, Mask count) {
        if (count == width) return load(from);
        Lanes lanes{};
        for (int i = 0; i < width - 1; ++i)
            if (i < count) lanes[i] = from[i];
        return lanes;
    }
    static void store(T* to, const Lanes& lanes, Mask count) {
        if (count == width) return store(to, lanes);
        for (int i = 0; i < width - 1; ++i)
            if (i < count) to[i] = lanes[i];
    }
#endif
};

// The larger one of each lane and `least`; a NaN stays.
template <class Lanes, class T>
Lanes at_least(const Lanes& lanes, T least) {
    const Lanes bound = Lanes{} + least;
    return lanes < bound ? bound : lanes;
}

}  // namespace
}  // namespace glassnet
