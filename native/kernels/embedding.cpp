// Twin of src/glassnet/kernels/embedding.py: rows looked up by their number, and columns by theirs.

#include "engine/kernel.hpp"
#include "math/reduce.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace glassnet {
namespace {

// The row that a number of the network's dtype means; −1 where it means none of `count` rows.
template <class T>
std::int64_t row_of(T x, std::int64_t count) {
    return x >= 0 && x < static_cast<T>(count) && x == std::floor(x) ? static_cast<std::int64_t>(x) : -1;
}

// y_a = W_{x_a}. The door has refused numbers without a row; should one get past it, nobody takes NaN for a result.
template <class T>
void embedding_forward(In<T> x, In<T> weight, Out<T> y) {
    const int64_t units = weight.row_size();
    for (int64_t a = 0; a < x.size(); ++a) {
        const int64_t k = row_of<T>(x[a], weight.rows());
        if (k < 0)
            std::fill_n(y + a * units, units, std::numeric_limits<T>::quiet_NaN());
        else
            std::copy_n(weight + k * units, units, y + a * units);
    }
}
GLASSNET_KERNEL(embedding_forward);

// dW, or some of its rows. Each is summed in the order of a, however many there are in a part.
template <class T>
void embedding_backward(In<T> dy, In<T> x, Out<T> dweight) {
    const int64_t first = dweight.operand.first, rows = dweight.rows(), units = dweight.row_size();
    std::fill_n(dweight.data, rows * units, T(0));
    const auto plus = [](T a, T b, T& sum) { sum = a + b; };
    for (int64_t a = 0; a < x.size(); ++a) {
        const int64_t k = row_of<T>(x[a], first + rows) - first;
        if (k < 0) continue;
        T* const sum = dweight + k * units;
        for_cheap_elements(units, plus, static_cast<const T*>(sum), dy + a * units, sum);
    }
}
GLASSNET_KERNEL(embedding_backward);

template <class T>
void zero_gradient(Out<T> gradient) {
    std::fill_n(gradient.data, gradient.size(), T(0));
}
GLASSNET_KERNEL(zero_gradient);

template <class T>
void columns_forward(In<T> x, In<int64_t> columns, Out<T> y) {
    const int64_t features = x.row_size(), width = columns.size();
    for (int64_t row = 0; row < x.rows(); ++row)
        for (int64_t i = 0; i < width; ++i) y[row * width + i] = x[row * features + columns[i]];
}
GLASSNET_KERNEL(columns_forward);

template <class T>
void columns_backward(In<T> dy, In<int64_t> columns, Out<T> dx) {
    const int64_t features = dx.row_size(), width = columns.size();
    std::fill_n(dx.data, dx.size(), T(0));
    for (int64_t row = 0; row < dx.rows(); ++row)
        for (int64_t i = 0; i < width; ++i) dx[row * features + columns[i]] = dy[row * width + i];
}
GLASSNET_KERNEL(columns_backward);

}  // namespace
}  // namespace glassnet
