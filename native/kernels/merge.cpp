// Twin of src/glassnet/kernels/merge.py: arrays side by side taken apart, and two arrays made into one.

#include "../kernel.hpp"
#include "../reduce.hpp"
#include "../sign.hpp"

#include <algorithm>

namespace glassnet {
namespace {

// columns start .. start + width of x (rows, columns) into y (rows, width)
template <class T>
void unpack_forward(const T* x, T* y, std::int64_t rows, std::int64_t width, std::int64_t columns, std::int64_t start) {
    for (std::int64_t row = 0; row < rows; ++row) std::copy_n(x + row * columns + start, width, y + row * width);
}

template <class T>
void unpack_backward(const T* dy, T* dx, std::int64_t rows, std::int64_t width, std::int64_t columns,
                     std::int64_t start) {
    for (std::int64_t row = 0; row < rows; ++row) std::copy_n(dy + row * width, width, dx + row * columns + start);
}

template <class T>
void row_dot_forward(const T* a, const T* b, T* y, std::int64_t rows, std::int64_t width) {
    for (std::int64_t row = 0; row < rows; ++row, a += width, b += width)
        y[row] = sum_of<T>(width, [a, b](std::int64_t i) { return a[i] * b[i]; });
}

template <class T>
void squared_distance_forward(const T* a, const T* b, T* y, std::int64_t rows, std::int64_t width) {
    const auto term = [](T one, T other) { return (one - other) * (one - other); };
    for (std::int64_t row = 0; row < rows; ++row, a += width, b += width)
        y[row] = sum_of<T>(width, [a, b, term](std::int64_t i) { return term(a[i], b[i]); });
}

// dy_n times what `slopes` makes of a_ni and b_ni, for both sides
template <class T, class Slopes>
void weigh_rows_of_both(const Operand* o, Slopes slopes) {
    const std::int64_t rows = o[1].rows(), width = o[1].row_size();
    const T *dy = o[0].as<T>(), *a = o[1].as<T>(), *b = o[2].as<T>();
    T *da = o[3].as<T>(), *db = o[4].as<T>();
    for (std::int64_t row = 0; row < rows; ++row, a += width, b += width, da += width, db += width)
        for_cheap_elements(width, [slope = dy[row], slopes](T a, T b, T& da, T& db) { slopes(slope, a, b, da, db); }, a,
                           b, da, db);
}

template <class T>
struct Unpacked {
    static void unpack_forward(const Operand* o, const double* settings) {
        glassnet::unpack_forward(o[0].as<T>(), o[1].as<T>(), o[1].rows(), o[1].row_size(), o[0].row_size(),
                                 static_cast<std::int64_t>(settings[0]));
    }
    static void unpack_backward(const Operand* o, const double* settings) {
        glassnet::unpack_backward(o[0].as<T>(), o[1].as<T>(), o[0].rows(), o[0].row_size(), o[1].row_size(),
                                  static_cast<std::int64_t>(settings[0]));
    }
    static void multiply_forward(const Operand* o, const double*) {
        for_cheap_elements(o[2].size(), [](T a, T b, T& y) { y = a * b; }, static_cast<const T*>(o[0].as<T>()),
                           static_cast<const T*>(o[1].as<T>()), o[2].as<T>());
    }
    static void multiply_backward(const Operand* o, const double*) {
        const auto product = [](T dy, T a, T b, T& da, T& db) {
            da = dy * b;
            db = dy * a;
        };
        for_both(o, product);
    }
    static void subtract_forward(const Operand* o, const double*) {
        for_cheap_elements(o[2].size(), [](T a, T b, T& y) { y = a - b; }, static_cast<const T*>(o[0].as<T>()),
                           static_cast<const T*>(o[1].as<T>()), o[2].as<T>());
    }
    static void subtract_backward(const Operand* o, const double*) {
        for_cheap_elements(o[1].size(), [](T dy, T& db) { db = -dy; }, static_cast<const T*>(o[0].as<T>()),
                           o[1].as<T>());
    }
    static void absolute_difference_forward(const Operand* o, const double*) {
        const auto difference = [](T a, T b, T& y) { y = a < b ? b - a : a - b; };
        for_cheap_elements(o[2].size(), difference, static_cast<const T*>(o[0].as<T>()),
                           static_cast<const T*>(o[1].as<T>()), o[2].as<T>());
    }
    static void absolute_difference_backward(const Operand* o, const double*) {
        const auto slopes = [](T dy, T a, T b, T& da, T& db) {
            da = dy * sign(a - b);
            db = -da;
        };
        for_both(o, slopes);
    }
    static void row_dot_forward(const Operand* o, const double*) {
        glassnet::row_dot_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[0].rows(), o[0].row_size());
    }
    static void row_dot_backward(const Operand* o, const double*) {
        weigh_rows_of_both<T>(o, [](T dy, T a, T b, T& da, T& db) {
            da = dy * b;
            db = dy * a;
        });
    }
    static void squared_distance_forward(const Operand* o, const double*) {
        glassnet::squared_distance_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<T>(), o[0].rows(), o[0].row_size());
    }
    static void squared_distance_backward(const Operand* o, const double*) {
        weigh_rows_of_both<T>(o, [](T dy, T a, T b, T& da, T& db) {
            da = dy * (2 * (a - b));
            db = -da;
        });
    }

private:
    template <class Slopes>
    static void for_both(const Operand* o, Slopes slopes) {
        for_cheap_elements(o[3].size(), slopes, static_cast<const T*>(o[0].as<T>()),
                           static_cast<const T*>(o[1].as<T>()), static_cast<const T*>(o[2].as<T>()), o[3].as<T>(),
                           o[4].as<T>());
    }
};

constexpr KernelEntry entries[] = {
    {"unpack_forward", Unpacked<float>::unpack_forward, Unpacked<double>::unpack_forward},
    {"unpack_backward", Unpacked<float>::unpack_backward, Unpacked<double>::unpack_backward},
    {"multiply_forward", Unpacked<float>::multiply_forward, Unpacked<double>::multiply_forward},
    {"multiply_backward", Unpacked<float>::multiply_backward, Unpacked<double>::multiply_backward},
    {"subtract_forward", Unpacked<float>::subtract_forward, Unpacked<double>::subtract_forward},
    {"subtract_backward", Unpacked<float>::subtract_backward, Unpacked<double>::subtract_backward},
    {"absolute_difference_forward", Unpacked<float>::absolute_difference_forward,
     Unpacked<double>::absolute_difference_forward},
    {"absolute_difference_backward", Unpacked<float>::absolute_difference_backward,
     Unpacked<double>::absolute_difference_backward},
    {"row_dot_forward", Unpacked<float>::row_dot_forward, Unpacked<double>::row_dot_forward},
    {"row_dot_backward", Unpacked<float>::row_dot_backward, Unpacked<double>::row_dot_backward},
    {"squared_distance_forward", Unpacked<float>::squared_distance_forward,
     Unpacked<double>::squared_distance_forward},
    {"squared_distance_backward", Unpacked<float>::squared_distance_backward,
     Unpacked<double>::squared_distance_backward},
};

}  // namespace

std::span<const KernelEntry> merge_kernels() { return entries; }

}  // namespace glassnet
