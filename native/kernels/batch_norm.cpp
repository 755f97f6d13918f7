// Twin of src/glassnet/kernels/norm.py: batch norm.

#include "engine/kernel.hpp"
#include "math/channel_sums.hpp"
#include "math/pairs.hpp"
#include "math/reduce.hpp"
#include "math/vector_math.hpp"

#include <algorithm>
#include <cmath>

namespace glassnet {
namespace {

template <class T>
void channel_sums(In<T> x, In<T> shift, Out<double> total, Out<double> square_total) {
    sum_channels<T, 1, 2>(
        Channels(x), [=](int64_t c, T* k) { k[0] = shift[c]; },
        [](auto v, const auto* k, const auto& x) {
            const auto difference = x - k[0];
            return Terms<decltype(v), 2>{difference, difference * difference};
        },
        [&](int64_t c, const double* sums) {
            deliver(total, c, sums[0]);
            deliver(square_total, c, sums[1]);
        },
        x.data);
}
GLASSNET_KERNEL(channel_sums);

template <class T>
void batch_norm_statistics(In<double> total, In<double> square_total, Out<T> mean, Out<T> inverse_std,
                           Out<T> running_mean, Out<T> running_variance, double count, double momentum,
                           double epsilon) {
    for (int64_t c = 0; c < mean.size(); ++c) {
        const double difference = total[c] / count;
        const double variance = at_least(square_total[c] / count - difference * difference, 0.0);
        mean[c] = static_cast<T>(running_mean[c] + difference);
        inverse_std[c] = static_cast<T>(1 / std::sqrt(variance + epsilon));
        running_mean[c] = static_cast<T>(running_mean[c] + momentum * difference);
        running_variance[c] = static_cast<T>((1 - momentum) * static_cast<double>(running_variance[c]) +
                                             momentum * count / (count - 1) * variance);
    }
}
GLASSNET_KERNEL(batch_norm_statistics);

template <class T>
void batch_norm_forward(In<T> x, In<T> mean, In<T> inverse_std, In<T> gamma, In<T> beta, Out<T> y) {
    for_channels<T, 3>(
        Channels(x), [=](int64_t c, T* k) { k[0] = mean[c], k[1] = gamma[c] * inverse_std[c], k[2] = beta[c]; },
        [](const T* k, T x, T& y) { y = (x - k[0]) * k[1] + k[2]; }, x.data, y.data);
}
GLASSNET_KERNEL(batch_norm_forward);

template <class T>
void batch_norm_predict(In<T> x, In<T> mean, In<T> variance, In<T> gamma, In<T> beta, Out<T> y, T epsilon) {
    for_channels<T, 3>(
        Channels(x),
        [=](int64_t c, T* k) { k[0] = mean[c], k[1] = gamma[c] / std::sqrt(variance[c] + epsilon), k[2] = beta[c]; },
        [](const T* k, T x, T& y) { y = (x - k[0]) * k[1] + k[2]; }, x.data, y.data);
}
GLASSNET_KERNEL(batch_norm_predict);

template <class T>
void batch_norm_sums(In<T> dy, In<T> x, In<T> mean, In<T> inverse_std, Out<T> dgamma, Out<T> dbeta) {
    sum_channels<T, 2, 2>(
        Channels(x), [=](int64_t c, T* k) { k[0] = mean[c], k[1] = inverse_std[c]; },
        [](auto v, const auto* k, const auto& dy, const auto& x) {
            return Terms<decltype(v), 2>{dy * ((x - k[0]) * k[1]), dy};
        },
        [&](int64_t c, const double* sums) {
            deliver(dgamma, c, sums[0]);
            deliver(dbeta, c, sums[1]);
        },
        dy.data, x.data);
}
GLASSNET_KERNEL(batch_norm_sums);

// dx = a dy + b (x − μ) + c
template <class T>
void batch_norm_backward(In<T> dy, In<T> x, In<T> mean, In<T> inverse_std, In<T> gamma, In<T> dgamma, In<T> dbeta,
                         Out<T> dx, T count) {
    for_channels<T, 4>(
        Channels(x),
        [=](int64_t c, T* k) {
            k[0] = gamma[c] * inverse_std[c];
            k[1] = -k[0] * inverse_std[c] * (dgamma[c] / count);
            k[2] = -k[0] * (dbeta[c] / count);
            k[3] = mean[c];
        },
        [](const T* k, T dy, T x, T& dx) { dx = k[0] * dy + k[1] * (x - k[3]) + k[2]; }, dy.data, x.data, dx.data);
}
GLASSNET_KERNEL(batch_norm_backward);

}  // namespace
}  // namespace glassnet
