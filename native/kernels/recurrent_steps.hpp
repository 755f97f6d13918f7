// Steps of recurrences: in which order they are taken, where they lie, and passes over all rows of one.
//
// Arrays are (N, T, K): what belongs to step t of row n begins at (n T + t) K.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "convolution/thread_memory.hpp"
#include "engine/kernel.hpp"
#include "math/lanes.hpp"
#include "math/reduce.hpp"
#include "math/transpose.hpp"
#include "products/few_rows.hpp"

namespace glassnet {
namespace {  // each variant of the native module has its own

// The steps in the order in which they are taken, as many as the longest row has.
class Steps {
public:
    Steps(const Operand& y, In<std::int64_t> lengths, bool reverse)
        : lengths_(lengths), rows_(y.rows()), total_(y.shape[1]), count_(total_), reverse_(reverse) {
        if (lengths_ != nullptr) count_ = rows_ == 0 ? 0 : *std::max_element(lengths_, lengths_ + rows_);
    }

    int64_t count() const { return count_; }
    bool have_lengths() const { return lengths_ != nullptr; }
    int64_t at(int64_t i) const { return reverse_ ? count_ - 1 - i : i; }

    // Whether step t of a row is padding.
    bool is_padding(int64_t row, int64_t t) const { return lengths_ != nullptr && t >= lengths_[row]; }

    // Whether a row begins with step t.
    bool begins(int64_t row, int64_t t) const {
        return t == (!reverse_ ? 0 : (lengths_ == nullptr ? total_ : lengths_[row]) - 1);
    }

    // Writes 0 at the steps that no row has.
    template <class T>
    void clear_rest(const Out<T>& array) const {
        const int64_t width = array.shape(2), done = count_ * width;
        if (count_ == total_) return;
        for (int64_t n = 0; n < rows_; ++n)
            std::fill_n(array.data + n * array.row_size() + done, array.row_size() - done, T(0));
    }

private:
    const int64_t* lengths_;
    int64_t rows_, total_, count_;
    bool reverse_;
};

// A stretch of each row: the units of a step, or of one of its gates.
template <class T>
struct Rows {
    T* data;
    int64_t row;  // from one row to the next

    Rows(T* data, int64_t row) : data(data), row(row) {}
};

// Step t of all rows of an array.
template <class T>
struct Step {
    T* data;
    int64_t row, width;  // from one row to the next, and how much of it belongs to the step

    Step(const Array<T>& array, int64_t t)
        : data(array.data + t * array.shape(2)), row(array.shape(1) * array.shape(2)), width(array.shape(2)) {}
    T* of(int64_t n) const { return data + n * row; }
    Rows<T> from(int64_t n, int64_t column = 0) const { return {of(n) + column, row}; }
    Rows<const T> read(int64_t n, int64_t column = 0) const { return {of(n) + column, row}; }
    void clear(int64_t n) const { std::fill_n(of(n), width, T(0)); }
};

// The state of rows from n on before step number i: that of the step before, or the first one; null where that is 0.
template <class T>
Rows<const T> state_before(const Steps& steps, int64_t i, int64_t n, const Array<T>& states, In<T> initial) {
    if (steps.begins(n, steps.at(i))) {
        if (initial == nullptr) return {nullptr, 0};
        return {initial + n * initial.row_size(), initial.row_size()};
    }
    if (i == 0) return {nullptr, 0};
    const Step<T> before(states, steps.at(i - 1));
    return {before.of(n), before.row};
}

// A vector at a time: a call for so few numbers would take longer than they do.
template <class T>
void copy_vectors(const T* from, int64_t width, T* to) {
    using V = Vec<T, vector_bytes>;
    int64_t i = 0;
    for (; i + V::width <= width; i += V::width) V::store(to + i, V::load(from + i));
    for (; i < width; ++i) to[i] = from[i];
}

// before = h of the step before
template <class T>
Step<T> write_before(const Steps& steps, int64_t i, const Out<T>& before, const Out<T>& y, In<T> initial) {
    const Step<T> to(before, steps.at(i));
    for (int64_t n = 0; n < before.rows(); ++n) {
        const T* const from = state_before<T>(steps, i, n, y, initial).data;
        if (from == nullptr || steps.is_padding(n, steps.at(i)))
            to.clear(n);
        else
            copy_vectors(from, to.width, to.of(n));
    }
    return to;
}

template <class T>
void copy_step(int64_t rows, const Rows<const T>& from, const Step<T>& to) {
    for (int64_t n = 0; n < rows; ++n) copy_vectors(from.data + n * from.row, to.width, to.of(n));
}

// to = start + from Uᵀ for a step of all rows. Uᵀ is laid out once for all steps where there is room for it.
template <class T>
class Back {
public:
    Back(In<T> recurrent, const Steps& steps) : recurrent_(recurrent) {
        const int64_t units = recurrent.shape(0), width = recurrent.shape(1);
        const auto bytes = static_cast<int64_t>(sizeof(T)) * units * width;
        if (steps.count() < 3 || bytes > thread_memory_bytes) return;
        transposed_ = reinterpret_cast<T*>(thread_memory());
        if (transposed_ == nullptr) return;
        constexpr int64_t side = V::width;
        const bool in_squares = units % side == 0 && width % side == 0;
        for (int64_t h = 0; in_squares && h < units; h += side)
            for (int64_t j = 0; j < width; j += side) {
                typename V::Lanes square[side];
#pragma GCC unroll 16
                for (int64_t i = 0; i < side; ++i) square[i] = V::load(recurrent + (h + i) * width + j);
                transpose<V>(square);
#pragma GCC unroll 16
                for (int64_t i = 0; i < side; ++i) V::store(transposed_ + (j + i) * units + h, square[i]);
            }
        for (int64_t j = 0; !in_squares && j < width; ++j)
            for (int64_t h = 0; h < units; ++h) transposed_[j * units + h] = recurrent[h * width + j];
    }

    void operator()(int64_t rows, const Step<T>& from, const Rows<const T>& start, const Step<T>& to) const {
        const int64_t units = to.width, width = from.width;
        if (transposed_ != nullptr)
            return few_rows_product<T>(rows, units, width, from.data, from.row, transposed_, units, start.data,
                                       start.row, to.data, to.row);
        if (start.data != to.data) copy_step<T>(rows, start, to);
        matrix_product_transposed<T>(rows, units, width, from.data, from.row, recurrent_, width, to.data, to.row, true);
    }

private:
    using V = Vec<T, vector_bytes>;
    In<T> recurrent_;
    T* transposed_ = nullptr;
};

// body(registers of the arrays, ...) for `units` of so many rows, in whole vectors; of what is not const it gets
// references. A function of its own, so that copies of rows' ends take the same one, and come to the same bits.
template <class Body, class... Ts>
__attribute__((noinline)) void for_whole_rows(int64_t rows, int64_t units, Body body, Rows<Ts>... arrays) {
    using V = Vec<std::common_type_t<std::remove_const_t<Ts>...>, vector_bytes>;
    for (int64_t n = 0; n < rows; ++n)
        for (int64_t i = 0; i < units; i += V::width)
            [&](auto... lanes) {
                body(lanes...);
                (write_back<V>(arrays.data + n * arrays.row + i, lanes), ...);
            }(V::load(arrays.data + n * arrays.row + i)...);
}

// Copies fewer than 2 `half` elements, in halves, quarters and so on: AVX2 processors are slow at masked stores.
template <int64_t half, class T>
[[gnu::always_inline]] inline void copy_few(const T* from, int64_t count, T* to) {
    if constexpr (half > 0 && !std::is_const_v<T>) {
        if (count & half) std::memcpy(to, from, half * sizeof(T));
        const int64_t done = count & half;
        copy_few<half / 2>(from + done, count, to + done);
    }
}

// The same for any number of units.
template <class Body, class... Ts>
void for_units(int64_t rows, int64_t units, Body body, Rows<Ts>... arrays) {
    using T = std::common_type_t<std::remove_const_t<Ts>...>;
    using V = Vec<T, vector_bytes>;
    const int64_t rest = units % V::width, whole = units - rest;
    if (whole > 0) for_whole_rows(rows, whole, body, arrays...);
    if (rest == 0) return;
    const auto mask = V::first(rest);
    alignas(vector_bytes) T ends[sizeof...(Ts)][V::width];
    const auto with_ends = [&]<std::size_t... I>(std::index_sequence<I...>) {
        for (int64_t n = 0; n < rows; ++n) {
            (V::store(ends[I], V::load(arrays.data + n * arrays.row + whole, mask)), ...);
            for_whole_rows(1, int64_t{V::width}, body, Rows<Ts>(ends[I], 0)...);
            (copy_few<V::width / 2, Ts>(ends[I], rest, arrays.data + n * arrays.row + whole), ...);
        }
    };
    with_ends(std::index_sequence_for<Ts...>());
}

// The same for a body of a few operations, which takes the units left over one by one.
template <class Body, class... Ts>
void for_cheap_units(int64_t rows, int64_t units, Body body, Rows<Ts>... arrays) {
    constexpr int64_t lanes = Vec<std::common_type_t<std::remove_const_t<Ts>...>, vector_bytes>::width;
    const int64_t whole = units - units % lanes;
    if (whole > 0) for_whole_rows(rows, whole, body, arrays...);
    for (int64_t n = 0; n < rows; ++n)
        for (int64_t i = whole; i < units; ++i) body(arrays.data[n * arrays.row + i]...);
}

// body(first row, rows) for the rows of step t that have it, all together where they may be; the others are cleared.
template <class Body, class... Ts>
void for_rows(const Steps& steps, int64_t rows, int64_t t, Body body, const Step<Ts>&... cleared) {
    if (!steps.have_lengths()) return body(int64_t{0}, rows);
    for (int64_t n = 0; n < rows; ++n) {
        if (steps.is_padding(n, t))
            (cleared.clear(n), ...);
        else
            body(n, int64_t{1});
    }
}

}  // namespace
}  // namespace glassnet
