#include "convolution/winograd.hpp"

#include <algorithm>

#include "convolution/scratch.hpp"
#include "convolution/strip.hpp"
#include "convolution/thread_memory.hpp"
#include "convolution/winograd_transforms.hpp"
#include "products/matrix_product.hpp"

namespace glassnet {
namespace {

constexpr int64_t fewest_planes = 16;
constexpr int64_t most_outputs = 64, most_outputs_once = 32;  // at a time
constexpr int64_t results = winograd_results, overlap = winograd_pixels - results;
constexpr int64_t parts =
    winograd_pixels * winograd_pixels;  // of what is transformed: a matrix for each number of a square

// Between the parts: they are written side by side, and had better not lie at the same place of their pages, which a
// first cache has only 8 ways for.
template <class T>
constexpr int64_t gap = 5 * 64 / sizeof(T);

// How the squares of planes of results are taken: in strips of as many rows of them as the memory has room for, of some
// images at once or of a part of one; and of some output planes, for which all else is done again.
template <class T>
struct Squares {
    int64_t rows, columns;  // of squares in a plane
    int64_t strip;          // rows at once
    int64_t at_once = 1;    // images
    int64_t inputs, outputs;
    bool is_single;  // all images in one go
    bool fit;

    Squares(const Planes<const T>& x, int64_t all_outputs, int64_t y_rows, int64_t y_columns, int64_t images,
            int64_t most_squares)
        : rows(parts_of(y_rows, results)),
          columns(parts_of(y_columns, results)),
          strip(rows),
          inputs(x.count),
          outputs(std::min(all_outputs, most_outputs)) {
        while (outputs > widest && !fits(1, 1)) outputs /= 2;
        while (strip > 1 && (!fits(strip, 1) || strip * columns > most_squares)) strip = parts_of(strip, 2);
        while (strip == rows && at_once < images && (at_once + 1) * rows * columns <= most_squares &&
               fits(strip, at_once + 1))
            ++at_once;
        fit = fits(strip, at_once);
        // For once, the weights' share of a first cache is better than all of them in none.
        is_single = strip == rows && at_once == images;
        if (is_single) outputs = std::min(outputs, most_outputs_once);
    }

    int64_t all() const { return at_once * strip * columns; }
    // A strip of planes, a pixel of each in a vector.
    int64_t pixels() const { return pixels_of(strip); }

private:
    // How it is cut tells the order of sums, and so is the same for all vectors.
    static constexpr int64_t widest = widest_bytes / sizeof(T);

    int64_t pixels_of(int64_t some_rows) const {
        return (some_rows * results + overlap) * (columns * results + overlap) * widest;
    }
    bool fits(int64_t some_rows, int64_t some) const {
        const int64_t numbers = outputs * inputs + (outputs + inputs) * some * some_rows * columns;
        return parts * numbers + 3 * parts * gap<T> + pixels_of(some_rows) <= thread_memory_bytes / int64_t(sizeof(T));
    }
};

// The squares of a strip, `takes` pixels wide, results apart: number k of square q to parts[k * part + q * distance].
template <class T, class Transform>
void transform_strip(const Strip<T>& strip, int64_t rows, int64_t columns, int64_t planes, T* to, int64_t part,
                     int64_t distance) {
    const auto mask = V<T>::first(planes);
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t column = 0; column < columns; ++column, to += distance) {
            const T* const from = strip.at(results * row, results * column);
            const int64_t pitch = strip.columns * V<T>::width;
            Lanes<T> square[winograd_pixels][winograd_pixels];
            transform<Transform>([&](int i, int j) { return V<T>::load(from + i * pitch + j * V<T>::width); }, square);
#pragma GCC unroll 6
            for (int i = 0; i < winograd_pixels; ++i)
#pragma GCC unroll 6
                for (int j = 0; j < winograd_pixels; ++j)
                    V<T>::store(to + (i * winograd_pixels + j) * part, square[i][j], mask);
        }
}

// The ending of A' m A of a strip's squares, which lie as transform_strip lets them: results beyond the plane are left
// out.
template <class T>
void transform_products(const T* m, int64_t part, int64_t distance, int64_t planes, const Ending<T>& ending,
                        const Strip<T>& strip) {
    const auto mask = V<T>::first(planes);
    const Lanes<T> scale = ending.scale == nullptr ? Lanes<T>{} + T(1) : V<T>::load(ending.scale, mask);
    const Lanes<T> shift = ending.shift == nullptr ? Lanes<T>{} : V<T>::load(ending.shift, mask);
    for (int64_t row = 0; row < strip.rows; row += results)
        for (int64_t column = 0; column < strip.columns; column += results, m += distance) {
            Lanes<T> square[results][results];
            transform<OfProducts>([&](int i, int j) { return V<T>::load(m + (i * winograd_pixels + j) * part, mask); },
                                  square);
            const bool whole = row + results <= strip.rows && column + results <= strip.columns;
#pragma GCC unroll 4
            for (int i = 0; i < results; ++i)
#pragma GCC unroll 4
                for (int j = 0; j < results; ++j)
                    if (whole || (row + i < strip.rows && column + j < strip.columns))
                        V<T>::store(strip.at(row + i, column + j),
                                    at_least(square[i][j] * scale + shift, ending.least));
        }
}

// G g G' of all weights: number k of those from input i to output o to u[k * part + i * outputs + o]. One of the two
// axes has its 3x3 weights side by side; the lanes belong to the other, which is the inputs' where they are `turned`.
template <class T>
void transform_weights(const Weights<const T>& weights, bool turned, int64_t outputs, int64_t inputs, T* u,
                       int64_t part) {
    constexpr int64_t width = V<T>::width, taps = 9;
    const int64_t all_rows = turned ? inputs : outputs, all_columns = turned ? outputs : inputs;
    const int64_t distance = turned ? weights.input : weights.output;
    alignas(64) T g[taps * width * width], mixed[parts][width * width], column[width * width];
    for (int64_t r = 0; r < all_rows; r += width)
        for (int64_t c = 0; c < all_columns; c += width) {
            const int64_t rows = std::min(width, all_rows - r), columns = std::min(width, all_columns - c);
            const auto mask = V<T>::first(turned ? columns : rows);
            rows_to_lanes(weights.data + r * distance + c * taps, distance, rows, columns * taps, g);
            if (columns < width) std::fill_n(mixed[0], parts * width * width, T(0));
            for (int64_t j = 0; j < columns; ++j) {
                const T* const first = g + (j * taps + (turned ? taps - 1 : 0)) * width;
                const int64_t tap = turned ? -width : width;
                Lanes<T> square[winograd_pixels][winograd_pixels];
                transform<OfWeights>([&](int h, int w) { return V<T>::load(first + (3 * h + w) * tap); }, square);
#pragma GCC unroll 36
                for (int k = 0; k < parts; ++k) {
                    const Lanes<T>& number = square[k / winograd_pixels][k % winograd_pixels];
                    if (turned)
                        V<T>::store(mixed[k] + j * width, number);
                    else
                        V<T>::store(u + k * part + (c + j) * outputs + r, number, mask);
                }
            }
            for (int64_t k = 0; turned && k < parts; ++k) {
                rows_to_lanes(mixed[k], width, width, width, column);
                for (int64_t i = 0; i < rows; ++i)
                    V<T>::store(u + k * part + (r + i) * outputs + c, V<T>::load(column + i * width), mask);
            }
        }
}

// G' m G of one output plane and all input planes: the gradients of their weights.
template <class T>
void weights_of_sums(const T* m, int64_t part, int64_t inputs, T* weights, int64_t input, bool adds) {
    constexpr int64_t width = V<T>::width;
    for (int64_t i = 0; i < inputs; i += width) {
        const int64_t count = std::min(width, inputs - i);
        const auto mask = V<T>::first(count);
        Lanes<T> square[3][3];
        transform<ToWeights>(
            [&](int row, int column) { return V<T>::load(m + (row * winograd_pixels + column) * part + i, mask); },
            square);
        alignas(64) T g[9][width];
        for (int t = 0; t < 9; ++t) V<T>::store(g[t], square[t / 3][t % 3]);
        for (int64_t j = 0; j < count; ++j)
            for (int t = 0; t < 9; ++t) {
                T& to = weights[(i + j) * input + t];
                to = adds ? to + g[t][j] : g[t][j];
            }
    }
}

// Squares of pixels of some images' strips, transformed: number k of square q and plane i to v[k * part + q * x.count +
// i].
template <class T, class Transform>
void transform_images(int64_t images, const Planes<const T>& x, int64_t x_image, const Strip<T>& strip, int64_t rows,
                      int64_t columns, T* v, int64_t part) {
    for (int64_t n = 0; n < images; ++n)
        for (int64_t i = 0; i < x.count; i += V<T>::width) {
            const int64_t planes = std::min<int64_t>(V<T>::width, x.count - i);
            strip.read(planes_from(x, n * x_image, i), planes);
            transform_strip<T, Transform>(strip, rows, columns, planes, v + n * rows * columns * x.count + i, part,
                                          x.count);
        }
}

}  // namespace

template <class T>
bool winograd(int64_t images, const Planes<const T>& x, int64_t x_image, const Weights<const T>& weights, bool turned,
              const Ending<T>& ending, const Planes<T>& y, int64_t y_image, int64_t vertical_pad,
              int64_t horizontal_pad) {
    const int64_t inputs = x.count;
    if (inputs < fewest_planes || y.count < fewest_planes || y.rows < 4 || y.columns < 4) return false;
    const Squares<T> squares(x, y.count, y.rows, y.columns, images, 64);
    T* const u = reinterpret_cast<T*>(thread_memory());
    if (!squares.fit || u == nullptr) return false;
    const int64_t columns = squares.columns, outputs = squares.outputs;
    const int64_t u_part = outputs * inputs + gap<T>, v_part = squares.all() * inputs + gap<T>;
    const int64_t m_part = squares.all() * outputs + gap<T>;
    T* const v = u + parts * u_part;
    T* const m = v + parts * v_part;
    T* const pixels = m + parts * m_part;
    for (int64_t output = 0; output < y.count; output += outputs) {
        const int64_t some_outputs = std::min(outputs, y.count - output);
        transform_weights({weights.data + output * weights.output, weights.output, weights.input}, turned, some_outputs,
                          inputs, u, u_part);
        for (int64_t image = 0; image < images; image += squares.at_once)
            for (int64_t row = 0; row < squares.rows; row += squares.strip) {
                const int64_t some = std::min(squares.at_once, images - image);
                const int64_t rows = std::min(squares.strip, squares.rows - row), of_image = rows * columns;
                if (output == 0 || !squares.is_single)
                    transform_images<T, OfPixels>(some, planes_from(x, image * x_image, 0), x_image,
                                                  {pixels, results * row - vertical_pad, results * rows + overlap,
                                                   horizontal_pad, results * columns + overlap},
                                                  rows, columns, v, v_part);
                for (int64_t k = 0; k < parts; ++k)
                    matrix_product<T>(some * of_image, some_outputs, inputs, v + k * v_part, inputs, 1, u + k * u_part,
                                      some_outputs, nullptr, m + k * m_part, some_outputs);
                const Strip<T> strip{pixels, results * row, std::min(results * rows, y.rows - results * row), 0,
                                     y.columns};
                for (int64_t n = 0; n < some; ++n)
                    for (int64_t o = 0; o < some_outputs; o += V<T>::width) {
                        const int64_t planes = std::min<int64_t>(V<T>::width, some_outputs - o);
                        transform_products(m + n * of_image * some_outputs + o, m_part, some_outputs, planes,
                                           ending.from(output + o), strip);
                        strip.write(planes_from(y, (image + n) * y_image, output + o), planes);
                    }
            }
    }
    return true;
}

template <class T>
bool winograd_weights(int64_t images, const Planes<const T>& x, int64_t x_image, const Planes<const T>& dy,
                      int64_t dy_image, const Weights<T>& dweight, bool adds, int64_t vertical_pad,
                      int64_t horizontal_pad) {
    const int64_t inputs = x.count;
    if (inputs < fewest_planes || dy.count < fewest_planes || dy.rows < 4 || dy.columns < 4) return false;
    const Squares<T> squares(x, dy.count, dy.rows, dy.columns, images, 128);
    T* const m = reinterpret_cast<T*>(thread_memory());
    if (!squares.fit || m == nullptr) return false;
    const int64_t columns = squares.columns, outputs = squares.outputs;
    const int64_t m_part = outputs * inputs + gap<T>, v_part = squares.all() * inputs + gap<T>;
    const int64_t u_part = squares.all() * outputs + gap<T>;
    T* const v = m + parts * m_part;
    T* const u = v + parts * v_part;
    T* const pixels = u + parts * u_part;
    for (int64_t output = 0; output < dy.count; output += outputs) {
        const int64_t some_outputs = std::min(outputs, dy.count - output);
        Planes<const T> above = planes_from(dy, 0, output);
        above.count = some_outputs;
        bool continues = false;
        for (int64_t image = 0; image < images; image += squares.at_once)
            for (int64_t row = 0; row < squares.rows; row += squares.strip, continues = true) {
                const int64_t some = std::min(squares.at_once, images - image);
                const int64_t rows = std::min(squares.strip, squares.rows - row);
                transform_images<T, OfPixels>(some, planes_from(x, image * x_image, 0), x_image,
                                              {pixels, results * row - vertical_pad, results * rows + overlap,
                                               horizontal_pad, results * columns + overlap},
                                              rows, columns, v, v_part);
                Planes<const T> from = above;
                from.data += image * dy_image;
                transform_images<T, OfGradients>(some, from, dy_image,
                                                 {pixels, results * row, results * rows, 0, results * columns}, rows,
                                                 columns, u, u_part);
                for (int64_t k = 0; k < parts; ++k) {
                    T* const sums = m + k * m_part;
                    matrix_product<T>(some_outputs, inputs, some * rows * columns, u + k * u_part, 1, some_outputs,
                                      v + k * v_part, inputs, continues ? sums : nullptr, sums, inputs,
                                      continues ? inputs : 0);
                }
            }
        for (int64_t o = 0; o < some_outputs; ++o)
            weights_of_sums(m + o * inputs, m_part, inputs, dweight.data + (output + o) * dweight.output, dweight.input,
                            adds);
    }
    return true;
}

#define GLASSNET_WINOGRAD(T)                                                                                     \
    template bool winograd<T>(int64_t, const Planes<const T>&, int64_t, const Weights<const T>&, bool,           \
                              const Ending<T>&, const Planes<T>&, int64_t, int64_t, int64_t);                    \
    template bool winograd_weights<T>(int64_t, const Planes<const T>&, int64_t, const Planes<const T>&, int64_t, \
                                      const Weights<T>&, bool, int64_t, int64_t);

GLASSNET_WINOGRAD(float)
GLASSNET_WINOGRAD(double)

}  // namespace glassnet
