// Twin of src/glassnet/kernels/lengths.py: rows of different length, of which some steps count.

#include <algorithm>
#include <cmath>

#include "engine/kernel.hpp"
#include "math/channel_sums.hpp"
#include "math/reduce.hpp"

namespace glassnet {
namespace {

// An array (N, T, D) with the length of each row.
template <class T>
struct Steps {
    int64_t rows, steps, width;
    const int64_t* lengths;

    template <class E>
    Steps(const Array<E>& x, In<int64_t> lengths)
        : rows(x.rows()), steps(x.shape(1)), width(x.shape(2)), lengths(lengths.data) {}

    int64_t size() const { return steps * width; }  // of a row
    int64_t counted(int64_t n) const { return lengths[n] * width; }
};

template <class T>
void mask_steps(In<T> x, In<int64_t> lengths, Out<T> y, T fill) {
    const Steps<T> all(x, lengths);
    for (int64_t n = 0; n < all.rows; ++n) {
        std::copy_n(x + n * all.size(), all.counted(n), y + n * all.size());
        std::fill_n(y + n * all.size() + all.counted(n), all.size() - all.counted(n), fill);
    }
}
GLASSNET_KERNEL(mask_steps);

template <class T>
void window_lengths(In<int64_t> lengths, Out<int64_t> after, int64_t reach, int64_t stride, int64_t padding) {
    for (int64_t n = 0; n < lengths.size(); ++n) after[n] = (lengths[n] + padding - reach) / stride + 1;
}
GLASSNET_KERNEL(window_lengths);

// The steps of a row that a window takes, of those that count.
struct Window {
    int64_t from, to;

    Window(int64_t place, int64_t window, int64_t stride, int64_t pad, int64_t length)
        : from(std::max<int64_t>(place * stride - pad, 0)),
          to(std::max(from, std::min(place * stride - pad + window, length))) {}

    template <class T>
    T count() const {
        return static_cast<T>(std::max<int64_t>(to - from, 1));
    }
};

template <class T>
void average_steps_forward(In<T> x, In<int64_t> lengths, Out<T> y, int64_t window, int64_t stride, int64_t pad) {
    const Steps<T> all(x, lengths);
    const int64_t places = y.shape(1), width = all.width;
    for (int64_t n = 0; n < all.rows; ++n)
        for (int64_t place = 0; place < places; ++place) {
            const Window taken(place, window, stride, pad, lengths[n]);
            T* const sum = y + (n * places + place) * width;
            std::fill_n(sum, width, T(0));
            for (int64_t t = taken.from; t < taken.to; ++t) {
                const T* const step = x + n * all.size() + t * width;
                for (int64_t d = 0; d < width; ++d) sum[d] += step[d];
            }
            const T count = taken.count<T>();
            for (int64_t d = 0; d < width; ++d) sum[d] /= count;
        }
}
GLASSNET_KERNEL(average_steps_forward);

template <class T>
void average_steps_backward(In<T> dy, In<int64_t> lengths, Out<T> dx, int64_t window, int64_t stride, int64_t pad) {
    const Steps<T> all(dx, lengths);
    const int64_t places = dy.shape(1), width = all.width;
    std::fill_n(dx.data, dx.size(), T(0));
    for (int64_t n = 0; n < all.rows; ++n)
        for (int64_t place = 0; place < places; ++place) {
            const Window taken(place, window, stride, pad, lengths[n]);
            const T* const from = dy + (n * places + place) * width;
            const T count = taken.count<T>();
            for (int64_t t = taken.from; t < taken.to; ++t) {
                T* const step = dx + n * all.size() + t * width;
                for (int64_t d = 0; d < width; ++d) step[d] += from[d] / count;
            }
        }
}
GLASSNET_KERNEL(average_steps_backward);

// In float64, in the order of rows and steps, for some features at a time.
template <class T>
void step_sums(In<T> x, In<int64_t> lengths, In<T> shift, Out<double> total, Out<double> square_total,
               Out<double> count) {
    constexpr int64_t most = 64;
    const Steps<T> all(x, lengths);
    double steps = 0;
    for (int64_t n = 0; n < all.rows; ++n) steps += static_cast<double>(lengths[n]);
    for (int64_t first = 0; first < all.width; first += most) {
        const int64_t features = std::min(most, all.width - first);
        double sums[most] = {}, squares[most] = {};
        for (int64_t n = 0; n < all.rows; ++n)
            for (int64_t t = 0; t < lengths[n]; ++t) {
                const T* const step = x + n * all.size() + t * all.width + first;
                for (int64_t d = 0; d < features; ++d) {
                    const double difference = static_cast<double>(step[d]) - static_cast<double>(shift[first + d]);
                    sums[d] += difference;
                    squares[d] += difference * difference;
                }
            }
        for (int64_t d = 0; d < features; ++d) {
            deliver(total, first + d, sums[d]);
            deliver(square_total, first + d, squares[d]);
            deliver(count, first + d, steps);
        }
    }
}
GLASSNET_KERNEL(step_sums);

template <class T>
void step_statistics(In<double> total, In<double> square_total, In<double> count, Out<T> mean, Out<T> inverse_std,
                     Out<T> running_mean, Out<T> running_variance, double momentum, double epsilon) {
    for (int64_t c = 0; c < mean.size(); ++c) {
        const double difference = total[c] / count[c];
        const double variance = std::max(square_total[c] / count[c] - difference * difference, 0.0);
        mean[c] = static_cast<T>(running_mean[c] + difference);
        inverse_std[c] = static_cast<T>(1 / std::sqrt(variance + epsilon));
        running_mean[c] = static_cast<T>(running_mean[c] + momentum * difference);
        running_variance[c] = static_cast<T>((1 - momentum) * static_cast<double>(running_variance[c]) +
                                             momentum * count[c] / std::max(count[c] - 1, 1.0) * variance);
    }
}
GLASSNET_KERNEL(step_statistics);

template <class T>
void step_norm_backward(In<T> dy, In<T> x, In<int64_t> lengths, In<T> mean, In<T> inverse_std, In<T> gamma,
                        In<T> dgamma, In<T> dbeta, In<double> count, Out<T> dx) {
    const Steps<T> all(x, lengths);
    const T steps = static_cast<T>(count[0]);
    for (int64_t n = 0; n < all.rows; ++n) {
        for (int64_t t = 0; t < lengths[n]; ++t) {
            const int64_t at = n * all.size() + t * all.width;
            for (int64_t d = 0; d < all.width; ++d) {
                const T normalised = (x[at + d] - mean[d]) * inverse_std[d];
                dx[at + d] =
                    gamma[d] * inverse_std[d] * (dy[at + d] - dbeta[d] / steps - normalised * (dgamma[d] / steps));
            }
        }
        std::fill_n(dx + n * all.size() + all.counted(n), all.size() - all.counted(n), T(0));
    }
}
GLASSNET_KERNEL(step_norm_backward);

}  // namespace
}  // namespace glassnet
