// σ and its integral, which activations and losses share.
#pragma once

#include "math/vector_math.hpp"

#include <algorithm>
#include <cmath>

namespace glassnet {

// σ(x) = eˣ/(eˣ + 1), with eˣ = 2^k (d + n)/(d − n). Beyond 40 it is 1 in either precision.
template <class T>
inline T logistic(T x) {
    const Reduced<T> reduced(at_most(at_least(x, MathConstants<T>::lowest), T(40)));
    const HalfTanh<T> half(reduced.r);
    const T e = reduced.scale * (half.d + half.n);
    return e / (e + (half.d - half.n));
}

// log(1 + eˣ) = max(x, 0) + log1p(e^−|x|)
template <class T>
inline T softplus(T x) {
    return std::max(x, T(0)) + vector_log1p(vector_exp(-std::abs(x)));
}

}  // namespace glassnet
