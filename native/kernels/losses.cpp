// Twin of src/glassnet/kernels/losses.py: each row's loss ℓ (N,), and ω_n times its gradient.
//
// std::max and std::min have the number that may be NaN first: they then return it, as NumPy does.

#include "../kernel.hpp"
#include "../logistic.hpp"
#include "../reduce.hpp"
#include "../sign.hpp"
#include "../softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace glassnet {
namespace {

// The smallest probability whose logarithm is taken: the root of the smallest normal number.
template <class T>
T log_floor() {
    return std::sqrt(std::numeric_limits<T>::min());
}

// t′ = (1 − ε) t + ε/K
template <class T>
struct Smoothing {
    T own;    // 1 − ε
    T share;  // ε/K

    Smoothing(double label_smoothing, std::int64_t classes)
        : own(static_cast<T>(1 - label_smoothing)),
          share(static_cast<T>(label_smoothing / static_cast<double>(classes))) {}

    T of(T target) const { return own * target + share; }
};

// weights may be null: 1 each
template <class T>
void weigh_rows(const T* weights, T* row_weights, double* total, std::int64_t rows, double factor,
                bool mean) {
    if (weights)
        std::copy_n(weights, rows, row_weights);
    else
        std::fill_n(row_weights, rows, T(1));
    const double sum =
        sum_of<double>(rows, [row_weights](std::int64_t n) { return static_cast<double>(row_weights[n]); });
    total[0] = sum;
    const T divisor = mean && sum > 0 ? static_cast<T>(sum) : T(1);
    const T scale = static_cast<T>(factor);
    for (std::int64_t n = 0; n < rows; ++n) row_weights[n] = row_weights[n] / divisor * scale;
}

template <class T>
void weighted_sum(const T* losses, const T* row_weights, double* value, std::int64_t rows) {
    value[0] = sum_of<double>(rows, [losses, row_weights](std::int64_t n) {
        return static_cast<double>(losses[n]) * static_cast<double>(row_weights[n]);
    });
}

// before may be null: 0
void weigh_value(const double* own_value, const double* before, double* value, double factor) {
    value[0] = (before ? before[0] : 0.0) + factor * own_value[0];
}

// factor times part (rows, width) into columns start .. start + width of doutputs (rows, columns)
template <class T>
void weigh_gradient(const T* part, T* doutputs, std::int64_t rows, std::int64_t width, std::int64_t columns,
                    std::int64_t start, T factor) {
    const auto times = [factor](T slope, T& weighted) { weighted = factor * slope; };
    for (std::int64_t row = 0; row < rows; ++row)
        for_cheap_elements(width, times, part + row * width, doutputs + row * columns + start);
}

// losses_n = Σ_m term(a_nm, b_nm), the terms of many rows or of a part of one at a time; `loop` goes over the elements.
template <class T, class Term, class Loop>
void sum_rows(const T* a, const T* b, T* losses, std::int64_t rows, std::int64_t width, Term term, Loop loop) {
    const auto put = [term](T a, T b, T& value) { value = term(a, b); };
    if (width == 1) {
        loop(rows, put, a, b, losses);
        return;
    }
    constexpr std::int64_t block = 1024;
    T terms[block];
    const std::int64_t rows_of_block = std::max(block / std::max(width, std::int64_t{1}), std::int64_t{1});
    for (std::int64_t first = 0; first < rows; first += rows_of_block) {
        const std::int64_t count = std::min(rows_of_block, rows - first);
        for (std::int64_t start = 0; start == 0 || start < width; start += block) {
            const std::int64_t part = std::min(block, width - start);
            loop(count * part, put, a + first * width + start, b + first * width + start, terms);
            const T before = start == 0 ? T(0) : losses[first];  // only one row at a time is longer than a block
            sums_of_rows(terms, count, part, losses + first);
            if (start > 0) losses[first] += before;
        }
    }
}

// doutputs_nm = weight_n slope(a_nm, b_nm)
template <class T, class Slope, class Loop>
void weigh_slopes(const T* row_weights, const T* a, const T* b, T* doutputs, std::int64_t rows, std::int64_t width,
                  Slope slope, Loop loop) {
    const auto put = [slope](T weight, T a, T b, T& value) { value = weight * slope(a, b); };
    if (width == 1) {
        loop(rows, put, row_weights, a, b, doutputs);
    } else if (width < short_row) {
        ForShortRows<T> weights;
        for (std::int64_t first = 0; first < rows; first += rows_at_a_time) {
            const std::int64_t count = std::min(rows_at_a_time, rows - first), place = first * width;
            spread(row_weights + first, count, width, weights.values);
            loop(count * width, put, static_cast<const T*>(weights.values), a + place, b + place, doutputs + place);
        }
    } else {
        for (std::int64_t row = 0; row < rows; ++row, a += width, b += width, doutputs += width)
            loop(
                width, [weight = row_weights[row], slope](T a, T b, T& value) { value = weight * slope(a, b); }, a, b,
                doutputs);
    }
}

// The loops for terms of a few operations and for those with elementary functions.
constexpr auto cheap = [](auto... arguments) { for_cheap_elements(arguments...); };
constexpr auto costly = [](auto... arguments) { for_elements(arguments...); };

template <class T>
void squared_error_forward(const T* outputs, const T* targets, T* losses, std::int64_t rows,
                           std::int64_t width) {
    const auto term = [](T output, T target) {
        const T error = output - target;
        return error * error / 2;
    };
    sum_rows(outputs, targets, losses, rows, width, term, cheap);
}

template <class T>
void squared_error_backward(const T* row_weights, const T* outputs, const T* targets, T* doutputs,
                            std::int64_t rows, std::int64_t width) {
    const auto slope = [](T output, T target) { return output - target; };
    weigh_slopes(row_weights, outputs, targets, doutputs, rows, width, slope, cheap);
}

template <class T>
void absolute_error_forward(const T* outputs, const T* targets, T* losses, std::int64_t rows,
                            std::int64_t width) {
    const auto term = [](T output, T target) { return std::abs(output - target); };
    sum_rows(outputs, targets, losses, rows, width, term, cheap);
}

template <class T>
void absolute_error_backward(const T* row_weights, const T* outputs, const T* targets, T* doutputs,
                             std::int64_t rows, std::int64_t width) {
    const auto slope = [](T output, T target) { return sign(output - target); };
    weigh_slopes(row_weights, outputs, targets, doutputs, rows, width, slope, cheap);
}

template <class T>
void huber_forward(const T* outputs, const T* targets, T* losses, std::int64_t rows, std::int64_t width,
                   T delta) {
    const auto term = [delta](T output, T target) {
        const T size = std::abs(output - target);
        const T inner = std::min(size, delta);
        return inner * (size - inner / 2);
    };
    sum_rows(outputs, targets, losses, rows, width, term, cheap);
}

template <class T>
void huber_backward(const T* row_weights, const T* outputs, const T* targets, T* doutputs, std::int64_t rows,
                    std::int64_t width, T delta) {
    const auto slope = [delta](T output, T target) { return std::min(std::max(output - target, -delta), delta); };
    weigh_slopes(row_weights, outputs, targets, doutputs, rows, width, slope, cheap);
}

template <class T>
void quantile_forward(const T* outputs, const T* targets, T* losses, std::int64_t rows, std::int64_t width,
                      double quantile) {
    const T below = static_cast<T>(quantile), above = static_cast<T>(quantile - 1);
    const auto term = [below, above](T output, T target) {
        const T error = target - output;
        return std::max(below * error, above * error);
    };
    sum_rows(outputs, targets, losses, rows, width, term, cheap);
}

template <class T>
void quantile_backward(const T* row_weights, const T* outputs, const T* targets, T* doutputs, std::int64_t rows,
                       std::int64_t width, double quantile) {
    const T below = static_cast<T>(-quantile), above = static_cast<T>(1 - quantile);
    const auto slope = [below, above](T output, T target) {
        const T error = output - target;
        return error > 0 ? above : error < 0 ? below : error;
    };
    weigh_slopes(row_weights, outputs, targets, doutputs, rows, width, slope, cheap);
}

// Twin of _excess: weight (e^u − 1 − u) for weighted = weight e^u.
template <class T>
inline T excess(T u, T weighted, T weight) {
    return u > 1 ? weighted - weight * (1 + u) : weight * (vector_expm1(at_most(u, T(1))) - u);
}

template <class T>
void poisson_forward(const T* outputs, const T* targets, T* losses, std::int64_t rows, std::int64_t width) {
    const auto term = [floor = log_floor<T>()](T output, T target) {
        return excess(output - vector_log(std::max(target, floor)), exponential(output), target);
    };
    sum_rows(outputs, targets, losses, rows, width, term, costly);
}

template <class T>
void poisson_backward(const T* row_weights, const T* outputs, const T* targets, T* doutputs, std::int64_t rows,
                      std::int64_t width) {
    const auto slope = [](T output, T target) { return exponential(output) - target; };
    weigh_slopes(row_weights, outputs, targets, doutputs, rows, width, slope, costly);
}

template <class T>
void gamma_forward(const T* outputs, const T* targets, T* losses, std::int64_t rows, std::int64_t width) {
    const auto term = [](T output, T target) {
        const T u = vector_log(target) - output;
        return excess(u, exponential(u), T(1));
    };
    sum_rows(outputs, targets, losses, rows, width, term, costly);
}

template <class T>
void gamma_backward(const T* row_weights, const T* outputs, const T* targets, T* doutputs, std::int64_t rows,
                    std::int64_t width) {
    const auto slope = [](T output, T target) {
        const T u = vector_log(target) - output;
        return u > 1 ? 1 - exponential(u) : -vector_expm1(at_most(u, T(1)));
    };
    weigh_slopes(row_weights, outputs, targets, doutputs, rows, width, slope, costly);
}

template <class T>
void binary_cross_entropy_forward(const T* logits, const T* targets, T* losses, std::int64_t rows,
                                  std::int64_t width) {
    const auto term = [](T logit, T target) { return softplus(logit) - target * logit; };
    sum_rows(logits, targets, losses, rows, width, term, costly);
}

template <class T>
void binary_cross_entropy_backward(const T* row_weights, const T* logits, const T* targets, T* doutputs,
                                   std::int64_t rows, std::int64_t width) {
    const auto slope = [](T logit, T target) { return logistic(logit) - target; };
    weigh_slopes(row_weights, logits, targets, doutputs, rows, width, slope, costly);
}

template <class T>
void binary_cross_entropy_of_probabilities_forward(const T* probabilities, const T* targets, T* losses,
                                                   std::int64_t rows, std::int64_t width) {
    const auto term = [floor = log_floor<T>()](T probability, T target) {
        const T log_p = vector_log(std::max(probability, floor));
        const T log_q = vector_log(std::max(1 - probability, floor));
        return -(target * log_p + (1 - target) * log_q);
    };
    sum_rows(probabilities, targets, losses, rows, width, term, costly);
}

template <class T>
void binary_cross_entropy_of_probabilities_backward(const T* row_weights, const T* probabilities,
                                                    const T* targets, T* doutputs, std::int64_t rows,
                                                    std::int64_t width) {
    const auto slope = [floor = log_floor<T>()](T probability, T target) {
        const T p = std::max(probability, floor);
        const T q = std::max(1 - probability, floor);
        return (1 - target) / q - target / p;
    };
    weigh_slopes(row_weights, probabilities, targets, doutputs, rows, width, slope, cheap);
}

// log total of each row
template <class T>
struct LogTotals {
    T of_row[rows_at_a_time];

    explicit LogTotals(const SoftmaxScales<T>& scales) {
        for_elements(
            scales.count, [](T total, T& log_total) { log_total = vector_log(total); }, scales.total, of_row);
    }
};

template <class T>
void cross_entropy_forward(const T* logits, const std::int64_t* labels, T* losses, T* probabilities,
                           std::int64_t rows, std::int64_t classes, double label_smoothing) {
    const T own = static_cast<T>(1 - label_smoothing);
    const T others = static_cast<T>(label_smoothing);
    softmax_rows(logits, probabilities, rows, classes, [=](const SoftmaxScales<T>& scales) {
        const LogTotals<T> log_totals(scales);
        const T* const z = logits + scales.first * classes;
        T* const of_row = losses + scales.first;
        const auto log_p = [&](std::int64_t i, std::int64_t k) {
            return z[i * classes + k] - scales.largest[i] - log_totals.of_row[i];
        };
        for (std::int64_t i = 0; i < scales.count; ++i) of_row[i] = -own * log_p(i, labels[scales.first + i]);
        if (label_smoothing == 0) return;  // 0 · ∞ would be NaN where a class is masked by a logit of −∞
        for (std::int64_t i = 0; i < scales.count; ++i) {
            const T sum = sum_of<T>(classes, [&](std::int64_t k) { return log_p(i, k); });
            of_row[i] -= others * (sum / static_cast<T>(classes));
        }
    });
}

template <class T>
void cross_entropy_backward(const T* row_weights, const T* probabilities, const std::int64_t* labels,
                            T* doutputs, std::int64_t rows, std::int64_t classes, double label_smoothing) {
    const Smoothing<T> smoothing(label_smoothing, classes);
    T labelled[rows_at_a_time];
    ForShortRows<T> weights;
    for (std::int64_t first = 0; first < rows; first += rows_at_a_time) {
        const std::int64_t count = std::min(rows_at_a_time, rows - first);
        const T* const w = row_weights + first;
        const T* const p = probabilities + first * classes;
        T* const dz = doutputs + first * classes;
        for (std::int64_t i = 0; i < count; ++i)
            labelled[i] = (p[i * classes + labels[first + i]] - smoothing.share - smoothing.own) * w[i];
        if (classes < vector_lanes<T>) {
            spread(w, count, classes, weights.values);
            for_cheap_elements(
                count * classes, [share = smoothing.share](T w, T p, T& dz) { dz = (p - share) * w; },
                static_cast<const T*>(weights.values), p, dz);
        } else {
            for (std::int64_t i = 0; i < count; ++i)
                for_cheap_elements(
                    classes, [weight = w[i], share = smoothing.share](T p, T& dz) { dz = (p - share) * weight; },
                    p + i * classes, dz + i * classes);
        }
        for (std::int64_t i = 0; i < count; ++i) dz[i * classes + labels[first + i]] = labelled[i];
    }
}

template <class T>
void soft_cross_entropy_forward(const T* logits, const T* targets, T* losses, T* probabilities,
                                std::int64_t rows, std::int64_t classes, double label_smoothing) {
    const Smoothing<T> smoothing(label_smoothing, classes);
    softmax_rows(logits, probabilities, rows, classes, [=](const SoftmaxScales<T>& scales) {
        const LogTotals<T> log_totals(scales);
        for (std::int64_t i = 0; i < scales.count; ++i) {
            const std::int64_t row = scales.first + i;
            const T *z = logits + row * classes, *t = targets + row * classes;
            const T largest = scales.largest[i], log_total = log_totals.of_row[i];
            losses[row] = -sum_of<T>(classes, [=](std::int64_t k) {
                return smoothing.of(t[k]) * (z[k] - largest - log_total);
            });
        }
    });
}

template <class T>
void soft_cross_entropy_backward(const T* row_weights, const T* probabilities, const T* targets, T* doutputs,
                                 std::int64_t rows, std::int64_t classes, double label_smoothing) {
    const Smoothing<T> smoothing(label_smoothing, classes);
    const auto slope = [smoothing](T probability, T target) { return probability - smoothing.of(target); };
    weigh_slopes(row_weights, probabilities, targets, doutputs, rows, classes, slope, cheap);
}

template <class T>
void cross_entropy_of_probabilities_forward(const T* probabilities, const T* targets, T* losses,
                                            std::int64_t rows, std::int64_t classes, double label_smoothing) {
    const Smoothing<T> smoothing(label_smoothing, classes);
    const auto term = [smoothing, floor = log_floor<T>()](T probability, T target) {
        return -(smoothing.of(target) * vector_log(std::max(probability, floor)));
    };
    sum_rows(probabilities, targets, losses, rows, classes, term, costly);
}

template <class T>
void cross_entropy_of_probabilities_backward(const T* row_weights, const T* probabilities, const T* targets,
                                             T* doutputs, std::int64_t rows, std::int64_t classes,
                                             double label_smoothing) {
    const Smoothing<T> smoothing(label_smoothing, classes);
    const auto slope = [smoothing, floor = log_floor<T>()](T probability, T target) {
        return -(smoothing.of(target) / std::max(probability, floor));
    };
    weigh_slopes(row_weights, probabilities, targets, doutputs, rows, classes, slope, cheap);
}

template <class T>
void hinge_forward(const T* outputs, const T* targets, T* losses, std::int64_t rows, std::int64_t width) {
    const auto term = [](T output, T target) { return std::max(1 - target * output, T(0)); };
    sum_rows(outputs, targets, losses, rows, width, term, cheap);
}

template <class T>
void hinge_backward(const T* row_weights, const T* outputs, const T* targets, T* doutputs, std::int64_t rows,
                    std::int64_t width) {
    const auto slope = [](T output, T target) { return -(target * static_cast<T>(target * output < 1)); };
    weigh_slopes(row_weights, outputs, targets, doutputs, rows, width, slope, cheap);
}

template <class T>
struct Unpacked {
    static void weigh_rows(const Operand* o, const double* settings) {
        glassnet::weigh_rows(o[0].as<T>(), o[1].as<T>(), o[2].as<double>(), o[1].rows(), settings[0],
                             settings[1] != 0);
    }
    static void weigh_value(const Operand* o, const double* settings) {
        glassnet::weigh_value(o[0].as<double>(), o[1].as<double>(), o[2].as<double>(), settings[0]);
    }
    static void weigh_gradient(const Operand* o, const double* settings) {
        glassnet::weigh_gradient<T>(o[0].as<T>(), o[1].as<T>(), o[0].rows(), o[0].row_size(), o[1].row_size(),
                                    static_cast<std::int64_t>(settings[0]), static_cast<T>(settings[1]));
    }
    static void weighted_sum(const Operand* o, const double*) {
        glassnet::weighted_sum(o[0].as<T>(), o[1].as<T>(), o[2].as<double>(), o[1].rows());
    }
    static void squared_error_forward(const Operand* o, const double*) {
        glassnet::squared_error_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].rows(),
                                        o[0].row_size());
    }
    static void squared_error_backward(const Operand* o, const double*) {
        glassnet::squared_error_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(),
                                         o[0].rows(), o[1].row_size());
    }
    static void absolute_error_forward(const Operand* o, const double*) {
        glassnet::absolute_error_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].rows(),
                                         o[0].row_size());
    }
    static void absolute_error_backward(const Operand* o, const double*) {
        glassnet::absolute_error_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(),
                                          o[0].rows(), o[1].row_size());
    }
    static void huber_forward(const Operand* o, const double* settings) {
        glassnet::huber_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].rows(), o[0].row_size(),
                                static_cast<T>(settings[0]));
    }
    static void huber_backward(const Operand* o, const double* settings) {
        glassnet::huber_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(), o[0].rows(),
                                 o[1].row_size(), static_cast<T>(settings[0]));
    }
    static void quantile_forward(const Operand* o, const double* settings) {
        glassnet::quantile_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].rows(), o[0].row_size(), settings[0]);
    }
    static void quantile_backward(const Operand* o, const double* settings) {
        glassnet::quantile_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(), o[0].rows(),
                                 o[1].row_size(), settings[0]);
    }
    static void poisson_forward(const Operand* o, const double*) {
        glassnet::poisson_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].rows(), o[0].row_size());
    }
    static void poisson_backward(const Operand* o, const double*) {
        glassnet::poisson_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(), o[0].rows(),
                                 o[1].row_size());
    }
    static void gamma_forward(const Operand* o, const double*) {
        glassnet::gamma_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].rows(), o[0].row_size());
    }
    static void gamma_backward(const Operand* o, const double*) {
        glassnet::gamma_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(), o[0].rows(),
                                 o[1].row_size());
    }
    static void binary_cross_entropy_forward(const Operand* o, const double*) {
        glassnet::binary_cross_entropy_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].rows(),
                                               o[0].row_size());
    }
    static void binary_cross_entropy_backward(const Operand* o, const double*) {
        glassnet::binary_cross_entropy_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(),
                                                o[0].rows(), o[1].row_size());
    }
    static void binary_cross_entropy_of_probabilities_forward(const Operand* o, const double*) {
        glassnet::binary_cross_entropy_of_probabilities_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(),
                                                                o[2].rows(), o[0].row_size());
    }
    static void binary_cross_entropy_of_probabilities_backward(const Operand* o, const double*) {
        glassnet::binary_cross_entropy_of_probabilities_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(),
                                                                 o[3].as<T>(), o[0].rows(), o[1].row_size());
    }
    static void cross_entropy_forward(const Operand* o, const double* settings) {
        glassnet::cross_entropy_forward(o[0].as<T>(), o[1].as<std::int64_t>(), o[2].as<T>(), o[3].as<T>(),
                                        o[2].rows(), o[0].row_size(), settings[0]);
    }
    static void cross_entropy_backward(const Operand* o, const double* settings) {
        glassnet::cross_entropy_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<std::int64_t>(), o[3].as<T>(),
                                         o[0].rows(), o[1].row_size(), settings[0]);
    }
    static void soft_cross_entropy_forward(const Operand* o, const double* settings) {
        glassnet::soft_cross_entropy_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(),
                                             o[2].rows(), o[0].row_size(), settings[0]);
    }
    static void soft_cross_entropy_backward(const Operand* o, const double* settings) {
        glassnet::soft_cross_entropy_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(),
                                              o[0].rows(), o[1].row_size(), settings[0]);
    }
    static void cross_entropy_of_probabilities_forward(const Operand* o, const double* settings) {
        glassnet::cross_entropy_of_probabilities_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(),
                                                         o[2].rows(), o[0].row_size(), settings[0]);
    }
    static void cross_entropy_of_probabilities_backward(const Operand* o, const double* settings) {
        glassnet::cross_entropy_of_probabilities_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(),
                                                          o[3].as<T>(), o[0].rows(), o[1].row_size(),
                                                          settings[0]);
    }
    static void hinge_forward(const Operand* o, const double*) {
        glassnet::hinge_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[2].rows(), o[0].row_size());
    }
    static void hinge_backward(const Operand* o, const double*) {
        glassnet::hinge_backward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[3].as<T>(), o[0].rows(),
                                 o[1].row_size());
    }
};

constexpr KernelEntry entries[] = {
    {"weigh_rows", Unpacked<float>::weigh_rows, Unpacked<double>::weigh_rows},
    {"weigh_value", Unpacked<float>::weigh_value, Unpacked<double>::weigh_value},
    {"weigh_gradient", Unpacked<float>::weigh_gradient, Unpacked<double>::weigh_gradient},
    {"weighted_sum", Unpacked<float>::weighted_sum, Unpacked<double>::weighted_sum},
    {"squared_error_forward", Unpacked<float>::squared_error_forward,
     Unpacked<double>::squared_error_forward},
    {"squared_error_backward", Unpacked<float>::squared_error_backward,
     Unpacked<double>::squared_error_backward},
    {"absolute_error_forward", Unpacked<float>::absolute_error_forward,
     Unpacked<double>::absolute_error_forward},
    {"absolute_error_backward", Unpacked<float>::absolute_error_backward,
     Unpacked<double>::absolute_error_backward},
    {"huber_forward", Unpacked<float>::huber_forward, Unpacked<double>::huber_forward},
    {"huber_backward", Unpacked<float>::huber_backward, Unpacked<double>::huber_backward},
    {"quantile_forward", Unpacked<float>::quantile_forward, Unpacked<double>::quantile_forward},
    {"quantile_backward", Unpacked<float>::quantile_backward, Unpacked<double>::quantile_backward},
    {"poisson_forward", Unpacked<float>::poisson_forward, Unpacked<double>::poisson_forward},
    {"poisson_backward", Unpacked<float>::poisson_backward, Unpacked<double>::poisson_backward},
    {"gamma_forward", Unpacked<float>::gamma_forward, Unpacked<double>::gamma_forward},
    {"gamma_backward", Unpacked<float>::gamma_backward, Unpacked<double>::gamma_backward},
    {"binary_cross_entropy_forward", Unpacked<float>::binary_cross_entropy_forward,
     Unpacked<double>::binary_cross_entropy_forward},
    {"binary_cross_entropy_backward", Unpacked<float>::binary_cross_entropy_backward,
     Unpacked<double>::binary_cross_entropy_backward},
    {"binary_cross_entropy_of_probabilities_forward",
     Unpacked<float>::binary_cross_entropy_of_probabilities_forward,
     Unpacked<double>::binary_cross_entropy_of_probabilities_forward},
    {"binary_cross_entropy_of_probabilities_backward",
     Unpacked<float>::binary_cross_entropy_of_probabilities_backward,
     Unpacked<double>::binary_cross_entropy_of_probabilities_backward},
    {"cross_entropy_forward", Unpacked<float>::cross_entropy_forward,
     Unpacked<double>::cross_entropy_forward},
    {"cross_entropy_backward", Unpacked<float>::cross_entropy_backward,
     Unpacked<double>::cross_entropy_backward},
    {"soft_cross_entropy_forward", Unpacked<float>::soft_cross_entropy_forward,
     Unpacked<double>::soft_cross_entropy_forward},
    {"soft_cross_entropy_backward", Unpacked<float>::soft_cross_entropy_backward,
     Unpacked<double>::soft_cross_entropy_backward},
    {"cross_entropy_of_probabilities_forward",
     Unpacked<float>::cross_entropy_of_probabilities_forward,
     Unpacked<double>::cross_entropy_of_probabilities_forward},
    {"cross_entropy_of_probabilities_backward",
     Unpacked<float>::cross_entropy_of_probabilities_backward,
     Unpacked<double>::cross_entropy_of_probabilities_backward},
    {"hinge_forward", Unpacked<float>::hinge_forward, Unpacked<double>::hinge_forward},
    {"hinge_backward", Unpacked<float>::hinge_backward, Unpacked<double>::hinge_backward},
};

}  // namespace

std::span<const KernelEntry> loss_kernels() { return entries; }

}  // namespace glassnet
