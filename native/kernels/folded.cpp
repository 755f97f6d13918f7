// Twin of src/glassnet/kernels/folded.py: what prediction does in one pass.

#include "convolution/image_convolution.hpp"
#include "engine/kernel.hpp"

#include <cmath>

namespace glassnet {
namespace {

template <class T>
void fold_batch_norm(In<T> mean, In<T> variance, In<T> gamma, In<T> beta, In<T> bias, Out<T> scale, Out<T> shift,
                     T epsilon) {
    for (int64_t c = 0; c < scale.rows(); ++c) {
        scale[c] = gamma[c] / std::sqrt(variance[c] + epsilon);
        shift[c] = beta[c] + ((bias == nullptr ? T(0) : bias[c]) - mean[c]) * scale[c];
    }
}
GLASSNET_KERNEL(fold_batch_norm);

template <class T>
void conv2d_folded(In<T> x, In<T> weight, In<T> scale, In<T> shift, Out<T> y, Axes axes, T least) {
    correlate_images<T>(x, weight, {scale, shift, least}, y, x.shape(1) / weight.shape(1), axes);
}
GLASSNET_KERNEL(conv2d_folded);

}  // namespace
}  // namespace glassnet
