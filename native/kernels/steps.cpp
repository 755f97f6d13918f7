// Twin of src/glassnet/kernels/steps.py: single steps of sequences.

#include <algorithm>

#include "engine/kernel.hpp"

namespace glassnet {
namespace {

// Where the last step of a row begins.
template <class T>
int64_t last_of(int64_t row, const Array<T>& x, In<std::int64_t> lengths, bool reverse) {
    const int64_t step = reverse ? 0 : (lengths == nullptr ? x.shape(1) : lengths[row]) - 1;
    return row * x.row_size() + step * x.shape(2);
}

template <class T>
void last_step_forward(In<T> x, In<std::int64_t> lengths, Out<T> y, bool reverse) {
    const int64_t width = x.shape(2);
    for (int64_t n = 0; n < y.rows(); ++n)
        std::copy_n(x.data + last_of<const T>(n, x, lengths, reverse), width, y.data + n * width);
}
GLASSNET_KERNEL(last_step_forward);

template <class T>
void keep_step(In<T> x, Out<T> kept) {
    const int64_t size = kept.row_size(), width = kept.shape(2);
    for (int64_t n = 0; n < kept.rows(); ++n) {
        T* const row = kept.data + n * size;
        std::copy(row + width, row + size, row);
        std::copy_n(x.data + n * width, width, row + size - width);
    }
}
GLASSNET_KERNEL(keep_step);

template <class T>
void last_step_backward(In<T> dy, In<std::int64_t> lengths, Out<T> dx, bool reverse) {
    const int64_t width = dx.shape(2);
    std::fill_n(dx.data, dx.size(), T(0));
    for (int64_t n = 0; n < dy.rows(); ++n)
        std::copy_n(dy.data + n * width, width, dx.data + last_of<T>(n, dx, lengths, reverse));
}
GLASSNET_KERNEL(last_step_backward);

}  // namespace
}  // namespace glassnet
