// Convolutions of whole batches of images: of each group of channels, by the fastest of three ways.
#pragma once

#include <type_traits>

#include "convolution/convolution.hpp"
#include "convolution/filters_in_lanes.hpp"
#include "convolution/winograd.hpp"
#include "engine/kernel.hpp"
#include "math/lanes.hpp"

namespace glassnet {
namespace {  // each variant of the native module has its own

// The settings of an image kernel in the order of the twins': strides, padding and dilation of both axes.
struct Axes {
    static constexpr std::size_t settings = 6;
    Axis vertical, horizontal;  // without the taps, which the weights (A, B, kh, kw) say

    explicit Axes(const double* s) : vertical(axis(s)), horizontal(axis(s + 1)) {}

    Axes with(const Operand& weight) const {
        Axes result = *this;
        result.vertical.taps = weight.shape[2];
        result.horizontal.taps = weight.shape[3];
        return result;
    }

    bool are_3x3() const {
        return vertical.taps == 3 && horizontal.taps == 3 && vertical.stride == 1 && horizontal.stride == 1 &&
               vertical.dilation == 1 && horizontal.dilation == 1;
    }

private:
    static Axis axis(const double* s) {
        return {0, static_cast<int64_t>(s[0]), static_cast<int64_t>(s[2]), static_cast<int64_t>(s[4])};
    }
};

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

// y = the ending of weights * x, for all images and groups: y_o by x_i where the weights' first axis is y's.
template <class T>
void correlate_images(const Operand& x, const Operand& weight, const Ending<T>& ending, const Operand& y,
                      int64_t groups, const Axes& given) {
    const Axes axes = given.with(weight);
    const Axis &vertical = axes.vertical, &horizontal = axes.horizontal;
    const int64_t filters = y.shape[1] / groups;
    for (int64_t g = 0; g < groups; ++g) {
        const auto weights = weights_of<const T>(weight, g, groups, true);
        const Ending<T> of_group = ending.from(g * filters);
        if (axes.are_3x3() &&
            winograd<T>(x.rows(), planes_of<const T>(x, 0, g, groups), x.row_size(), weights, false, of_group,
                        planes_of<T>(y, 0, g, groups), y.row_size(), vertical.pad, horizontal.pad))
            continue;
        if (correlate_by_filters<T>(x.rows(), planes_of<const T>(x, 0, g, groups), x.row_size(), weights, false,
                                    of_group, planes_of<T>(y, 0, g, groups), y.row_size(), vertical, horizontal))
            continue;
        for (int64_t n = 0; n < x.rows(); ++n)
            correlate<T>(planes_of<const T>(x, n, g, groups), weights, of_group, planes_of<T>(y, n, g, groups),
                         vertical, horizontal);
    }
}

// The adjoint: y_o by x_i where the weights' first axis is x's.
template <class T>
void spread_images(const Operand& x, const Operand& weight, const Ending<T>& ending, const Operand& y, int64_t groups,
                   const Axes& given) {
    const Axes axes = given.with(weight);
    const Axis &vertical = axes.vertical, &horizontal = axes.horizontal;
    const int64_t filters = y.shape[1] / groups;
    for (int64_t g = 0; g < groups; ++g) {
        const auto weights = weights_of<const T>(weight, g, groups, false);
        const Ending<T> of_group = ending.from(g * filters);
        if (axes.are_3x3() && vertical.pad <= 2 && horizontal.pad <= 2 &&
            winograd<T>(x.rows(), planes_of<const T>(x, 0, g, groups), x.row_size(), weights, true, of_group,
                        planes_of<T>(y, 0, g, groups), y.row_size(), 2 - vertical.pad, 2 - horizontal.pad))
            continue;
        if (vertical.stride == 1 && horizontal.stride == 1 &&
            correlate_by_filters<T>(x.rows(), planes_of<const T>(x, 0, g, groups), x.row_size(), weights, true,
                                    of_group, planes_of<T>(y, 0, g, groups), y.row_size(), vertical, horizontal))
            continue;
        for (int64_t n = 0; n < x.rows(); ++n)
            spread<T>(planes_of<const T>(x, n, g, groups), weights, of_group, planes_of<T>(y, n, g, groups), vertical,
                      horizontal);
    }
}

}  // namespace
}  // namespace glassnet
