// Twin of src/glassnet/kernels/scale.py: y = γ x + β, channel by channel.

#include "engine/kernel.hpp"
#include "math/channel_sums.hpp"
#include "math/pairs.hpp"
#include "math/reduce.hpp"

namespace glassnet {
namespace {

template <class T>
void scale_forward(In<T> x, In<T> gamma, In<T> beta, Out<T> y) {
    for_channels<T, 2>(
        Channels(x), [=](int64_t c, T* k) { k[0] = gamma[c], k[1] = beta[c]; },
        [](const T* k, T x, T& y) { y = x * k[0] + k[1]; }, x.data, y.data);
}
GLASSNET_KERNEL(scale_forward);

template <class T>
void scale_backward(In<T> dy, In<T> x, In<T> gamma, Out<T> dx, Out<T> dgamma, Out<T> dbeta) {
    const Channels channels(x);
    if (dgamma != nullptr || dbeta != nullptr)
        sum_channels<T, 1, 2>(
            channels, [](int64_t, T* k) { k[0] = T(0); },
            [](auto v, const auto*, const auto& dy, const auto& x) { return Terms<decltype(v), 2>{dy * x, dy}; },
            [&](int64_t c, const double* sums) {
                deliver(dgamma, c, sums[0]);
                deliver(dbeta, c, sums[1]);
            },
            dy.data, x.data);
    if (dx != nullptr)
        for_channels<T, 1>(
            channels, [=](int64_t c, T* k) { k[0] = gamma[c]; }, [](const T* k, T dy, T& dx) { dx = dy * k[0]; },
            dy.data, dx.data);
}
GLASSNET_KERNEL(scale_backward);

}  // namespace
}  // namespace glassnet
