#include "winograd.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "lanes.hpp"
#include "matrix_product.hpp"
#include "scratch.hpp"

namespace glassnet {
namespace {

constexpr int64_t fewest_planes = 16, most_planes = 128;
constexpr int64_t most_outputs = 64;  // at a time
constexpr int64_t squares = 16;       // numbers in a transformed square
constexpr int64_t memory_bytes = 1 << 22;
// Between the 16 parts of what is transformed: they are written side by side, and had better not lie at the same place of
// their pages, which a first cache has only 8 ways for.
template <class T>
constexpr int64_t gap = 5 * 64 / sizeof(T);

// Memory of the thread's own; null where there is none left.
char* memory() {
    static thread_local const std::unique_ptr<char[]> bytes(new (std::nothrow) char[memory_bytes + 64]);
    if (bytes == nullptr) return nullptr;
    const auto address = reinterpret_cast<std::uintptr_t>(bytes.get());
    return bytes.get() + (64 - address % 64) % 64;
}

template <class T>
using V = Vec<T, vector_bytes>;

// How the squares of planes of results are taken: in strips of as many rows of them as the memory has room for, of some
// images at once or of a part of one.
template <class T>
struct Strips {
    int64_t rows, columns;  // of squares in a plane
    int64_t pitch;          // from one row of them to the next: beside the last of a row lies one that is not used
    int64_t strip;          // rows at once
    int64_t at_once = 1;    // images
    int64_t distance;       // from one plane's squares to the next one's
    int64_t outputs, inputs;

    Strips(int64_t y_rows, int64_t y_columns, int64_t images, int64_t outputs, int64_t inputs, int64_t most_squares)
        : rows(parts_of(y_rows, 2)), columns(parts_of(y_columns, 2)), pitch(columns + 1), strip(rows), distance(0),
          outputs(outputs), inputs(inputs) {
        while (strip > 1 && !fits(strip, 1)) strip = (strip + 1) / 2;
        while (strip == rows && at_once < images && at_once * strip * pitch < most_squares && fits(strip, at_once + 1))
            ++at_once;
        distance = squares_of(strip, at_once);
    }

    int64_t squares_of(int64_t some_rows, int64_t some) const {
        return round_up(some * some_rows * pitch, V<T>::width) + V<T>::width;
    }

    bool fits(int64_t some_rows, int64_t some) const {
        const int64_t pixels = round_up(4 * (some_rows + 1) * pitch + 2 * V<T>::width, V<T>::width);
        const int64_t numbers = outputs * inputs + (outputs + inputs) * squares_of(some_rows, some);
        return squares * (numbers + 3 * gap<T>) + pixels <= memory_bytes / int64_t(sizeof(T));
    }
};

// G g G' of the weights from one output plane to all input planes, 9 taps `tap` apart from `first` on: number k of input
// i to u[k * distance + i].
template <class T>
void transform_weights(const T* first, int64_t tap, int64_t inputs, int64_t input, T* u, int64_t distance) {
    constexpr int64_t width = V<T>::width;
    const T half = T(0.5);
    for (int64_t i = 0; i < inputs; i += width) {
        const int64_t count = std::min(width, inputs - i);
        alignas(64) T g[9][width] = {};
        for (int64_t j = 0; j < count; ++j)
            for (int t = 0; t < 9; ++t) g[t][j] = first[(i + j) * input + t * tap];
        typename V<T>::Lanes rows[4][3];
        for (int column = 0; column < 3; ++column) {
            const auto a = V<T>::load(g[column]), b = V<T>::load(g[3 + column]), c = V<T>::load(g[6 + column]);
            rows[0][column] = a;
            rows[1][column] = half * ((a + c) + b);
            rows[2][column] = half * ((a + c) - b);
            rows[3][column] = c;
        }
        const auto mask = V<T>::first(count);
        for (int row = 0; row < 4; ++row) {
            const auto a = rows[row][0], b = rows[row][1], c = rows[row][2];
            T* const to = u + 4 * row * distance + i;
            V<T>::store(to, a, mask);
            V<T>::store(to + distance, half * ((a + c) + b), mask);
            V<T>::store(to + 2 * distance, half * ((a + c) - b), mask);
            V<T>::store(to + 3 * distance, c, mask);
        }
    }
}

// B' d B of squares that begin two pixels apart, whose even and odd rows and columns lie in four images of the window:
// number k of square q to v[k * distance + q]. The square after the last of a row is made of what follows; nobody looks.
template <class T>
void transform_pixels(const T* pixels, const Window<T>& window, int64_t count, T* v, int64_t distance) {
    constexpr int64_t width = V<T>::width;
    const int64_t image = window.image(), columns = window.columns;
    for (int64_t q = 0; q < count; q += width) {
        const auto mask = V<T>::first(std::min(width, count - q));
        const auto load = [&](int row, int column) __attribute__((always_inline)) {
            return V<T>::load(pixels + (row % 2 * 2 + column % 2) * image + (row / 2) * columns + column / 2 + q);
        };
        typename V<T>::Lanes rows[4][4];
#pragma GCC unroll 4
        for (int column = 0; column < 4; ++column) {
            const auto a = load(0, column), b = load(1, column), c = load(2, column), d = load(3, column);
            rows[0][column] = a - c;
            rows[1][column] = b + c;
            rows[2][column] = c - b;
            rows[3][column] = b - d;
        }
#pragma GCC unroll 4
        for (int row = 0; row < 4; ++row) {
            const auto a = rows[row][0], b = rows[row][1], c = rows[row][2], d = rows[row][3];
            T* const to = v + 4 * row * distance + q;
            V<T>::store(to, a - c, mask);
            V<T>::store(to + distance, b + c, mask);
            V<T>::store(to + 2 * distance, c - b, mask);
            V<T>::store(to + 3 * distance, b - d, mask);
        }
    }
}

// The lanes of x and y by turns.
template <class Lanes, std::size_t... i>
[[gnu::always_inline]] inline void interleave(const Lanes& x, const Lanes& y, Lanes& low, Lanes& high,
                                              std::index_sequence<i...>) {
    constexpr std::size_t lanes = sizeof...(i), half = lanes / 2;
    low = __builtin_shufflevector(x, y, (i / 2 + i % 2 * lanes)...);
    high = __builtin_shufflevector(x, y, (half + i / 2 + i % 2 * lanes)...);
}

// A' m A of a row of `count` squares: to two rows of y, of which the second may be missing; of `columns` at most.
template <class T>
void transform_results(const T* m, int64_t distance, int64_t count, T start, T* y, int64_t y_row, bool has_second,
                       int64_t columns) {
    constexpr int64_t width = V<T>::width;
    for (int64_t q = 0; q < count; q += width) {
        typename V<T>::Lanes rows[2][4];
#pragma GCC unroll 4
        for (int column = 0; column < 4; ++column) {
            const T* const from = m + column * distance + q;
            const auto a = V<T>::load(from), b = V<T>::load(from + 4 * distance);
            const auto c = V<T>::load(from + 8 * distance), d = V<T>::load(from + 12 * distance);
            rows[0][column] = a + b + c;
            rows[1][column] = b - c - d;
        }
        const int64_t left = columns - 2 * q;
#pragma GCC unroll 2
        for (int row = 0; row < 2; ++row) {
            if (row == 1 && !has_second) break;
            const auto a = rows[row][0], b = rows[row][1], c = rows[row][2], d = rows[row][3];
            typename V<T>::Lanes low, high;
            interleave(a + b + c + start, b - c - d + start, low, high, std::make_index_sequence<width>());
            T* const to = y + row * y_row + 2 * q;
            V<T>::store(to, low, V<T>::first(std::min(width, left)));
            if (left > width) V<T>::store(to + width, high, V<T>::first(std::min(width, left - width)));
        }
    }
}

// A d A' of squares of 2x2 of a window, the gradient with respect to what `transform_results` reads: as transform_pixels.
template <class T>
void transform_gradients(const T* pixels, const Window<T>& window, int64_t count, T* v, int64_t distance) {
    constexpr int64_t width = V<T>::width;
    const int64_t image = window.image();
    for (int64_t q = 0; q < count; q += width) {
        const auto mask = V<T>::first(std::min(width, count - q));
        typename V<T>::Lanes rows[4][2];
#pragma GCC unroll 2
        for (int column = 0; column < 2; ++column) {
            const auto a = V<T>::load(pixels + column * image + q), b = V<T>::load(pixels + (2 + column) * image + q);
            rows[0][column] = a;
            rows[1][column] = a + b;
            rows[2][column] = a - b;
            rows[3][column] = -b;
        }
#pragma GCC unroll 4
        for (int row = 0; row < 4; ++row) {
            const auto a = rows[row][0], b = rows[row][1];
            T* const to = v + 4 * row * distance + q;
            V<T>::store(to, a, mask);
            V<T>::store(to + distance, a + b, mask);
            V<T>::store(to + 2 * distance, a - b, mask);
            V<T>::store(to + 3 * distance, -b, mask);
        }
    }
}

// G' m G of one output plane and all input planes: the gradients of their weights.
template <class T>
void weights_of_sums(const T* m, int64_t distance, int64_t inputs, T* weights, int64_t input, bool adds) {
    constexpr int64_t width = V<T>::width;
    const T half = T(0.5);
    for (int64_t i = 0; i < inputs; i += width) {
        const int64_t count = std::min(width, inputs - i);
        const auto mask = V<T>::first(count);
        typename V<T>::Lanes rows[3][4];
        alignas(64) T g[9][width];
        for (int column = 0; column < 4; ++column) {
            const T* const from = m + column * distance + i;
            const auto a = V<T>::load(from, mask), b = V<T>::load(from + 4 * distance, mask);
            const auto c = V<T>::load(from + 8 * distance, mask), d = V<T>::load(from + 12 * distance, mask);
            rows[0][column] = a + half * (b + c);
            rows[1][column] = half * (b - c);
            rows[2][column] = half * (b + c) + d;
        }
        for (int row = 0; row < 3; ++row) {
            const auto a = rows[row][0], b = rows[row][1], c = rows[row][2], d = rows[row][3];
            V<T>::store(g[3 * row], a + half * (b + c));
            V<T>::store(g[3 * row + 1], half * (b - c));
            V<T>::store(g[3 * row + 2], half * (b + c) + d);
        }
        for (int64_t j = 0; j < count; ++j)
            for (int t = 0; t < 9; ++t) {
                T& to = weights[(i + j) * input + t];
                to = adds ? to + g[t][j] : g[t][j];
            }
    }
}

}  // namespace

template <class T>
bool winograd(int64_t images, const Planes<const T>& x, int64_t x_image, const Weights<const T>& weights, bool turned,
              const T* bias, const Planes<T>& y, int64_t y_image, int64_t vertical_pad, int64_t horizontal_pad) {
    const int64_t inputs = x.count;
    if (inputs < fewest_planes || inputs > most_planes || y.count < fewest_planes || y.rows < 4 || y.columns < 4)
        return false;
    const int64_t outputs = std::min(y.count, most_outputs);
    const Strips<T> strips(y.rows, y.columns, images, outputs, inputs, 256);
    const int64_t rows = strips.rows, columns = strips.columns, pitch = strips.pitch, strip = strips.strip;
    const int64_t at_once = strips.at_once, distance = strips.distance;
    if (!strips.fits(strip, 1)) return false;
    T* const u = reinterpret_cast<T*>(memory());
    if (u == nullptr) return false;
    const int64_t u_part = outputs * inputs + gap<T>, v_part = inputs * distance + gap<T>;
    const int64_t m_part = outputs * distance + gap<T>;
    T* const v = u + squares * u_part;
    T* const m = v + squares * v_part;
    T* const pixels = m + squares * m_part;
    for (int64_t output = 0; output < y.count; output += outputs) {
        const int64_t some_outputs = std::min(outputs, y.count - output);
        for (int64_t o = 0; o < some_outputs; ++o)
            transform_weights(weights.data + (output + o) * weights.output + (turned ? 8 : 0), turned ? -1 : 1, inputs,
                              weights.input, u + o * inputs, u_part);
        for (int64_t image = 0; image < images; image += at_once)
            for (int64_t row = 0; row < rows; row += strip) {
                const int64_t some = std::min(at_once, images - image), some_rows = std::min(strip, rows - row);
                const int64_t of_image = some_rows * pitch, count = some * of_image;
                const Window<T> window{2, 2, some_rows + 1, pitch, 2 * row - vertical_pad, -horizontal_pad};
                for (int64_t i = 0; i < inputs; ++i)
                    for (int64_t n = 0; n < some; ++n) {
                        window.fill(x.data + (image + n) * x_image + i * x.size(), x.rows, x.columns, pixels);
                        transform_pixels(pixels, window, of_image, v + i * distance + n * of_image, v_part);
                    }
                for (int64_t k = 0; k < squares; ++k)
                    matrix_product<T>(some_outputs, count, inputs, u + k * u_part, inputs, 1, v + k * v_part, distance, nullptr,
                                      m + k * m_part, distance);
                for (int64_t o = 0; o < some_outputs; ++o)
                    for (int64_t n = 0; n < some; ++n)
                        for (int64_t r = 0; r < some_rows; ++r) {
                            const int64_t y_row = 2 * (row + r);
                            transform_results(m + o * distance + n * of_image + r * pitch, m_part, columns,
                                              bias == nullptr ? T(0) : bias[output + o],
                                              y.data + (image + n) * y_image + (output + o) * y.size() + y_row * y.columns,
                                              y.columns, y_row + 1 < y.rows, y.columns);
                        }
            }
    }
    return true;
}

template <class T>
bool winograd_weights(int64_t images, const Planes<const T>& x, int64_t x_image, const Planes<const T>& dy,
                      int64_t dy_image, const Weights<T>& dweight, bool adds, int64_t vertical_pad,
                      int64_t horizontal_pad) {
    const int64_t inputs = x.count, outputs = dy.count;
    if (inputs < fewest_planes || inputs > most_planes || outputs < fewest_planes || outputs > most_planes ||
        dy.rows < 4 || dy.columns < 4)
        return false;
    const Strips<T> strips(dy.rows, dy.columns, images, outputs, inputs, 512);
    const int64_t rows = strips.rows, pitch = strips.pitch, strip = strips.strip;
    const int64_t at_once = strips.at_once, distance = strips.distance;
    if (!strips.fits(strip, 1)) return false;
    T* const u = reinterpret_cast<T*>(memory());
    if (u == nullptr) return false;
    const int64_t u_part = outputs * distance + gap<T>, v_part = inputs * distance + gap<T>;
    const int64_t m_part = outputs * inputs + gap<T>;
    T* const v = u + squares * u_part;
    T* const m = v + squares * v_part;
    T* const pixels = m + squares * m_part;
    bool continues = false;
    for (int64_t image = 0; image < images; image += at_once)
        for (int64_t row = 0; row < rows; row += strip, continues = true) {
            const int64_t some = std::min(at_once, images - image), some_rows = std::min(strip, rows - row);
            const int64_t of_image = some_rows * pitch, count = some * of_image;
            const Window<T> below{2, 2, some_rows + 1, pitch, 2 * row - vertical_pad, -horizontal_pad};
            const Window<T> above{2, 2, some_rows, pitch, 2 * row, 0};
            for (int64_t n = 0; n < some; ++n) {
                for (int64_t i = 0; i < inputs; ++i) {
                    below.fill(x.data + (image + n) * x_image + i * x.size(), x.rows, x.columns, pixels);
                    pixels[below.plane()] = T(0);  // the square beside the last one reads it; its gradient is 0
                    transform_pixels(pixels, below, of_image, v + i * distance + n * of_image, v_part);
                }
                for (int64_t o = 0; o < outputs; ++o) {
                    above.fill(dy.data + (image + n) * dy_image + o * dy.size(), dy.rows, dy.columns, pixels);
                    transform_gradients(pixels, above, of_image, u + o * distance + n * of_image, u_part);
                }
            }
            for (int64_t k = 0; k < squares; ++k)
                matrix_product_transposed<T>(outputs, inputs, count, u + k * u_part, distance, v + k * v_part, distance,
                                             m + k * m_part, inputs, continues);
        }
    for (int64_t o = 0; o < outputs; ++o)
        weights_of_sums(m + o * inputs, m_part, inputs, dweight.data + o * dweight.output, dweight.input, adds);
    return true;
}

template bool winograd_weights<float>(int64_t, const Planes<const float>&, int64_t, const Planes<const float>&, int64_t,
                                      const Weights<float>&, bool, int64_t, int64_t);
template bool winograd_weights<double>(int64_t, const Planes<const double>&, int64_t, const Planes<const double>&,
                                       int64_t, const Weights<double>&, bool, int64_t, int64_t);
template bool winograd<float>(int64_t, const Planes<const float>&, int64_t, const Weights<const float>&, bool,
                              const float*, const Planes<float>&, int64_t, int64_t, int64_t);
template bool winograd<double>(int64_t, const Planes<const double>&, int64_t, const Weights<const double>&, bool,
                               const double*, const Planes<double>&, int64_t, int64_t, int64_t);

}  // namespace glassnet
