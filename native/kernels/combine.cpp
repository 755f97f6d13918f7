// Twin of src/glassnet/kernels/combine.py: how branches of a network meet.

#include "kernels/elementwise.hpp"

#include <algorithm>

namespace glassnet {
namespace {

template <class T>
auto residual_forward() {
    return [](T shortcut, T branch) { return shortcut + branch; };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, residual_forward);

template <class T>
auto residual_backward() {
    return [](T dshortcut, T dbranch) { return dshortcut + dbranch; };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, residual_backward);

// part (rows, width) into columns start .. start + width of y (rows, columns)
template <class T>
void concat_forward(In<T> part, Out<T> y, int64_t start) {
    const int64_t width = part.row_size(), columns = y.row_size();
    for (int64_t row = 0; row < part.rows(); ++row) std::copy_n(part + row * width, width, y + row * columns + start);
}
GLASSNET_KERNEL(concat_forward);

template <class T>
void concat_backward(In<T> dy, Out<T> dpart, int64_t start) {
    const int64_t width = dpart.row_size(), columns = dy.row_size();
    for (int64_t row = 0; row < dpart.rows(); ++row)
        std::copy_n(dy + row * columns + start, width, dpart + row * width);
}
GLASSNET_KERNEL(concat_backward);

template <class T>
auto accumulate() {
    return [](T dpart, T& dx) { dx += dpart; };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, accumulate);

}  // namespace
}  // namespace glassnet
