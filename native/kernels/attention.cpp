// Twin of src/glassnet/kernels/attention.py: scores, softmax and sums of one head of one row at a time.
//
// Weights have the step that is looked at before the one that looks, (S, T): so the softmax of a step runs down a
// column, and each lane of a vector register has a step of its own. Columns are taken a block at a time, and with
// `causal` only as far down as some step of the block sees.

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "engine/kernel.hpp"
#include "kernels/small_heads.hpp"
#include "math/lanes.hpp"
#include "math/reduce.hpp"
#include "math/vector_exp.hpp"
#include "math/vector_math.hpp"
#include "products/matrix_product.hpp"

namespace glassnet {
namespace {

template <class T>
using Register = Vec<T, vector_bytes>;

constexpr int64_t block = 16;  // steps, of every variant alike

// Which steps of a row see which.
struct Sight {
    int64_t steps, length;
    bool causal;

    // From the first step that is not seen by any of those before `end`
    int64_t seen_by(int64_t end) const { return causal ? std::min(end, length) : length; }
    // The first step that sees `step` or a later one
    int64_t first_to_see(int64_t step) const { return causal ? step : 0; }
};

// Sizes of queries, keys and values (N, T, 3H, E), and where their parts are.
struct Heads {
    int64_t rows, steps, heads, size;

    template <class Array>
    explicit Heads(const Array& qkv)
        : rows(qkv.shape(0)), steps(qkv.shape(1)), heads(qkv.shape(2) / 3), size(qkv.shape(3)) {}
    int64_t stride() const { return 3 * heads * size; }  // from one step to the next
    int64_t width() const { return heads * size; }
    int64_t query(int64_t n, int64_t h) const { return n * steps * stride() + h * size; }
    int64_t key(int64_t n, int64_t h) const { return query(n, h) + width(); }
    int64_t value(int64_t n, int64_t h) const { return query(n, h) + 2 * width(); }
    int64_t output(int64_t n, int64_t h) const { return n * steps * width() + h * size; }
    int64_t weights(int64_t n, int64_t h) const { return (n * heads + h) * steps * steps; }
    Sight sight(const int64_t* lengths, int64_t n, bool causal) const {
        return {steps, lengths == nullptr ? steps : lengths[n], causal};
    }
};

// body(n, h) for each head of each row
template <class Body>
void for_each_head(const Heads& heads, Body body) {
    for (int64_t n = 0; n < heads.rows; ++n)
        for (int64_t h = 0; h < heads.heads; ++h) body(n, h);
}

// body(first, count) for the steps of a row that count, a block at a time
template <class Body>
void for_blocks(const Sight& sight, Body body) {
    for (int64_t first = 0; first < sight.length; first += block) body(first, std::min(block, sight.length - first));
}

// Columns of a matrix (S, T), as many as a register has or less.
template <class T>
struct Columns {
    using V = Register<std::remove_const_t<T>>;
    using Lanes = typename V::Lanes;

    T* data;
    int64_t row, count;
    bool is_whole;
    typename V::Mask mask;

    Columns(T* matrix, int64_t row, int64_t first, int64_t end)
        : data(matrix + first),
          row(row),
          count(std::min<int64_t>(V::width, end - first)),
          is_whole(count == V::width),
          mask(V::first(count)) {}
    Lanes load(int64_t s) const { return is_whole ? V::load(data + s * row) : V::load(data + s * row, mask); }
    void store(int64_t s, const Lanes& lanes) const {
        is_whole ? V::store(data + s * row, lanes) : V::store(data + s * row, lanes, mask);
    }
};

template <class T>
alignas(64) constexpr T numbers_of_lanes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// The lanes whose step is not before step `first + after`, the others being `other`
template <class V, class T>
[[gnu::always_inline]] inline typename V::Lanes from_lane(int64_t after, const typename V::Lanes& lanes, T other) {
    const auto lane = V::load(numbers_of_lanes<T>);
    return lane >= typename V::Lanes{} + static_cast<T>(after) ? lanes : typename V::Lanes{} + other;
}

// each(s, lanes of row s, which(lanes, other)) for the rows that the columns from `first` on see; below the diagonal
// `which` puts another number in the place of what is not seen.
template <class T, class Each>
[[gnu::always_inline]] inline void for_seen(const Sight& sight, int64_t first, int64_t seen, Each each) {
    using V = Register<T>;
    const int64_t whole = sight.causal ? std::min(first, seen) : seen;
    for (int64_t s = 0; s < whole; ++s) each(s, [](const typename V::Lanes& lanes, T) { return lanes; });
    for (int64_t s = whole; s < seen; ++s)
        each(s, [=](const typename V::Lanes& lanes, T other) { return from_lane<V, T>(s - first, lanes, other); });
}

// 0 in the columns first .. end of the rows from `seen` on
template <class T>
void clear_below(T* matrix, int64_t steps, int64_t seen, int64_t first, int64_t end) {
    if (first < end)
        for (int64_t s = seen; s < steps; ++s) std::fill(matrix + s * steps + first, matrix + s * steps + end, T(0));
}

// Weights of the columns from `first` on, as many as a register has or less, of scores that score_of(s) gives.
template <class T, class Score>
[[gnu::always_inline]] inline void softmax_columns(const Sight& sight, int64_t first, int64_t end, T scale, T* matrix,
                                                   Score score_of) {
    using V = Register<T>;
    using Lanes = typename V::Lanes;
    const Columns<T> columns(matrix, sight.steps, first, end);
    const int64_t seen = sight.seen_by(first + columns.count);
    Lanes top = Lanes{} - std::numeric_limits<T>::infinity(), total{};
    for_seen<T>(sight, first, seen, [&](int64_t s, auto which) {
        const Lanes score = which(score_of(columns, s), -std::numeric_limits<T>::infinity());
        top = score > top ? score : top;
    });
    for_seen<T>(sight, first, seen, [&](int64_t s, auto which) {
        const Lanes lanes = which(exp_of_lanes<V, T>((columns.load(s) - top) * scale), T(0));
        total += lanes;
        columns.store(s, lanes);
    });
    const Lanes inverse = 1 / total;
    for (int64_t s = 0; s < seen; ++s) columns.store(s, columns.load(s) * inverse);
    for (int64_t s = seen; s < sight.steps; ++s) columns.store(s, Lanes{});
}

// One head of one row
template <class T>
void weigh(const Sight& sight, int64_t size, const T* queries, const T* keys, int64_t stride, T scale, T* matrix) {
    for_blocks(sight, [&](int64_t first, int64_t count) {
        const int64_t end = first + count;
        matrix_product_transposed<T>(sight.seen_by(end), count, size, keys, stride, queries + first * stride, stride,
                                     matrix + first, sight.steps);
        for (int64_t t = first; t < end; t += Register<T>::width)
            softmax_columns(sight, t, end, scale, matrix,
                            [](const auto& columns, int64_t s) { return columns.load(s); });
    });
}

template <class T, int size>
void weigh_small(const Sight& sight, const T* queries, const T* keys, int64_t stride, T scale, T* matrix) {
    for (int64_t t = 0; t < sight.length; t += Register<T>::width) {
        const auto query = SmallHead<T, size>::of(queries + t * stride, stride, sight.length - t);
        softmax_columns(sight, t, sight.length, scale, matrix, [&](const auto& columns, int64_t s) {
            const auto score = query.times(keys + s * stride);
            columns.store(s, score);
            return score;
        });
    }
}

template <class T>
void attention_weights_forward(In<T> qkv, In<int64_t> lengths, Out<T> weights, bool causal) {
    const Heads heads(qkv);
    const T scale = 1 / std::sqrt(static_cast<T>(heads.size));
    for_each_head(heads, [&](int64_t n, int64_t h) {
        const Sight sight = heads.sight(lengths, n, causal);
        const T *const queries = qkv + heads.query(n, h), *const keys = qkv + heads.key(n, h);
        T* const matrix = weights + heads.weights(n, h);
        const bool is_small = with_small_head<T>(heads.size, [&](auto few) {
            weigh_small<T, few.value>(sight, queries, keys, heads.stride(), scale, matrix);
        });
        if (!is_small) weigh<T>(sight, heads.size, queries, keys, heads.stride(), scale, matrix);
        clear_below(matrix, sight.steps, 0, sight.length, sight.steps);
    });
}
GLASSNET_KERNEL(attention_weights_forward);

// Rows of y, a step each, of the steps from the row's length on are 0.
template <class T>
void clear_steps(const Sight& sight, int64_t size, T* steps, int64_t stride) {
    for (int64_t t = sight.length; t < sight.steps; ++t) std::fill_n(steps + t * stride, size, T(0));
}

// to_t = Σ_s matrix_st from_s for the steps first .. first + count
template <class T>
void sum_down(const Sight& sight, int64_t size, const T* matrix, int64_t first, int64_t count, const T* from,
              int64_t from_stride, T* to, int64_t to_stride) {
    matrix_product<T>(count, size, sight.seen_by(first + count), matrix + first, 1, sight.steps, from, from_stride,
                      nullptr, to + first * to_stride, to_stride);
}

// to_s = Σ_t matrix_st from_t for all steps
template <class T>
void sum_across(const Sight& sight, int64_t size, const T* matrix, const T* from, int64_t from_stride, T* to,
                int64_t to_stride) {
    for_blocks(sight, [&](int64_t first, int64_t count) {
        const int64_t begin = sight.first_to_see(first);
        matrix_product<T>(count, size, sight.length - begin, matrix + first * sight.steps + begin, sight.steps, 1,
                          from + begin * from_stride, from_stride, nullptr, to + first * to_stride, to_stride);
    });
}

template <class T>
void attention_forward(In<T> weights, In<T> qkv, In<int64_t> lengths, Out<T> y, bool causal) {
    const Heads heads(qkv);
    for_each_head(heads, [&](int64_t n, int64_t h) {
        const Sight sight = heads.sight(lengths, n, causal);
        const T *const matrix = weights + heads.weights(n, h), *const values = qkv + heads.value(n, h);
        T* const to = y + heads.output(n, h);
        const bool is_small = with_small_head<T>(heads.size, [&](auto few) {
            using Head = SmallHead<T, few.value>;
            for (int64_t t = 0; t < sight.length; t += Head::width) {
                const Columns<const T> columns(matrix, sight.steps, t, sight.length);
                const int64_t seen = sight.seen_by(t + columns.count);
                Head sum{};
                for (int64_t s = 0; s < seen; ++s) sum.add(columns.load(s), values + s * heads.stride());
                sum.store(to + t * heads.width(), heads.width(), columns.count);
            }
        });
        if (is_small) return clear_steps(sight, heads.size, to, heads.width());
        for_blocks(sight, [&](int64_t first, int64_t count) {
            sum_down(sight, heads.size, matrix, first, count, values, heads.stride(), to, heads.width());
        });
        clear_steps(sight, heads.size, to, heads.width());
    });
}
GLASSNET_KERNEL(attention_forward);

// dz_st = (a'_st v_s·dy_t − a_st Σ_r a'_rt v_r·dy_t) / √E in the columns from `first` on, as many as a register has or
// less; product_of(columns, s) gives v_s·dy_t, and each(s, lanes) sees what is written.
template <class T, class Product, class Each>
[[gnu::always_inline]] inline void softmax_columns_back(const Sight& sight, int64_t first, int64_t end, T scale,
                                                        const T* weights, const T* kept, T* matrix, Product product_of,
                                                        Each each) {
    using Lanes = typename Register<T>::Lanes;
    const Columns<T> columns(matrix, sight.steps, first, end);
    const Columns<const T> weight(weights, sight.steps, first, end), left(kept, sight.steps, first, end);
    const int64_t seen = sight.seen_by(first + columns.count);
    Lanes mean{};
    for_seen<T>(sight, first, seen,
                [&](int64_t s, auto which) { mean += which(left.load(s) * product_of(columns, s), T(0)); });
    for_seen<T>(sight, first, seen, [&](int64_t s, auto which) {
        const Lanes lanes = which((left.load(s) * columns.load(s) - weight.load(s) * mean) * scale, T(0));
        columns.store(s, lanes);
        each(s, lanes);
    });
    for (int64_t s = seen; s < sight.steps; ++s) columns.store(s, Lanes{});
}

// What the backward pass of one head of one row reads and writes; rows of the heads' numbers lie `stride` apart, those
// of dy `width`.
template <class T>
struct HeadBack {
    const T *queries, *keys, *values, *gradients, *weights, *kept;
    T *matrix, *dqueries, *dkeys, *dvalues;
    int64_t size, stride, width;
    T scale;

    void go(const Sight& sight) const {
        for_blocks(sight, [&](int64_t first, int64_t count) {
            const int64_t end = first + count;
            matrix_product_transposed<T>(sight.seen_by(end), count, size, values, stride, gradients + first * width,
                                         width, matrix + first, sight.steps);
            for (int64_t t = first; t < end; t += Register<T>::width)
                softmax_columns_back(
                    sight, t, end, scale, weights, kept, matrix,
                    [](const auto& columns, int64_t s) { return columns.load(s); }, [](int64_t, const auto&) {});
            sum_down<T>(sight, size, matrix, first, count, keys, stride, dqueries, stride);
        });
        sum_across<T>(sight, size, matrix, queries, stride, dkeys, stride);
        sum_across<T>(sight, size, kept, gradients, width, dvalues, stride);
    }

    template <int few>
    void go_small(const Sight& sight) const {
        using Head = SmallHead<T, few>;
        for (int64_t t = 0; t < sight.length; t += Head::width) {
            const int64_t count = std::min<int64_t>(Head::width, sight.length - t);
            const Head gradient = Head::of(gradients + t * width, width, count);
            Head dquery{};
            softmax_columns_back(
                sight, t, sight.length, scale, weights, kept, matrix,
                [&](const auto& columns, int64_t s) {
                    const auto product = gradient.times(values + s * stride);
                    columns.store(s, product);
                    return product;
                },
                [&](int64_t s, const auto& lanes) { dquery.add(lanes, keys + s * stride); });
            dquery.store(dqueries + t * stride, stride, count);
        }
        for (int64_t s = 0; s < sight.length; s += 4) {
            const int64_t count = std::min<int64_t>(4, sight.length - s), begin = sight.first_to_see(s);
            const int64_t row = s * sight.steps;
            sum_across_small<T, few>(matrix + row, sight.steps, count, begin, sight.length, queries, stride,
                                     dkeys + s * stride, stride);
            sum_across_small<T, few>(kept + row, sight.steps, count, begin, sight.length, gradients, width,
                                     dvalues + s * stride, stride);
        }
    }
};

template <class T>
void attention_backward(In<T> dy, In<T> qkv, In<T> weights, In<T> thinned, In<int64_t> lengths, Out<T> dproducts,
                        Out<T> dqkv, bool causal) {
    const Heads heads(qkv);
    const int64_t size = heads.size;
    const T scale = 1 / std::sqrt(static_cast<T>(size));
    for_each_head(heads, [&](int64_t n, int64_t h) {
        const Sight sight = heads.sight(lengths, n, causal);
        const T* const weight = weights + heads.weights(n, h);
        const HeadBack<T> head{qkv + heads.query(n, h),
                               qkv + heads.key(n, h),
                               qkv + heads.value(n, h),
                               dy + heads.output(n, h),
                               weight,
                               thinned == nullptr ? weight : thinned + heads.weights(n, h),
                               dproducts + heads.weights(n, h),
                               dqkv + heads.query(n, h),
                               dqkv + heads.key(n, h),
                               dqkv + heads.value(n, h),
                               size,
                               heads.stride(),
                               heads.width(),
                               scale};
        if (!with_small_head<T>(size, [&](auto few) { head.template go_small<few.value>(sight); })) head.go(sight);
        clear_below(head.matrix, sight.steps, 0, sight.length, sight.steps);
        for (T* const part : {head.dqueries, head.dkeys, head.dvalues}) clear_steps(sight, size, part, heads.stride());
    });
}
GLASSNET_KERNEL(attention_backward);

// One step of each sequence. Heads of a step lie side by side, as in the queries.
template <class T>
void attention_step(In<T> qkv, Out<T> keys, Out<T> values, Out<int64_t> places, Out<T> weights, Out<T> y) {
    const int64_t rows = keys.shape(0), steps = keys.shape(1), heads = keys.shape(2), size = keys.shape(3);
    const int64_t width = heads * size;
    const T scale = 1 / std::sqrt(static_cast<T>(size));
    for (int64_t n = 0; n < rows; ++n) {
        const int64_t place = places[n]++, seen = place + 1;
        const T* const step = qkv + n * 3 * width;
        T *const own_keys = keys + n * steps * width, *const own_values = values + n * steps * width;
        std::copy_n(step + width, width, own_keys + place * width);
        std::copy_n(step + 2 * width, width, own_values + place * width);
        for (int64_t h = 0; h < heads; ++h) {
            const T *const query = step + h * size, *key = own_keys + h * size;
            T* const weight = weights + (n * heads + h) * steps;
            for (int64_t s = 0; s < seen; ++s, key += width)
                weight[s] = scale * sum_of<T>(size, [=](int64_t i) { return query[i] * key[i]; });
            const T top = max_of(seen, -std::numeric_limits<T>::infinity(), [=](int64_t s) { return weight[s]; });
            for_elements(seen, [top](T& weight) { weight = vector_exp(weight - top); }, weight);
            const T inverse = 1 / sum_of<T>(seen, [=](int64_t s) { return weight[s]; });
            for_cheap_elements(seen, [inverse](T& weight) { weight *= inverse; }, weight);
            std::fill(weight + seen, weight + steps, T(0));
            T* const to = y + n * width + h * size;
            std::fill_n(to, size, T(0));
            const T* value = own_values + h * size;
            for (int64_t s = 0; s < seen; ++s, value += width)
                for_cheap_elements(size, [share = weight[s]](T value, T& sum) { sum += share * value; }, value, to);
        }
    }
}
GLASSNET_KERNEL(attention_step);

template <class T>
void attention_pool_forward(In<T> scores, In<T> x, In<int64_t> lengths, Out<T> weights, Out<T> y) {
    const int64_t rows = x.shape(0), steps = x.shape(1), width = x.shape(2);
    for (int64_t n = 0; n < rows; ++n) {
        const int64_t length = lengths == nullptr ? steps : lengths[n];
        const T* const from = scores + n * steps;
        T* const to = weights + n * steps;
        const T top = max_of(length, -std::numeric_limits<T>::infinity(), [=](int64_t t) { return from[t]; });
        for_elements(length, [top](T score, T& weight) { weight = vector_exp(score - top); }, from, to);
        const T inverse = 1 / sum_of<T>(length, [=](int64_t t) { return to[t]; });
        for_cheap_elements(length, [inverse](T& weight) { weight *= inverse; }, to);
        std::fill(to + length, to + steps, T(0));
        matrix_product<T>(1, width, length, to, steps, 1, x + n * steps * width, width, nullptr, y + n * width, width);
    }
}
GLASSNET_KERNEL(attention_pool_forward);

template <class T>
void attention_pool_backward(In<T> dy, In<T> x, In<T> weights, In<T> y, Out<T> dscores, Out<T> dx) {
    const int64_t rows = x.shape(0), steps = x.shape(1), width = x.shape(2);
    for (int64_t n = 0; n < rows; ++n) {
        const T *const gradient = dy + n * width, *const mean = y + n * width;
        for (int64_t t = 0; t < steps; ++t) {
            const int64_t place = n * steps + t;
            const T weight = weights[place];
            const T* const step = x + place * width;
            dscores[place] = weight * sum_of<T>(width, [=](int64_t d) { return gradient[d] * (step[d] - mean[d]); });
            for_cheap_elements(width, [weight](T d, T& to) { to = weight * d; }, gradient, dx + place * width);
        }
    }
}
GLASSNET_KERNEL(attention_pool_backward);

}  // namespace
}  // namespace glassnet
