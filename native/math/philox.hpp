// Philox-4x32-10, twin of src/glassnet/core/randomness.py: the n-th random word is a function of (key, n) alone.
//
// Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace glassnet {

struct PhiloxStream {
    std::uint64_t seed;    // the key
    std::uint64_t step;    // counter words 1 and 2
    std::uint32_t stream;  // counter word 3
};

// Several 64-bit numbers in one register, and the products of their trailing halves.
#if defined(__AVX512F__)
using Wide = std::uint64_t __attribute__((vector_size(64)));
inline Wide product(Wide a, Wide b) { return (Wide)_mm512_maskz_mul_epu32(0xFF, (__m512i)a, (__m512i)b); }
#elif defined(__AVX2__)
using Wide = std::uint64_t __attribute__((vector_size(32)));
inline Wide product(Wide a, Wide b) { return (Wide)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
#elif defined(__SSE2__)
using Wide = std::uint64_t __attribute__((vector_size(16)));
inline Wide product(Wide a, Wide b) { return (Wide)_mm_mul_epu32((__m128i)a, (__m128i)b); }
#else
using Wide = std::uint64_t __attribute__((vector_size(16)));
inline Wide product(Wide a, Wide b) { return (a & 0xFFFFFFFF) * (b & 0xFFFFFFFF); }
#endif

// The lanes of a and b from `first` on by turns.
template <int first, int... i>
inline Wide interleave(const Wide& a, const Wide& b, std::integer_sequence<int, i...>) {
    return __builtin_shufflevector(a, b, (first + i / 2 + i % 2 * static_cast<int>(sizeof...(i)))...);
}

constexpr std::int64_t philox_group = 4 * 32;

// Words 4b, 4b + 1, ... of the stream, b = first_block: as many blocks of four as asked for, 32 at most, and up to 15
// more. Several go through the rounds side by side. The leading half of each 64-bit number is of no account until the
// end: products are of the trailing ones.
inline void philox_words(const PhiloxStream& from, std::uint32_t first_block, std::int64_t blocks,
                         std::uint32_t (&words)[philox_group]) {
    constexpr std::int64_t lanes = sizeof(Wide) / sizeof(std::uint64_t);
    constexpr std::int64_t side = sizeof(Wide) == 16 ? 1 : 2;  // registers of each word
    constexpr int rounds = 10;
    constexpr bool little = std::endian::native == std::endian::little;
    std::uint64_t keys[2][rounds];
    for (std::uint64_t round = 0; round < rounds; ++round) {
        keys[0][round] = from.seed + round * 0x9E3779B9;
        keys[1][round] = (from.seed >> 32) + round * 0xBB67AE85;
    }
    Wide lane{};
    for (std::int64_t i = 0; i < lanes; ++i) lane[i] = static_cast<std::uint64_t>(i);
    for (std::int64_t block = 0; block < blocks; block += side * lanes) {
        Wide c0[side], c1[side], c2[side], c3[side];
        for (std::int64_t i = 0; i < side; ++i) {
            c0[i] = lane + (first_block + static_cast<std::uint64_t>(block + i * lanes));
            c1[i] = Wide{} + from.step;
            c2[i] = c1[i] >> 32;
            c3[i] = Wide{} + from.stream;
        }
        for (int round = 0; round < rounds; ++round)
            for (std::int64_t i = 0; i < side; ++i) {
                const Wide product0 = product(c0[i], Wide{} + 0xD2511F53);
                const Wide product1 = product(c2[i], Wide{} + 0xCD9E8D57);
                c0[i] = (product1 >> 32) ^ c1[i] ^ keys[0][round];
                c1[i] = product1;
                c2[i] = (product0 >> 32) ^ c3[i] ^ keys[1][round];
                c3[i] = product0;
            }
        const auto pairs_of = [](const Wide& a, const Wide& b) {
            return little ? (a & 0xFFFFFFFF) | (b << 32) : (a << 32) | (b & 0xFFFFFFFF);
        };
        for (std::int64_t i = 0; i < side; ++i) {
            const Wide halves[] = {pairs_of(c0[i], c1[i]), pairs_of(c2[i], c3[i])};
            const Wide in_order[] = {
                interleave<0>(halves[0], halves[1], std::make_integer_sequence<int, lanes>()),
                interleave<lanes / 2>(halves[0], halves[1], std::make_integer_sequence<int, lanes>())};
            std::memcpy(words + 4 * (block + i * lanes), in_order, sizeof in_order);
        }
    }
}

}  // namespace glassnet
