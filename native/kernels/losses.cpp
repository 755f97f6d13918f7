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

template <class T>
void squared_error_forward(const T* outputs, const T* targets, T* losses, std::int64_t rows,
                           std::int64_t width) {
    for (std::int64_t row = 0; row < rows; ++row, outputs += width, targets += width) {
        losses[row] = sum_of<T>(width, [outputs, targets](std::int64_t m) {
            const T error = outputs[m] - targets[m];
            return error * error;
        }) / 2;
    }
}

template <class T>
void squared_error_backward(const T* row_weights, const T* outputs, const T* targets, T* doutputs,
                            std::int64_t rows, std::int64_t width) {
    for (std::int64_t row = 0; row < rows; ++row, outputs += width, targets += width, doutputs += width) {
        const T weight = row_weights[row];
        for (std::int64_t m = 0; m < width; ++m) doutputs[m] = weight * (outputs[m] - targets[m]);
    }
}

template <class T>
void absolute_error_forward(const T* outputs, const T* targets, T* losses, std::int64_t rows,
                            std::int64_t width) {
    for (std::int64_t row = 0; row < rows; ++row, outputs += width, targets += width)
        losses[row] = sum_of<T>(width, [outputs, targets](std::int64_t m) {
            return std::abs(outputs[m] - targets[m]);
        });
}

template <class T>
void absolute_error_backward(const T* row_weights, const T* outputs, const T* targets, T* doutputs,
                             std::int64_t rows, std::int64_t width) {
    for (std::int64_t row = 0; row < rows; ++row, outputs += width, targets += width, doutputs += width) {
        const T weight = row_weights[row];
        for (std::int64_t m = 0; m < width; ++m) doutputs[m] = weight * sign(outputs[m] - targets[m]);
    }
}

template <class T>
void huber_forward(const T* outputs, const T* targets, T* losses, std::int64_t rows, std::int64_t width,
                   T delta) {
    for (std::int64_t row = 0; row < rows; ++row, outputs += width, targets += width) {
        losses[row] = sum_of<T>(width, [outputs, targets, delta](std::int64_t m) {
            const T size = std::abs(outputs[m] - targets[m]);
            const T inner = std::min(size, delta);
            return inner * (size - inner / 2);
        });
    }
}

template <class T>
void huber_backward(const T* row_weights, const T* outputs, const T* targets, T* doutputs, std::int64_t rows,
                    std::int64_t width, T delta) {
    for (std::int64_t row = 0; row < rows; ++row, outputs += width, targets += width, doutputs += width) {
        const T weight = row_weights[row];
        for (std::int64_t m = 0; m < width; ++m)
            doutputs[m] = weight * std::min(std::max(outputs[m] - targets[m], -delta), delta);
    }
}

template <class T>
void binary_cross_entropy_forward(const T* logits, const T* targets, T* losses, std::int64_t rows,
                                  std::int64_t width) {
    for (std::int64_t row = 0; row < rows; ++row, logits += width, targets += width)
        losses[row] = sum_of<T>(width, [logits, targets](std::int64_t m) {
            return softplus(logits[m]) - targets[m] * logits[m];
        });
}

template <class T>
void binary_cross_entropy_backward(const T* row_weights, const T* logits, const T* targets, T* doutputs,
                                   std::int64_t rows, std::int64_t width) {
    for (std::int64_t row = 0; row < rows; ++row, logits += width, targets += width, doutputs += width) {
        const T weight = row_weights[row];
        for (std::int64_t m = 0; m < width; ++m) doutputs[m] = weight * (logistic(logits[m]) - targets[m]);
    }
}

template <class T>
void binary_cross_entropy_of_probabilities_forward(const T* probabilities, const T* targets, T* losses,
                                                   std::int64_t rows, std::int64_t width) {
    const T floor = log_floor<T>();
    for (std::int64_t row = 0; row < rows; ++row, probabilities += width, targets += width) {
        losses[row] = -sum_of<T>(width, [probabilities, targets, floor](std::int64_t m) {
            const T log_p = std::log(std::max(probabilities[m], floor));
            const T log_q = std::log(std::max(1 - probabilities[m], floor));
            return targets[m] * log_p + (1 - targets[m]) * log_q;
        });
    }
}

template <class T>
void binary_cross_entropy_of_probabilities_backward(const T* row_weights, const T* probabilities,
                                                    const T* targets, T* doutputs, std::int64_t rows,
                                                    std::int64_t width) {
    const T floor = log_floor<T>();
    for (std::int64_t row = 0; row < rows;
         ++row, probabilities += width, targets += width, doutputs += width) {
        const T weight = row_weights[row];
        for (std::int64_t m = 0; m < width; ++m) {
            const T p = std::max(probabilities[m], floor);
            const T q = std::max(1 - probabilities[m], floor);
            doutputs[m] = weight * ((1 - targets[m]) / q - targets[m] / p);
        }
    }
}

template <class T>
void cross_entropy_forward(const T* logits, const std::int64_t* labels, T* losses, T* probabilities,
                           std::int64_t rows, std::int64_t classes, double label_smoothing) {
    const T own = static_cast<T>(1 - label_smoothing);
    const T others = static_cast<T>(label_smoothing);
    for (std::int64_t row = 0; row < rows; ++row, logits += classes, probabilities += classes) {
        const auto [largest, total] = softmax_row(logits, probabilities, classes);
        const auto log_p = [logits, maximum = largest, log_total = std::log(total)](std::int64_t k) {
            return logits[k] - maximum - log_total;
        };
        losses[row] = -own * log_p(labels[row]);
        // 0 · ∞ would be NaN where a class is masked by a logit of −∞.
        if (label_smoothing != 0) losses[row] -= others * (sum_of<T>(classes, log_p) / static_cast<T>(classes));
    }
}

template <class T>
void cross_entropy_backward(const T* row_weights, const T* probabilities, const std::int64_t* labels,
                            T* doutputs, std::int64_t rows, std::int64_t classes, double label_smoothing) {
    const Smoothing<T> smoothing(label_smoothing, classes);
    for (std::int64_t row = 0; row < rows; ++row, probabilities += classes, doutputs += classes) {
        const T weight = row_weights[row];
        const T labelled = probabilities[labels[row]] - smoothing.share - smoothing.own;
        for (std::int64_t k = 0; k < classes; ++k)
            doutputs[k] = (probabilities[k] - smoothing.share) * weight;
        doutputs[labels[row]] = labelled * weight;
    }
}

template <class T>
void soft_cross_entropy_forward(const T* logits, const T* targets, T* losses, T* probabilities,
                                std::int64_t rows, std::int64_t classes, double label_smoothing) {
    const Smoothing<T> smoothing(label_smoothing, classes);
    for (std::int64_t row = 0; row < rows;
         ++row, logits += classes, targets += classes, probabilities += classes) {
        const auto [largest, total] = softmax_row(logits, probabilities, classes);
        const T log_total = std::log(total);
        losses[row] = -sum_of<T>(classes, [=, maximum = largest](std::int64_t k) {
            return smoothing.of(targets[k]) * (logits[k] - maximum - log_total);
        });
    }
}

template <class T>
void soft_cross_entropy_backward(const T* row_weights, const T* probabilities, const T* targets, T* doutputs,
                                 std::int64_t rows, std::int64_t classes, double label_smoothing) {
    const Smoothing<T> smoothing(label_smoothing, classes);
    for (std::int64_t row = 0; row < rows;
         ++row, probabilities += classes, targets += classes, doutputs += classes) {
        const T weight = row_weights[row];
        for (std::int64_t k = 0; k < classes; ++k)
            doutputs[k] = weight * (probabilities[k] - smoothing.of(targets[k]));
    }
}

template <class T>
void cross_entropy_of_probabilities_forward(const T* probabilities, const T* targets, T* losses,
                                            std::int64_t rows, std::int64_t classes, double label_smoothing) {
    const Smoothing<T> smoothing(label_smoothing, classes);
    const T floor = log_floor<T>();
    for (std::int64_t row = 0; row < rows; ++row, probabilities += classes, targets += classes) {
        losses[row] = -sum_of<T>(classes, [=](std::int64_t k) {
            return smoothing.of(targets[k]) * std::log(std::max(probabilities[k], floor));
        });
    }
}

template <class T>
void cross_entropy_of_probabilities_backward(const T* row_weights, const T* probabilities, const T* targets,
                                             T* doutputs, std::int64_t rows, std::int64_t classes,
                                             double label_smoothing) {
    const Smoothing<T> smoothing(label_smoothing, classes);
    const T floor = log_floor<T>();
    for (std::int64_t row = 0; row < rows;
         ++row, probabilities += classes, targets += classes, doutputs += classes) {
        const T weight = row_weights[row];
        for (std::int64_t k = 0; k < classes; ++k)
            doutputs[k] = -weight * (smoothing.of(targets[k]) / std::max(probabilities[k], floor));
    }
}

template <class T>
void hinge_forward(const T* outputs, const T* targets, T* losses, std::int64_t rows, std::int64_t width) {
    for (std::int64_t row = 0; row < rows; ++row, outputs += width, targets += width)
        losses[row] = sum_of<T>(width, [outputs, targets](std::int64_t m) {
            return std::max(1 - targets[m] * outputs[m], T(0));
        });
}

template <class T>
void hinge_backward(const T* row_weights, const T* outputs, const T* targets, T* doutputs, std::int64_t rows,
                    std::int64_t width) {
    for (std::int64_t row = 0; row < rows; ++row, outputs += width, targets += width, doutputs += width) {
        const T weight = row_weights[row];
        for (std::int64_t m = 0; m < width; ++m)
            doutputs[m] = -weight * (targets[m] * static_cast<T>(targets[m] * outputs[m] < 1));
    }
}

template <class T>
struct Unpacked {
    static void weigh_rows(const Operand* o, const double* settings) {
        glassnet::weigh_rows(o[0].as<T>(), o[1].as<T>(), o[2].as<double>(), o[1].rows(), settings[0],
                             settings[1] != 0);
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
