// Twin of src/glassnet/kernels/activation.py: y = f(x) and dx = dy · f′(x), element by element.
//
// std::max(x, 0) and std::min(x, 0) have x first: they then return x where x is NaN, as NumPy does.

#include "../kernel.hpp"
#include "../logistic.hpp"
#include "../reduce.hpp"
#include "../vector_math.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace glassnet {
namespace {

constexpr double cubic = 0.044715;

template <class T>
const T sqrt_two_over_pi = static_cast<T>(std::sqrt(2 / std::numbers::pi));

// u = √(2/π) (x + 0.044715 x³)
template <class T>
T gelu_inner(T x) {
    return sqrt_two_over_pi<T> * (x + static_cast<T>(cubic) * x * x * x);
}

template <class T>
void identity_forward(const T* x, T* y, std::int64_t size) {
    for (std::int64_t i = 0; i < size; ++i) y[i] = x[i];
}

template <class T>
void identity_backward(const T* dy, T* dx, std::int64_t size) {
    for (std::int64_t i = 0; i < size; ++i) dx[i] = dy[i];
}

template <class T>
void relu_forward(const T* x, T* y, std::int64_t size) {
    for (std::int64_t i = 0; i < size; ++i) y[i] = std::max(x[i], T(0));
}

template <class T>
void relu_backward(const T* dy, const T* y, T* dx, std::int64_t size) {
    for (std::int64_t i = 0; i < size; ++i) dx[i] = dy[i] * static_cast<T>(y[i] > 0);
}

template <class T>
void leaky_relu_forward(const T* x, T* y, std::int64_t size, T slope) {
    for (std::int64_t i = 0; i < size; ++i) y[i] = x[i] * (x[i] > 0 ? T(1) : slope);
}

template <class T>
void leaky_relu_backward(const T* dy, const T* x, T* dx, std::int64_t size, T slope) {
    for (std::int64_t i = 0; i < size; ++i) dx[i] = dy[i] * (x[i] > 0 ? T(1) : slope);
}

template <class T>
void clip_forward(const T* x, T* y, std::int64_t size, T low, T high) {
    for (std::int64_t i = 0; i < size; ++i) y[i] = std::min(std::max(x[i], low), high);
}

template <class T>
void clip_backward(const T* dy, const T* y, T* dx, std::int64_t size, T low, T high) {
    for (std::int64_t i = 0; i < size; ++i) dx[i] = dy[i] * static_cast<T>((y[i] > low) & (y[i] < high));
}

template <class T>
void elu_forward(const T* x, T* y, std::int64_t size, T alpha) {
    for_elements(
        size, [=](T x, T& y) { y = x > 0 ? x : alpha * vector_expm1(std::min(x, T(0))); }, x, y);
}

template <class T>
void elu_backward(const T* dy, const T* x, T* dx, std::int64_t size, T alpha) {
    for_elements(
        size, [=](T dy, T x, T& dx) { dx = dy * (x > 0 ? T(1) : alpha * vector_exp(std::min(x, T(0)))); }, dy, x, dx);
}

template <class T>
void gelu_forward(const T* x, T* y, std::int64_t size) {
    for_elements(
        size, [](T x, T& y) { y = x * vector_normal(x).cdf; }, x, y);
}

template <class T>
void gelu_backward(const T* dy, const T* x, T* dx, std::int64_t size) {
    const T inverse_sqrt_two_pi = static_cast<T>(1 / std::sqrt(2 * std::numbers::pi));
    for_elements(
        size,
        [=](T dy, T x, T& dx) {
            const Normal<T> normal = vector_normal(x);
            dx = dy * (normal.cdf + x * (normal.bell * inverse_sqrt_two_pi));
        },
        dy, x, dx);
}

template <class T>
void gelu_tanh_forward(const T* x, T* y, std::int64_t size) {
    for_elements(
        size, [](T x, T& y) { y = x / 2 * (1 + vector_tanh(gelu_inner(x))); }, x, y);
}

template <class T>
void gelu_tanh_backward(const T* dy, const T* x, T* dx, std::int64_t size) {
    for_elements(
        size,
        [](T dy, T x, T& dx) {
            const T t = vector_tanh(gelu_inner(x));
            const T du = sqrt_two_over_pi<T> * (1 + static_cast<T>(3 * cubic) * x * x);
            dx = dy * ((1 + t) / 2 + x / 2 * (1 - t * t) * du);
        },
        dy, x, dx);
}

template <class T>
void silu_forward(const T* x, T* y, std::int64_t size) {
    for_elements(
        size, [](T x, T& y) { y = x * logistic(x); }, x, y);
}

template <class T>
void silu_backward(const T* dy, const T* x, T* dx, std::int64_t size) {
    for_elements(
        size,
        [](T dy, T x, T& dx) {
            const T s = logistic(x);
            dx = dy * (s * (1 + x * (1 - s)));
        },
        dy, x, dx);
}

template <class T>
void sigmoid_forward(const T* x, T* y, std::int64_t size) {
    for_elements(
        size, [](T x, T& y) { y = logistic(x); }, x, y);
}

template <class T>
void sigmoid_backward(const T* dy, const T* y, T* dx, std::int64_t size) {
    for (std::int64_t i = 0; i < size; ++i) dx[i] = dy[i] * (y[i] * (1 - y[i]));
}

template <class T>
void tanh_forward(const T* x, T* y, std::int64_t size) {
    for_elements(
        size, [](T x, T& y) { y = vector_tanh(x); }, x, y);
}

template <class T>
void tanh_backward(const T* dy, const T* y, T* dx, std::int64_t size) {
    for (std::int64_t i = 0; i < size; ++i) dx[i] = dy[i] * (1 - y[i] * y[i]);
}

template <class T>
void softplus_forward(const T* x, T* y, std::int64_t size) {
    for_elements(
        size, [](T x, T& y) { y = softplus(x); }, x, y);
}

template <class T>
void softplus_backward(const T* dy, const T* x, T* dx, std::int64_t size) {
    for_elements(
        size, [](T dy, T x, T& dx) { dx = dy * logistic(x); }, dy, x, dx);
}

template <class T>
struct Unpacked {
    static void identity_forward(const Operand* o, const double*) {
        glassnet::identity_forward(o[0].as<T>(), o[1].as<T>(), o[1].size());
    }
    static void identity_backward(const Operand* o, const double*) {
        glassnet::identity_backward(o[0].as<T>(), o[1].as<T>(), o[1].size());
    }
    static void relu_forward(const Operand* o, const double*) {
        glassnet::relu_forward(o[0].as<T>(), o[1].as<T>(), o[1].size());
    }
    static void relu_backward(const Operand* o, const double*) {
        glassnet::relu_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].size());
    }
    static void leaky_relu_forward(const Operand* o, const double* settings) {
        glassnet::leaky_relu_forward(o[0].as<T>(), o[1].as<T>(), o[1].size(), static_cast<T>(settings[0]));
    }
    static void leaky_relu_backward(const Operand* o, const double* settings) {
        glassnet::leaky_relu_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].size(),
                                      static_cast<T>(settings[0]));
    }
    static void clip_forward(const Operand* o, const double* settings) {
        glassnet::clip_forward(o[0].as<T>(), o[1].as<T>(), o[1].size(), static_cast<T>(settings[0]),
                               static_cast<T>(settings[1]));
    }
    static void clip_backward(const Operand* o, const double* settings) {
        glassnet::clip_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].size(), static_cast<T>(settings[0]),
                                static_cast<T>(settings[1]));
    }
    static void elu_forward(const Operand* o, const double* settings) {
        glassnet::elu_forward(o[0].as<T>(), o[1].as<T>(), o[1].size(), static_cast<T>(settings[0]));
    }
    static void elu_backward(const Operand* o, const double* settings) {
        glassnet::elu_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].size(),
                               static_cast<T>(settings[0]));
    }
    static void gelu_forward(const Operand* o, const double*) {
        glassnet::gelu_forward(o[0].as<T>(), o[1].as<T>(), o[1].size());
    }
    static void gelu_backward(const Operand* o, const double*) {
        glassnet::gelu_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].size());
    }
    static void gelu_tanh_forward(const Operand* o, const double*) {
        glassnet::gelu_tanh_forward(o[0].as<T>(), o[1].as<T>(), o[1].size());
    }
    static void gelu_tanh_backward(const Operand* o, const double*) {
        glassnet::gelu_tanh_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].size());
    }
    static void silu_forward(const Operand* o, const double*) {
        glassnet::silu_forward(o[0].as<T>(), o[1].as<T>(), o[1].size());
    }
    static void silu_backward(const Operand* o, const double*) {
        glassnet::silu_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].size());
    }
    static void sigmoid_forward(const Operand* o, const double*) {
        glassnet::sigmoid_forward(o[0].as<T>(), o[1].as<T>(), o[1].size());
    }
    static void sigmoid_backward(const Operand* o, const double*) {
        glassnet::sigmoid_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].size());
    }
    static void tanh_forward(const Operand* o, const double*) {
        glassnet::tanh_forward(o[0].as<T>(), o[1].as<T>(), o[1].size());
    }
    static void tanh_backward(const Operand* o, const double*) {
        glassnet::tanh_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].size());
    }
    static void softplus_forward(const Operand* o, const double*) {
        glassnet::softplus_forward(o[0].as<T>(), o[1].as<T>(), o[1].size());
    }
    static void softplus_backward(const Operand* o, const double*) {
        glassnet::softplus_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].size());
    }
};

constexpr KernelEntry entries[] = {
    {"identity_forward", Unpacked<float>::identity_forward, Unpacked<double>::identity_forward},
    {"identity_backward", Unpacked<float>::identity_backward, Unpacked<double>::identity_backward},
    {"relu_forward", Unpacked<float>::relu_forward, Unpacked<double>::relu_forward},
    {"relu_backward", Unpacked<float>::relu_backward, Unpacked<double>::relu_backward},
    {"leaky_relu_forward", Unpacked<float>::leaky_relu_forward, Unpacked<double>::leaky_relu_forward},
    {"leaky_relu_backward", Unpacked<float>::leaky_relu_backward, Unpacked<double>::leaky_relu_backward},
    {"clip_forward", Unpacked<float>::clip_forward, Unpacked<double>::clip_forward},
    {"clip_backward", Unpacked<float>::clip_backward, Unpacked<double>::clip_backward},
    {"elu_forward", Unpacked<float>::elu_forward, Unpacked<double>::elu_forward},
    {"elu_backward", Unpacked<float>::elu_backward, Unpacked<double>::elu_backward},
    {"gelu_forward", Unpacked<float>::gelu_forward, Unpacked<double>::gelu_forward},
    {"gelu_backward", Unpacked<float>::gelu_backward, Unpacked<double>::gelu_backward},
    {"gelu_tanh_forward", Unpacked<float>::gelu_tanh_forward, Unpacked<double>::gelu_tanh_forward},
    {"gelu_tanh_backward", Unpacked<float>::gelu_tanh_backward, Unpacked<double>::gelu_tanh_backward},
    {"silu_forward", Unpacked<float>::silu_forward, Unpacked<double>::silu_forward},
    {"silu_backward", Unpacked<float>::silu_backward, Unpacked<double>::silu_backward},
    {"sigmoid_forward", Unpacked<float>::sigmoid_forward, Unpacked<double>::sigmoid_forward},
    {"sigmoid_backward", Unpacked<float>::sigmoid_backward, Unpacked<double>::sigmoid_backward},
    {"tanh_forward", Unpacked<float>::tanh_forward, Unpacked<double>::tanh_forward},
    {"tanh_backward", Unpacked<float>::tanh_backward, Unpacked<double>::tanh_backward},
    {"softplus_forward", Unpacked<float>::softplus_forward, Unpacked<double>::softplus_forward},
    {"softplus_backward", Unpacked<float>::softplus_backward, Unpacked<double>::softplus_backward},
};

}  // namespace

std::span<const KernelEntry> activation_kernels() { return entries; }

}  // namespace glassnet
