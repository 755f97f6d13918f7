// Twin of src/glassnet/kernels/position.py: a table added to the steps of sequences, and rotations of pairs.

#include "engine/kernel.hpp"
#include "math/reduce.hpp"

#include <algorithm>

namespace glassnet {
namespace {

template <class T>
void position_forward(In<T> x, In<T> table, In<std::int64_t> first, Out<T> y) {
    const std::int64_t rows = x.rows(), size = x.row_size(), width = x.shape(2);
    for (std::int64_t n = 0; n < rows; ++n) {
        const T* const places = table + (first == nullptr ? 0 : first[n] * width);
        for_cheap_elements(size, [](T x, T place, T& y) { y = x + place; }, x + n * size, places, y + n * size);
    }
}
GLASSNET_KERNEL(position_forward);

// dtable may be some of its rows.
template <class T>
void position_backward(In<T> dy, Out<T> dtable) {
    const std::int64_t rows = dy.rows(), row = dy.row_size(), first = dtable.operand.first * dy.shape(2);
    const std::int64_t size = dtable.size(), summed = std::clamp<std::int64_t>(row - first, 0, size);
    std::fill_n(dtable.data, size, T(0));
    for (std::int64_t n = 0; n < rows; ++n)
        for_cheap_elements(summed, [](T d, T& sum) { sum += d; }, dy + n * row + first, dtable.data);
}
GLASSNET_KERNEL(position_backward);

// to = queries and keys (N, T, 2H, E) of `from` turned, or turned back for a `direction` of −1; values are copied.
template <class T>
void turn(const Array<const T>& from, const T* cosines, const T* sines, const std::int64_t* first_place, T* to,
          T direction) {
    const std::int64_t places = from.shape(0) * from.shape(1), steps = from.shape(1), parts = from.shape(2);
    const std::int64_t size = from.shape(3), pairs = size / 2, turned = parts / 3 * 2;
    for (std::int64_t place = 0; place < places; ++place) {
        const std::int64_t row = place % steps + (first_place == nullptr ? 0 : first_place[place / steps]);
        const T *const cosine = cosines + row * pairs, *const sine = sines + row * pairs;
        const T* x = from + place * parts * size;
        T* y = to + place * parts * size;
        for (std::int64_t part = 0; part < turned; ++part, x += size, y += size)
            for_each(pairs, [=](std::int64_t i) {
                const T first = x[i], second = x[i + pairs];
                y[i] = first * cosine[i] - direction * (second * sine[i]);
                y[i + pairs] = second * cosine[i] + direction * (first * sine[i]);
            });
        std::copy_n(x, (parts - turned) * size, y);
    }
}

template <class T>
void rotary_forward(In<T> x, In<T> cosines, In<T> sines, In<std::int64_t> first, Out<T> y) {
    turn<T>(x, cosines, sines, first, y, 1);
}
GLASSNET_KERNEL(rotary_forward);

template <class T>
void rotary_backward(In<T> dy, In<T> cosines, In<T> sines, Out<T> dx) {
    turn<T>(dy, cosines, sines, nullptr, dx, -1);
}
GLASSNET_KERNEL(rotary_backward);

template <class T>
void count_step(Out<std::int64_t> places) {
    for (std::int64_t n = 0; n < places.size(); ++n) ++places[n];
}
GLASSNET_KERNEL(count_step);

}  // namespace
}  // namespace glassnet
