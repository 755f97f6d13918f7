// Twin of src/glassnet/kernels/merge.py: arrays side by side taken apart, and two arrays made into one.

#include "kernels/elementwise.hpp"
#include "math/sign.hpp"

#include <algorithm>

namespace glassnet {
namespace {

// columns start .. start + width of x (rows, columns) into y (rows, width)
template <class T>
void unpack_forward(In<T> x, Out<T> y, int64_t start) {
    const int64_t width = y.row_size(), columns = x.row_size();
    for (int64_t row = 0; row < y.rows(); ++row) std::copy_n(x + row * columns + start, width, y + row * width);
}
GLASSNET_KERNEL(unpack_forward);

template <class T>
void unpack_backward(In<T> dy, Out<T> dx, int64_t start) {
    const int64_t width = dy.row_size(), columns = dx.row_size();
    for (int64_t row = 0; row < dy.rows(); ++row) std::copy_n(dy + row * width, width, dx + row * columns + start);
}
GLASSNET_KERNEL(unpack_backward);

template <class T>
auto multiply_forward() {
    return [](T a, T b) { return a * b; };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, multiply_forward);

template <class T>
auto multiply_backward() {
    return [](T dy, T a, T b, T& da, T& db) {
        da = dy * b;
        db = dy * a;
    };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, multiply_backward);

template <class T>
auto subtract_forward() {
    return [](T a, T b) { return a - b; };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, subtract_forward);

template <class T>
auto subtract_backward() {
    return [](T dy) { return -dy; };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, subtract_backward);

template <class T>
auto absolute_difference_forward() {
    return [](T a, T b) { return a < b ? b - a : a - b; };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, absolute_difference_forward);

template <class T>
auto absolute_difference_backward() {
    return [](T dy, T a, T b, T& da, T& db) {
        da = dy * sign(a - b);
        db = -da;
    };
}
GLASSNET_KERNEL_BY(Elementwise<Cheap>, absolute_difference_backward);

template <class T>
void row_dot_forward(In<T> a, In<T> b, Out<T> y) {
    const int64_t width = a.row_size();
    for (int64_t row = 0; row < a.rows(); ++row)
        y[row] = sum_of<T>(width, [a = a + row * width, b = b + row * width](int64_t i) { return a[i] * b[i]; });
}
GLASSNET_KERNEL(row_dot_forward);

template <class T>
void squared_distance_forward(In<T> a, In<T> b, Out<T> y) {
    const int64_t width = a.row_size();
    for (int64_t row = 0; row < a.rows(); ++row)
        y[row] = sum_of<T>(
            width, [a = a + row * width, b = b + row * width](int64_t i) { return (a[i] - b[i]) * (a[i] - b[i]); });
}
GLASSNET_KERNEL(squared_distance_forward);

// For both sides: what the body makes of dy_n, a_ni and b_ni
struct RowsOfBoth {
    template <class Body>
    static constexpr std::size_t operands = 5;

    template <class T, class Body>
    static void run(const Body& body, const Operand* o) {
        const int64_t rows = o[1].rows(), width = o[1].row_size();
        const T *dy = o[0].as<T>(), *a = o[1].as<T>(), *b = o[2].as<T>();
        T *da = o[3].as<T>(), *db = o[4].as<T>();
        for (int64_t row = 0; row < rows; ++row, a += width, b += width, da += width, db += width)
            for_cheap_elements(
                width, [dy = dy[row], body](T a, T b, T& da, T& db) { body(dy, a, b, da, db); }, a, b, da, db);
    }
};

template <class T>
auto row_dot_backward() {
    return [](T dy, T a, T b, T& da, T& db) {
        da = dy * b;
        db = dy * a;
    };
}
GLASSNET_KERNEL_BY(RowsOfBoth, row_dot_backward);

template <class T>
auto squared_distance_backward() {
    return [](T dy, T a, T b, T& da, T& db) {
        da = dy * (2 * (a - b));
        db = -da;
    };
}
GLASSNET_KERNEL_BY(RowsOfBoth, squared_distance_backward);

}  // namespace
}  // namespace glassnet
