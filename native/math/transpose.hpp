// Squares of numbers, transposed in registers.
#pragma once

#include "math/lanes.hpp"

#include <utility>

namespace glassnet {
namespace {  // each variant of the native module has its own

// The lanes of x and y from `first` on by turns.
template <int first, class Lanes, int... i>
[[gnu::always_inline]] inline Lanes interleave(const Lanes& x, const Lanes& y, std::integer_sequence<int, i...>) {
    constexpr int lanes = sizeof...(i);
    return __builtin_shufflevector(x, y, (first + i / 2 + i % 2 * lanes)...);
}

// One round interleaves the upper half of a square with the lower, and log2(side) rounds transpose it. The compiler
// leaves out what only rows of the result need that nobody reads.
template <class V>
[[gnu::always_inline]] inline void transpose(typename V::Lanes (&square)[V::width]) {
    constexpr int side = V::width, half = side / 2;
    constexpr auto lanes = std::make_integer_sequence<int, side>();
    typename V::Lanes mixed[side];
#pragma GCC unroll 4
    for (int round = 1; round < side; round *= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < half; ++i) {
            mixed[2 * i] = interleave<0>(square[i], square[half + i], lanes);
            mixed[2 * i + 1] = interleave<half>(square[i], square[half + i], lanes);
        }
#pragma GCC unroll 16
        for (int i = 0; i < side; ++i) square[i] = mixed[i];
    }
}

}  // namespace
}  // namespace glassnet
