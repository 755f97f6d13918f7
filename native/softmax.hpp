// Softmax of one row, which the softmax layer and the cross-entropies share.
#pragma once

#include "reduce.hpp"
#include "vector_math.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

namespace glassnet {

// What log softmax(x)_k = (x_k − largest) − log total needs besides x_k.
template <class T>
struct SoftmaxScale {
    T largest;  // max_k x_k
    T total;    // Σ_k e^(x_k − largest)
};

// y = softmax(x). The maximum passes over a NaN, but the total does not: the whole row is NaN, as in NumPy.
template <class T>
inline SoftmaxScale<T> softmax_row(const T* x, T* y, std::int64_t classes) {
    constexpr T lowest = -std::numeric_limits<T>::infinity();
    const T largest = max_of(classes, lowest, [x](std::int64_t k) { return x[k]; });
    for (std::int64_t k = 0; k < classes; ++k) y[k] = vector_exp(x[k] - largest);
    const T total = sum_of<T>(classes, [y](std::int64_t k) { return y[k]; });
    for (std::int64_t k = 0; k < classes; ++k) y[k] /= total;
    return {largest, total};
}

}  // namespace glassnet
