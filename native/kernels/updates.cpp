// Twin of src/glassnet/kernels/updates.py: update rules and the steps around them, on flat arrays, in place.
//
// What depends on settings alone is computed once, in double, and rounded to T, as NumPy does to Python's
// floats.

#include "kernels/elementwise.hpp"
#include "math/sign.hpp"
#include "math/square_root.hpp"

#include <algorithm>
#include <cmath>

namespace glassnet {
namespace {

// A rule with a square root, for elements or for vectors of them.
template <class Rule, class... Ts>
void for_roots(int64_t size, Rule rule, Ts*... arrays) {
#if defined(__AVX512VL__)
    for_elements(size, OnVectors<Rule>{rule}, arrays...);
#else
    for_elements(size, rule, arrays...);
#endif
}

template <class T>
auto sgd_update(T learning_rate) {
    return [=](T g, T& parameter) { parameter -= learning_rate * g; };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, sgd_update);

template <class T>
auto momentum_update(T learning_rate, T momentum, bool nesterov) {
    return [=](T g, T& parameter, T& velocity) {
        const T step = learning_rate * g;
        const T moved = momentum * velocity - step;
        velocity = moved;
        parameter += nesterov ? momentum * moved - step : moved;
    };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, momentum_update);

template <class T>
void adagrad_update(In<T> gradients, Out<T> parameters, Out<T> square_sum, T learning_rate, T epsilon) {
    for_roots(
        parameters.size(),
        [=](auto g, auto& parameter, auto& sum) {
            sum += g * g;
            parameter -= learning_rate * g / (square_root(sum) + epsilon);
        },
        gradients.data, parameters.data, square_sum.data);
}
GLASSNET_KERNEL_OF_ELEMENTS(adagrad_update);

template <class T>
void rmsprop_update(In<T> gradients, Out<T> parameters, Out<T> mean_square, T learning_rate, double rho, T epsilon) {
    const T keep = static_cast<T>(rho);
    const T take = static_cast<T>(1 - rho);
    for_roots(
        parameters.size(),
        [=](auto g, auto& parameter, auto& mean) {
            mean = keep * mean + take * g * g;
            parameter -= learning_rate * g / (square_root(mean) + epsilon);
        },
        gradients.data, parameters.data, mean_square.data);
}
GLASSNET_KERNEL_OF_ELEMENTS(rmsprop_update);

// The bias corrections in the settings: η m̂ / (√v̂ + ε) = η √c₂/c₁ · m / (√v + ε √c₂), c = 1 − βᵗ, as in Kingma and
// Ba, end of section 2.
template <class T>
void adam_update(In<T> gradients, Out<T> parameters, Out<T> m, Out<T> v, double learning_rate, double beta1,
                 double beta2, double epsilon, double step) {
    const T keep1 = static_cast<T>(beta1), take1 = static_cast<T>(1 - beta1);
    const T keep2 = static_cast<T>(beta2), take2 = static_cast<T>(1 - beta2);
    const double root = std::sqrt(1 - std::pow(beta2, step));
    const T rate = static_cast<T>(learning_rate * root / (1 - std::pow(beta1, step)));
    const T small = static_cast<T>(epsilon * root);
    for_roots(
        parameters.size(),
        [=](auto g, auto& parameter, auto& first, auto& second) {
            first = keep1 * first + take1 * g;
            second = keep2 * second + take2 * g * g;
            parameter -= rate * first / (square_root(second) + small);
        },
        gradients.data, parameters.data, m.data, v.data);
}
GLASSNET_KERNEL_OF_ELEMENTS(adam_update);

template <class T>
void nadam_update(In<T> gradients, Out<T> parameters, Out<T> m, Out<T> v, double learning_rate, double beta1,
                  double beta2, double epsilon, double step, double momentum, double next_momentum, double product) {
    const T keep1 = static_cast<T>(beta1), take1 = static_cast<T>(1 - beta1);
    const T keep2 = static_cast<T>(beta2), take2 = static_cast<T>(1 - beta2);
    const double root = std::sqrt(1 - std::pow(beta2, step));
    const T look_ahead = static_cast<T>(learning_rate * root * next_momentum / (1 - product * next_momentum));
    const T present = static_cast<T>(learning_rate * root * (1 - momentum) / (1 - product));
    const T small = static_cast<T>(epsilon * root);
    for_roots(
        parameters.size(),
        [=](auto g, auto& parameter, auto& first, auto& second) {
            first = keep1 * first + take1 * g;
            second = keep2 * second + take2 * g * g;
            parameter -= (look_ahead * first + present * g) / (square_root(second) + small);
        },
        gradients.data, parameters.data, m.data, v.data);
}
GLASSNET_KERNEL_OF_ELEMENTS(nadam_update);

template <class T>
auto lion_update(T learning_rate, double beta1, double beta2) {
    const T keep1 = static_cast<T>(beta1), take1 = static_cast<T>(1 - beta1);
    const T keep2 = static_cast<T>(beta2), take2 = static_cast<T>(1 - beta2);
    return [=](T g, T& parameter, T& m) {
        parameter -= learning_rate * sign(keep1 * m + take1 * g);
        m = keep2 * m + take2 * g;
    };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, lion_update);

template <class T>
auto l2_gradient(T strength) {
    return [=](T parameter, T& gradient) { gradient += strength * parameter; };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, l2_gradient);

template <class T>
void l2_gradient_of_batch(In<T> parameters, In<double> total, Out<T> gradients, double strength) {
    const T share = total[0] > 0 ? static_cast<T>(strength / total[0]) : T(0);
    for_cheap_elements(
        gradients.size(), [=](T parameter, T& gradient) { gradient += share * parameter; }, parameters.data,
        gradients.data);
}
GLASSNET_KERNEL(l2_gradient_of_batch);

template <class T>
auto l1_gradient(T strength) {
    return [=](T parameter, T& gradient) { gradient += strength * sign(parameter); };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, l1_gradient);

template <class T>
auto weight_decay(double learning_rate, double rate) {
    return [factor = static_cast<T>(1 - learning_rate * rate)](T& parameter) { parameter *= factor; };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, weight_decay);

// The gradient stands first in max and min, which then return it where it is NaN.
template <class T>
auto clip_by_value(T limit) {
    return [=](T& gradient) { gradient = std::min(std::max(gradient, -limit), limit); };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, clip_by_value);

template <class T>
void clip_by_norm(Out<T> gradients, double limit) {
    const double largest = max_of(gradients.size(), T(0), [gradients](int64_t i) { return std::abs(gradients[i]); });
    if (largest == 0) return;
    const double norm = largest * std::sqrt(sum_of<double>(gradients.size(), [gradients, largest](int64_t i) {
                            const double scaled = static_cast<double>(gradients[i]) / largest;
                            return scaled * scaled;
                        }));
    if (!(norm > limit)) return;  // also where a NaN among the gradients leaves nothing to compare
    const T factor = static_cast<T>(limit / norm);
    for_each(gradients.size(), [=](int64_t i) { gradients[i] *= factor; });
}
GLASSNET_KERNEL(clip_by_norm);

// weight as (outer, units, inner): the axes before that of the units, and those after it. A block of units at a
// time, so that where the units stand last, as in a dense (D, M), rows are read in stretches.
template <class T>
void max_norm(Out<T> weight, T limit, int unit_axis) {
    const Operand& of = weight;
    const int64_t outer = of.product(0, unit_axis), units = of.shape[unit_axis];
    const int64_t inner = of.product(unit_axis + 1, of.rank);
    constexpr int64_t block = 64;
    T factors[block];
    for (int64_t first = 0; first < units; first += block) {
        const int64_t count = std::min(block, units - first);
        T* start = weight + first * inner;
        std::fill_n(factors, count, T(0));
        for (int64_t row = 0; row < outer; ++row) {
            const T* w = start + row * units * inner;
            if (inner == 1) {
                for (int64_t unit = 0; unit < count; ++unit) factors[unit] += w[unit] * w[unit];
            } else {
                for (int64_t unit = 0; unit < count; ++unit, w += inner)
                    factors[unit] += sum_of<T>(inner, [w](int64_t i) { return w[i] * w[i]; });
            }
        }
        for (int64_t unit = 0; unit < count; ++unit) factors[unit] = limit / std::max(std::sqrt(factors[unit]), limit);
        for (int64_t row = 0; row < outer; ++row) {
            T* w = start + row * units * inner;
            if (inner == 1) {
                for (int64_t unit = 0; unit < count; ++unit) w[unit] *= factors[unit];
            } else {
                for (int64_t unit = 0; unit < count; ++unit, w += inner)
                    for (int64_t i = 0; i < inner; ++i) w[i] *= factors[unit];
            }
        }
    }
}
GLASSNET_KERNEL(max_norm);

}  // namespace
}  // namespace glassnet
