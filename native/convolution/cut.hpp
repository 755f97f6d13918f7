// How sums over shifted images are cut: into tiles of positions whose pixels fit on the stack, and turns of taps.
#pragma once

#include <algorithm>

#include "convolution/convolution.hpp"
#include "convolution/taps.hpp"

namespace glassnet {
namespace {  // each variant of the native module has its own

// Of the stack, for the pixels that a sum needs, and for what a last vector reads beyond them: on every processor the
// same, since the order of sums depends on how they are cut.
constexpr int64_t scratch_bytes = 1 << 18;
template <class T>
constexpr int64_t slack = widest_bytes / sizeof(T);
template <class T>
constexpr int64_t room = scratch_bytes / sizeof(T) - slack<T>;

// The largest tile whose pixels fit, for some planes at once, and of how many planes they do.
template <class T>
struct Cut {
    int64_t rows, columns, planes;

    Cut(const Taps& taps, int64_t all_rows, int64_t all_columns, int64_t all_planes, int64_t vertical,
        int64_t horizontal)
        : rows(all_rows), columns(all_columns) {
        constexpr int64_t wanted = 16;
        const auto of_plane = [&] { return Scratch<T>(taps, {0, rows, 0, columns}, vertical, horizontal).plane(); };
        while (rows > 1 && of_plane() * std::min(all_planes, wanted) > room<T>) rows = (rows + 1) / 2;
        while (columns > 1 && of_plane() > room<T>) columns = (columns + 1) / 2;
        planes = std::clamp(room<T> / of_plane(), int64_t{1}, all_planes);
        planes = parts_of(all_planes, parts_of(all_planes, planes));
    }
};

// Whether the pixels for a single position fit with one more tap; if not, they are taken in turns.
template <class T>
bool fits_with(const Taps& taps, const Tap& tap, int64_t vertical, int64_t horizontal) {
    const int64_t rows = std::max(taps.last_row, tap.row) - std::min(taps.first_row, tap.row) + 1;
    const int64_t columns = std::max(taps.last_column, tap.column) - std::min(taps.first_column, tap.column) + 1;
    return round_up(rows, vertical) * round_up(columns, horizontal) <= room<T>;
}

// Whether short vectors leave fewer lanes of a row empty.
template <class T>
bool prefers_short(int64_t columns) {
    constexpr int64_t width = vector_bytes / sizeof(T);
    return short_bytes < vector_bytes && round_up(columns, width / 2) < round_up(columns, width);
}

// Which pixel the tap (i, j) of a convolution meets.
inline Tap tap_of(const Axis& vertical, const Axis& horizontal, int64_t i, int64_t j) {
    return {i * vertical.dilation - vertical.pad, j * horizontal.dilation - horizontal.pad, i * horizontal.taps + j};
}

// Calls work(taps, is_first, is_last) for all taps that `tap_of` gives, at most so many at a time that they fit; once
// for none.
template <class T, class TapOf, class Work>
void for_taps(const Axis& vertical, const Axis& horizontal, int64_t row_stride, int64_t column_stride,
              const TapOf& tap_of, const Work& work) {
    Taps taps;
    bool is_first = true;
    for (int64_t i = 0; i < vertical.taps; ++i)
        for (int64_t j = 0; j < horizontal.taps; ++j) {
            Tap tap;
            if (!tap_of(i, j, tap)) continue;
            if (taps.count == most_taps || (taps.count > 0 && !fits_with<T>(taps, tap, row_stride, column_stride))) {
                work(taps, is_first, false);
                is_first = false;
                taps.clear();
            }
            taps.add(tap);
        }
    work(taps, is_first, true);
}

}  // namespace
}  // namespace glassnet
