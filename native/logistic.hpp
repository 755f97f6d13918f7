// σ and its integral, which activations and losses share. With z = e^−|x| in (0, 1] nothing overflows.
#pragma once

#include "vector_math.hpp"

#include <algorithm>
#include <cmath>

namespace glassnet {

// σ(x) = 1/(1 + e⁻ˣ): 1/(1 + z) on the right, z/(1 + z) on the left.
template <class T>
inline T logistic(T x) {
    const T z = vector_exp(-std::abs(x));
    return (x >= 0 ? T(1) : z) / (1 + z);
}

// log(1 + eˣ) = max(x, 0) + log1p(e^−|x|)
template <class T>
inline T softplus(T x) {
    return std::max(x, T(0)) + vector_log1p(vector_exp(-std::abs(x)));
}

}  // namespace glassnet
