// Twin of src/glassnet/kernels/conv.py: convolutions.

#include "convolution/image_convolution.hpp"
#include "engine/kernel.hpp"
#include "kernels/windows.hpp"
#include "products/matrix_product.hpp"

#include <algorithm>

namespace glassnet {
namespace {

// db_f (+)= Σ over images and pixels of dy_f
template <class T>
void bias_gradient(In<T> dy, Out<T> dbias) {
    constexpr int64_t lanes = 64 / sizeof(T);
    const int64_t filters = dy.shape(1), size = dy.shape(2) * dy.shape(3);
    T* const sums = dbias;
    if (sums == nullptr) return;
    if (!dbias.operand.adds) std::fill_n(sums, filters, T(0));
    for (int64_t i = 0; i < dy.rows() * filters; ++i) {
        const T* const plane = dy + i * size;
        T partial[lanes] = {};
        int64_t p = 0;
        for (; p + lanes <= size; p += lanes)
            for (int64_t lane = 0; lane < lanes; ++lane) partial[lane] += plane[p + lane];
        for (int64_t lane = 0; p < size; ++p, ++lane) partial[lane] += plane[p];
        for (int64_t width = lanes / 2; width > 0; width /= 2)
            for (int64_t lane = 0; lane < width; ++lane) partial[lane] += partial[width + lane];
        sums[i % filters] += partial[0];
    }
}

// Of weights whose first axis is that of `above`.
template <class T>
void weight_gradient(const Operand& above, const Operand& below, const Operand& dweight, int64_t groups,
                     const Axes& given) {
    const Axes axes = given.with(dweight);
    const Axis &vertical = axes.vertical, &horizontal = axes.horizontal;
    for (int64_t g = 0; dweight.data != nullptr && g < groups; ++g) {
        const auto x = planes_of<const T>(below, 0, g, groups), dy = planes_of<const T>(above, 0, g, groups);
        const auto weights = weights_of<T>(dweight, g, groups, true);
        if (axes.are_3x3() && winograd_weights<T>(above.rows(), x, below.row_size(), dy, above.row_size(), weights,
                                                  dweight.adds, vertical.pad, horizontal.pad))
            continue;
        if (correlate_weights_by_filters<T>(above.rows(), x, below.row_size(), dy, above.row_size(), weights,
                                            dweight.adds, vertical, horizontal))
            continue;
        correlate_weights<T>(above.rows(), x, below.row_size(), dy, above.row_size(), weights, dweight.adds, vertical,
                             horizontal);
    }
}

template <class T>
void conv2d_forward(In<T> x, In<T> weight, In<T> bias, Out<T> y, Axes axes) {
    correlate_images<T>(x, weight, {nullptr, bias}, y, x.shape(1) / weight.shape(1), axes);
}
GLASSNET_KERNEL(conv2d_forward);

// Any of dx, dweight and dbias may be missing, here and below.
template <class T>
void conv2d_backward(In<T> dy, In<T> x, In<T> weight, Out<T> dx, Out<T> dweight, Out<T> dbias, Axes axes) {
    const int64_t groups = x.shape(1) / weight.shape(1);
    weight_gradient<T>(dy, x, dweight, groups, axes);
    bias_gradient(dy, dbias);
    if (dx != nullptr) spread_images<T>(dy, weight, {}, dx, groups, axes);
}
GLASSNET_KERNEL(conv2d_backward);

template <class T>
void conv_transpose2d_forward(In<T> x, In<T> weight, In<T> bias, Out<T> y, Axes axes) {
    spread_images<T>(x, weight, {nullptr, bias}, y, y.shape(1) / weight.shape(1), axes);
}
GLASSNET_KERNEL(conv_transpose2d_forward);

template <class T>
void conv_transpose2d_backward(In<T> dy, In<T> x, In<T> weight, Out<T> dx, Out<T> dweight, Out<T> dbias, Axes axes) {
    const int64_t groups = dy.shape(1) / weight.shape(1);
    weight_gradient<T>(x, dy, dweight, groups, axes);
    bias_gradient(dy, dbias);
    if (dx != nullptr) correlate_images<T>(dy, weight, {}, dx, groups, axes);
}
GLASSNET_KERNEL(conv_transpose2d_backward);

// A convolution along one axis: y (N, T', F) by x (N, T, D) and weights (taps, D/groups, F). Its products are of the
// moments of x that a tap meets, of one group at a time.
struct Series {
    int64_t moments, d, steps, f, taps, of_group, groups, filters;
    int64_t stride, pad, dilation;

    Series(const Operand& x, const Operand& weight, const Operand& y, int64_t stride, int64_t pad, int64_t dilation)
        : moments(x.shape[1]),
          d(x.shape[2]),
          steps(y.shape[1]),
          f(y.shape[2]),
          taps(weight.shape[0]),
          of_group(weight.shape[1]),
          groups(d / of_group),
          filters(f / groups),
          stride(stride),
          pad(pad),
          dilation(dilation) {}

    // Calls work(rows, place in x, in the weights, in y) for each tap and group: so many steps of y meet moments of x
    // `stride` apart.
    template <class Work>
    void for_products(const Work& work) const {
        for (int64_t tap = 0; tap < taps; ++tap) {
            const int64_t shift = tap * dilation - pad;
            const Range met = reaching({0, steps}, stride, shift, moments);
            for (int64_t g = 0; g < groups && met.count() > 0; ++g)
                work(met.count(), (met.from * stride + shift) * d + g * of_group, tap * of_group * f + g * filters,
                     met.from * f + g * filters);
        }
    }
};

template <class T>
void conv1d_forward(In<T> x, In<T> weight, In<T> bias, Out<T> y, int64_t stride, int64_t pad, int64_t dilation) {
    const Series of(x, weight, y, stride, pad, dilation);
    for (int64_t n = 0; n < x.rows(); ++n) {
        const T* const from = x + n * of.moments * of.d;
        T* const to = y + n * of.steps * of.f;
        for (int64_t t = 0; t < of.steps; ++t)
            if (bias != nullptr)
                std::copy_n(bias.data, of.f, to + t * of.f);
            else
                std::fill_n(to + t * of.f, of.f, T(0));
        of.for_products([&](int64_t rows, int64_t in_x, int64_t in_weight, int64_t in_y) {
            matrix_product<T>(rows, of.filters, of.of_group, from + in_x, of.stride * of.d, 1, weight + in_weight, of.f,
                              to + in_y, to + in_y, of.f, of.f);
        });
    }
}
GLASSNET_KERNEL(conv1d_forward);

template <class T>
void conv1d_backward(In<T> dy, In<T> x, In<T> weight, Out<T> dx, Out<T> dweight, Out<T> dbias, int64_t stride,
                     int64_t pad, int64_t dilation) {
    const Series of(x, weight, dy, stride, pad, dilation);
    if (dweight != nullptr && !dweight.operand.adds) std::fill_n(dweight.data, weight.size(), T(0));
    if (dbias != nullptr && !dbias.operand.adds) std::fill_n(dbias.data, of.f, T(0));
    if (dx != nullptr) std::fill_n(dx.data, dx.size(), T(0));
    for (int64_t n = 0; n < dy.rows(); ++n) {
        const T* const above = dy + n * of.steps * of.f;
        const int64_t image = n * of.moments * of.d;
        of.for_products([&](int64_t rows, int64_t in_x, int64_t in_weight, int64_t in_y) {
            if (dweight != nullptr)
                matrix_product<T>(of.of_group, of.filters, rows, x + image + in_x, 1, of.stride * of.d, above + in_y,
                                  of.f, dweight + in_weight, dweight + in_weight, of.f, of.f);
            if (dx != nullptr)
                matrix_product_transposed<T>(rows, of.of_group, of.filters, above + in_y, of.f, weight + in_weight,
                                             of.f, dx + image + in_x, of.stride * of.d, true);
        });
        if (dbias != nullptr) {
            constexpr T one = 1;
            matrix_product<T>(1, of.f, of.steps, &one, 0, 0, above, of.f, dbias, dbias, of.f);
        }
    }
}
GLASSNET_KERNEL(conv1d_backward);

}  // namespace
}  // namespace glassnet
