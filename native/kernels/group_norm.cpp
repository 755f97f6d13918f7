// Twin of src/glassnet/kernels/norm.py: layer and group norm, which take the mean and variance of one row's
// elements in groups.

#include "engine/kernel.hpp"
#include "math/channel_sums.hpp"
#include "math/pairs.hpp"
#include "math/reduce.hpp"
#include "math/vector_math.hpp"

#include <algorithm>
#include <cmath>

namespace glassnet {
namespace {

// μ and 1/√(σ² + ε) of some numbers
template <class T>
struct Moments {
    T mean, inverse_std;

    Moments(const T* x, int64_t count, double epsilon) {
        double sum = 0, squares = 0;
        add_sums<T, 1>(count, [=](auto v, int64_t i) { return Terms<decltype(v), 1>{v.load(x + i)}; }, &sum);
        mean = static_cast<T>(sum / static_cast<double>(count));
        add_sums<T, 1>(
            count,
            [=, mean = mean](auto v, int64_t i) {
                const auto centred = v.load(x + i) - mean;
                return Terms<decltype(v), 1>{centred * centred};
            },
            &squares);
        inverse_std = static_cast<T>(1 / std::sqrt(squares / static_cast<double>(count) + epsilon));
    }
};

// Rows of groups with a mean and a variance each: so many channels of so many elements. Each channel has a γ and a β.
struct Groups {
    int64_t rows, groups, channels, size;
};

template <class T>
void forward(const Groups& of, const T* x, const T* gamma, const T* beta, T* y, T* mean, T* inverse_std,
             double epsilon) {
    const int64_t channels = of.channels, size = of.size;
    for (int64_t row = 0; row < of.rows; ++row)
        for (int64_t group = 0; group < of.groups; ++group, ++mean, ++inverse_std) {
            const T *const scales = gamma + group * channels, *const shifts = beta + group * channels;
            const Moments<T> of_group(x, channels * size, epsilon);
            *mean = of_group.mean;
            *inverse_std = of_group.inverse_std;
            if (size == 1) {
                for_each(channels, [=](int64_t i) {
                    y[i] = (x[i] - of_group.mean) * of_group.inverse_std * scales[i] + shifts[i];
                });
                x += channels, y += channels;
                continue;
            }
            for (int64_t c = 0; c < channels; ++c, x += size, y += size)
                for_each(size, [=, scale = of_group.inverse_std * scales[c], shift = shifts[c]](int64_t i) {
                    y[i] = (x[i] - of_group.mean) * scale + shift;
                });
        }
}

// dx of a row, and with it what its means are: those of g = γ dy and of g x̂
template <class T>
void row_gradient(const T* dy, const T* x, const T* gamma, T mean, T inverse_std, T* dx, int64_t count) {
    double sums[2] = {};
    add_sums<T, 2>(
        count,
        [=](auto v, int64_t i) {
            const auto g = v.load(dy + i) * v.load(gamma + i);
            return Terms<decltype(v), 2>{g, g * ((v.load(x + i) - mean) * inverse_std)};
        },
        sums);
    const T of_g = static_cast<T>(sums[0] / static_cast<double>(count));
    const T of_product = static_cast<T>(sums[1] / static_cast<double>(count));
    for_each(count, [=](int64_t i) {
        dx[i] = (dy[i] * gamma[i] - of_g - (x[i] - mean) * inverse_std * of_product) * inverse_std;
    });
}

// dγ and dβ where each of `columns` has its own: sums over rows, of which `groups` lie side by side with a mean each
template <class T>
void parameter_gradients(const T* dy, const T* x, const T* mean, const T* inverse_std, Out<T> dgamma, Out<T> dbeta,
                         int64_t rows, int64_t groups, int64_t columns) {
    if (dgamma == nullptr && dbeta == nullptr) return;
    double totals[2][elements_at_a_time];
    for (int64_t group = 0; group < groups; ++group)
        for (int64_t first = 0; first < columns; first += elements_at_a_time) {
            const int64_t count = std::min(elements_at_a_time, columns - first), start = group * columns + first;
            sum_columns<T, 2>(
                rows, count,
                [=](auto v, int64_t row, int64_t i) {
                    const int64_t place = row * groups * columns + start + i, of_row = row * groups + group;
                    const auto lanes = v.load(dy + place);
                    const auto normalised = (v.load(x + place) - mean[of_row]) * inverse_std[of_row];
                    return Terms<decltype(v), 2>{lanes * normalised, lanes};
                },
                totals);
            for (int64_t i = 0; i < count; ++i) {
                deliver(dgamma, start + i, totals[0][i]);
                deliver(dbeta, start + i, totals[1][i]);
            }
        }
}

// Σ dy x̂ and Σ dy of one channel
template <class T>
struct ChannelSums {
    double of[2] = {};

    ChannelSums(const T* dy, const T* x, T mean, T inverse_std, int64_t size) {
        add_sums<T, 2>(
            size,
            [=](auto v, int64_t i) {
                const auto lanes = v.load(dy + i);
                return Terms<decltype(v), 2>{lanes * ((v.load(x + i) - mean) * inverse_std), lanes};
            },
            of);
    }
};

template <class T>
void backward(const Groups& of, const T* dy, const T* x, const T* mean, const T* inverse_std, const T* gamma, T* dx,
              Out<T> dgamma, Out<T> dbeta) {
    const int64_t channels = of.channels, size = of.size;
    if (size == 1) parameter_gradients(dy, x, mean, inverse_std, dgamma, dbeta, of.rows, of.groups, channels);
    for (int64_t row = 0; row < of.rows; ++row)
        for (int64_t group = 0; group < of.groups; ++group) {
            const int64_t first = group * channels, from = (row * of.groups * channels + first) * size;
            const T center = mean[row * of.groups + group], inverse = inverse_std[row * of.groups + group];
            if (size == 1) {
                if (dx != nullptr)
                    row_gradient(dy + from, x + from, gamma + first, center, inverse, dx + from, channels);
                continue;
            }
            double of_g = 0, of_product = 0;
            for (int64_t c = 0; c < channels; ++c) {
                const ChannelSums<T> sums(dy + from + c * size, x + from + c * size, center, inverse, size);
                of_product += sums.of[0] * static_cast<double>(gamma[first + c]);
                of_g += sums.of[1] * static_cast<double>(gamma[first + c]);
                deliver(dgamma, first + c, sums.of[0], dgamma.operand.adds || row > 0);
                deliver(dbeta, first + c, sums.of[1], dbeta.operand.adds || row > 0);
            }
            if (dx == nullptr) continue;
            const double count = static_cast<double>(channels * size);
            const T share = static_cast<T>(of_product / count), common = static_cast<T>(of_g / count);
            for (int64_t c = 0; c < channels; ++c) {
                const int64_t start = from + c * size;
                for_each(size, [=, scale = gamma[first + c]](int64_t i) {
                    dx[start + i] =
                        (dy[start + i] * scale - common - (x[start + i] - center) * inverse * share) * inverse;
                });
            }
        }
}

// x (N, T, D): one group in each row of D channels
Groups of_layers(const Operand& x) { return {x.shape[0] * x.shape[1], 1, x.shape[2], 1}; }

// x (N, C, S), mean (N, groups)
Groups of_channels(const Operand& x, const Operand& mean) {
    return {x.shape[0], mean.shape[1], x.shape[1] / mean.shape[1], x.shape[2]};
}

template <class T>
void layer_norm_forward(In<T> x, In<T> gamma, In<T> beta, Out<T> y, Out<T> mean, Out<T> inverse_std, double epsilon) {
    forward<T>(of_layers(x), x, gamma, beta, y, mean, inverse_std, epsilon);
}
GLASSNET_KERNEL(layer_norm_forward);

template <class T>
void layer_norm_backward(In<T> dy, In<T> x, In<T> mean, In<T> inverse_std, In<T> gamma, Out<T> dx, Out<T> dgamma,
                         Out<T> dbeta) {
    backward<T>(of_layers(x), dy, x, mean, inverse_std, gamma, dx, dgamma, dbeta);
}
GLASSNET_KERNEL(layer_norm_backward);

template <class T>
void group_norm_forward(In<T> x, In<T> gamma, In<T> beta, Out<T> y, Out<T> mean, Out<T> inverse_std, double epsilon) {
    forward<T>(of_channels(x, mean), x, gamma, beta, y, mean, inverse_std, epsilon);
}
GLASSNET_KERNEL(group_norm_forward);

template <class T>
void group_norm_backward(In<T> dy, In<T> x, In<T> mean, In<T> inverse_std, In<T> gamma, Out<T> dx, Out<T> dgamma,
                         Out<T> dbeta) {
    backward<T>(of_channels(x, mean), dy, x, mean, inverse_std, gamma, dx, dgamma, dbeta);
}
GLASSNET_KERNEL(group_norm_backward);

}  // namespace
}  // namespace glassnet
