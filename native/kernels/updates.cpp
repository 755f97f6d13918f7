// Twin of src/glassnet/kernels/updates.py: update rules and the steps around them, on flat arrays, in place.
//
// What depends on settings alone is computed once, in double, and rounded to T, as NumPy does to Python's
// floats.

#include "../kernel.hpp"
#include "../reduce.hpp"
#include "../sign.hpp"
#include "../square_root.hpp"

#include <algorithm>
#include <cmath>

namespace glassnet {
namespace {

// A rule with a square root, for elements or for vectors of them.
template <class Rule, class... Ts>
void for_roots(std::int64_t size, Rule rule, Ts*... arrays) {
#if defined(__AVX512VL__)
    for_elements(size, OnVectors<Rule>{rule}, arrays...);
#else
    for_elements(size, rule, arrays...);
#endif
}

template <class T>
void sgd_update(const T* gradients, T* parameters, std::int64_t size, T learning_rate) {
    for (std::int64_t i = 0; i < size; ++i) parameters[i] -= learning_rate * gradients[i];
}

template <class T>
void momentum_update(const T* gradients, T* parameters, T* velocity, std::int64_t size, T learning_rate,
                     T momentum, bool nesterov) {
    if (nesterov) {
        for (std::int64_t i = 0; i < size; ++i) {
            const T step = learning_rate * gradients[i];
            const T moved = momentum * velocity[i] - step;
            velocity[i] = moved;
            parameters[i] += momentum * moved - step;
        }
    } else {
        for (std::int64_t i = 0; i < size; ++i) {
            const T moved = momentum * velocity[i] - learning_rate * gradients[i];
            velocity[i] = moved;
            parameters[i] += moved;
        }
    }
}

template <class T>
void adagrad_update(const T* gradients, T* parameters, T* square_sum, std::int64_t size, T learning_rate,
                    T epsilon) {
    for_roots(
        size,
        [=](auto g, auto& parameter, auto& sum) {
            sum += g * g;
            parameter -= learning_rate * g / (square_root(sum) + epsilon);
        },
        gradients, parameters, square_sum);
}

template <class T>
void rmsprop_update(const T* gradients, T* parameters, T* mean_square, std::int64_t size, T learning_rate,
                    double rho, T epsilon) {
    const T keep = static_cast<T>(rho);
    const T take = static_cast<T>(1 - rho);
    for_roots(
        size,
        [=](auto g, auto& parameter, auto& mean) {
            mean = keep * mean + take * g * g;
            parameter -= learning_rate * g / (square_root(mean) + epsilon);
        },
        gradients, parameters, mean_square);
}

// The bias corrections in the settings: η m̂ / (√v̂ + ε) = η √c₂/c₁ · m / (√v + ε √c₂), c = 1 − βᵗ, as in Kingma and
// Ba, end of section 2.
template <class T>
void adam_update(const T* gradients, T* parameters, T* m, T* v, std::int64_t size, double learning_rate,
                 double beta1, double beta2, double epsilon, double step) {
    const T keep1 = static_cast<T>(beta1), take1 = static_cast<T>(1 - beta1);
    const T keep2 = static_cast<T>(beta2), take2 = static_cast<T>(1 - beta2);
    const double root = std::sqrt(1 - std::pow(beta2, step));
    const T rate = static_cast<T>(learning_rate * root / (1 - std::pow(beta1, step)));
    const T small = static_cast<T>(epsilon * root);
    for_roots(
        size,
        [=](auto g, auto& parameter, auto& first, auto& second) {
            first = keep1 * first + take1 * g;
            second = keep2 * second + take2 * g * g;
            parameter -= rate * first / (square_root(second) + small);
        },
        gradients, parameters, m, v);
}

template <class T>
void nadam_update(const T* gradients, T* parameters, T* m, T* v, std::int64_t size, double learning_rate,
                  double beta1, double beta2, double epsilon, double step, double momentum, double next_momentum,
                  double product) {
    const T keep1 = static_cast<T>(beta1), take1 = static_cast<T>(1 - beta1);
    const T keep2 = static_cast<T>(beta2), take2 = static_cast<T>(1 - beta2);
    const double root = std::sqrt(1 - std::pow(beta2, step));
    const T look_ahead = static_cast<T>(learning_rate * root * next_momentum / (1 - product * next_momentum));
    const T present = static_cast<T>(learning_rate * root * (1 - momentum) / (1 - product));
    const T small = static_cast<T>(epsilon * root);
    for_roots(
        size,
        [=](auto g, auto& parameter, auto& first, auto& second) {
            first = keep1 * first + take1 * g;
            second = keep2 * second + take2 * g * g;
            parameter -= (look_ahead * first + present * g) / (square_root(second) + small);
        },
        gradients, parameters, m, v);
}

template <class T>
void lion_update(const T* gradients, T* parameters, T* m, std::int64_t size, T learning_rate, double beta1,
                 double beta2) {
    const T keep1 = static_cast<T>(beta1), take1 = static_cast<T>(1 - beta1);
    const T keep2 = static_cast<T>(beta2), take2 = static_cast<T>(1 - beta2);
    for (std::int64_t i = 0; i < size; ++i) {
        parameters[i] -= learning_rate * sign(keep1 * m[i] + take1 * gradients[i]);
        m[i] = keep2 * m[i] + take2 * gradients[i];
    }
}

template <class T>
void l2_gradient(const T* parameters, T* gradients, std::int64_t size, T strength) {
    for (std::int64_t i = 0; i < size; ++i) gradients[i] += strength * parameters[i];
}

template <class T>
void l2_gradient_of_batch(const T* parameters, const double* total, T* gradients, std::int64_t size, double strength) {
    const T share = total[0] > 0 ? static_cast<T>(strength / total[0]) : T(0);
    for (std::int64_t i = 0; i < size; ++i) gradients[i] += share * parameters[i];
}

template <class T>
void l1_gradient(const T* parameters, T* gradients, std::int64_t size, T strength) {
    for (std::int64_t i = 0; i < size; ++i) gradients[i] += strength * sign(parameters[i]);
}

template <class T>
void weight_decay(T* parameters, std::int64_t size, double learning_rate, double rate) {
    const T factor = static_cast<T>(1 - learning_rate * rate);
    for (std::int64_t i = 0; i < size; ++i) parameters[i] *= factor;
}

// The gradient stands first in max and min, which then return it where it is NaN.
template <class T>
void clip_by_value(T* gradients, std::int64_t size, T limit) {
    for (std::int64_t i = 0; i < size; ++i) gradients[i] = std::min(std::max(gradients[i], -limit), limit);
}

template <class T>
void clip_by_norm(T* gradients, std::int64_t size, double limit) {
    const double largest = max_of(size, T(0), [gradients](std::int64_t i) { return std::abs(gradients[i]); });
    if (largest == 0) return;
    const double norm = largest * std::sqrt(sum_of<double>(size, [gradients, largest](std::int64_t i) {
        const double scaled = static_cast<double>(gradients[i]) / largest;
        return scaled * scaled;
    }));
    if (!(norm > limit)) return;  // also where a NaN among the gradients leaves nothing to compare
    const T factor = static_cast<T>(limit / norm);
    for (std::int64_t i = 0; i < size; ++i) gradients[i] *= factor;
}

// weight (outer, units, inner): the axes before that of the units, and those after it. A block of units at a
// time, so that where the units stand last, as in a dense (D, M), rows are read in stretches.
template <class T>
void max_norm(T* weight, std::int64_t outer, std::int64_t units, std::int64_t inner, T limit) {
    constexpr std::int64_t block = 64;
    T factors[block];
    for (std::int64_t first = 0; first < units; first += block) {
        const std::int64_t count = std::min(block, units - first);
        T* start = weight + first * inner;
        std::fill_n(factors, count, T(0));
        for (std::int64_t row = 0; row < outer; ++row) {
            const T* w = start + row * units * inner;
            if (inner == 1) {
                for (std::int64_t unit = 0; unit < count; ++unit) factors[unit] += w[unit] * w[unit];
            } else {
                for (std::int64_t unit = 0; unit < count; ++unit, w += inner)
                    factors[unit] += sum_of<T>(inner, [w](std::int64_t i) { return w[i] * w[i]; });
            }
        }
        for (std::int64_t unit = 0; unit < count; ++unit)
            factors[unit] = limit / std::max(std::sqrt(factors[unit]), limit);
        for (std::int64_t row = 0; row < outer; ++row) {
            T* w = start + row * units * inner;
            if (inner == 1) {
                for (std::int64_t unit = 0; unit < count; ++unit) w[unit] *= factors[unit];
            } else {
                for (std::int64_t unit = 0; unit < count; ++unit, w += inner)
                    for (std::int64_t i = 0; i < inner; ++i) w[i] *= factors[unit];
            }
        }
    }
}

template <class T>
struct Unpacked {
    static void sgd_update(const Operand* o, const double* settings) {
        glassnet::sgd_update(o[0].as<T>(), o[1].as<T>(), o[1].size(), static_cast<T>(settings[0]));
    }
    static void momentum_update(const Operand* o, const double* settings) {
        glassnet::momentum_update(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[1].size(),
                                  static_cast<T>(settings[0]), static_cast<T>(settings[1]), settings[2] != 0);
    }
    static void adagrad_update(const Operand* o, const double* settings) {
        glassnet::adagrad_update(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[1].size(),
                                 static_cast<T>(settings[0]), static_cast<T>(settings[1]));
    }
    static void rmsprop_update(const Operand* o, const double* settings) {
        glassnet::rmsprop_update(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[1].size(),
                                 static_cast<T>(settings[0]), settings[1], static_cast<T>(settings[2]));
    }
    static void adam_update(const Operand* o, const double* settings) {
        glassnet::adam_update(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(), o[1].size(),
                              settings[0], settings[1], settings[2], settings[3], settings[4]);
    }
    static void nadam_update(const Operand* o, const double* settings) {
        glassnet::nadam_update(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(), o[1].size(),
                               settings[0], settings[1], settings[2], settings[3], settings[4], settings[5],
                               settings[6], settings[7]);
    }
    static void lion_update(const Operand* o, const double* settings) {
        glassnet::lion_update(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[1].size(),
                              static_cast<T>(settings[0]), settings[1], settings[2]);
    }
    static void l2_gradient(const Operand* o, const double* settings) {
        glassnet::l2_gradient(o[0].as<T>(), o[1].as<T>(), o[1].size(), static_cast<T>(settings[0]));
    }
    static void l2_gradient_of_batch(const Operand* o, const double* settings) {
        glassnet::l2_gradient_of_batch(o[0].as<T>(), o[1].as<double>(), o[2].as<T>(), o[2].size(), settings[0]);
    }
    static void l1_gradient(const Operand* o, const double* settings) {
        glassnet::l1_gradient(o[0].as<T>(), o[1].as<T>(), o[1].size(), static_cast<T>(settings[0]));
    }
    static void weight_decay(const Operand* o, const double* settings) {
        glassnet::weight_decay(o[0].as<T>(), o[0].size(), settings[0], settings[1]);
    }
    static void clip_by_value(const Operand* o, const double* settings) {
        glassnet::clip_by_value(o[0].as<T>(), o[0].size(), static_cast<T>(settings[0]));
    }
    static void clip_by_norm(const Operand* o, const double* settings) {
        glassnet::clip_by_norm(o[0].as<T>(), o[0].size(), settings[0]);
    }
    static void max_norm(const Operand* o, const double* settings) {
        const Operand& weight = o[0];
        const int unit_axis = static_cast<int>(settings[1]);
        std::int64_t outer = 1, inner = 1;
        for (int axis = 0; axis < unit_axis; ++axis) outer *= weight.shape[axis];
        for (int axis = unit_axis + 1; axis < weight.rank; ++axis) inner *= weight.shape[axis];
        glassnet::max_norm(weight.as<T>(), outer, weight.shape[unit_axis], inner,
                           static_cast<T>(settings[0]));
    }
};

constexpr KernelEntry entries[] = {
    {"sgd_update", Unpacked<float>::sgd_update, Unpacked<double>::sgd_update},
    {"momentum_update", Unpacked<float>::momentum_update, Unpacked<double>::momentum_update},
    {"adagrad_update", Unpacked<float>::adagrad_update, Unpacked<double>::adagrad_update},
    {"rmsprop_update", Unpacked<float>::rmsprop_update, Unpacked<double>::rmsprop_update},
    {"adam_update", Unpacked<float>::adam_update, Unpacked<double>::adam_update},
    {"nadam_update", Unpacked<float>::nadam_update, Unpacked<double>::nadam_update},
    {"lion_update", Unpacked<float>::lion_update, Unpacked<double>::lion_update},
    {"l2_gradient", Unpacked<float>::l2_gradient, Unpacked<double>::l2_gradient},
    {"l2_gradient_of_batch", Unpacked<float>::l2_gradient_of_batch, Unpacked<double>::l2_gradient_of_batch},
    {"l1_gradient", Unpacked<float>::l1_gradient, Unpacked<double>::l1_gradient},
    {"weight_decay", Unpacked<float>::weight_decay, Unpacked<double>::weight_decay},
    {"clip_by_value", Unpacked<float>::clip_by_value, Unpacked<double>::clip_by_value},
    {"clip_by_norm", Unpacked<float>::clip_by_norm, Unpacked<double>::clip_by_norm},
    {"max_norm", Unpacked<float>::max_norm, Unpacked<double>::max_norm},
};

}  // namespace

std::span<const KernelEntry> update_kernels() { return entries; }

}  // namespace glassnet
