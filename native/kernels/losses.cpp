// Twin of src/glassnet/kernels/losses.py: each row's loss ℓ (N,), and ω_n times its gradient. The cross-entropies are
// in cross_entropy.cpp.
//
// std::max and std::min have the number that may be NaN first: they then return it, as NumPy does.

#include "kernels/loss_rows.hpp"
#include "math/logistic.hpp"
#include "math/sign.hpp"

#include <algorithm>
#include <cmath>

namespace glassnet {
namespace {

// weights may be null: 1 each
template <class T>
void weigh_rows(In<T> weights, Out<T> row_weights, Out<double> total, double factor, bool mean) {
    const int64_t rows = row_weights.rows();
    if (weights != nullptr)
        std::copy_n(weights.data, rows, row_weights.data);
    else
        std::fill_n(row_weights.data, rows, T(1));
    const double sum = sum_of<double>(rows, [=](int64_t n) { return static_cast<double>(row_weights[n]); });
    total[0] = sum;
    const T divisor = mean && sum > 0 ? static_cast<T>(sum) : T(1);
    const T scale = static_cast<T>(factor);
    for (int64_t n = 0; n < rows; ++n) row_weights[n] = row_weights[n] / divisor * scale;
}
GLASSNET_KERNEL(weigh_rows);

template <class T>
void weighted_sum(In<T> losses, In<T> row_weights, Out<double> value) {
    value[0] = sum_of<double>(row_weights.rows(), [=](int64_t n) {
        return static_cast<double>(losses[n]) * static_cast<double>(row_weights[n]);
    });
}
GLASSNET_KERNEL(weighted_sum);

template <class T>
bool weighted_sum_abreast(In<T> losses, In<T> row_weights, Out<double> value) {
    for (int64_t j = 0; j < abreast; ++j)
        value[j] = sum_of<double>(row_weights.rows(), [=](int64_t n) {
            return static_cast<double>(losses[n * abreast + j]) * static_cast<double>(row_weights[n * abreast + j]);
        });
    return true;
}
GLASSNET_ABREAST_KERNEL(weighted_sum, weighted_sum_abreast);

// before may be null: 0
template <class>
void weigh_value(In<double> own_value, In<double> before, Out<double> value, double factor) {
    value[0] = (before != nullptr ? before[0] : 0.0) + factor * own_value[0];
}
GLASSNET_KERNEL(weigh_value);

// factor times part (rows, width) into columns start .. start + width of doutputs (rows, columns)
template <class T>
void weigh_gradient(In<T> part, Out<T> doutputs, int64_t start, T factor) {
    const int64_t width = part.row_size(), columns = doutputs.row_size();
    const auto times = [factor](T slope, T& weighted) { weighted = factor * slope; };
    for (int64_t row = 0; row < part.rows(); ++row)
        for_cheap_elements(width, times, part + row * width, doutputs + row * columns + start);
}
GLASSNET_KERNEL(weigh_gradient);

template <class T>
auto squared_error_forward() {
    return [](T output, T target) {
        const T error = output - target;
        return error * error / 2;
    };
}
GLASSNET_KERNEL_BY(SumOfTerms<Cheap>, squared_error_forward);

template <class T>
auto squared_error_backward() {
    return [](T output, T target) { return output - target; };
}
GLASSNET_KERNEL_BY(WeighedSlopes<Cheap>, squared_error_backward);

template <class T>
auto absolute_error_forward() {
    return [](T output, T target) { return std::abs(output - target); };
}
GLASSNET_KERNEL_BY(SumOfTerms<Cheap>, absolute_error_forward);

template <class T>
auto absolute_error_backward() {
    return [](T output, T target) { return sign(output - target); };
}
GLASSNET_KERNEL_BY(WeighedSlopes<Cheap>, absolute_error_backward);

template <class T>
auto huber_forward(T delta) {
    return [delta](T output, T target) {
        const T size = std::abs(output - target);
        const T inner = std::min(size, delta);
        return inner * (size - inner / 2);
    };
}
GLASSNET_KERNEL_BY(SumOfTerms<Cheap>, huber_forward);

template <class T>
auto huber_backward(T delta) {
    return [delta](T output, T target) { return std::min(std::max(output - target, -delta), delta); };
}
GLASSNET_KERNEL_BY(WeighedSlopes<Cheap>, huber_backward);

template <class T>
auto quantile_forward(double quantile) {
    return [below = static_cast<T>(quantile), above = static_cast<T>(quantile - 1)](T output, T target) {
        const T error = target - output;
        return std::max(below * error, above * error);
    };
}
GLASSNET_KERNEL_BY(SumOfTerms<Cheap>, quantile_forward);

template <class T>
auto quantile_backward(double quantile) {
    return [below = static_cast<T>(-quantile), above = static_cast<T>(1 - quantile)](T output, T target) {
        const T error = output - target;
        return error > 0 ? above : error < 0 ? below : error;
    };
}
GLASSNET_KERNEL_BY(WeighedSlopes<Cheap>, quantile_backward);

// Twin of _excess: weight (e^u − 1 − u) for weighted = weight e^u.
template <class T>
inline T excess(T u, T weighted, T weight) {
    return u > 1 ? weighted - weight * (1 + u) : weight * (vector_expm1(at_most(u, T(1))) - u);
}

template <class T>
auto poisson_forward() {
    return [floor = log_floor<T>()](T output, T target) {
        return excess(output - vector_log(std::max(target, floor)), exponential(output), target);
    };
}
GLASSNET_KERNEL_BY(SumOfTerms<Costly>, poisson_forward);

template <class T>
auto poisson_backward() {
    return [](T output, T target) { return exponential(output) - target; };
}
GLASSNET_KERNEL_BY(WeighedSlopes<Costly>, poisson_backward);

template <class T>
auto gamma_forward() {
    return [](T output, T target) {
        const T u = vector_log(target) - output;
        return excess(u, exponential(u), T(1));
    };
}
GLASSNET_KERNEL_BY(SumOfTerms<Costly>, gamma_forward);

template <class T>
auto gamma_backward() {
    return [](T output, T target) {
        const T u = vector_log(target) - output;
        return u > 1 ? 1 - exponential(u) : -vector_expm1(at_most(u, T(1)));
    };
}
GLASSNET_KERNEL_BY(WeighedSlopes<Costly>, gamma_backward);

template <class T>
auto binary_cross_entropy_forward() {
    return [](T logit, T target) { return softplus(logit) - target * logit; };
}
GLASSNET_KERNEL_BY(SumOfTerms<Costly>, binary_cross_entropy_forward);

template <class T>
auto binary_cross_entropy_backward() {
    return [](T logit, T target) { return logistic(logit) - target; };
}
GLASSNET_KERNEL_BY(WeighedSlopes<Costly>, binary_cross_entropy_backward);

template <class T>
auto binary_cross_entropy_of_probabilities_forward() {
    return [floor = log_floor<T>()](T probability, T target) {
        const T log_p = vector_log(std::max(probability, floor));
        const T log_q = vector_log(std::max(1 - probability, floor));
        return -(target * log_p + (1 - target) * log_q);
    };
}
GLASSNET_KERNEL_BY(SumOfTerms<Costly>, binary_cross_entropy_of_probabilities_forward);

template <class T>
auto binary_cross_entropy_of_probabilities_backward() {
    return [floor = log_floor<T>()](T probability, T target) {
        const T p = std::max(probability, floor);
        const T q = std::max(1 - probability, floor);
        return (1 - target) / q - target / p;
    };
}
GLASSNET_KERNEL_BY(WeighedSlopes<Cheap>, binary_cross_entropy_of_probabilities_backward);

template <class T>
auto hinge_forward() {
    return [](T output, T target) { return std::max(1 - target * output, T(0)); };
}
GLASSNET_KERNEL_BY(SumOfTerms<Cheap>, hinge_forward);

template <class T>
auto hinge_backward() {
    return [](T output, T target) { return -(target * static_cast<T>(target * output < 1)); };
}
GLASSNET_KERNEL_BY(WeighedSlopes<Cheap>, hinge_backward);

}  // namespace
}  // namespace glassnet
