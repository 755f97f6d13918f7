// 3x3 convolutions of stride 1 with 16 instead of 36 multiplications for 2x2 results.
//
// F(2x2, 3x3) of A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016. With d a 4x4 square
// of pixels, g the 3x3 weights and Y the 2x2 results,
//
//     Y = A' [(G g G') ∘ (B' d B)] A
//
// and the products, summed over the input planes, are 16 matrix products. The sums are as long as there are
// input planes, not nine times as long, and so are the rounding errors: in float32, with normal pixels and weights,
// relative to the largest result 5e-7 with 128 planes (1.4e-6 by the direct sum), 2e-7 with 32 (6e-7).
#pragma once

#include <cstdint>

#include "convolution.hpp"

namespace glassnet {

// y_o = bias_o + Σ over i and taps of weight x_i for some images, which lie x_image and y_image elements apart; `turned`
// takes each weight's taps in reverse order, as an input's gradient does. bias may be null. False, and nothing done, where
// the direct sum is the faster way (few planes) or there is no memory.
template <class T>
bool winograd(std::int64_t images, const Planes<const T>& x, std::int64_t x_image, const Weights<const T>& weights,
              bool turned, const T* bias, const Planes<T>& y, std::int64_t y_image, std::int64_t vertical_pad,
              std::int64_t horizontal_pad);

// The gradient of the weights for some images: dweight of o, i, t is Σ over images and positions of dy_o x_i at the pixel
// that tap t meets, G' [Σ (A dy A') ∘ (B' d B)] G. `adds`: to what is there. False as above.
template <class T>
bool winograd_weights(std::int64_t images, const Planes<const T>& x, std::int64_t x_image, const Planes<const T>& dy,
                      std::int64_t dy_image, const Weights<T>& dweight, bool adds, std::int64_t vertical_pad,
                      std::int64_t horizontal_pad);

}  // namespace glassnet
