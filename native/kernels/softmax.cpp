// Twin of src/glassnet/kernels/softmax.py: softmax over the last axis.

#include "math/softmax.hpp"
#include "engine/kernel.hpp"
#include "math/reduce.hpp"

namespace glassnet {
namespace {

// (..., K) as rows of K
struct LastAxis {
    int64_t rows, classes;

    explicit LastAxis(const Operand& x) : rows(x.product(0, x.rank - 1)), classes(x.shape[x.rank - 1]) {}
};

template <class T>
void softmax_forward(In<T> x, Out<T> y) {
    const LastAxis of(y);
    softmax_rows<T>(x, y, of.rows, of.classes, [](const SoftmaxScales<T>&) {});
}
GLASSNET_KERNEL(softmax_forward);

template <class T>
void softmax_backward(In<T> of_dy, In<T> of_y, Out<T> of_dx) {
    const LastAxis of(of_dx);
    const int64_t rows = of.rows, classes = of.classes;
    const T *dy = of_dy, *y = of_y;
    T* dx = of_dx;
    for (int64_t row = 0; row < rows; ++row, dy += classes, y += classes, dx += classes) {
        const T mean = sum_of<T>(classes, [dy, y](int64_t k) { return dy[k] * y[k]; });
        for_each(classes, [=](int64_t k) { dx[k] = y[k] * (dy[k] - mean); });
    }
}
GLASSNET_KERNEL(softmax_backward);

}  // namespace
}  // namespace glassnet
