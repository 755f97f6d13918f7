// Attention in heads of so few numbers that those of a step fit into a register or two: no panels are packed for them.
//
// A register has a number of each of as many steps as it has lanes, the steps that look; so each step's sums are a
// chain of their own, and their bits do not depend on how many lanes there are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "math/lanes.hpp"
#include "math/multiply_add.hpp"
#include "math/transpose.hpp"

namespace glassnet {
namespace {  // each variant of the native module has its own

template <class T, int size>
struct SmallHead {
    using V = Vec<T, vector_bytes>;
    using Lanes = typename V::Lanes;
    using Row = Vec<T, size* static_cast<int>(sizeof(T))>;
    static constexpr int width = V::width, piece = std::min(size, width);

    Lanes numbers[size];  // of as many steps as there are lanes

    // Of `count` steps, rows that lie `stride` apart; the last one stands in the lanes left over.
    static SmallHead of(const T* rows, int64_t stride, int64_t count) {
        SmallHead found;
        const auto mask = V::first(piece);
        for (int from = 0; from < size; from += piece) {
            Lanes square[width];
            const T* row = rows + from;
            for (int i = 0; i < width; ++i) {
                square[i] = V::load(row, mask);
                if (i + 1 < count) row += stride;
            }
            transpose<V>(square);
            for (int i = 0; i < piece; ++i) found.numbers[from + i] = square[i];
        }
        return found;
    }

    // To `count` rows that lie `stride` apart
    void store(T* rows, int64_t stride, int64_t count) const {
        for (int from = 0; from < size; from += piece) {
            Lanes square[width]{};
            for (int i = 0; i < piece; ++i) square[i] = numbers[from + i];
            transpose<V>(square);
            for (int i = 0; i < width; ++i)
                if (i < count)
                    store_first(rows + i * stride + from, square[i], std::make_integer_sequence<int, piece>());
        }
    }

    // The product with a row, of each step
    Lanes times(const T* row) const {
        Lanes sum = numbers[0] * row[0];
        for (int i = 1; i < size; ++i) sum = multiply_add(numbers[i], Lanes{} + row[i], sum);
        return sum;
    }

    // Adds a row, times a factor of each step
    void add(const Lanes& factor, const T* row) {
        for (int i = 0; i < size; ++i) numbers[i] = multiply_add(factor, Lanes{} + row[i], numbers[i]);
    }

private:
    template <int... i>
    static void store_first(T* to, const Lanes& lanes, std::integer_sequence<int, i...>) {
        using Part = Vec<T, piece* static_cast<int>(sizeof(T))>;
        Part::store(to, __builtin_shufflevector(lanes, lanes, i...));
    }
};

// to_s = Σ_t matrix_st from_t for `count` ≤ 4 rows s of a matrix and the t from `begin` to `end`; `steps` is the width
// of the matrix, of which the first row is given.
template <class T, int size>
void sum_across_small(const T* matrix, int64_t steps, int64_t count, int64_t begin, int64_t end, const T* from,
                      int64_t from_stride, T* to, int64_t to_stride) {
    using Row = typename SmallHead<T, size>::Row;
    using Lanes = typename Row::Lanes;
    constexpr int most = 4;
    const T* rows[most];
    for (int i = 0; i < most; ++i) rows[i] = matrix + std::min<int64_t>(i, count - 1) * steps;
    Lanes sums[most]{};
    for (int64_t t = begin; t < end; ++t) {
        const Lanes row = Row::load(from + t * from_stride);
        for (int i = 0; i < most; ++i) sums[i] = multiply_add(Lanes{} + rows[i][t], row, sums[i]);
    }
    for (int i = 0; i < most; ++i)
        if (i < count) Row::store(to + i * to_stride, sums[i]);
}

// Whether there are so few numbers in a head that this pays; then body(an integral constant of how many) is called.
// With 8 numbers panels are as fast: 4 rows of 8 heads and 64 steps, there and back, 310 µs against 350 on an AMD
// Zen 3.
template <class T, class Body>
bool with_small_head(int64_t size, Body body) {
    constexpr int few = 4;
    if constexpr (few * sizeof(T) <= vector_bytes) {
        if (size == few) body(std::integral_constant<int, few>());
        return size == few;
    }
    return false;
}

}  // namespace
}  // namespace glassnet
