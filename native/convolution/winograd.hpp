// 3x3 convolutions of stride 1 with 36 instead of 144 multiplications for 4x4 results.
//
// F(4x4, 3x3) of A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016. With d a 6x6
// square of pixels, g the 3x3 weights and Y the 4x4 results,
//
//     Y = A' [(G g G') ∘ (B' d B)] A
//
// and the products, summed over the input planes, are 36 matrix products: of squares by planes with planes by outputs.
// In float32, with normal pixels and weights, results are off by 4e-6 of the largest with 32 planes and by 7e-6 with
// 128 (the direct sum by 6e-7 and 1.4e-6), gradients of weights by 4e-6. F(2x2, 3x3), off by 6e-7, needs 64
// multiplications and takes 1.5 times as long for a training step of a network of such convolutions.
#pragma once

#include <cstdint>

#include "convolution/convolution.hpp"

namespace glassnet {

// y_o = the ending of Σ over i and taps of weight x_i for some images, which lie x_image and y_image elements apart;
// `turned` takes each weight's taps in reverse order, as an input's gradient does. False, and nothing done, where the
// direct sum is the faster way (few planes) or there is no memory.
template <class T>
bool winograd(std::int64_t images, const Planes<const T>& x, std::int64_t x_image, const Weights<const T>& weights,
              bool turned, const Ending<T>& ending, const Planes<T>& y, std::int64_t y_image, std::int64_t vertical_pad,
              std::int64_t horizontal_pad);

// The gradient of the weights for some images: dweight of o, i, t is Σ over images and positions of dy_o x_i at the
// pixel that tap t meets, G' [Σ (A dy A') ∘ (B' d B)] G. `adds`: to what is there. False as above.
template <class T>
bool winograd_weights(std::int64_t images, const Planes<const T>& x, std::int64_t x_image, const Planes<const T>& dy,
                      std::int64_t dy_image, const Weights<T>& dweight, bool adds, std::int64_t vertical_pad,
                      std::int64_t horizontal_pad);

}  // namespace glassnet
