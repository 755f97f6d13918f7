// Twin of src/glassnet/kernels/activation.py: y = f(x) and dx = dy · f′(x), element by element.
//
// std::max(x, 0) and std::min(x, 0) have x first: they then return x where x is NaN, as NumPy does.

#include "kernels/elementwise.hpp"
#include "math/logistic.hpp"
#include "math/vector_math.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace glassnet {
namespace {

template <class T>
auto identity_forward() {
    return [](T x) { return x; };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, identity_forward);

template <class T>
auto identity_backward() {
    return [](T dy) { return dy; };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, identity_backward);

template <class T>
auto relu_forward() {
    return [](T x) { return std::max(x, T(0)); };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, relu_forward);

template <class T>
auto relu_backward() {
    return [](T dy, T y) { return dy * static_cast<T>(y > 0); };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, relu_backward);

template <class T>
auto leaky_relu_forward(T slope) {
    return [=](T x) { return x * (x > 0 ? T(1) : slope); };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, leaky_relu_forward);

template <class T>
auto leaky_relu_backward(T slope) {
    return [=](T dy, T x) { return dy * (x > 0 ? T(1) : slope); };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, leaky_relu_backward);

template <class T>
auto clip_forward(T low, T high) {
    return [=](T x) { return std::min(std::max(x, low), high); };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, clip_forward);

template <class T>
auto clip_backward(T low, T high) {
    return [=](T dy, T y) { return dy * static_cast<T>((y > low) & (y < high)); };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, clip_backward);

template <class T>
auto elu_forward(T alpha) {
    return [=](T x) { return x > 0 ? x : alpha * vector_expm1(std::min(x, T(0))); };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, elu_forward);

template <class T>
auto elu_backward(T alpha) {
    return [=](T dy, T x) { return dy * (x > 0 ? T(1) : alpha * vector_exp(std::min(x, T(0)))); };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, elu_backward);

constexpr double selu_scale = 1.0507009873554805, selu_alpha = 1.6732632423543772;

template <class T>
auto selu_forward() {
    return [](T x) {
        const T left = static_cast<T>(selu_scale * selu_alpha) * vector_expm1(std::min(x, T(0)));
        return x > 0 ? static_cast<T>(selu_scale) * x : left;
    };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, selu_forward);

template <class T>
auto selu_backward() {
    return [](T dy, T x) {
        const T left = static_cast<T>(selu_scale * selu_alpha) * vector_exp(std::min(x, T(0)));
        return dy * (x > 0 ? static_cast<T>(selu_scale) : left);
    };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, selu_backward);

template <class T>
auto gelu_forward() {
    return [](T x) { return x * vector_normal(x).cdf; };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, gelu_forward);

template <class T>
auto gelu_backward() {
    const T inverse_sqrt_two_pi = static_cast<T>(1 / std::sqrt(2 * std::numbers::pi));
    return [=](T dy, T x) {
        const Normal<T> normal = vector_normal(x);
        return dy * (normal.cdf + x * (normal.bell * inverse_sqrt_two_pi));
    };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, gelu_backward);

constexpr double cubic = 0.044715;

template <class T>
const T sqrt_two_over_pi = static_cast<T>(std::sqrt(2 / std::numbers::pi));

// u = √(2/π) (x + 0.044715 x³)
template <class T>
T gelu_inner(T x) {
    return sqrt_two_over_pi<T> * (x + static_cast<T>(cubic) * x * x * x);
}

template <class T>
auto gelu_tanh_forward() {
    return [](T x) { return x / 2 * (1 + vector_tanh(gelu_inner(x))); };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, gelu_tanh_forward);

template <class T>
auto gelu_tanh_backward() {
    return [](T dy, T x) {
        const T t = vector_tanh(gelu_inner(x));
        const T du = sqrt_two_over_pi<T> * (1 + static_cast<T>(3 * cubic) * x * x);
        return dy * ((1 + t) / 2 + x / 2 * (1 - t * t) * du);
    };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, gelu_tanh_backward);

template <class T>
auto silu_forward() {
    return [](T x) { return x * logistic(x); };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, silu_forward);

template <class T>
auto silu_backward() {
    return [](T dy, T x) {
        const T s = logistic(x);
        return dy * (s * (1 + x * (1 - s)));
    };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, silu_backward);

template <class T>
auto hard_swish_forward() {
    return [](T x) { return x * (std::min(std::max(x + 3, T(0)), T(6)) / 6); };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, hard_swish_forward);

template <class T>
auto hard_swish_backward() {
    return [](T dy, T x) { return dy * (x >= 3 ? T(1) : x > -3 ? (2 * x + 3) / 6 : T(0)); };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, hard_swish_backward);

template <class T>
auto mish_forward() {
    return [](T x) { return x * vector_tanh(softplus(x)); };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, mish_forward);

template <class T>
auto mish_backward() {
    return [](T dy, T x) {
        const T t = vector_tanh(softplus(x));
        return dy * (t + x * logistic(x) * (1 - t * t));
    };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, mish_backward);

template <class T>
auto sigmoid_forward() {
    return [](T x) { return logistic(x); };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, sigmoid_forward);

template <class T>
auto sigmoid_backward() {
    return [](T dy, T y) { return dy * (y * (1 - y)); };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, sigmoid_backward);

template <class T>
auto tanh_forward() {
    return [](T x) { return vector_tanh(x); };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, tanh_forward);

template <class T>
auto tanh_backward() {
    return [](T dy, T y) { return dy * (1 - y * y); };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, tanh_backward);

template <class T>
auto softplus_forward() {
    return [](T x) { return softplus(x); };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, softplus_forward);

template <class T>
auto softplus_backward() {
    return [](T dy, T x) { return dy * logistic(x); };
}
GLASSNET_KERNEL_BY(Elementwise<Costly>, softplus_backward);

}  // namespace
}  // namespace glassnet
