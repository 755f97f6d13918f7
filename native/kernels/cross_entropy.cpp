// Twin of src/glassnet/kernels/losses.py: the cross-entropies of several classes.

#include "kernels/loss_rows.hpp"
#include "math/softmax.hpp"

#include <algorithm>

namespace glassnet {
namespace {

// t′ = (1 − ε) t + ε/K
template <class T>
struct Smoothing {
    T own;    // 1 − ε
    T share;  // ε/K

    Smoothing(double label_smoothing, int64_t classes)
        : own(static_cast<T>(1 - label_smoothing)),
          share(static_cast<T>(label_smoothing / static_cast<double>(classes))) {}

    T of(T target) const { return own * target + share; }
};

// log total of each row
template <class T>
struct LogTotals {
    T of_row[rows_at_a_time];

    explicit LogTotals(const SoftmaxScales<T>& scales) {
        for_elements(scales.count, [](T total, T& log_total) { log_total = vector_log(total); }, scales.total, of_row);
    }
};

template <class T>
void cross_entropy_forward(In<T> logits, In<int64_t> labels, Out<T> losses, Out<T> probabilities,
                           double label_smoothing) {
    const int64_t rows = losses.rows(), classes = logits.row_size();
    const T own = static_cast<T>(1 - label_smoothing);
    const T others = static_cast<T>(label_smoothing);
    softmax_rows<T>(logits, probabilities, rows, classes, [=](const SoftmaxScales<T>& scales) {
        const LogTotals<T> log_totals(scales);
        const T* const z = logits + scales.first * classes;
        T* const of_row = losses + scales.first;
        const auto log_p = [&](int64_t i, int64_t k) {
            return z[i * classes + k] - scales.largest[i] - log_totals.of_row[i];
        };
        for (int64_t i = 0; i < scales.count; ++i) of_row[i] = -own * log_p(i, labels[scales.first + i]);
        if (label_smoothing == 0) return;  // 0 · ∞ would be NaN where a class is masked by a logit of −∞
        for (int64_t i = 0; i < scales.count; ++i) {
            const T sum = sum_of<T>(classes, [&](int64_t k) { return log_p(i, k); });
            of_row[i] -= others * (sum / static_cast<T>(classes));
        }
    });
}
GLASSNET_KERNEL(cross_entropy_forward);

template <class T>
void cross_entropy_backward(In<T> row_weights, In<T> probabilities, In<int64_t> labels, Out<T> doutputs,
                            double label_smoothing) {
    const int64_t rows = row_weights.rows(), classes = probabilities.row_size();
    const Smoothing<T> smoothing(label_smoothing, classes);
    T labelled[rows_at_a_time];
    ForShortRows<T> weights;
    for (int64_t first = 0; first < rows; first += rows_at_a_time) {
        const int64_t count = std::min(rows_at_a_time, rows - first);
        const T* const w = row_weights + first;
        const T* const p = probabilities + first * classes;
        T* const dz = doutputs + first * classes;
        for (int64_t i = 0; i < count; ++i)
            labelled[i] = (p[i * classes + labels[first + i]] - smoothing.share - smoothing.own) * w[i];
        if (classes < vector_lanes<T>) {
            spread(w, count, classes, weights.values);
            for_cheap_elements(
                count * classes, [share = smoothing.share](T w, T p, T& dz) { dz = (p - share) * w; },
                static_cast<const T*>(weights.values), p, dz);
        } else {
            for (int64_t i = 0; i < count; ++i)
                for_cheap_elements(
                    classes, [weight = w[i], share = smoothing.share](T p, T& dz) { dz = (p - share) * weight; },
                    p + i * classes, dz + i * classes);
        }
        for (int64_t i = 0; i < count; ++i) dz[i * classes + labels[first + i]] = labelled[i];
    }
}
GLASSNET_KERNEL(cross_entropy_backward);

template <class T>
void soft_cross_entropy_forward(In<T> logits, In<T> targets, Out<T> losses, Out<T> probabilities,
                                double label_smoothing) {
    const int64_t rows = losses.rows(), classes = logits.row_size();
    const Smoothing<T> smoothing(label_smoothing, classes);
    softmax_rows<T>(logits, probabilities, rows, classes, [=](const SoftmaxScales<T>& scales) {
        const LogTotals<T> log_totals(scales);
        for (int64_t i = 0; i < scales.count; ++i) {
            const int64_t row = scales.first + i;
            const T *z = logits + row * classes, *t = targets + row * classes;
            const T largest = scales.largest[i], log_total = log_totals.of_row[i];
            losses[row] =
                -sum_of<T>(classes, [=](int64_t k) { return smoothing.of(t[k]) * (z[k] - largest - log_total); });
        }
    });
}
GLASSNET_KERNEL(soft_cross_entropy_forward);

template <class T>
void soft_cross_entropy_backward(In<T> row_weights, In<T> probabilities, In<T> targets, Out<T> doutputs,
                                 double label_smoothing) {
    const int64_t classes = probabilities.row_size();
    const Smoothing<T> smoothing(label_smoothing, classes);
    const auto slope = [smoothing](T probability, T target) { return probability - smoothing.of(target); };
    weigh_slopes<Cheap>(row_weights, probabilities, targets, doutputs, slope);
}
GLASSNET_KERNEL(soft_cross_entropy_backward);

template <class T>
void cross_entropy_of_probabilities_forward(In<T> probabilities, In<T> targets, Out<T> losses, double label_smoothing) {
    const int64_t classes = probabilities.row_size();
    const Smoothing<T> smoothing(label_smoothing, classes);
    const auto term = [smoothing, floor = log_floor<T>()](T probability, T target) {
        return -(smoothing.of(target) * vector_log(std::max(probability, floor)));
    };
    sum_rows<Costly>(probabilities, targets, losses, term);
}
GLASSNET_KERNEL(cross_entropy_of_probabilities_forward);

template <class T>
void cross_entropy_of_probabilities_backward(In<T> row_weights, In<T> probabilities, In<T> targets, Out<T> doutputs,
                                             double label_smoothing) {
    const int64_t classes = probabilities.row_size();
    const Smoothing<T> smoothing(label_smoothing, classes);
    const auto slope = [smoothing, floor = log_floor<T>()](T probability, T target) {
        return -(smoothing.of(target) / std::max(probability, floor));
    };
    weigh_slopes<Cheap>(row_weights, probabilities, targets, doutputs, slope);
}
GLASSNET_KERNEL(cross_entropy_of_probabilities_backward);

}  // namespace
}  // namespace glassnet
