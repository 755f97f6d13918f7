// Sums over shifted images, of which convolutions and their gradients are made.
//
// What a sum needs of an image is copied to the stack with zeros around it, so that inner loops know no borders; where
// positions are `stride` pixels apart, pixels that the same tap meets come to lie side by side. Filters and positions
// then form blocks whose sums stay in registers. How the work is cut depends on the shapes alone.
#pragma once

#include <cstdint>
#include <limits>

namespace glassnet {

// Along one axis: position h meets pixel h * stride + tap * dilation - pad.
struct Axis {
    std::int64_t taps, stride, pad, dilation;
};

// A stack of planes of `rows` by `columns`, one behind the other.
template <class T>
struct Planes {
    T* data;
    std::int64_t count, rows, columns;

    std::int64_t size() const { return rows * columns; }
};

// The weight of output plane o, input plane i and tap t stands at data[o * output + i * input + t].
template <class T>
struct Weights {
    T* data;
    std::int64_t output, input;
};

// What becomes of the sums of output plane o before they leave the registers: max(scale_o sum + shift_o, least). Null
// for a scale of 1 and a shift of 0.
template <class T>
struct Ending {
    const T* scale = nullptr;
    const T* shift = nullptr;
    T least = -std::numeric_limits<T>::infinity();

    bool is_bounded() const { return least > -std::numeric_limits<T>::infinity(); }
    // For that output plane and those behind it.
    Ending from(std::int64_t output) const {
        return {scale == nullptr ? nullptr : scale + output, shift == nullptr ? nullptr : shift + output, least};
    }
};

// y_o = the ending of Σ over i and taps of weight x_i, at the pixels that the taps meet.
template <class T>
void correlate(const Planes<const T>& x, const Weights<const T>& weights, const Ending<T>& ending, const Planes<T>& y,
               const Axis& vertical, const Axis& horizontal);

// The adjoint: y_o = the ending of Σ over i and taps, where each pixel of x_i gives to the pixels of y_o that its taps
// meet.
template <class T>
void spread(const Planes<const T>& x, const Weights<const T>& weights, const Ending<T>& ending, const Planes<T>& y,
            const Axis& vertical, const Axis& horizontal);

// dweight of o, i, t: Σ over images and positions of dy_o x_i at the pixel that the tap meets. Images of x lie x_image
// elements apart, those of dy dy_image. `adds`: to what is there.
template <class T>
void correlate_weights(std::int64_t images, const Planes<const T>& x, std::int64_t x_image, const Planes<const T>& dy,
                       std::int64_t dy_image, const Weights<T>& dweight, bool adds, const Axis& vertical,
                       const Axis& horizontal);

}  // namespace glassnet
