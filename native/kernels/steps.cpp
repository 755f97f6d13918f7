// Twin of src/glassnet/kernels/steps.py: single steps of sequences.

#include <algorithm>

#include "engine/kernel.hpp"

namespace glassnet {
namespace {

template <class T>
void last_step_forward(In<T> x, Out<T> y, bool reverse) {
    const int64_t rows = y.rows(), width = x.shape(2), from = reverse ? 0 : (x.shape(1) - 1) * width;
    for (int64_t n = 0; n < rows; ++n) std::copy_n(x.data + n * x.row_size() + from, width, y.data + n * width);
}
GLASSNET_KERNEL(last_step_forward);

template <class T>
void last_step_backward(In<T> dy, Out<T> dx, bool reverse) {
    const int64_t rows = dy.rows(), width = dx.shape(2), to = reverse ? 0 : (dx.shape(1) - 1) * width;
    std::fill_n(dx.data, dx.size(), T(0));
    for (int64_t n = 0; n < rows; ++n) std::copy_n(dy.data + n * width, width, dx.data + n * dx.row_size() + to);
}
GLASSNET_KERNEL(last_step_backward);

}  // namespace
}  // namespace glassnet
