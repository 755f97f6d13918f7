// What sums over shifted images cost with columns or with filters in the lanes.
#pragma once

#include "convolution/scratch.hpp"
#include "convolution/strip.hpp"
#include "math/lanes.hpp"

namespace glassnet {
namespace {  // each variant of the native module has its own

constexpr int most_sums = registers == 32 ? 28 : 14;  // in registers, beside a vector and a number
constexpr int64_t positions_at_once = 512;

// What either way costs, in quarters of a multiplication of vectors. The numbers were fitted to measurements. Where one
// way has other bits than the other, every processor chooses by the costs of short vectors.
constexpr int64_t unit = 4;

template <class T, int bytes = vector_bytes>
int64_t along_columns(int64_t columns) {
    constexpr int64_t width = bytes / sizeof(T), half = width / 2;
    const bool is_short = short_bytes < bytes && round_up(columns, half) < round_up(columns, width);
    return is_short ? 3 * parts_of(columns, half) : unit * parts_of(columns, width);
}

// Each vector of sums takes `more` on its way to the planes.
template <class T, int bytes = vector_bytes>
int64_t along_filters(int64_t filters, int64_t positions, int64_t pairs, int64_t more) {
    constexpr int64_t width = bytes / sizeof(T);
    return unit * parts_of(filters, width) * positions * (pairs + more);
}

}  // namespace
}  // namespace glassnet
