// Philox-4x32-10, twin of src/glassnet/randomness.py: the n-th random word is a function of (key, n) alone.
//
// Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011.
#pragma once

#include <cstdint>
#include <cstring>

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

constexpr std::int64_t philox_blocks = 32;
constexpr std::int64_t philox_group = 4 * philox_blocks;

// Words 4b, 4b + 1, ... of the stream, b = first_block: 32 blocks of four, several of which go through the rounds side
// by side. The leading half of each 64-bit number is of no account until the end: products are of the trailing ones.
inline void philox_words(const PhiloxStream& from, std::uint32_t first_block,
                         std::uint32_t (&words)[philox_group]) {
    constexpr std::int64_t lanes = sizeof(Wide) / sizeof(std::uint64_t);
    constexpr std::int64_t side = sizeof(Wide) == 16 ? 1 : 2;  // registers of each word
    std::uint64_t pairs[2][philox_blocks];  // words 0 and 1 of each block, words 2 and 3
    Wide lane{};
    for (std::int64_t i = 0; i < lanes; ++i) lane[i] = static_cast<std::uint64_t>(i);
    for (std::int64_t block = 0; block < philox_blocks; block += side * lanes) {
        Wide c0[side], c1[side], c2[side], c3[side];
        for (std::int64_t i = 0; i < side; ++i) {
            c0[i] = lane + (first_block + static_cast<std::uint64_t>(block + i * lanes));
            c1[i] = Wide{} + from.step;
            c2[i] = c1[i] >> 32;
            c3[i] = Wide{} + from.stream;
        }
        Wide k0 = Wide{} + from.seed, k1 = k0 >> 32;
        for (int round = 0; round < 10; ++round) {
            for (std::int64_t i = 0; i < side; ++i) {
                const Wide product0 = product(c0[i], Wide{} + 0xD2511F53);
                const Wide product1 = product(c2[i], Wide{} + 0xCD9E8D57);
                c0[i] = (product1 >> 32) ^ c1[i] ^ k0;
                c1[i] = product1;
                c2[i] = (product0 >> 32) ^ c3[i] ^ k1;
                c3[i] = product0;
            }
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }
        for (std::int64_t i = 0; i < side; ++i) {
            const Wide first = (c0[i] & 0xFFFFFFFF) | (c1[i] << 32), second = (c2[i] & 0xFFFFFFFF) | (c3[i] << 32);
            std::memcpy(pairs[0] + block + i * lanes, &first, sizeof first);
            std::memcpy(pairs[1] + block + i * lanes, &second, sizeof second);
        }
    }
    for (std::int64_t block = 0; block < philox_blocks; ++block)
        for (std::int64_t word = 0; word < 4; ++word)
            words[4 * block + word] = static_cast<std::uint32_t>(pairs[word / 2][block] >> (word % 2 * 32));
}

}  // namespace glassnet
