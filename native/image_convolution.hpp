// Convolutions of whole batches of images: of each group of channels, by the fastest of three ways.
#pragma once

#include <type_traits>

#include "convolution.hpp"
#include "filters_in_lanes.hpp"
#include "kernel.hpp"
#include "lanes.hpp"
#include "winograd.hpp"

namespace glassnet {
namespace {  // each variant of the native module has its own

inline Axis vertical_axis(const double* settings, const Operand& weight) {
    return {weight.shape[2], static_cast<int64_t>(settings[0]), static_cast<int64_t>(settings[2]),
            static_cast<int64_t>(settings[4])};
}

inline Axis horizontal_axis(const double* settings, const Operand& weight) {
    return {weight.shape[3], static_cast<int64_t>(settings[1]), static_cast<int64_t>(settings[3]),
            static_cast<int64_t>(settings[5])};
}

// The planes of one group in one image (C, H, W).
template <class T>
Planes<T> planes_of(const Operand& images, int64_t image, int64_t group, int64_t groups) {
    const int64_t count = images.shape[1] / groups, size = images.shape[2] * images.shape[3];
    auto* const data = images.as<std::remove_const_t<T>>() + (image * images.shape[1] + group * count) * size;
    return {data, count, images.shape[2], images.shape[3]};
}

// The weights (A, B, kh, kw) of one group; planes of A are results where `a_is_output`.
template <class T>
Weights<T> weights_of(const Operand& weight, int64_t group, int64_t groups, bool a_is_output) {
    const int64_t taps = weight.shape[2] * weight.shape[3], of_a = weight.shape[1] * taps;
    T* const data = weight.as<std::remove_const_t<T>>() + group * (weight.shape[0] / groups) * of_a;
    return a_is_output ? Weights<T>{data, of_a, taps} : Weights<T>{data, taps, of_a};
}

inline bool is_3x3(const Axis& vertical, const Axis& horizontal) {
    return vertical.taps == 3 && horizontal.taps == 3 && vertical.stride == 1 && horizontal.stride == 1 &&
           vertical.dilation == 1 && horizontal.dilation == 1;
}

// y = the ending of weights * x, for all images and groups: y_o by x_i where the weights' first axis is y's.
template <class T>
void correlate_images(const Operand& x, const Operand& weight, const Ending<T>& ending, const Operand& y, int64_t groups,
                      const Axis& vertical, const Axis& horizontal) {
    const int64_t filters = y.shape[1] / groups;
    for (int64_t g = 0; g < groups; ++g) {
        const auto weights = weights_of<const T>(weight, g, groups, true);
        const Ending<T> of_group = ending.from(g * filters);
        if (is_3x3(vertical, horizontal) &&
            winograd<T>(x.rows(), planes_of<const T>(x, 0, g, groups), x.row_size(), weights, false, of_group,
                        planes_of<T>(y, 0, g, groups), y.row_size(), vertical.pad, horizontal.pad))
            continue;
        if (correlate_by_filters<T>(x.rows(), planes_of<const T>(x, 0, g, groups), x.row_size(), weights, false, of_group,
                                    planes_of<T>(y, 0, g, groups), y.row_size(), vertical, horizontal))
            continue;
        for (int64_t n = 0; n < x.rows(); ++n)
            correlate<T>(planes_of<const T>(x, n, g, groups), weights, of_group, planes_of<T>(y, n, g, groups), vertical,
                         horizontal);
    }
}

// The adjoint: y_o by x_i where the weights' first axis is x's.
template <class T>
void spread_images(const Operand& x, const Operand& weight, const Ending<T>& ending, const Operand& y, int64_t groups,
                   const Axis& vertical, const Axis& horizontal) {
    const int64_t filters = y.shape[1] / groups;
    for (int64_t g = 0; g < groups; ++g) {
        const auto weights = weights_of<const T>(weight, g, groups, false);
        const Ending<T> of_group = ending.from(g * filters);
        if (is_3x3(vertical, horizontal) && vertical.pad <= 2 && horizontal.pad <= 2 &&
            winograd<T>(x.rows(), planes_of<const T>(x, 0, g, groups), x.row_size(), weights, true, of_group,
                        planes_of<T>(y, 0, g, groups), y.row_size(), 2 - vertical.pad, 2 - horizontal.pad))
            continue;
        if (vertical.stride == 1 && horizontal.stride == 1 &&
            correlate_by_filters<T>(x.rows(), planes_of<const T>(x, 0, g, groups), x.row_size(), weights, true, of_group,
                                    planes_of<T>(y, 0, g, groups), y.row_size(), vertical, horizontal))
            continue;
        for (int64_t n = 0; n < x.rows(); ++n)
            spread<T>(planes_of<const T>(x, n, g, groups), weights, of_group, planes_of<T>(y, n, g, groups), vertical,
                      horizontal);
    }
}

}  // namespace
}  // namespace glassnet
