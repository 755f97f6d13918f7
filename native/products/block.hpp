// The innermost part of a product: a block of C whose sums stay in registers.
#pragma once

#include "math/lanes.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace glassnet {
namespace {  // each variant of the native module has its own

// A block of rows and of columns of C, over some of p.
template <class T>
struct Block {
    int64_t k;
    const T* a;
    int64_t a_row, a_column;
    const T* b;
    int64_t b_row;
    const T* start;  // what the sums start from: null, the bias or, for later p, C
    int64_t start_row;
    T* c;
    int64_t c_row;
    int64_t last_lanes;  // columns in the last vector
    bool adds = false;   // the sums to what is in C
};

// Every sum is kept in a register while p runs: in `vectors` vectors, of which the last one has `last_bytes`.
// `adjacent` says that a_row is 1.
template <class T, int bytes, int last_bytes, int vectors, int rows, bool adjacent>
void multiply_block(const Block<T>& o) {
    using V = Vec<T, bytes>;
    using Last = Vec<T, last_bytes>;
    using Lanes = typename V::Lanes;
    using LastLanes = typename Last::Lanes;
    constexpr int full = vectors - 1;
    const auto mask = Last::first(o.last_lanes);
    const bool whole = o.last_lanes == Last::width;  // spares masked stores, which AVX2 processors are slow at
    const int64_t k = o.k, a_row = o.a_row, a_column = o.a_column, b_row = o.b_row, c_row = o.c_row;
    const int64_t start_row = o.start_row;
    const T *a = o.a, *b = o.b, *start = o.start;
    T* c = o.c;
    Lanes sum[rows][vectors];  // its last column is unused: `last` stands for it
    LastLanes last[rows];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
        const T* from = start + i * start_row;
#pragma GCC unroll 16
        for (int v = 0; v < full; ++v) sum[i][v] = start ? V::load(from + v * V::width) : Lanes{};
        last[i] = start ? Last::load(from + full * V::width, mask) : LastLanes{};
    }
    for (int64_t p = 0; p < k; ++p, a += a_column, b += b_row) {
        Lanes right[vectors];
#pragma GCC unroll 16
        for (int v = 0; v < full; ++v) right[v] = V::load(b + v * V::width);
        const LastLanes last_right = Last::load(b + full * V::width, mask);
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) {
            const T left = a[adjacent ? i : i * a_row];
#pragma GCC unroll 16
            for (int v = 0; v < full; ++v) sum[i][v] += left * right[v];
            last[i] += left * last_right;
        }
    }
    if (o.adds) {
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) {
            const T* from = c + i * c_row;
#pragma GCC unroll 16
            for (int v = 0; v < full; ++v) sum[i][v] += V::load(from + v * V::width);
            last[i] += Last::load(from + full * V::width, mask);
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
        T* to = c + i * c_row;
#pragma GCC unroll 16
        for (int v = 0; v < full; ++v) V::store(to + v * V::width, sum[i][v]);
        to += full * V::width;
        whole ? Last::store(to, last[i]) : Last::store(to, last[i], mask);
    }
}

// The sums of a block stay in registers, beside some for B and A.
constexpr int most_sums = registers == 32 ? 24 : 12, most_vectors = registers == 32 ? 4 : 2;
constexpr int most_vectors_of_few_rows = 8, most_rows = 8;

constexpr auto rows_beside = [] {
    std::array<int, most_vectors_of_few_rows + 1> rows{};
    for (int v = 1; v <= most_vectors_of_few_rows; ++v) rows[v] = std::min(most_rows, most_sums / v);
    return rows;
}();

template <class T>
using BlockFunction = void (*)(const Block<T>&);

// The functions for 1, 2, ... rows of a number of vectors.
template <class T, int bytes, int last_bytes, int vectors, bool adjacent>
constexpr auto functions_of() {
    std::array<BlockFunction<T>, most_rows + 1> functions{};
    [&]<int... row>(std::integer_sequence<int, row...>) {
        ((functions[row + 1] = multiply_block<T, bytes, last_bytes, vectors, row + 1, adjacent>), ...);
    }(std::make_integer_sequence<int, rows_beside[vectors]>());
    return functions;
}

template <class T, int bytes, int last_bytes, bool adjacent>
constexpr auto all_functions = []<int... v>(std::integer_sequence<int, v...>) {
    using Functions = std::array<BlockFunction<T>, most_rows + 1>;
    return std::array<Functions, sizeof...(v)>{functions_of<T, bytes, last_bytes, v + 1, adjacent>()...};
}(std::make_integer_sequence<int, bytes == vector_bytes ? most_vectors_of_few_rows : 1>());

// Those for a panel of so many columns in its last vector. A processor that makes a long vector of two short ones works
// half the time for a last one that is half empty.
template <class T, int bytes, bool adjacent>
const auto& functions_for(int64_t last_lanes) {
    const bool half = short_bytes < bytes && last_lanes <= Vec<T, bytes>::width / 2;
    return half ? all_functions<T, bytes, short_bytes, adjacent> : all_functions<T, bytes, bytes, adjacent>;
}

}  // namespace
}  // namespace glassnet
