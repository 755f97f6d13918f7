// Twin of src/glassnet/kernels/norm.py: batch, layer and group norm.

#include "../channel_sums.hpp"
#include "../kernel.hpp"
#include "../pairs.hpp"
#include "../reduce.hpp"
#include "../vector_math.hpp"

#include <algorithm>
#include <cmath>

namespace glassnet {
namespace {

template <class T>
void channel_sums(const Operand& of_x, const T* shift, const Operand& total, const Operand& square_total) {
    sum_channels<T, 1, 2>(
        Channels(of_x), [=](int64_t c, T* k) { k[0] = shift[c]; },
        [](auto v, const auto* k, const auto& x) {
            const auto difference = x - k[0];
            return Terms<decltype(v), 2>{difference, difference * difference};
        },
        [&](int64_t c, const double* sums) {
            deliver<double>(total, c, sums[0]);
            deliver<double>(square_total, c, sums[1]);
        },
        of_x.as<const T>());
}

template <class T>
void batch_norm_statistics(const double* total, const double* square_total, T* mean, T* inverse_std, T* running_mean,
                           T* running_variance, int64_t channels, double count, double momentum, double epsilon) {
    for (int64_t c = 0; c < channels; ++c) {
        const double difference = total[c] / count;
        const double variance = at_least(square_total[c] / count - difference * difference, 0.0);
        mean[c] = static_cast<T>(running_mean[c] + difference);
        inverse_std[c] = static_cast<T>(1 / std::sqrt(variance + epsilon));
        running_mean[c] = static_cast<T>(running_mean[c] + momentum * difference);
        running_variance[c] = static_cast<T>((1 - momentum) * static_cast<double>(running_variance[c]) +
                                             momentum * count / (count - 1) * variance);
    }
}

template <class T>
void batch_norm_forward(const Operand& of_x, const T* mean, const T* inverse_std, const T* gamma, const T* beta, T* y) {
    for_channels<T, 3>(
        Channels(of_x),
        [=](int64_t c, T* k) { k[0] = mean[c], k[1] = gamma[c] * inverse_std[c], k[2] = beta[c]; },
        [](const T* k, T x, T& y) { y = (x - k[0]) * k[1] + k[2]; }, of_x.as<const T>(), y);
}

template <class T>
void batch_norm_predict(const Operand& of_x, const T* mean, const T* variance, const T* gamma, const T* beta, T* y,
                        T epsilon) {
    for_channels<T, 3>(
        Channels(of_x),
        [=](int64_t c, T* k) { k[0] = mean[c], k[1] = gamma[c] / std::sqrt(variance[c] + epsilon), k[2] = beta[c]; },
        [](const T* k, T x, T& y) { y = (x - k[0]) * k[1] + k[2]; }, of_x.as<const T>(), y);
}

template <class T>
void batch_norm_sums(const T* dy, const Operand& of_x, const T* mean, const T* inverse_std, const Operand& dgamma,
                     const Operand& dbeta) {
    sum_channels<T, 2, 2>(
        Channels(of_x), [=](int64_t c, T* k) { k[0] = mean[c], k[1] = inverse_std[c]; },
        [](auto v, const auto* k, const auto& dy, const auto& x) {
            return Terms<decltype(v), 2>{dy * ((x - k[0]) * k[1]), dy};
        },
        [&](int64_t c, const double* sums) {
            deliver<T>(dgamma, c, sums[0]);
            deliver<T>(dbeta, c, sums[1]);
        },
        dy, of_x.as<const T>());
}

// dx = a dy + b (x − μ) + c
template <class T>
void batch_norm_backward(const T* dy, const Operand& of_x, const T* mean, const T* inverse_std, const T* gamma,
                         const T* dgamma, const T* dbeta, T* dx, T count) {
    for_channels<T, 4>(
        Channels(of_x),
        [=](int64_t c, T* k) {
            k[0] = gamma[c] * inverse_std[c];
            k[1] = -k[0] * inverse_std[c] * (dgamma[c] / count);
            k[2] = -k[0] * (dbeta[c] / count);
            k[3] = mean[c];
        },
        [](const T* k, T dy, T x, T& dx) { dx = k[0] * dy + k[1] * (x - k[3]) + k[2]; }, dy, of_x.as<const T>(), dx);
}

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

// A row x (D,) with γ and β for each of its elements
template <class T>
void normalise_row(const T* x, const T* gamma, const T* beta, T* y, T& mean, T& inverse_std, int64_t count,
                   double epsilon) {
    const Moments<T> of_row(x, count, epsilon);
    mean = of_row.mean;
    inverse_std = of_row.inverse_std;
    for_each(count, [=](int64_t i) { y[i] = (x[i] - of_row.mean) * of_row.inverse_std * gamma[i] + beta[i]; });
}

template <class T>
void layer_norm_forward(const Operand& of_x, const T* gamma, const T* beta, T* y, T* mean, T* inverse_std,
                        double epsilon) {
    const int64_t rows = of_x.shape[0] * of_x.shape[1], size = of_x.shape[2];
    const T* x = of_x.as<T>();
    for (int64_t row = 0; row < rows; ++row, x += size, y += size)
        normalise_row(x, gamma, beta, y, mean[row], inverse_std[row], size, epsilon);
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
void parameter_gradients(const T* dy, const T* x, const T* mean, const T* inverse_std, const Operand& dgamma,
                         const Operand& dbeta, int64_t rows, int64_t groups, int64_t columns) {
    if (dgamma.data == nullptr && dbeta.data == nullptr) return;
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
                deliver<T>(dgamma, start + i, totals[0][i]);
                deliver<T>(dbeta, start + i, totals[1][i]);
            }
        }
}

template <class T>
void layer_norm_backward(const T* dy, const Operand& of_x, const T* mean, const T* inverse_std, const T* gamma, T* dx,
                         const Operand& dgamma, const Operand& dbeta) {
    const int64_t rows = of_x.shape[0] * of_x.shape[1], size = of_x.shape[2];
    const T* const x = of_x.as<T>();
    parameter_gradients(dy, x, mean, inverse_std, dgamma, dbeta, rows, 1, size);
    for (int64_t row = 0; row < rows && dx != nullptr; ++row)
        row_gradient(dy + row * size, x + row * size, gamma, mean[row], inverse_std[row], dx + row * size, size);
}

template <class T>
void group_norm_forward(const Operand& of_x, const T* gamma, const T* beta, const Operand& of_y, const Operand& of_mean,
                        T* inverse_std, double epsilon) {
    const Channels channels(of_x);
    const int64_t groups = of_mean.shape[1], in_one = channels.channels / groups, size = channels.size;
    const T* x = of_x.as<T>();
    T *y = of_y.as<T>(), *mean = of_mean.as<T>();
    for (int64_t row = 0; row < channels.rows; ++row)
        for (int64_t group = 0; group < groups; ++group, ++mean, ++inverse_std) {
            const T *const scales = gamma + group * in_one, *const shifts = beta + group * in_one;
            if (size == 1) {
                normalise_row(x, scales, shifts, y, *mean, *inverse_std, in_one, epsilon);
                x += in_one, y += in_one;
                continue;
            }
            const Moments<T> of_group(x, in_one * size, epsilon);
            *mean = of_group.mean;
            *inverse_std = of_group.inverse_std;
            for (int64_t c = 0; c < in_one; ++c, x += size, y += size)
                for_each(size, [=, scale = of_group.inverse_std * scales[c], shift = shifts[c]](int64_t i) {
                    y[i] = (x[i] - of_group.mean) * scale + shift;
                });
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
void group_norm_backward(const T* dy, const Operand& of_x, const Operand& of_mean, const T* inverse_std, const T* gamma,
                         T* dx, Operand dgamma, Operand dbeta) {
    const Channels channels(of_x);
    const int64_t groups = of_mean.shape[1], in_one = channels.channels / groups, size = channels.size;
    const T *const x = of_x.as<T>(), *const mean = of_mean.as<T>();
    if (size == 1) parameter_gradients(dy, x, mean, inverse_std, dgamma, dbeta, channels.rows, groups, in_one);
    for (int64_t row = 0; row < channels.rows; ++row) {
        for (int64_t group = 0; group < groups; ++group) {
            const int64_t first = group * in_one, from = (row * channels.channels + first) * size;
            const T center = mean[row * groups + group], inverse = inverse_std[row * groups + group];
            if (size == 1) {
                if (dx != nullptr)
                    row_gradient(dy + from, x + from, gamma + first, center, inverse, dx + from, in_one);
                continue;
            }
            double of_g = 0, of_product = 0;
            for (int64_t c = 0; c < in_one; ++c) {
                const ChannelSums<T> sums(dy + from + c * size, x + from + c * size, center, inverse, size);
                of_product += sums.of[0] * static_cast<double>(gamma[first + c]);
                of_g += sums.of[1] * static_cast<double>(gamma[first + c]);
                deliver<T>(dgamma, first + c, sums.of[0]);
                deliver<T>(dbeta, first + c, sums.of[1]);
            }
            if (dx == nullptr) continue;
            const double count = static_cast<double>(in_one * size);
            const T share = static_cast<T>(of_product / count), common = static_cast<T>(of_g / count);
            for (int64_t c = 0; c < in_one; ++c) {
                const int64_t start = from + c * size;
                for_each(size, [=, scale = gamma[first + c]](int64_t i) {
                    dx[start + i] =
                        (dy[start + i] * scale - common - (x[start + i] - center) * inverse * share) * inverse;
                });
            }
        }
        dgamma.adds = dbeta.adds = true;  // to what the first row wrote
    }
}

template <class T>
struct Unpacked {
    static void channel_sums(const Operand* o, const double*) {
        glassnet::channel_sums(o[0], o[1].as<T>(), o[2], o[3]);
    }
    static void batch_norm_statistics(const Operand* o, const double* s) {
        glassnet::batch_norm_statistics(o[0].as<double>(), o[1].as<double>(), o[2].as<T>(), o[3].as<T>(), o[4].as<T>(),
                                        o[5].as<T>(), o[2].size(), s[0], s[1], s[2]);
    }
    static void batch_norm_forward(const Operand* o, const double*) {
        glassnet::batch_norm_forward<T>(o[0], o[1].as<T>(), o[2].as<T>(), o[3].as<T>(), o[4].as<T>(), o[5].as<T>());
    }
    static void batch_norm_predict(const Operand* o, const double* s) {
        glassnet::batch_norm_predict<T>(o[0], o[1].as<T>(), o[2].as<T>(), o[3].as<T>(), o[4].as<T>(), o[5].as<T>(),
                                        static_cast<T>(s[0]));
    }
    static void batch_norm_sums(const Operand* o, const double*) {
        glassnet::batch_norm_sums<T>(o[0].as<T>(), o[1], o[2].as<T>(), o[3].as<T>(), o[4], o[5]);
    }
    static void batch_norm_backward(const Operand* o, const double* s) {
        glassnet::batch_norm_backward<T>(o[0].as<T>(), o[1], o[2].as<T>(), o[3].as<T>(), o[4].as<T>(), o[5].as<T>(),
                                         o[6].as<T>(), o[7].as<T>(), static_cast<T>(s[0]));
    }
    static void layer_norm_forward(const Operand* o, const double* s) {
        glassnet::layer_norm_forward<T>(o[0], o[1].as<T>(), o[2].as<T>(), o[3].as<T>(), o[4].as<T>(), o[5].as<T>(),
                                        s[0]);
    }
    static void layer_norm_backward(const Operand* o, const double*) {
        glassnet::layer_norm_backward<T>(o[0].as<T>(), o[1], o[2].as<T>(), o[3].as<T>(), o[4].as<T>(), o[5].as<T>(),
                                         o[6], o[7]);
    }
    static void group_norm_forward(const Operand* o, const double* s) {
        glassnet::group_norm_forward<T>(o[0], o[1].as<T>(), o[2].as<T>(), o[3], o[4], o[5].as<T>(), s[0]);
    }
    static void group_norm_backward(const Operand* o, const double*) {
        glassnet::group_norm_backward<T>(o[0].as<T>(), o[1], o[2], o[3].as<T>(), o[4].as<T>(), o[5].as<T>(), o[6],
                                         o[7]);
    }
};

constexpr KernelEntry entries[] = {
    {"channel_sums", Unpacked<float>::channel_sums, Unpacked<double>::channel_sums},
    {"batch_norm_statistics", Unpacked<float>::batch_norm_statistics, Unpacked<double>::batch_norm_statistics},
    {"batch_norm_forward", Unpacked<float>::batch_norm_forward, Unpacked<double>::batch_norm_forward},
    {"batch_norm_predict", Unpacked<float>::batch_norm_predict, Unpacked<double>::batch_norm_predict},
    {"batch_norm_sums", Unpacked<float>::batch_norm_sums, Unpacked<double>::batch_norm_sums},
    {"batch_norm_backward", Unpacked<float>::batch_norm_backward, Unpacked<double>::batch_norm_backward},
    {"layer_norm_forward", Unpacked<float>::layer_norm_forward, Unpacked<double>::layer_norm_forward},
    {"layer_norm_backward", Unpacked<float>::layer_norm_backward, Unpacked<double>::layer_norm_backward},
    {"group_norm_forward", Unpacked<float>::group_norm_forward, Unpacked<double>::group_norm_forward},
    {"group_norm_backward", Unpacked<float>::group_norm_backward, Unpacked<double>::group_norm_backward},
};

}  // namespace

std::span<const KernelEntry> norm_kernels() { return entries; }

}  // namespace glassnet
