// The sign of a number, which losses and update rules share.
#pragma once

namespace glassnet {

// −1, 0 or 1, and NaN where x is NaN.
template <class T>
inline T sign(T x) {
    return x > 0 ? T(1) : x < 0 ? T(-1) : x;
}

}  // namespace glassnet
