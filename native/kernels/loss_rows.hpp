// What losses do with rows: sums of terms, and slopes times the row's weight.
#pragma once

#include "engine/kernel.hpp"
#include "math/reduce.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace glassnet {
namespace {  // each variant of the native module has its own

// The smallest probability whose logarithm is taken: the root of the smallest normal number.
template <class T>
T log_floor() {
    return std::sqrt(std::numeric_limits<T>::min());
}

// losses_n = Σ_m term(a_nm, b_nm), the terms of many rows or of a part of one at a time; Loop goes over the elements.
template <class Loop, class T, class Term>
void sum_rows(In<T> of_a, In<T> of_b, Out<T> losses, Term term) {
    const int64_t rows = losses.rows(), width = of_a.row_size();
    const T *a = of_a, *b = of_b;
    const Loop loop;
    const auto put = [term](T a, T b, T& value) { value = term(a, b); };
    if (width == 1) {
        loop(rows, put, a, b, losses.data);
        return;
    }
    constexpr int64_t block = 1024;
    T terms[block];
    const int64_t rows_of_block = std::max(block / std::max(width, int64_t{1}), int64_t{1});
    for (int64_t first = 0; first < rows; first += rows_of_block) {
        const int64_t count = std::min(rows_of_block, rows - first);
        for (int64_t start = 0; start == 0 || start < width; start += block) {
            const int64_t part = std::min(block, width - start);
            loop(count * part, put, a + first * width + start, b + first * width + start, terms);
            const T before = start == 0 ? T(0) : losses[first];  // only one row at a time is longer than a block
            sums_of_rows(terms, count, part, losses + first);
            if (start > 0) losses[first] += before;
        }
    }
}

// doutputs_nm = weight_n slope(a_nm, b_nm)
template <class Loop, class T, class Slope>
void weigh_slopes(In<T> row_weights, In<T> of_a, In<T> of_b, Out<T> of_doutputs, Slope slope) {
    const int64_t rows = row_weights.rows(), width = of_a.row_size();
    const T *a = of_a, *b = of_b;
    T* doutputs = of_doutputs;
    const Loop loop;
    const auto put = [slope](T weight, T a, T b, T& value) { value = weight * slope(a, b); };
    if (width == 1) {
        loop(rows, put, row_weights.data, a, b, doutputs);
    } else if (width < short_row) {
        ForShortRows<T> weights;
        for (int64_t first = 0; first < rows; first += rows_at_a_time) {
            const int64_t count = std::min(rows_at_a_time, rows - first), place = first * width;
            spread(row_weights + first, count, width, weights.values);
            loop(count * width, put, static_cast<const T*>(weights.values), a + place, b + place, doutputs + place);
        }
    } else {
        for (int64_t row = 0; row < rows; ++row, a += width, b += width, doutputs += width)
            loop(
                width, [weight = row_weights[row], slope](T a, T b, T& value) { value = weight * slope(a, b); }, a, b,
                doutputs);
    }
}

// Kernels (a, b, losses) and (row_weights, a, b, doutputs) of a body that gives the term and the slope of two elements.
template <class Loop>
struct SumOfTerms {
    static constexpr Reach reach = Reach::row;

    template <class Body>
    static constexpr std::size_t operands = 3;

    template <class T, class Body>
    static void run(const Body& term, const Operand* o) {
        sum_rows<Loop, T>(o[0], o[1], o[2], term);
    }
};

template <class Loop>
struct WeighedSlopes {
    static constexpr Reach reach = Reach::row;

    template <class Body>
    static constexpr std::size_t operands = 4;

    template <class T, class Body>
    static void run(const Body& slope, const Operand* o) {
        weigh_slopes<Loop, T>(o[0], o[1], o[2], o[3], slope);
    }
};

}  // namespace
}  // namespace glassnet
