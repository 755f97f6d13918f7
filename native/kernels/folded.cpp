// Twin of src/glassnet/kernels/folded.py: what prediction does in one pass.

#include "../image_convolution.hpp"
#include "../kernel.hpp"

#include <cmath>

namespace glassnet {
namespace {

template <class T>
struct Unpacked {
    static void fold_batch_norm(const Operand* o, const double* settings) {
        const T *const mean = o[0].as<T>(), *const variance = o[1].as<T>(), *const gamma = o[2].as<T>();
        const T *const beta = o[3].as<T>(), *const bias = o[4].as<T>(), epsilon = static_cast<T>(settings[0]);
        T *const scale = o[5].as<T>(), *const shift = o[6].as<T>();
        for (std::int64_t c = 0; c < o[5].rows(); ++c) {
            scale[c] = gamma[c] / std::sqrt(variance[c] + epsilon);
            shift[c] = beta[c] + ((bias == nullptr ? T(0) : bias[c]) - mean[c]) * scale[c];
        }
    }

    static void conv2d_folded(const Operand* o, const double* settings) {
        const Operand &x = o[0], &weight = o[1];
        const Ending<T> ending{o[2].as<T>(), o[3].as<T>(), static_cast<T>(settings[6])};
        correlate_images<T>(x, weight, ending, o[4], x.shape[1] / weight.shape[1], vertical_axis(settings, weight),
                            horizontal_axis(settings, weight));
    }
};

constexpr KernelEntry entries[] = {
    {"fold_batch_norm", Unpacked<float>::fold_batch_norm, Unpacked<double>::fold_batch_norm},
    {"conv2d_folded", Unpacked<float>::conv2d_folded, Unpacked<double>::conv2d_folded},
};

}  // namespace

std::span<const KernelEntry> folded_kernels() { return entries; }

}  // namespace glassnet
