// Convolutions with the filters, not the columns of an image, in the lanes of vectors.
//
// Where the rows of an image are short, vectors along them stay half empty: 10 columns fill 62 % of 16 lanes. Sixteen
// filters fill them whole. With w_p the vector of the weights of all filters for p, one tap in one input plane, and
// x_p(s) the pixel that it meets from position s,
//
//     y(s) = Σ over p of x_p(s) w_p        dw_p = Σ over s of x_p(s) dy(s)
//
// Sums of neighbouring positions, or of neighbouring taps, stay in registers; every term is a number times a vector.
// Weights, results and their gradients are transposed on the way in and out.
//
// Few filters fill vectors together with the taps of a row: six filters of 5x5 taps make 30 of 32 lanes. With i for
// rows and j for columns of taps,
//
//     z(u, q)[j, o] = Σ over planes and i of x(u + i, q) w[i, j, o]        y(u, v)[o] = Σ over j of z(u, v + j)[j, o]
//
// where the columns q are those of x: the zeros around it are never multiplied.
#pragma once

#include <cstdint>

#include "convolution/convolution.hpp"

namespace glassnet {

// y_o = the ending of Σ over i and taps of weight x_i for some images, which lie x_image and y_image elements apart;
// or, `turned`, of the adjoint of stride 1. False, and nothing done, where vectors along the columns are the faster way
// or there is no memory.
template <class T>
bool correlate_by_filters(std::int64_t images, const Planes<const T>& x, std::int64_t x_image,
                          const Weights<const T>& weights, bool turned, const Ending<T>& ending, const Planes<T>& y,
                          std::int64_t y_image, const Axis& vertical, const Axis& horizontal);

// The gradient of the weights, as correlate_weights gives it. False as above.
template <class T>
bool correlate_weights_by_filters(std::int64_t images, const Planes<const T>& x, std::int64_t x_image,
                                  const Planes<const T>& dy, std::int64_t dy_image, const Weights<T>& dweight,
                                  bool adds, const Axis& vertical, const Axis& horizontal);

}  // namespace glassnet
