// Softmax of rows, which the softmax layer and the cross-entropies share.
#pragma once

#include "math/reduce.hpp"
#include "math/vector_math.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace glassnet {

// What log softmax(x)_k = (x_k − largest) − log total needs besides x_k, for rows first .. first + count.
template <class T>
struct SoftmaxScales {
    std::int64_t first, count;
    T largest[rows_at_a_time];  // max_k x_k
    T total[rows_at_a_time];    // Σ_k e^(x_k − largest)
};

// y = softmax(x), row by row; each(scales) follows the rows it is about. The maximum passes over a NaN, but the total
// does not: the whole row is NaN, as in NumPy.
template <class T, class Each>
inline void softmax_rows(const T* x, T* y, std::int64_t rows, std::int64_t classes, Each each) {
    const auto exponential = [](T x, T largest, T& y) { y = vector_exp(x - largest); };
    SoftmaxScales<T> scales;
    T inverse[rows_at_a_time];
    for (std::int64_t first = 0; first < rows; first += rows_at_a_time) {
        const std::int64_t count = std::min(rows_at_a_time, rows - first);
        const T* const in = x + first * classes;
        T* const out = y + first * classes;
        scales.first = first;
        scales.count = count;
        largest_of_rows(in, count, classes, scales.largest);
        const auto normalize = [&](std::int64_t from, std::int64_t to) {
            sums_of_rows(out + from * classes, to - from, classes, scales.total + from);
            for (std::int64_t row = from; row < to; ++row) inverse[row] = 1 / scales.total[row];
        };
        if (classes < short_row) {
            ForShortRows<T> spread_out;
            T* const of_row = spread_out.values;
            spread(scales.largest, count, classes, of_row);
            for_elements(count * classes, exponential, in, static_cast<const T*>(of_row), out);
            normalize(0, count);
            spread(inverse, count, classes, of_row);
            for_cheap_elements(count * classes, [](T scale, T& y) { y *= scale; }, of_row, out);
        } else {
            for (std::int64_t row = 0; row < count; ++row) {
                const T largest = scales.largest[row];
                T* const of_row = out + row * classes;
                for_elements(
                    classes, [largest](T x, T& y) { y = vector_exp(x - largest); }, in + row * classes, of_row);
                normalize(row, row + 1);
                for_cheap_elements(classes, [scale = inverse[row]](T& y) { y *= scale; }, of_row);
            }
        }
        each(scales);
    }
}

}  // namespace glassnet
