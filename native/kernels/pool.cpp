// Twin of src/glassnet/kernels/pool.py: the largest element and the mean of windows of an image.
//
// Of equal elements the first counts, and NaN as the largest, as NumPy has it.

#include "../images.hpp"
#include "../kernel.hpp"
#include "../pairs.hpp"
#include "../reduce.hpp"
#include "../vector_math.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

namespace glassnet {
namespace {

// Outputs of a row that are computed at a time.
constexpr int64_t outputs_at_a_time = 256;

// A window's settings in the order of the twin's.
struct Window {
    int64_t height, width, stride_height, stride_width, top, left;

    explicit Window(const double* s)
        : height(static_cast<int64_t>(s[0])),
          width(static_cast<int64_t>(s[1])),
          stride_height(static_cast<int64_t>(s[2])),
          stride_width(static_cast<int64_t>(s[3])),
          top(static_cast<int64_t>(s[4])),
          left(static_cast<int64_t>(s[5])) {}
};

// Indices from .. to − 1
struct Range {
    int64_t from, to;

    int64_t count() const { return std::max(to - from, int64_t{0}); }
};

// Which of the window's rows (or columns) lie in an image of that size where the window begins at `start`.
Range inside(int64_t start, int64_t window, int64_t size) {
    return {std::max(-start, int64_t{0}), std::min(window, size - start)};
}

// Of the image, that part of a window which begins at `start`
Range part_of_image(int64_t start, int64_t window, int64_t size) {
    const Range part = inside(start, window, size);
    return {start + part.from, start + part.to};
}

// Which of the outputs o have their place o stride + offset in a row of that size.
Range reaching(Range outputs, int64_t stride, int64_t offset, int64_t size) {
    const int64_t from = offset < 0 ? (stride - 1 - offset) / stride : 0;
    const int64_t to = offset < size ? (size - 1 - offset) / stride + 1 : 0;
    return {std::max(outputs.from, from), std::min(outputs.to, to)};
}

// Which of `count` windows reach the place of a padded row.
Range reached_by(int64_t place, int64_t window, int64_t stride, int64_t count) {
    const int64_t from = place < window ? 0 : (place - window) / stride + 1;
    return {from, std::min(place / stride + 1, count)};
}

// Whether windows of 2 x 2 lie side by side within the image.
bool are_squares(const Window& w, const Images& x, const Images& y) {
    return w.height == 2 && w.width == 2 && w.stride_height == 2 && w.stride_width == 2 && w.top == 0 && w.left == 0 &&
           2 * y.height <= x.height && 2 * y.width <= x.width;
}

// Calls body with the stride, as a constant where that makes vectors.
template <class Body>
inline void with_stride(int64_t stride, Body body) {
    if (stride == 1)
        body(std::integral_constant<int64_t, 1>());
    else if (stride == 2)
        body(std::integral_constant<int64_t, 2>());
    else
        body(stride);
}

// body(output row, row of the window, its row of the image) for those within the image
template <class Body>
inline void for_rows(const Window& w, const Images& x, int64_t output, Body body) {
    const int64_t start = output * w.stride_height - w.top;
    const Range rows = inside(start, w.height, x.height);
    for (int64_t i = rows.from; i < rows.to; ++i) body(i, start + i);
}

// Whether b takes the place of a that stands before it.
template <class Lanes>
inline auto is_larger(const Lanes& b, const Lanes& a) {
    return ((b > a) | (b != b)) & (a == a);
}

template <class V>
inline void store_places(std::uint8_t* index, const auto& places) {
    if constexpr (V::width == 1) {
        *index = static_cast<std::uint8_t>(places);
    } else {
        typedef std::uint8_t Bytes __attribute__((vector_size(V::width)));
        const Bytes bytes = __builtin_convertvector(places, Bytes);
        std::memcpy(index, &bytes, sizeof bytes);
    }
}

// One row of y from two of x
template <bool with_index, class T>
void largest_of_squares(const T* x, int64_t x_width, T* y, std::uint8_t* index, int64_t width) {
    for_vectors<T>(width, [=](auto v, int64_t i) {
        using V = decltype(v);
        const auto upper = Pairs<V>::load(x + 2 * i), lower = Pairs<V>::load(x + x_width + 2 * i);
        const auto right_above = is_larger(upper.odd, upper.even), right_below = is_larger(lower.odd, lower.even);
        const typename V::Lanes above = right_above ? upper.odd : upper.even;
        const typename V::Lanes below = right_below ? lower.odd : lower.even;
        const auto is_below = is_larger(below, above);
        V::store(y + i, is_below ? below : above);
        if constexpr (with_index) {
            using Places = std::conditional_t<V::width == 1, int, decltype(is_below)>;
            const Places zero{}, above_at = right_above ? zero + 1 : zero, below_at = right_below ? zero + 3 : zero + 2;
            store_places<V>(index + i, is_below ? below_at : above_at);
        }
    });
}

// Some rows of an image as windows meet them: columns of one phase (modulo the stride) side by side, so that column j
// of all windows lies in one piece. What lies outside the image keeps the value it was made with. Many rows are read
// before the first of them is used: loads that follow on stores of other widths would wait.
template <class T>
class Phases {
public:
    using V = Vec<T, vector_bytes>;
    static constexpr int64_t most = outputs_at_a_time, room = 2048, longest_stride = 8;

    static bool fit(const Window& w, int64_t outputs) {
        return outputs <= most && w.width <= room && w.stride_width <= longest_stride &&
               w.height * pitch_of(w, outputs) * w.stride_width <= room / 2;
    }

    Phases(const Window& w, int64_t width, int64_t outputs, T outside)
        : window_(w), pitch_(pitch_of(w, outputs)), width_(width) {
        slots_ = static_cast<int64_t>(std::bit_floor(static_cast<std::uint64_t>(room / row_size())));
        std::fill_n(of_, slots_ * row_size(), outside);
        for (int64_t phase = 0; phase < w.stride_width; ++phase)
            reached_[phase] = reaching({0, pitch_}, w.stride_width, phase - w.left, width);
    }

    // Makes sure that these rows of the image are there; those before them need not be.
    void bring(const T* x, int64_t height, Range rows) {
        if (rows.to <= until_) return;
        const int64_t last = std::min(rows.from + slots_, height);
        for (int64_t row = std::max(rows.from, until_); row < last; ++row) read(x + row * width_, start_of(row));
        until_ = last;
    }

    void forget() { until_ = 0; }

    // body(j, column j of all windows) for a row of the image
    template <class Body>
    void for_columns(int64_t row, Body body) {
        T* const first = start_of(row);
        T* start = first;
        for (int64_t j = 0, phase = 0, turn = 0; j < window_.width; ++j) {
            body(j, start + turn);
            start += pitch_;
            if (++phase == window_.stride_width) {
                phase = 0;
                start = first;
                ++turn;
            }
        }
    }

    void clear(int64_t row) { std::fill_n(start_of(row), row_size(), T(0)); }

    void write(int64_t row, T* x) {
        for_phases([=, this](int64_t phase, int64_t first, int64_t count, auto stride) {
            const T* const from = start_of(row) + phase * pitch_ + first;
            T* const to = x + row * width_ + first * stride + phase - window_.left;
            for_each(count, [=](int64_t k) { to[k * stride] = from[k]; });
        });
    }

private:
    static int64_t pitch_of(const Window& w, int64_t outputs) {
        return (outputs + V::width - 1) / V::width * V::width + (w.width - 1) / w.stride_width;
    }

    int64_t row_size() const { return pitch_ * window_.stride_width; }
    T* start_of(int64_t row) { return of_ + (row & (slots_ - 1)) * row_size(); }

    void read(const T* row, T* start) {
        for_phases([=, this](int64_t phase, int64_t first, int64_t count, auto stride) {
            T* const to = start + phase * pitch_ + first;
            const T* const from = row + first * stride + phase - window_.left;
            for_each(count, [=](int64_t k) { to[k] = from[k * stride]; });
        });
    }

    template <class Body>
    void for_phases(Body body) const {
        with_stride(window_.stride_width, [&](auto stride) {
            for (int64_t phase = 0; phase < stride; ++phase)
                body(phase, reached_[phase].from, reached_[phase].count(), stride);
        });
    }

    Window window_;
    int64_t pitch_, width_, slots_, until_ = 0;
    Range reached_[longest_stride];
    T of_[room];
};

// How many of the window's elements lie in the image, and 1 where none does.
template <class T>
T elements(int64_t rows, int64_t columns) {
    return static_cast<T>(std::max(rows * columns, int64_t{1}));
}

// How many columns of each window lie in the image.
template <class T>
void columns_inside(const Window& w, int64_t width, int64_t outputs, T* columns) {
    for (int64_t o = 0; o < outputs; ++o)
        columns[o] = elements<T>(1, inside(o * w.stride_width - w.left, w.width, width).count());
}

// The windows of all rows of an image, where they fit.
template <class T>
void largest_of_rows(const T* x, const Images& of_x, const Window& w, Phases<T>& phases, const Images& of_y, T* y,
                     std::uint8_t* index) {
    using V = typename Phases<T>::V;
    typedef Bits<T> Places __attribute__((vector_size(vector_bytes)));
    constexpr int64_t room = Phases<T>::most;
    T best[room];
    Places places[room / V::width];
    std::uint8_t bytes[room];
    const int64_t count = of_y.width;
    phases.forget();
    for (int64_t row = 0; row < of_y.height; ++row, y += count) {
        for (int64_t v = 0; v < count; v += V::width) {
            V::store(best + v, typename V::Lanes{} - std::numeric_limits<T>::infinity());
            places[v / V::width] = Places{};
        }
        phases.bring(x, of_x.height, part_of_image(row * w.stride_height - w.top, w.height, of_x.height));
        for_rows(w, of_x, row, [&](int64_t i, int64_t x_row) {
            phases.for_columns(x_row, [&](int64_t j, const T* column) {
                const Places place = Places{} + static_cast<Bits<T>>(i * w.width + j);
                for (int64_t v = 0; v < count; v += V::width) {
                    const auto candidate = V::load(column + v), value = V::load(best + v);
                    const auto is_new = is_larger(candidate, value);
                    V::store(best + v, is_new ? candidate : value);
                    places[v / V::width] = is_new ? place : places[v / V::width];
                }
            });
        });
        std::copy_n(best, count, y);
        if (index == nullptr) continue;
        for (int64_t v = 0; v < count; v += V::width) store_places<V>(bytes + v, places[v / V::width]);
        index = std::copy_n(bytes, count, index);
    }
}

template <class T>
void means_of_rows(const T* x, const Images& of_x, const Window& w, Phases<T>& phases, const Images& of_y, T* y) {
    using V = typename Phases<T>::V;
    T sums[Phases<T>::most], columns[Phases<T>::most];
    const int64_t count = of_y.width;
    phases.forget();
    columns_inside(w, of_x.width, count, columns);
    for (int64_t row = 0; row < of_y.height; ++row, y += count) {
        for (int64_t v = 0; v < count; v += V::width) V::store(sums + v, typename V::Lanes{});
        const Range reached = part_of_image(row * w.stride_height - w.top, w.height, of_x.height);
        phases.bring(x, of_x.height, reached);
        for (int64_t x_row = reached.from; x_row < reached.to; ++x_row)
            phases.for_columns(x_row, [&](int64_t, const T* column) {
                for (int64_t v = 0; v < count; v += V::width)
                    V::store(sums + v, V::load(sums + v) + V::load(column + v));
            });
        const T down = elements<T>(reached.count(), 1);
        for_each(count, [=, sums = &sums[0], columns = &columns[0]](int64_t o) {
            y[o] = sums[o] / (down * columns[o]);
        });
    }
}

// Each row of dx gets the shares of all windows that reach it.
template <class T>
void share_among_rows(const T* dy, const Images& of_dy, const Window& w, Phases<T>& phases, const Images& of_dx,
                      T* dx) {
    using V = typename Phases<T>::V;
    T shares[Phases<T>::most], columns[Phases<T>::most];
    const int64_t count = of_dy.width;
    std::fill_n(shares, Phases<T>::most, T(0));
    columns_inside(w, of_dx.width, count, columns);
    std::fill_n(dx, of_dx.size(), T(0));
    for (int64_t x_row = 0; x_row < of_dx.height; ++x_row) {
        const Range rows = reached_by(x_row + w.top, w.height, w.stride_height, of_dy.height);
        if (rows.count() == 0) continue;
        phases.clear(x_row);
        for (int64_t row = rows.from; row < rows.to; ++row) {
            const T down = elements<T>(1, inside(row * w.stride_height - w.top, w.height, of_dx.height).count());
            for_each(count, [=, of_row = dy + row * count, shares = &shares[0], columns = &columns[0]](int64_t o) {
                shares[o] = of_row[o] / (down * columns[o]);
            });
            phases.for_columns(x_row, [&](int64_t, T* column) {
                for (int64_t v = 0; v < count; v += V::width)
                    V::store(column + v, V::load(column + v) + V::load(shares + v));
            });
        }
        phases.write(x_row, dx);
    }
}

// One row of y and its places, both in T's size until they are written
template <class T>
void largest_of_windows(const T* x, const Images& of_x, const Window& w, int64_t row, Range outputs, T* y,
                        std::uint8_t* index) {
    T best[outputs_at_a_time];
    Bits<T> places[outputs_at_a_time];
    std::fill_n(best, outputs_at_a_time, -std::numeric_limits<T>::infinity());
    std::fill_n(places, outputs_at_a_time, Bits<T>{0});
    for_rows(w, of_x, row, [&](int64_t i, int64_t x_row) {
        for (int64_t j = 0; j < w.width; ++j) {
            const Range reached = reaching(outputs, w.stride_width, j - w.left, of_x.width);
            const auto place = static_cast<Bits<T>>(i * w.width + j);
            const T* const from = x + x_row * of_x.width + j - w.left;
            T* const values = best - outputs.from;
            Bits<T>* const of_values = places - outputs.from;
            with_stride(w.stride_width, [=](auto stride) {
                for_each(reached.count(), [=, o = reached.from](int64_t k) {
                    const T candidate = from[(o + k) * stride], value = values[o + k];
                    const bool is_new = !(candidate <= value) & (value == value);
                    values[o + k] = is_new ? candidate : value;
                    of_values[o + k] = is_new ? place : of_values[o + k];
                });
            });
        }
    });
    std::copy_n(best, outputs.count(), y + outputs.from);
    if (index != nullptr)
        for_each(outputs.count(), [=, places = &places[0]](int64_t k) {
            index[outputs.from + k] = static_cast<std::uint8_t>(places[k]);
        });
}

template <class T>
void max_pool2d_forward(const Operand& of_x, const Operand& of_y, std::uint8_t* index, const Window& w) {
    const Images from(of_x), to(of_y);
    const bool squares = are_squares(w, from, to), fit = !squares && Phases<T>::fit(w, to.width);
    const T* x = of_x.as<T>();
    T* y = of_y.as<T>();
    if (fit) {
        Phases<T> phases(w, from.width, to.width, -std::numeric_limits<T>::infinity());
        for (int64_t plane = 0; plane < to.planes; ++plane, x += from.size(), y += to.size()) {
            largest_of_rows(x, from, w, phases, to, y, index);
            if (index != nullptr) index += to.size();
        }
        return;
    }
    for (int64_t plane = 0; plane < to.planes; ++plane, x += from.size())
        for (int64_t row = 0; row < to.height; ++row, y += to.width) {
            if (squares && index != nullptr)
                largest_of_squares<true>(x + 2 * row * from.width, from.width, y, index, to.width);
            else if (squares)
                largest_of_squares<false>(x + 2 * row * from.width, from.width, y, index, to.width);
            else
                for (int64_t o = 0; o < to.width; o += outputs_at_a_time)
                    largest_of_windows(x, from, w, row, {o, std::min(o + outputs_at_a_time, to.width)}, y, index);
            if (index != nullptr) index += to.width;
        }
}

// Zeros where no window of 2 x 2 reaches: the last column and the last row of odd images.
template <class T>
void clear_beyond_squares(T* dx, const Images& of_dx, const Images& of_dy) {
    const int64_t width = 2 * of_dy.width, rest = of_dx.width - width;
    for (int64_t row = 0; row < 2 * of_dy.height && rest > 0; ++row)
        std::fill_n(dx + row * of_dx.width + width, rest, T(0));
    std::fill(dx + 2 * of_dy.height * of_dx.width, dx + of_dx.size(), T(0));
}

// Two rows of dx from one of dy: all four places of a window, three of them zero
template <class T>
void scatter_to_squares(const T* dy, const std::uint8_t* index, T* dx, int64_t dx_width, int64_t width) {
    for_vectors<T>(width, [=](auto v, int64_t i) {
        using V = decltype(v);
        const auto lanes = V::load(dy + i);
        const typename V::Lanes zero{};
        const auto places = [=] {
            if constexpr (V::width == 1) {
                return static_cast<Bits<T>>(index[i]);
            } else {
                typedef std::uint8_t Bytes __attribute__((vector_size(V::width)));
                typedef Bits<T> Places __attribute__((vector_size(sizeof(typename V::Lanes))));
                Bytes bytes;
                std::memcpy(&bytes, index + i, sizeof bytes);
                return __builtin_convertvector(bytes, Places);
            }
        }();
        Pairs<V>{places == 0 ? lanes : zero, places == 1 ? lanes : zero}.store(dx + 2 * i);
        Pairs<V>{places == 2 ? lanes : zero, places == 3 ? lanes : zero}.store(dx + dx_width + 2 * i);
    });
}

// Where in a window a place is.
struct Places {
    static constexpr int64_t count = std::numeric_limits<std::uint8_t>::max() + 1;
    int64_t row[count], column[count];

    explicit Places(const Window& w) {
        for (int64_t place = 0; place < count; ++place) {
            row[place] = place / w.width - w.top;
            column[place] = place % w.width - w.left;
        }
    }
};

// Adds one row of dy to dx, each element at its place; a place in the border counts for nothing.
template <class T>
void scatter(const T* dy, const std::uint8_t* index, T* dx, const Images& of_dx, const Window& w, const Places& places,
             int64_t row, int64_t width) {
    for (int64_t o = 0; o < width; ++o) {
        const int64_t x_row = row * w.stride_height + places.row[index[o]];
        const int64_t x_column = o * w.stride_width + places.column[index[o]];
        if (x_row >= 0 && x_row < of_dx.height && x_column >= 0 && x_column < of_dx.width)
            dx[x_row * of_dx.width + x_column] += dy[o];
    }
}

// The same for windows side by side in a row, place by place: in vectors
template <class T>
void scatter_in_rows(const T* dy, const std::uint8_t* index, T* dx, const Images& of_dx, const Window& w, int64_t row,
                     int64_t width) {
    for_rows(w, of_dx, row, [&](int64_t i, int64_t x_row) {
        for (int64_t j = 0; j < w.width; ++j) {
            const Range reached = reaching({0, width}, 1, j - w.left, of_dx.width);
            const auto place = static_cast<std::uint8_t>(i * w.width + j);
            T* const to = dx + x_row * of_dx.width + j - w.left;
            for_each(reached.count(), [=, o = reached.from](int64_t k) {
                to[o + k] += index[o + k] == place ? dy[o + k] : T(0);
            });
        }
    });
}

template <class T>
void max_pool2d_backward(const Operand& of_dy, const std::uint8_t* index, const Operand& of_dx, const Window& w) {
    constexpr int64_t few = 8, many = 16;
    const Images from(of_dy), to(of_dx);
    const bool squares = are_squares(w, to, from);
    const bool in_rows = w.stride_width == 1 && w.height * w.width <= few && from.width >= many;
    const Places places(w);
    const T* dy = of_dy.as<T>();
    T* dx = of_dx.as<T>();
    for (int64_t plane = 0; plane < from.planes; ++plane, dx += to.size()) {
        if (squares)
            clear_beyond_squares(dx, to, from);
        else
            std::fill_n(dx, to.size(), T(0));
        for (int64_t row = 0; row < from.height; ++row, dy += from.width, index += from.width) {
            if (squares)
                scatter_to_squares(dy, index, dx + 2 * row * to.width, to.width, from.width);
            else if (in_rows)
                scatter_in_rows(dy, index, dx, to, w, row, from.width);
            else
                scatter(dy, index, dx, to, w, places, row, from.width);
        }
    }
}

template <class T>
void means_of_squares(const T* x, int64_t x_width, T* y, int64_t width) {
    for_vectors<T>(width, [=](auto v, int64_t i) {
        using V = decltype(v);
        const auto upper = Pairs<V>::load(x + 2 * i), lower = Pairs<V>::load(x + x_width + 2 * i);
        V::store(y + i, ((upper.even + upper.odd) + (lower.even + lower.odd)) * T(0.25));
    });
}

// One row of y, in vectors along it
template <class T>
void means_in_rows(const T* x, const Images& of_x, const Window& w, int64_t row, Range outputs, T* y) {
    T sums[outputs_at_a_time];
    std::fill_n(sums, outputs_at_a_time, T(0));
    for_rows(w, of_x, row, [&](int64_t, int64_t x_row) {
        for (int64_t j = 0; j < w.width; ++j) {
            const Range reached = reaching(outputs, w.stride_width, j - w.left, of_x.width);
            const T* const from = x + x_row * of_x.width + j - w.left;
            T* const to = sums - outputs.from;
            with_stride(w.stride_width, [=](auto stride) {
                for_each(reached.count(), [=, o = reached.from](int64_t k) { to[o + k] += from[(o + k) * stride]; });
            });
        }
    });
    const int64_t rows = inside(row * w.stride_height - w.top, w.height, of_x.height).count();
    for (int64_t o = outputs.from; o < outputs.to; ++o)
        y[o] = sums[o - outputs.from] /
               elements<T>(rows, inside(o * w.stride_width - w.left, w.width, of_x.width).count());
}

// The sum of neighbours, some thousands at a time: rounding errors stay small at any size.
template <class T>
double sum_of_many(const T* x, int64_t count) {
    constexpr int64_t at_a_time = 4096;
    double sum = 0;
    for (int64_t from = 0; from < count; from += at_a_time)
        sum += static_cast<double>(
            sum_of<T>(std::min(at_a_time, count - from), [x = x + from](int64_t i) { return x[i]; }));
    return sum;
}

// One element of y, in vectors along the window
template <class T>
T mean_of_window(const T* x, const Images& of_x, Range rows, Range columns) {
    const T* first = x + rows.from * of_x.width + columns.from;
    double sum = 0;
    if (columns.count() == of_x.width)
        sum = sum_of_many(first, rows.count() * of_x.width);
    else
        for (int64_t row = rows.from; row < rows.to; ++row, first += of_x.width)
            sum += sum_of_many(first, columns.count());
    return static_cast<T>(sum / elements<double>(rows.count(), columns.count()));
}

// Whether windows are wider than there are of them in a row.
bool are_wide(const Window& w, int64_t outputs) { return w.width > outputs; }

template <class T>
void average_pool2d_forward(const Operand& of_x, const Operand& of_y, const Window& w) {
    const Images from(of_x), to(of_y);
    const bool squares = are_squares(w, from, to);
    const T* x = of_x.as<T>();
    T* y = of_y.as<T>();
    if (!squares && !are_wide(w, to.width) && Phases<T>::fit(w, to.width)) {
        Phases<T> phases(w, from.width, to.width, 0);
        for (int64_t plane = 0; plane < to.planes; ++plane, x += from.size(), y += to.size())
            means_of_rows(x, from, w, phases, to, y);
        return;
    }
    for (int64_t plane = 0; plane < to.planes; ++plane, x += from.size())
        for (int64_t row = 0; row < to.height; ++row, y += to.width) {
            if (squares) {
                means_of_squares(x + 2 * row * from.width, from.width, y, to.width);
            } else if (are_wide(w, to.width)) {
                const Range rows = part_of_image(row * w.stride_height - w.top, w.height, from.height);
                for (int64_t o = 0; o < to.width; ++o)
                    y[o] = mean_of_window(x, from, rows,
                                          part_of_image(o * w.stride_width - w.left, w.width, from.width));
            } else {
                for (int64_t o = 0; o < to.width; o += outputs_at_a_time)
                    means_in_rows(x, from, w, row, {o, std::min(o + outputs_at_a_time, to.width)}, y);
            }
        }
}

template <class T>
void share_among_squares(const T* dy, T* dx, int64_t dx_width, int64_t width) {
    for_vectors<T>(width, [=](auto v, int64_t i) {
        using V = decltype(v);
        const typename V::Lanes share = V::load(dy + i) * T(0.25);
        const Pairs<V> both{share, share};
        both.store(dx + 2 * i);
        both.store(dx + dx_width + 2 * i);
    });
}

// Adds one row of dy, or a part of it, to dx.
template <class T>
void share_in_rows(const T* dy, T* dx, const Images& of_dx, const Window& w, int64_t row, Range outputs) {
    T shares[outputs_at_a_time];
    const int64_t rows = inside(row * w.stride_height - w.top, w.height, of_dx.height).count();
    for (int64_t o = outputs.from; o < outputs.to; ++o)
        shares[o - outputs.from] =
            dy[o] / elements<T>(rows, inside(o * w.stride_width - w.left, w.width, of_dx.width).count());
    for_rows(w, of_dx, row, [&](int64_t, int64_t x_row) {
        for (int64_t j = 0; j < w.width; ++j) {
            const Range reached = reaching(outputs, w.stride_width, j - w.left, of_dx.width);
            T* const to = dx + x_row * of_dx.width + j - w.left;
            const T* const from = shares - outputs.from;
            with_stride(w.stride_width, [=](auto stride) {
                for_each(reached.count(), [=, o = reached.from](int64_t k) { to[(o + k) * stride] += from[o + k]; });
            });
        }
    });
}

// Adds one element of dy to its window, in vectors along that.
template <class T>
void share_in_window(T dy, T* dx, const Images& of_dx, Range rows, Range columns) {
    const T share = dy / elements<T>(rows.count(), columns.count());
    for (int64_t row = rows.from; row < rows.to; ++row) {
        T* const to = dx + row * of_dx.width + columns.from;
        for_each(columns.count(), [=](int64_t i) { to[i] += share; });
    }
}

template <class T>
void average_pool2d_backward(const Operand& of_dy, const Operand& of_dx, const Window& w) {
    const Images from(of_dy), to(of_dx);
    const bool squares = are_squares(w, to, from);
    const T* dy = of_dy.as<T>();
    T* dx = of_dx.as<T>();
    if (!squares && !are_wide(w, from.width) && Phases<T>::fit(w, from.width)) {
        Phases<T> phases(w, to.width, from.width, 0);
        for (int64_t plane = 0; plane < from.planes; ++plane, dx += to.size(), dy += from.size())
            share_among_rows(dy, from, w, phases, to, dx);
        return;
    }
    for (int64_t plane = 0; plane < from.planes; ++plane, dx += to.size()) {
        if (squares)
            clear_beyond_squares(dx, to, from);
        else
            std::fill_n(dx, to.size(), T(0));
        for (int64_t row = 0; row < from.height; ++row, dy += from.width) {
            if (squares) {
                share_among_squares(dy, dx + 2 * row * to.width, to.width, from.width);
            } else if (are_wide(w, from.width)) {
                const Range rows = part_of_image(row * w.stride_height - w.top, w.height, to.height);
                for (int64_t o = 0; o < from.width; ++o)
                    share_in_window(dy[o], dx, to, rows,
                                    part_of_image(o * w.stride_width - w.left, w.width, to.width));
            } else {
                for (int64_t o = 0; o < from.width; o += outputs_at_a_time)
                    share_in_rows(dy, dx, to, w, row, {o, std::min(o + outputs_at_a_time, from.width)});
            }
        }
    }
}

// Where the largest of a row stands: in each lane first, then of the lanes.
template <class T>
int64_t place_of_largest(const T* x, int64_t count) {
    using V = Vec<T, vector_bytes>;
    typedef Bits<T> Places __attribute__((vector_size(vector_bytes)));
    int64_t found = 0;
    if (count < V::width) {
        for (int64_t i = 1; i < count; ++i) found = is_larger(x[i], x[found]) ? i : found;
        return found;
    }
    Places lane;
    for (int i = 0; i < V::width; ++i) lane[i] = static_cast<Bits<T>>(i);
    auto best = V::load(x);
    Places places = lane;
    for (int64_t i = V::width; i < count; i += V::width) {
        const int64_t from = std::min(i, count - V::width);
        const auto candidate = V::load(x + from);
        const auto is_new = is_larger(candidate, best);
        best = is_new ? candidate : best;
        places = is_new ? lane + static_cast<Bits<T>>(from) : places;
    }
    found = static_cast<int64_t>(places[0]);
    for (int i = 1; i < V::width; ++i) {
        const auto place = static_cast<int64_t>(places[i]);
        const bool is_first = place < found;  // where neither is larger, both are equal or NaN
        if (is_first ? !is_larger(x[found], x[place]) : is_larger(x[place], x[found])) found = place;
    }
    return found;
}

// Columns of x (S, B), some at a time
template <class T>
void largest_of_columns(const T* x, int64_t count, int64_t columns, T* y, std::int32_t* place) {
    T best[outputs_at_a_time];
    Bits<T> places[outputs_at_a_time];
    for (int64_t from = 0; from < columns; from += outputs_at_a_time) {
        const int64_t width = std::min(outputs_at_a_time, columns - from);
        std::copy_n(x + from, width, best);
        std::fill_n(places, width, Bits<T>{0});
        for (int64_t s = 1; s < count; ++s)
            for_each(width, [=, row = x + s * columns + from, best = &best[0], places = &places[0]](int64_t b) {
                const bool is_new = !(row[b] <= best[b]) & (best[b] == best[b]);
                best[b] = is_new ? row[b] : best[b];
                places[b] = is_new ? static_cast<Bits<T>>(s) : places[b];
            });
        std::copy_n(best, width, y + from);
        if (place != nullptr) std::copy_n(places, width, place + from);
    }
}

template <class T>
void global_max_pool_forward(const Operand& of_x, T* y, std::int32_t* place) {
    const int64_t count = of_x.shape[2], columns = of_x.shape[3];
    const T* x = of_x.as<T>();
    for (int64_t plane = 0; plane < of_x.shape[0] * of_x.shape[1]; ++plane, x += count * columns, y += columns) {
        if (columns == 1) {
            const int64_t found = place_of_largest(x, count);
            *y = x[found];
            if (place != nullptr) *place = static_cast<std::int32_t>(found);
        } else {
            largest_of_columns(x, count, columns, y, place);
        }
        if (place != nullptr) place += columns;
    }
}

template <class T>
void global_max_pool_backward(const T* dy, const std::int32_t* place, const Operand& of_dx) {
    const int64_t count = of_dx.shape[2], columns = of_dx.shape[3];
    T* dx = of_dx.as<T>();
    std::fill_n(dx, of_dx.size(), T(0));
    for (int64_t plane = 0; plane < of_dx.shape[0] * of_dx.shape[1]; ++plane, dx += count * columns)
        for (int64_t b = 0; b < columns; ++b, ++dy, ++place)
            if (*place >= 0 && *place < count) dx[*place * columns + b] = *dy;
}

template <class T>
struct Unpacked {
    static void max_pool2d_forward(const Operand* o, const double* settings) {
        glassnet::max_pool2d_forward<T>(o[0], o[1], o[2].as<std::uint8_t>(), Window(settings));
    }
    static void max_pool2d_backward(const Operand* o, const double* settings) {
        glassnet::max_pool2d_backward<T>(o[0], o[1].as<std::uint8_t>(), o[2], Window(settings));
    }
    static void average_pool2d_forward(const Operand* o, const double* settings) {
        glassnet::average_pool2d_forward<T>(o[0], o[1], Window(settings));
    }
    static void average_pool2d_backward(const Operand* o, const double* settings) {
        glassnet::average_pool2d_backward<T>(o[0], o[1], Window(settings));
    }
    static void global_max_pool_forward(const Operand* o, const double*) {
        glassnet::global_max_pool_forward<T>(o[0], o[1].as<T>(), o[2].as<std::int32_t>());
    }
    static void global_max_pool_backward(const Operand* o, const double*) {
        glassnet::global_max_pool_backward<T>(o[0].as<T>(), o[1].as<std::int32_t>(), o[2]);
    }
};

constexpr KernelEntry entries[] = {
    {"max_pool2d_forward", Unpacked<float>::max_pool2d_forward, Unpacked<double>::max_pool2d_forward},
    {"max_pool2d_backward", Unpacked<float>::max_pool2d_backward, Unpacked<double>::max_pool2d_backward},
    {"average_pool2d_forward", Unpacked<float>::average_pool2d_forward, Unpacked<double>::average_pool2d_forward},
    {"average_pool2d_backward", Unpacked<float>::average_pool2d_backward, Unpacked<double>::average_pool2d_backward},
    {"global_max_pool_forward", Unpacked<float>::global_max_pool_forward, Unpacked<double>::global_max_pool_forward},
    {"global_max_pool_backward", Unpacked<float>::global_max_pool_backward, Unpacked<double>::global_max_pool_backward},
};

}  // namespace

std::span<const KernelEntry> pool_kernels() { return entries; }

}  // namespace glassnet
