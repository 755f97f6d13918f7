// The permutations of numpy.random.default_rng(SeedSequence(words)), number for number.
//
// Sources: SeedSequence and Generator.permutation as NumPy documents and implements them (numpy.random, since 1.17);
// M. E. O'Neill, "PCG: a family of simple fast space-efficient statistically good algorithms for random number
// generation" (2014), XSL-RR 128/64.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace glassnet {

// NumPy's SeedSequence: words of any number, mixed into a pool of four.
class SeedSequence {
public:
    explicit SeedSequence(const std::vector<std::uint32_t>& entropy) {
        std::uint32_t constant = 0x43b0d7e5;
        const auto hashed = [&constant](std::uint32_t value) { return mixed(value, constant, 0x931e8875); };
        for (std::size_t i = 0; i < pool_.size(); ++i) pool_[i] = hashed(i < entropy.size() ? entropy[i] : 0);
        for (std::size_t from = 0; from < pool_.size(); ++from)
            for (std::size_t to = 0; to < pool_.size(); ++to)
                if (to != from) pool_[to] = both(pool_[to], hashed(pool_[from]));
        for (std::size_t from = pool_.size(); from < entropy.size(); ++from)
            for (std::uint32_t& word : pool_) word = both(word, hashed(entropy[from]));
    }

    // The first four 64-bit words that it gives.
    std::array<std::uint64_t, 4> state() const {
        std::array<std::uint64_t, 4> words{};
        std::uint32_t constant = 0x8b51f9dd;
        for (std::size_t i = 0; i < 2 * words.size(); ++i) {
            const std::uint64_t word = mixed(pool_[i % pool_.size()], constant, 0x58f38ded);
            words[i / 2] |= word << (32 * (i % 2));
        }
        return words;
    }

private:
    static std::uint32_t mixed(std::uint32_t value, std::uint32_t& constant, std::uint32_t factor) {
        value ^= constant;
        constant *= factor;
        value *= constant;
        return value ^ (value >> 16);
    }
    static std::uint32_t both(std::uint32_t x, std::uint32_t y) {
        const std::uint32_t value = 0xca01f9dd * x - 0x4973f715 * y;
        return value ^ (value >> 16);
    }

    std::array<std::uint32_t, 4> pool_{};
};

class Pcg64 {
public:
    explicit Pcg64(const SeedSequence& seeds) {
        const auto words = seeds.state();
        increment_ = joined(words[2], words[3]) << 1 | 1;
        advance();
        state_ += joined(words[0], words[1]);
        advance();
    }

    // A number from 0 to `most`, each alike: as many bits as that has, until they are none too large.
    std::uint64_t up_to(std::uint64_t most) {
        const std::uint64_t mask = std::bit_ceil(most + 1) - 1;
        for (;;) {
            const std::uint64_t value = (most <= 0xffffffff ? half() : word()) & mask;
            if (value <= most) return value;
        }
    }

private:
    __extension__ using Wide = unsigned __int128;

    static Wide joined(std::uint64_t high, std::uint64_t low) { return static_cast<Wide>(high) << 64 | low; }

    void advance() { state_ = state_ * joined(2549297995355413924U, 4865540595714422341U) + increment_; }

    std::uint64_t word() {
        advance();
        const auto folded = static_cast<std::uint64_t>(state_ >> 64) ^ static_cast<std::uint64_t>(state_);
        const auto turn = static_cast<unsigned>(state_ >> 122);
        return folded >> turn | folded << (-turn & 63);
    }

    // The lower half of a word, then its upper half.
    std::uint32_t half() {
        if (has_half_) {
            has_half_ = false;
            return half_;
        }
        const std::uint64_t whole = word();
        has_half_ = true;
        half_ = static_cast<std::uint32_t>(whole >> 32);
        return static_cast<std::uint32_t>(whole);
    }

    Wide state_ = 0, increment_ = 0;
    bool has_half_ = false;
    std::uint32_t half_ = 0;
};

// Writes 0 .. count − 1 in the order of default_rng(SeedSequence(entropy)).permutation(count).
inline void permutation(const std::vector<std::uint32_t>& entropy, std::int64_t count, std::int64_t* order) {
    Pcg64 numbers{SeedSequence(entropy)};
    std::iota(order, order + count, std::int64_t{0});
    for (std::int64_t i = count - 1; i > 0; --i)
        std::swap(order[i], order[numbers.up_to(static_cast<std::uint64_t>(i))]);
}

}  // namespace glassnet
