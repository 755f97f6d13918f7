// The transforms of F(4x4, 3x3), with the points 0, ±1, ±2 and infinity: of what lies in vectors, so that a lane is a
// channel and no transform moves anything between lanes.
#pragma once

#include <type_traits>

#include "math/lanes.hpp"

namespace glassnet {
namespace {  // each variant of the native module has its own

constexpr int winograd_results = 4, winograd_pixels = 6;

// B' d
struct OfPixels {
    static constexpr int takes = 6, gives = 6;
    template <class Lanes>
    [[gnu::always_inline]] static inline void apply(const Lanes (&d)[takes], Lanes (&o)[gives]) {
        const Lanes even = d[4] - 4 * d[2], odd = d[3] - 4 * d[1];
        const Lanes low = d[4] - d[2], high = 2 * (d[3] - d[1]);
        o[0] = d[4] + (4 * d[0] - 5 * d[2]);
        o[1] = even + odd;
        o[2] = even - odd;
        o[3] = low + high;
        o[4] = low - high;
        o[5] = d[5] + (4 * d[1] - 5 * d[3]);
    }
};

// G g
struct OfWeights {
    static constexpr int takes = 3, gives = 6;
    template <class Lanes>
    [[gnu::always_inline]] static inline void apply(const Lanes (&g)[takes], Lanes (&o)[gives]) {
        using T = std::remove_cvref_t<decltype(g[0][0])>;
        constexpr T quarter = T(1) / 4, sixth = T(1) / 6, twelfth = T(1) / 12, small = T(1) / 24;
        const Lanes ends = -sixth * (g[0] + g[2]), middle = sixth * g[1];
        const Lanes far = small * g[0] + sixth * g[2], near = twelfth * g[1];
        o[0] = quarter * g[0];
        o[1] = ends - middle;
        o[2] = ends + middle;
        o[3] = far + near;
        o[4] = far - near;
        o[5] = g[2];
    }
};

// A' m
struct OfProducts {
    static constexpr int takes = 6, gives = 4;
    template <class Lanes>
    [[gnu::always_inline]] static inline void apply(const Lanes (&m)[takes], Lanes (&o)[gives]) {
        const Lanes sum = m[1] + m[2], difference = m[1] - m[2];
        const Lanes far_sum = m[3] + m[4], far_difference = m[3] - m[4];
        o[0] = m[0] + (sum + far_sum);
        o[1] = difference + 2 * far_difference;
        o[2] = sum + 4 * far_sum;
        o[3] = m[5] + (difference + 8 * far_difference);
    }
};

// A y, the adjoint of A'
struct OfGradients {
    static constexpr int takes = 4, gives = 6;
    template <class Lanes>
    [[gnu::always_inline]] static inline void apply(const Lanes (&y)[takes], Lanes (&o)[gives]) {
        const Lanes even = y[0] + y[2], odd = y[1] + y[3];
        const Lanes far_even = y[0] + 4 * y[2], far_odd = 2 * (y[1] + 4 * y[3]);
        o[0] = y[0];
        o[1] = even + odd;
        o[2] = even - odd;
        o[3] = far_even + far_odd;
        o[4] = far_even - far_odd;
        o[5] = y[3];
    }
};

// G' m, the adjoint of G
struct ToWeights {
    static constexpr int takes = 6, gives = 3;
    template <class Lanes>
    [[gnu::always_inline]] static inline void apply(const Lanes (&m)[takes], Lanes (&o)[gives]) {
        using T = std::remove_cvref_t<decltype(m[0][0])>;
        constexpr T quarter = T(1) / 4, sixth = T(1) / 6, twelfth = T(1) / 12, small = T(1) / 24;
        const Lanes sum = sixth * (m[1] + m[2]), far_sum = m[3] + m[4];
        o[0] = quarter * m[0] - sum + small * far_sum;
        o[1] = sixth * (m[2] - m[1]) + twelfth * (m[3] - m[4]);
        o[2] = m[5] - sum + sixth * far_sum;
    }
};

// A one-dimensional transform along both axes of a square: load(row, column) gives what it takes.
template <class Transform, class Lanes, class Load>
[[gnu::always_inline]] inline void transform(const Load& load, Lanes (&to)[Transform::gives][Transform::gives]) {
    constexpr int takes = Transform::takes, gives = Transform::gives;
    Lanes half_done[gives][takes];
#pragma GCC unroll 6
    for (int column = 0; column < takes; ++column) {
        Lanes from[takes], done[gives];
#pragma GCC unroll 6
        for (int row = 0; row < takes; ++row) from[row] = load(row, column);
        Transform::apply(from, done);
#pragma GCC unroll 6
        for (int row = 0; row < gives; ++row) half_done[row][column] = done[row];
    }
#pragma GCC unroll 6
    for (int row = 0; row < gives; ++row) Transform::apply(half_done[row], to[row]);
}

}  // namespace
}  // namespace glassnet
