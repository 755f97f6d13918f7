// Twin of src/glassnet/kernels/embedding.py: rows looked up by their number, and columns by theirs.

#include "../kernel.hpp"
#include "../reduce.hpp"

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
void embedding_forward(const T* x, const T* weight, T* y, std::int64_t numbers, std::int64_t count,
                       std::int64_t units) {
    for (std::int64_t a = 0; a < numbers; ++a, y += units) {
        const std::int64_t k = row_of(x[a], count);
        if (k < 0)
            std::fill_n(y, units, std::numeric_limits<T>::quiet_NaN());
        else
            std::copy_n(weight + k * units, units, y);
    }
}

// Rows first .. first + rows − 1 of dW. Each is summed in the order of a, however many there are in a part.
template <class T>
void embedding_backward(const T* dy, const T* x, T* dweight, std::int64_t numbers, std::int64_t first,
                        std::int64_t rows, std::int64_t units) {
    std::fill_n(dweight, rows * units, T(0));
    const auto plus = [](T a, T b, T& sum) { sum = a + b; };
    for (std::int64_t a = 0; a < numbers; ++a, dy += units) {
        const std::int64_t k = row_of(x[a], first + rows) - first;
        if (k < 0) continue;
        T* const sum = dweight + k * units;
        for_cheap_elements(units, plus, static_cast<const T*>(sum), dy, sum);
    }
}

template <class T>
void columns_forward(const T* x, const std::int64_t* columns, T* y, std::int64_t rows, std::int64_t features,
                     std::int64_t width) {
    for (std::int64_t row = 0; row < rows; ++row, x += features, y += width)
        for (std::int64_t i = 0; i < width; ++i) y[i] = x[columns[i]];
}

template <class T>
void columns_backward(const T* dy, const std::int64_t* columns, T* dx, std::int64_t rows, std::int64_t features,
                      std::int64_t width) {
    std::fill_n(dx, rows * features, T(0));
    for (std::int64_t row = 0; row < rows; ++row, dy += width, dx += features)
        for (std::int64_t i = 0; i < width; ++i) dx[columns[i]] = dy[i];
}

template <class T>
struct Unpacked {
    static void embedding_forward(const Operand* o, const double*) {
        glassnet::embedding_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[0].size(), o[1].rows(),
                                    o[1].row_size());
    }
    // dweight may be some of its rows.
    static void embedding_backward(const Operand* o, const double*) {
        const Operand& dweight = o[2];
        glassnet::embedding_backward(o[0].as<T>(), o[1].as<T>(), dweight.as<T>(), o[1].size(), dweight.first,
                                     dweight.rows(), dweight.row_size());
    }
    static void zero_gradient(const Operand* o, const double*) { std::fill_n(o[0].as<T>(), o[0].size(), T(0)); }
    static void columns_forward(const Operand* o, const double*) {
        glassnet::columns_forward(o[0].as<T>(), o[1].as<std::int64_t>(), o[2].as<T>(), o[0].rows(), o[0].row_size(),
                                  o[1].size());
    }
    static void columns_backward(const Operand* o, const double*) {
        glassnet::columns_backward(o[0].as<T>(), o[1].as<std::int64_t>(), o[2].as<T>(), o[2].rows(), o[2].row_size(),
                                   o[1].size());
    }
};

constexpr KernelEntry entries[] = {
    {"embedding_forward", Unpacked<float>::embedding_forward, Unpacked<double>::embedding_forward},
    {"embedding_backward", Unpacked<float>::embedding_backward, Unpacked<double>::embedding_backward},
    {"zero_gradient", Unpacked<float>::zero_gradient, Unpacked<double>::zero_gradient},
    {"columns_forward", Unpacked<float>::columns_forward, Unpacked<double>::columns_forward},
    {"columns_backward", Unpacked<float>::columns_backward, Unpacked<double>::columns_backward},
};

}  // namespace

std::span<const KernelEntry> embedding_kernels() { return entries; }

}  // namespace glassnet
