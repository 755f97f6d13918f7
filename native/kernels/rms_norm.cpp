// Twin of the RMS norm in src/glassnet/kernels/row_norm.py: rows divided by the root of their mean square.

#include <algorithm>
#include <cmath>

#include "engine/kernel.hpp"
#include "math/channel_sums.hpp"
#include "math/pairs.hpp"
#include "math/reduce.hpp"
#include "math/vector_math.hpp"

namespace glassnet {
namespace {

template <class T>
void rms_norm_forward(In<T> x, In<T> gamma, Out<T> y, Out<T> inverse_rms, double epsilon) {
    const int64_t rows = x.shape(0) * x.shape(1), width = x.shape(2);
    for (int64_t row = 0; row < rows; ++row) {
        const T* const from = x.data + row * width;
        double squares = 0;
        add_sums<T, 1>(
            width,
            [=](auto v, int64_t i) {
                const auto lanes = v.load(from + i);
                return Terms<decltype(v), 1>{lanes * lanes};
            },
            &squares);
        const T inverse = static_cast<T>(1 / std::sqrt(squares / static_cast<double>(width) + epsilon));
        inverse_rms[row] = inverse;
        T* const to = y.data + row * width;
        if (gamma == nullptr)
            for_each(width, [=](int64_t i) { to[i] = from[i] * inverse; });
        else
            for_each(width, [=, scales = gamma.data](int64_t i) { to[i] = from[i] * inverse * scales[i]; });
    }
}
GLASSNET_KERNEL(rms_norm_forward);

// dx of a row; with g = γ dy and x̂ = x / rms it is (g − x̂ mean(g x̂)) / rms; g = dy where there is no γ
template <class T, bool is_scaled>
void row_gradient(const T* dy, const T* x, const T* gamma, T inverse, T* dx, int64_t width) {
    double sum = 0;
    add_sums<T, 1>(
        width,
        [=](auto v, int64_t i) {
            const auto normalised = v.load(x + i) * inverse;
            if constexpr (is_scaled)
                return Terms<decltype(v), 1>{v.load(dy + i) * v.load(gamma + i) * normalised};
            else
                return Terms<decltype(v), 1>{v.load(dy + i) * normalised};
        },
        &sum);
    const T share = static_cast<T>(sum / static_cast<double>(width));
    for_each(width, [=](int64_t i) {
        const T g = is_scaled ? dy[i] * gamma[i] : dy[i];
        dx[i] = (g - x[i] * inverse * share) * inverse;
    });
}

template <class T>
void rms_norm_backward(In<T> dy, In<T> x, In<T> inverse_rms, In<T> gamma, Out<T> dx, Out<T> dgamma) {
    const int64_t rows = x.shape(0) * x.shape(1), width = x.shape(2);
    double totals[1][elements_at_a_time];
    for (int64_t first = 0; dgamma != nullptr && first < width; first += elements_at_a_time) {
        const int64_t count = std::min(elements_at_a_time, width - first);
        sum_columns<T, 1>(
            rows, count,
            [=, dy = dy.data, x = x.data, inverses = inverse_rms.data](auto v, int64_t row, int64_t i) {
                const int64_t place = row * width + first + i;
                return Terms<decltype(v), 1>{v.load(dy + place) * (v.load(x + place) * inverses[row])};
            },
            totals);
        for (int64_t i = 0; i < count; ++i) deliver(dgamma, first + i, totals[0][i]);
    }
    const auto gradient_of = gamma == nullptr ? row_gradient<T, false> : row_gradient<T, true>;
    for (int64_t row = 0; dx != nullptr && row < rows; ++row)
        gradient_of(dy.data + row * width, x.data + row * width, gamma, inverse_rms[row], dx.data + row * width, width);
}
GLASSNET_KERNEL(rms_norm_backward);

}  // namespace
}  // namespace glassnet
