// Philox-4x32-10, twin of src/glassnet/randomness.py: the n-th random word is a function of (key, n) alone.
//
// Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011.
#pragma once

#include <cstdint>

namespace glassnet {

struct PhiloxStream {
    std::uint64_t seed;    // the key
    std::uint64_t step;    // counter words 1 and 2
    std::uint32_t stream;  // counter word 3
};

// GCC 12 unrolls a loop of 16 or fewer whole, and then finds no vectors in it.
constexpr std::int64_t philox_lanes = 32;
constexpr std::int64_t philox_group = 4 * philox_lanes;

// Words 4b, 4b + 1, ... of the stream, b = first_block: 32 blocks of four. They go through the rounds side by
// side, so that each word of several blocks fills a vector register.
inline void philox_words(const PhiloxStream& from, std::uint32_t first_block,
                         std::uint32_t (&words)[philox_group]) {
    std::uint32_t c0[philox_lanes], c1[philox_lanes], c2[philox_lanes], c3[philox_lanes];
    for (std::int64_t lane = 0; lane < philox_lanes; ++lane) {
        c0[lane] = first_block + static_cast<std::uint32_t>(lane);
        c1[lane] = static_cast<std::uint32_t>(from.step);
        c2[lane] = static_cast<std::uint32_t>(from.step >> 32);
        c3[lane] = from.stream;
    }
    std::uint32_t k0 = static_cast<std::uint32_t>(from.seed);
    std::uint32_t k1 = static_cast<std::uint32_t>(from.seed >> 32);
    for (int round = 0; round < 10; ++round) {
        for (std::int64_t lane = 0; lane < philox_lanes; ++lane) {
            const std::uint64_t product0 = std::uint64_t{0xD2511F53} * c0[lane];
            const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * c2[lane];
            c0[lane] = static_cast<std::uint32_t>(product1 >> 32) ^ c1[lane] ^ k0;
            c1[lane] = static_cast<std::uint32_t>(product1);
            c2[lane] = static_cast<std::uint32_t>(product0 >> 32) ^ c3[lane] ^ k1;
            c3[lane] = static_cast<std::uint32_t>(product0);
        }
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    for (std::int64_t lane = 0; lane < philox_lanes; ++lane) {
        words[4 * lane] = c0[lane];
        words[4 * lane + 1] = c1[lane];
        words[4 * lane + 2] = c2[lane];
        words[4 * lane + 3] = c3[lane];
    }
}

}  // namespace glassnet
