// The taps of a sum over shifted images, and the pixels that they meet.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "convolution/scratch.hpp"

namespace glassnet {
namespace {  // each variant of the native module has its own

using std::int64_t;

constexpr int64_t most_taps = 256;  // at a time

// Which pixel, relative to position * stride, meets which weight.
struct Tap {
    int64_t row, column, weight;
};

// Some taps and the pixels that they span.
struct Taps {
    std::array<Tap, most_taps> all;  // of which `count` are set
    int64_t count = 0;
    int64_t first_row = 0, last_row = 0, first_column = 0, last_column = 0;

    void add(const Tap& tap) {
        span(tap);
        all[count++] = tap;
    }
    void span(const Tap& tap) {
        first_row = count == 0 ? tap.row : std::min(first_row, tap.row);
        last_row = count == 0 ? tap.row : std::max(last_row, tap.row);
        first_column = count == 0 ? tap.column : std::min(first_column, tap.column);
        last_column = count == 0 ? tap.column : std::max(last_column, tap.column);
    }
    void clear() { count = first_row = last_row = first_column = last_column = 0; }

    // The first of those that, from rows first .. last on, meet one of so many rows of pixels, and how many follow it:
    // taps of a row stand together.
    std::pair<int64_t, int64_t> meeting(int64_t first, int64_t last, int64_t rows) const {
        const auto meets = [&](const Tap& tap) { return last + tap.row >= 0 && first + tap.row < rows; };
        int64_t begin = 0, end = count;
        while (begin < end && !meets(all[begin])) ++begin;
        while (end > begin && !meets(all[end - 1])) --end;
        return {begin, end - begin};
    }
};

// Positions: rows and columns [from, to) of a plane of results.
struct Tile {
    int64_t row, rows, column, columns;
};

// The pixels for a tile.
template <class T>
struct Scratch : Pixels<T> {
    Scratch(const Taps& taps, const Tile& tile, int64_t vertical, int64_t horizontal)
        : Pixels<T>{vertical,
                    horizontal,
                    parts_of((tile.rows - 1) * vertical + taps.last_row - taps.first_row + 1, vertical),
                    parts_of((tile.columns - 1) * horizontal + taps.last_column - taps.first_column + 1, horizontal),
                    tile.row * vertical + taps.first_row,
                    tile.column * horizontal + taps.first_column} {}

    // Where the tap of the tile's first position looks in a plane.
    int64_t offset(const Taps& taps, const Tap& tap) const {
        const int64_t row = tap.row - taps.first_row, column = tap.column - taps.first_column;
        const int64_t image = (row % this->vertical) * this->horizontal + column % this->horizontal;
        return image * this->image() + row / this->vertical * this->columns + column / this->horizontal;
    }
};

}  // namespace
}  // namespace glassnet
