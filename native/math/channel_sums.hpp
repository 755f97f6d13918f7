// Sums over the rows and positions of channels, and what is done to all elements of a channel.
//
// Sums are made in many lanes side by side, some thousand elements at a time, and those added up in float64: their
// rounding errors stay small at any size. The lanes are the same in every variant of the native module.
#pragma once

#include <algorithm>
#include <utility>

#include "engine/kernel.hpp"
#include "math/pairs.hpp"
#include "math/reduce.hpp"

namespace glassnet {
namespace {  // each variant of the native module has its own

// So many sums, one for each lane of V
template <class V, int count>
struct Terms {
    typename V::Lanes of[count];
};

// Sums of `width` elements side by side, in as many registers as that takes.
template <class T, int width, int sums>
struct Block {
    static constexpr int in_one = std::min<int>(width, vector_bytes / sizeof(T));
    using V = VecOf<T, in_one>;
    static constexpr int parts = width / V::width;
    typename V::Lanes of[sums][parts];

    Block() {
        for (auto& sum : of)
            for (auto& part : sum) part = typename V::Lanes{};
    }

    // Lane l gets lanes l and l + width of the other.
    explicit Block(const Block<T, 2 * width, sums>& wide) {
        using Wide = Block<T, 2 * width, sums>;
        for (int s = 0; s < sums; ++s)
            for (int part = 0; part < parts; ++part) {
                if constexpr (Wide::V::width == V::width)
                    of[s][part] = wide.of[s][part] + wide.of[s][part + parts];
                else if constexpr (V::width == 1)
                    of[s][part] = wide.of[s][0][part] + wide.of[s][0][part + parts];
                else
                    of[s][part] = halves(wide.of[s][0], std::make_integer_sequence<int, V::width>());
            }
    }

    template <class Body>
    void add(const Body& body, int64_t i) {
        for (int part = 0; part < parts; ++part) {
            const Terms<V, sums> terms = body(V(), i + part * V::width);
            for (int s = 0; s < sums; ++s) of[s][part] += terms.of[s];
        }
    }

private:
    template <int... i>
    static typename V::Lanes halves(const auto& lanes, std::integer_sequence<int, i...>) {
        return __builtin_shufflevector(lanes, lanes, i...) + __builtin_shufflevector(lanes, lanes, (i + V::width)...);
    }
};

// Adds body's terms of i .. count − 1, and folds the lanes.
template <class T, int width, int sums, class Body>
[[gnu::always_inline]] inline void add_and_fold(const Block<T, width, sums>& wide, int64_t i, int64_t count,
                                                const Body& body, double* totals) {
    Block<T, width, sums> block = wide;
    for (; i + width <= count; i += width) block.add(body, i);
    if constexpr (width == 1) {
        for (int s = 0; s < sums; ++s) totals[s] += static_cast<double>(block.of[s][0]);
    } else {
        add_and_fold<T, width / 2, sums>(Block<T, width / 2, sums>(block), i, count, body, totals);
    }
}

// totals[s] += Σ_i body(V(), i).of[s] over 0 <= i < count
template <class T, int sums, class Body>
[[gnu::always_inline]] inline void add_sums(int64_t count, const Body& body, double* totals) {
    constexpr int lanes = 128 / sizeof(T);
    constexpr int64_t at_a_time = 4096;
    for (int64_t from = 0; from < count; from += at_a_time)
        add_and_fold<T, lanes, sums>(Block<T, lanes, sums>(), from, std::min(from + at_a_time, count), body, totals);
}

// Channels of x (N, C, S) that are worked on together. Of short ones so many that their elements fill a row of vectors.
constexpr int64_t channels_at_a_time = 64;
constexpr int64_t short_channel = 32;
constexpr int64_t elements_at_a_time = 256;

struct Channels {
    int64_t rows, channels, size;

    explicit Channels(const Operand& x) : rows(x.shape[0]), channels(x.shape[1]), size(x.shape[2]) {}

    bool are_short() const { return size <= short_channel; }
    int64_t at_a_time() const { return are_short() ? elements_at_a_time / size : channels_at_a_time; }
};

// Numbers for each of some channels, and for each of their elements where those are short.
template <class T, int count>
struct Coefficients {
    T of[count][elements_at_a_time + vector_lanes<T>];

    template <class Set>
    void fill(int64_t first, int64_t channels, Set set) {
        for (int64_t c = 0; c < channels; ++c) {
            T numbers[count];
            set(first + c, numbers);
            for (int k = 0; k < count; ++k) of[k][c] = numbers[k];
        }
    }

    // Each number for all elements of its channel
    void repeat(int64_t channels, int64_t size) {
        if (size == 1) return;
        T alone[elements_at_a_time];
        for (T* numbers : of) {
            std::copy_n(numbers, channels, alone);
            spread(alone, channels, size, numbers);
        }
    }
};

// body(coefficients, elements ...) for each element of arrays (N, C, S), where set(c, coefficients) writes those of a
// channel.
template <class T, int count, class Set, class Body, class... Ts>
void for_channels(const Channels& x, Set set, Body body, Ts*... arrays) {
    Coefficients<T, count> coefficients;
    for (int64_t first = 0; first < x.channels; first += x.at_a_time()) {
        const int64_t channels = std::min(x.at_a_time(), x.channels - first);
        coefficients.fill(first, channels, set);
        if (x.are_short()) coefficients.repeat(channels, x.size);
        for (int64_t row = 0; row < x.rows; ++row) {
            const int64_t from = (row * x.channels + first) * x.size;
            if (x.are_short()) {
                for_each(channels * x.size, [=, of = &coefficients.of](int64_t i) {
                    T numbers[count];
                    for (int k = 0; k < count; ++k) numbers[k] = (*of)[k][i];
                    body(numbers, arrays[from + i]...);
                });
            } else {
                for (int64_t c = 0; c < channels; ++c) {
                    T numbers[count];
                    for (int k = 0; k < count; ++k) numbers[k] = coefficients.of[k][c];
                    for_each(x.size, [=, from = from + c * x.size](int64_t i) { body(numbers, arrays[from + i]...); });
                }
            }
        }
    }
}

// Writes a sum, or adds it to what is there; where nobody wants it, neither.
template <class Sum>
void deliver(const Out<Sum>& sums, int64_t place, double sum, bool adds) {
    if (sums == nullptr) return;
    Sum& to = sums[place];
    to = static_cast<Sum>(adds ? static_cast<double>(to) + sum : sum);
}

template <class Sum>
void deliver(const Out<Sum>& sums, int64_t place, double sum) {
    deliver(sums, place, sum, sums.operand.adds);
}

// totals[s][i] = Σ_row term(V(), row, i).of[s] for 0 <= i < count <= elements_at_a_time
template <class T, int sums, class Term>
void sum_columns(int64_t rows, int64_t count, const Term& term, double (&totals)[sums][elements_at_a_time]) {
    constexpr int64_t rows_at_a_time = 16;
    for (double* of : totals) std::fill_n(of, count, 0.0);
    for (int64_t first = 0; first < rows; first += rows_at_a_time) {
        const int64_t last = std::min(first + rows_at_a_time, rows);
        for_vectors_apart<T>(0, count, [&](auto v, int64_t i) {
            using V = decltype(v);
            Terms<V, sums> part = term(v, first, i);
            for (int64_t row = first + 1; row < last; ++row) {
                const Terms<V, sums> terms = term(v, row, i);
                for (int s = 0; s < sums; ++s) part.of[s] += terms.of[s];
            }
            for (int s = 0; s < sums; ++s) {
                T numbers[V::width];
                V::store(numbers, part.of[s]);
                for (int lane = 0; lane < V::width; ++lane) totals[s][i + lane] += static_cast<double>(numbers[lane]);
            }
        });
    }
}

// Sums over rows and S of term(V(), coefficients, elements ...), delivered as write(c, totals); `set` as above.
template <class T, int count, int sums, class Set, class Term, class Write, class... Ts>
void sum_channels(const Channels& x, Set set, Term term, Write write, const Ts*... arrays) {
    Coefficients<T, count> coefficients;
    double totals[sums][elements_at_a_time];
    for (int64_t first = 0; first < x.channels; first += x.at_a_time()) {
        const int64_t channels = std::min(x.at_a_time(), x.channels - first);
        coefficients.fill(first, channels, set);
        if (x.are_short()) {
            coefficients.repeat(channels, x.size);
            const int64_t row_size = x.channels * x.size, from = first * x.size;
            sum_columns<T, sums>(
                x.rows, channels * x.size,
                [&](auto v, int64_t row, int64_t i) {
                    using V = decltype(v);
                    Terms<V, count> numbers;
                    for (int k = 0; k < count; ++k) numbers.of[k] = V::load(coefficients.of[k] + i);
                    return term(v, numbers.of, V::load(arrays + row * row_size + from + i)...);
                },
                totals);
        } else {
            for (double* of : totals) std::fill_n(of, channels, 0.0);
            for (int64_t row = 0; row < x.rows; ++row)
                for (int64_t c = 0; c < channels; ++c) {
                    T numbers[count];
                    for (int k = 0; k < count; ++k) numbers[k] = coefficients.of[k][c];
                    const int64_t from = (row * x.channels + first + c) * x.size;
                    double of_channel[sums] = {};
                    add_sums<T, sums>(
                        x.size, [&](auto v, int64_t i) { return term(v, numbers, v.load(arrays + from + i)...); },
                        of_channel);
                    for (int s = 0; s < sums; ++s) totals[s][c] += of_channel[s];
                }
        }
        for (int64_t c = 0; c < channels; ++c) {
            double of_channel[sums] = {};
            for (int s = 0; s < sums; ++s) {
                if (x.are_short())
                    for (int64_t i = 0; i < x.size; ++i) of_channel[s] += totals[s][c * x.size + i];
                else
                    of_channel[s] = totals[s][c];
            }
            write(first + c, of_channel);
        }
    }
}

}  // namespace
}  // namespace glassnet
