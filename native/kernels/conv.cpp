// Twin of src/glassnet/kernels/conv.py: convolutions.

#include "../image_convolution.hpp"
#include "../kernel.hpp"
#include "../matrix_product.hpp"

#include <algorithm>

namespace glassnet {
namespace {

// db_f (+)= Σ over images and pixels of dy_f
template <class T>
void bias_gradient(const Operand& dy, const Operand& dbias) {
    constexpr std::int64_t lanes = 64 / sizeof(T);
    const std::int64_t filters = dy.shape[1], size = dy.shape[2] * dy.shape[3];
    T* const sums = dbias.as<T>();
    if (!dbias.adds) std::fill_n(sums, filters, T(0));
    for (std::int64_t i = 0; i < dy.rows() * filters; ++i) {
        const T* const plane = dy.as<T>() + i * size;
        T partial[lanes] = {};
        std::int64_t p = 0;
        for (; p + lanes <= size; p += lanes)
            for (std::int64_t lane = 0; lane < lanes; ++lane) partial[lane] += plane[p + lane];
        for (std::int64_t lane = 0; p < size; ++p, ++lane) partial[lane] += plane[p];
        for (std::int64_t width = lanes / 2; width > 0; width /= 2)
            for (std::int64_t lane = 0; lane < width; ++lane) partial[lane] += partial[width + lane];
        sums[i % filters] += partial[0];
    }
}

template <class T>
struct Unpacked {
    static void conv2d_forward(const Operand* o, const double* settings) {
        const Operand &x = o[0], &weight = o[1], &y = o[3];
        correlate_images<T>(x, weight, {nullptr, o[2].as<T>()}, y, x.shape[1] / weight.shape[1], vertical_axis(settings, weight),
                            horizontal_axis(settings, weight));
    }

    static void conv2d_backward(const Operand* o, const double* settings) {
        const Operand &dy = o[0], &x = o[1], &weight = o[2], &dx = o[3];
        const std::int64_t groups = x.shape[1] / weight.shape[1];
        const Axis vertical = vertical_axis(settings, weight), horizontal = horizontal_axis(settings, weight);
        gradients(dy, x, o[4], groups, vertical, horizontal);
        if (o[5].data != nullptr) bias_gradient<T>(dy, o[5]);
        if (dx.data != nullptr) spread_images<T>(dy, weight, {}, dx, groups, vertical, horizontal);
    }

    static void conv_transpose2d_forward(const Operand* o, const double* settings) {
        const Operand &x = o[0], &weight = o[1], &y = o[3];
        spread_images<T>(x, weight, {nullptr, o[2].as<T>()}, y, y.shape[1] / weight.shape[1], vertical_axis(settings, weight),
                         horizontal_axis(settings, weight));
    }

    static void conv_transpose2d_backward(const Operand* o, const double* settings) {
        const Operand &dy = o[0], &x = o[1], &weight = o[2], &dx = o[3];
        const std::int64_t groups = dy.shape[1] / weight.shape[1];
        const Axis vertical = vertical_axis(settings, weight), horizontal = horizontal_axis(settings, weight);
        gradients(x, dy, o[4], groups, vertical, horizontal);
        if (o[5].data != nullptr) bias_gradient<T>(dy, o[5]);
        if (dx.data != nullptr) correlate_images<T>(dy, weight, {}, dx, groups, vertical, horizontal);
    }

    // Of weights whose first axis is that of `above`.
    static void gradients(const Operand& above, const Operand& below, const Operand& dweight, std::int64_t groups,
                          const Axis& vertical, const Axis& horizontal) {
        for (std::int64_t g = 0; dweight.data != nullptr && g < groups; ++g) {
            const auto x = planes_of<const T>(below, 0, g, groups), dy = planes_of<const T>(above, 0, g, groups);
            const auto weights = weights_of<T>(dweight, g, groups, true);
            if (is_3x3(vertical, horizontal) &&
                winograd_weights<T>(above.rows(), x, below.row_size(), dy, above.row_size(), weights, dweight.adds,
                                    vertical.pad, horizontal.pad))
                continue;
            if (correlate_weights_by_filters<T>(above.rows(), x, below.row_size(), dy, above.row_size(), weights,
                                                dweight.adds, vertical, horizontal))
                continue;
            correlate_weights<T>(above.rows(), x, below.row_size(), dy, above.row_size(), weights, dweight.adds,
                                 vertical, horizontal);
        }
    }

    // Calls work(t, rows, moment, tap) for each tap: `rows` steps of y from t on meet the moments of x from `moment` on.
    template <class Work>
    static void for_taps(const double* settings, std::int64_t taps, std::int64_t steps, std::int64_t moments,
                         const Work& work) {
        const auto stride = static_cast<std::int64_t>(settings[0]), pad = static_cast<std::int64_t>(settings[1]);
        const auto dilation = static_cast<std::int64_t>(settings[2]);
        for (std::int64_t tap = 0; tap < taps; ++tap) {
            const std::int64_t shift = tap * dilation - pad;
            const std::int64_t first = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
            const std::int64_t stop = shift >= moments ? 0 : std::min(steps, (moments - shift + stride - 1) / stride);
            if (first < stop) work(first, stop - first, first * stride + shift, tap);
        }
    }

    // y (T', F) = bias + Σ over taps of x (T, D), moved, times the tap's weight (D/groups, F)
    static void conv1d_forward(const Operand* o, const double* settings) {
        const Operand &x = o[0], &weight = o[1], &bias = o[2], &y = o[3];
        const std::int64_t moments = x.shape[1], d = x.shape[2], steps = y.shape[1], f = y.shape[2];
        const std::int64_t of_group = weight.shape[1], groups = d / of_group, filters = f / groups;
        const auto stride = static_cast<std::int64_t>(settings[0]);
        for (std::int64_t n = 0; n < x.rows(); ++n) {
            const T* const from = x.as<T>() + n * moments * d;
            T* const to = y.as<T>() + n * steps * f;
            for (std::int64_t t = 0; t < steps; ++t)
                if (bias.data != nullptr)
                    std::copy_n(bias.as<T>(), f, to + t * f);
                else
                    std::fill_n(to + t * f, f, T(0));
            for_taps(settings, weight.shape[0], steps, moments,
                     [&](std::int64_t t, std::int64_t rows, std::int64_t moment, std::int64_t tap) {
                         for (std::int64_t g = 0; g < groups; ++g) {
                             T* const c = to + t * f + g * filters;
                             matrix_product<T>(rows, filters, of_group, from + moment * d + g * of_group, stride * d, 1,
                                               weight.as<T>() + tap * of_group * f + g * filters, f, c, c, f, f);
                         }
                     });
        }
    }

    static void conv1d_backward(const Operand* o, const double* settings) {
        const Operand &dy = o[0], &x = o[1], &weight = o[2], &dx = o[3], &dweight = o[4], &dbias = o[5];
        const std::int64_t moments = x.shape[1], d = x.shape[2], steps = dy.shape[1], f = dy.shape[2];
        const std::int64_t of_group = weight.shape[1], groups = d / of_group, filters = f / groups;
        const auto stride = static_cast<std::int64_t>(settings[0]);
        if (dweight.data != nullptr && !dweight.adds) std::fill_n(dweight.as<T>(), weight.size(), T(0));
        if (dbias.data != nullptr && !dbias.adds) std::fill_n(dbias.as<T>(), f, T(0));
        if (dx.data != nullptr) std::fill_n(dx.as<T>(), dx.size(), T(0));
        for (std::int64_t n = 0; n < dy.rows(); ++n) {
            const T* const above = dy.as<T>() + n * steps * f;
            const T* const from = x.as<T>() + n * moments * d;
            for_taps(settings, weight.shape[0], steps, moments,
                     [&](std::int64_t t, std::int64_t rows, std::int64_t moment, std::int64_t tap) {
                         for (std::int64_t g = 0; g < groups; ++g) {
                             const std::int64_t at = moment * d + g * of_group, w = tap * of_group * f + g * filters;
                             const T* const part = above + t * f + g * filters;
                             if (dweight.data != nullptr)
                                 matrix_product<T>(of_group, filters, rows, from + at, 1, stride * d, part, f,
                                                   dweight.as<T>() + w, dweight.as<T>() + w, f, f);
                             if (dx.data != nullptr)
                                 matrix_product_transposed<T>(rows, of_group, filters, part, f, weight.as<T>() + w, f,
                                                              dx.as<T>() + n * moments * d + at, stride * d, true);
                         }
                     });
            if (dbias.data != nullptr) {
                constexpr T one = 1;
                matrix_product<T>(1, f, steps, &one, 0, 0, above, f, dbias.as<T>(), dbias.as<T>(), f);
            }
        }
    }
};

constexpr KernelEntry entries[] = {
    {"conv2d_forward", Unpacked<float>::conv2d_forward, Unpacked<double>::conv2d_forward},
    {"conv2d_backward", Unpacked<float>::conv2d_backward, Unpacked<double>::conv2d_backward},
    {"conv_transpose2d_forward", Unpacked<float>::conv_transpose2d_forward, Unpacked<double>::conv_transpose2d_forward},
    {"conv_transpose2d_backward", Unpacked<float>::conv_transpose2d_backward,
     Unpacked<double>::conv_transpose2d_backward},
    {"conv1d_forward", Unpacked<float>::conv1d_forward, Unpacked<double>::conv1d_forward},
    {"conv1d_backward", Unpacked<float>::conv1d_backward, Unpacked<double>::conv1d_backward},
};

}  // namespace

std::span<const KernelEntry> conv_kernels() { return entries; }

}  // namespace glassnet
