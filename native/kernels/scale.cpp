// Twin of src/glassnet/kernels/scale.py: y = γ x + β, channel by channel.

#include "../channel_sums.hpp"
#include "../kernel.hpp"
#include "../pairs.hpp"
#include "../reduce.hpp"

namespace glassnet {
namespace {

template <class T>
void scale_forward(const Operand& of_x, const T* gamma, const T* beta, T* y) {
    for_channels<T, 2>(
        Channels(of_x), [=](int64_t c, T* k) { k[0] = gamma[c], k[1] = beta[c]; },
        [](const T* k, T x, T& y) { y = x * k[0] + k[1]; }, of_x.as<const T>(), y);
}

template <class T>
void scale_backward(const T* dy, const Operand& of_x, const T* gamma, T* dx, const Operand& dgamma,
                    const Operand& dbeta) {
    const Channels channels(of_x);
    if (dgamma.data != nullptr || dbeta.data != nullptr)
        sum_channels<T, 1, 2>(
            channels, [](int64_t, T* k) { k[0] = T(0); },
            [](auto v, const auto*, const auto& dy, const auto& x) { return Terms<decltype(v), 2>{dy * x, dy}; },
            [&](int64_t c, const double* sums) {
                deliver<T>(dgamma, c, sums[0]);
                deliver<T>(dbeta, c, sums[1]);
            },
            dy, of_x.as<const T>());
    if (dx != nullptr)
        for_channels<T, 1>(
            channels, [=](int64_t c, T* k) { k[0] = gamma[c]; }, [](const T* k, T dy, T& dx) { dx = dy * k[0]; }, dy,
            dx);
}

template <class T>
struct Unpacked {
    static void scale_forward(const Operand* o, const double*) {
        glassnet::scale_forward<T>(o[0], o[1].as<T>(), o[2].as<T>(), o[3].as<T>());
    }
    static void scale_backward(const Operand* o, const double*) {
        glassnet::scale_backward<T>(o[0].as<T>(), o[1], o[2].as<T>(), o[3].as<T>(), o[4], o[5]);
    }
};

constexpr KernelEntry entries[] = {
    {"scale_forward", Unpacked<float>::scale_forward, Unpacked<double>::scale_forward},
    {"scale_backward", Unpacked<float>::scale_backward, Unpacked<double>::scale_backward},
};

}  // namespace

std::span<const KernelEntry> scale_kernels() { return entries; }

}  // namespace glassnet
