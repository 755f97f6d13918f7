// Twin of src/glassnet/kernels/augment.py: mirrors, turns and moves images, changes contrast and brightness, cuts out.

#include "engine/kernel.hpp"
#include "math/philox.hpp"
#include "math/reduce.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace glassnet {
namespace {

constexpr std::int64_t words_of_image = 8;
constexpr std::int64_t images_at_a_time = philox_group / words_of_image;

struct Settings {
    static constexpr std::size_t settings = 9;
    PhiloxStream from;
    bool flip;
    std::int64_t shift;
    double rotation, brightness, contrast;
    std::int64_t cutout;

    explicit Settings(const double* s)
        : from{Parameter<std::uint64_t>::from(nullptr, s), Parameter<std::uint64_t>::from(nullptr, s + 1),
               Parameter<std::uint32_t>::from(nullptr, s + 2)},
          flip(s[3] != 0),
          shift(static_cast<std::int64_t>(s[4])),
          rotation(s[5]),
          brightness(s[6]),
          contrast(s[7]),
          cutout(static_cast<std::int64_t>(s[8])) {}
};

struct Size {
    std::int64_t channels, height, width;

    explicit Size(const Operand& images) : channels(images.shape[1]), height(images.shape[2]), width(images.shape[3]) {}
    std::int64_t pixels() const { return height * width; }
    std::int64_t values() const { return channels * pixels(); }
};

// A number in [−1, 1), and a whole one in [0, count).
double signed_share(std::uint32_t word) { return word / 2147483648.0 - 1; }

std::int64_t below(std::uint32_t word, std::int64_t count) {
    return static_cast<std::int64_t>(word * static_cast<std::uint64_t>(count) >> 32);
}

// Rows `top` .. `bottom` − 1 and columns `left` .. `right` − 1, as far as they lie inside the image.
struct Rectangle {
    std::int64_t top, bottom, left, right;

    Rectangle(std::int64_t top, std::int64_t left, std::int64_t height, std::int64_t width, const Size& size)
        : top(std::clamp<std::int64_t>(top, 0, size.height)),
          bottom(std::clamp<std::int64_t>(top + height, 0, size.height)),
          left(std::clamp<std::int64_t>(left, 0, size.width)),
          right(std::clamp<std::int64_t>(left + width, 0, size.width)) {}

    bool has_row(std::int64_t i) const { return i >= top && i < bottom; }
};

// What happens to one image.
struct Draw {
    bool is_mirrored;
    std::int64_t down, right;
    double angle, factor, added;
    Rectangle kept, cut;  // parts of the changed image: what moving leaves of the image, and what is set to 0

    Draw(const std::uint32_t* word, const Settings& s, const Size& size)
        : is_mirrored(s.flip && word[0] < 0x80000000u),
          down(below(word[1], 2 * s.shift + 1) - s.shift),
          right(below(word[2], 2 * s.shift + 1) - s.shift),
          angle(signed_share(word[3]) * s.rotation * (std::numbers::pi / 180)),
          factor(1 + signed_share(word[4]) * s.contrast),
          added(signed_share(word[5]) * s.brightness),
          kept(down, right, size.height, size.width, size),
          cut(below(word[6], size.height) - s.cutout / 2, below(word[7], size.width) - s.cutout / 2, s.cutout, s.cutout,
              size) {}
};

// body(n, draw) for images n = 0, 1, ..., which stand in the batch from place `first` on.
template <class Body>
void for_images(const Operand& images, const Settings& settings, const Size& size, Body body) {
    std::uint32_t words[philox_group];
    for (std::int64_t n = 0; n < images.rows(); ++n) {
        const std::int64_t place = n % images_at_a_time;
        if (place == 0) {
            const std::int64_t count = std::min(images_at_a_time, images.rows() - n);
            philox_words(settings.from, static_cast<std::uint32_t>((images.first + n) * words_of_image / 4),
                         count * words_of_image / 4, words);
        }
        body(n, Draw(words + place * words_of_image, settings, size));
    }
}

template <class T>
void move_whole(const T* x, T* y, const Draw& draw, const Size& size) {
    const Rectangle& kept = draw.kept;
    const std::int64_t count = kept.right - kept.left, skipped = kept.left - draw.right;
    std::fill_n(y, size.values(), T(0));
    for (std::int64_t c = 0; c < size.channels; ++c, x += size.pixels(), y += size.pixels())
        for (std::int64_t i = kept.top; i < kept.bottom; ++i) {
            const T* row = x + (i - draw.down) * size.width;
            T* to = y + i * size.width + kept.left;
            if (draw.is_mirrored)
                std::reverse_copy(row + size.width - skipped - count, row + size.width - skipped, to);
            else
                std::copy_n(row + skipped, count, to);
        }
}

// The pixels that so many pixels of a row of the turned image are made of: places in a channel, and weights, which are
// 0 outside of it.
constexpr std::int64_t pixels_at_a_time = 64;

template <class T>
struct Neighbours {
    std::int32_t places[4][pixels_at_a_time];
    T weights[4][pixels_at_a_time];
};

// The places of NumPy's twin, computed by the same operations in the same order.
template <class T>
void find_neighbours(const Draw& draw, double cosine, double sine, const Size& size, std::int64_t i, std::int64_t from,
                     std::int64_t count, Neighbours<T>& found) {
    const auto height = static_cast<double>(size.height), width = static_cast<double>(size.width);
    const double middle_row = (height - 1) / 2, middle_column = (width - 1) / 2;
    const double v = static_cast<double>(i) - middle_row - static_cast<double>(draw.down);
    const auto right = static_cast<double>(draw.right), start = static_cast<double>(from);
    const double cosine_v = cosine * v, sine_v = sine * v;
    double tops[pixels_at_a_time], lefts[pixels_at_a_time];
    T belows[pixels_at_a_time], besides[pixels_at_a_time];
    for_each(count, [&](std::int64_t k) {
        const double u = start + static_cast<double>(static_cast<std::int32_t>(k)) - middle_column - right;
        const double row = sine * u + cosine_v + middle_row, column = cosine * u - sine_v + middle_column;
        tops[k] = std::floor(row);
        lefts[k] = std::floor(column);
        belows[k] = static_cast<T>(row - tops[k]);
        besides[k] = static_cast<T>(column - lefts[k]);
    });
    // A mirrored image is read from right to left.
    const double first = draw.is_mirrored ? width - 1 : 0, onward = draw.is_mirrored ? -1 : 1;
    for (int corner = 0; corner < 4; ++corner) {
        const double rows_on = corner / 2, columns_on = corner % 2;
        const bool is_below = corner / 2 != 0, is_beside = corner % 2 != 0;
        for_each(count, [&, places = found.places[corner], weights = found.weights[corner]](std::int64_t k) {
            const double r = tops[k] + rows_on, c = lefts[k] + columns_on;
            const bool is_inside = (r >= 0) & (r < height) & (c >= 0) & (c < width);
            const T row_weight = is_below ? belows[k] : 1 - belows[k];
            const T column_weight = is_beside ? besides[k] : 1 - besides[k];
            places[k] = static_cast<std::int32_t>(is_inside ? r * width + (first + onward * c) : 0.0);
            weights[k] = is_inside ? row_weight * column_weight : T(0);
        });
    }
}

// body(row, first column, how many, neighbours) for all pixels of a channel.
template <class T, class Body>
void for_neighbours(const Draw& draw, const Size& size, Body body) {
    const double cosine = std::cos(draw.angle), sine = std::sin(draw.angle);
    Neighbours<T> found;
    for (std::int64_t i = 0; i < size.height; ++i)
        for (std::int64_t from = 0; from < size.width; from += pixels_at_a_time) {
            const std::int64_t count = std::min(pixels_at_a_time, size.width - from);
            find_neighbours(draw, cosine, sine, size, i, from, count, found);
            body(i, from, count, found);
        }
}

template <class T>
void turn(const T* x, T* y, const Draw& draw, const Size& size) {
    for_neighbours<T>(draw, size, [&](std::int64_t i, std::int64_t from, std::int64_t count, const Neighbours<T>& by) {
        const T* pixels = x;
        T* to = y + i * size.width + from;
        for (std::int64_t c = 0; c < size.channels; ++c, pixels += size.pixels(), to += size.pixels())
            for_each(count, [&by, pixels, to](std::int64_t k) {
                to[k] = by.weights[0][k] * pixels[by.places[0][k]] + by.weights[1][k] * pixels[by.places[1][k]] +
                        by.weights[2][k] * pixels[by.places[2][k]] + by.weights[3][k] * pixels[by.places[3][k]];
            });
    });
}

// ∂L/∂v of one image, v being what contrast, brightness and cut-out are applied to: for some channels at a time.
template <class T>
class Upstream {
public:
    static constexpr std::int64_t most_channels = 16;

    Upstream(const T* dy, const Draw& draw, const Settings& settings, const Size& size)
        : dy_(dy), draw_(draw), size_(size), factor_(static_cast<T>(draw.factor)), scales_(settings.contrast != 0) {}

    // Goes on to channels first .. first + count − 1.
    void take(std::int64_t first, std::int64_t count) {
        first_ = first;
        if (!scales_) return;
        for (std::int64_t c = 0; c < count; ++c)
            shared_[c] = static_cast<T>(1 - draw_.factor) * (sum(first + c) / static_cast<T>(size_.pixels()));
    }

    // Pixels from .. from + count − 1 of row i of the c-th of these channels.
    void read(std::int64_t c, std::int64_t i, std::int64_t from, std::int64_t count, T* to) const {
        std::copy_n(dy_ + (first_ + c) * size_.pixels() + i * size_.width + from, count, to);
        const Rectangle& cut = draw_.cut;
        const std::int64_t left = std::max(cut.left, from), right = std::min(cut.right, from + count);
        if (cut.has_row(i) && left < right) std::fill(to + left - from, to + right - from, T(0));
        if (!scales_) return;
        const T factor = factor_, shared = shared_[c];
        for_each(count, [=](std::int64_t k) { to[k] = factor * to[k] + shared; });
    }

private:
    // Σ of a channel without what was cut out.
    T sum(std::int64_t channel) const {
        const T* row = dy_ + channel * size_.pixels();
        const Rectangle& cut = draw_.cut;
        T total = 0;
        for (std::int64_t i = 0; i < size_.height; ++i, row += size_.width) {
            const T* beyond = row + cut.right;
            const auto whole = [row](std::int64_t j) { return row[j]; };
            if (cut.has_row(i))
                total += sum_of<T>(cut.left, whole) +
                         sum_of<T>(size_.width - cut.right, [beyond](std::int64_t j) { return beyond[j]; });
            else
                total += sum_of<T>(size_.width, whole);
        }
        return total;
    }

    const T* dy_;
    const Draw& draw_;
    const Size& size_;
    T factor_;
    bool scales_;
    std::int64_t first_ = 0;
    T shared_[most_channels] = {};
};

// The transpose of `move_whole`.
template <class T>
void move_whole_back(const Upstream<T>& dv, std::int64_t channels, T* dx, const Draw& draw, const Size& size) {
    const Rectangle& kept = draw.kept;
    T values[pixels_at_a_time];
    for (std::int64_t c = 0; c < channels; ++c, dx += size.pixels())
        for (std::int64_t i = kept.top; i < kept.bottom; ++i) {
            T* row = dx + (i - draw.down) * size.width;
            for (std::int64_t from = kept.left; from < kept.right; from += pixels_at_a_time) {
                const std::int64_t count = std::min(pixels_at_a_time, kept.right - from), start = from - draw.right;
                dv.read(c, i, from, count, values);
                if (draw.is_mirrored)
                    std::reverse_copy(values, values + count, row + size.width - start - count);
                else
                    std::copy_n(values, count, row + start);
            }
        }
}

// The transpose of `turn`.
template <class T>
void turn_back(const Upstream<T>& dv, std::int64_t channels, T* dx, const Draw& draw, const Size& size) {
    for_neighbours<T>(draw, size, [&](std::int64_t i, std::int64_t from, std::int64_t count, const Neighbours<T>& by) {
        T values[pixels_at_a_time];
        T* to = dx;
        for (std::int64_t c = 0; c < channels; ++c, to += size.pixels()) {
            dv.read(c, i, from, count, values);
            for (std::int64_t k = 0; k < count; ++k)
                for (int corner = 0; corner < 4; ++corner)
                    to[by.places[corner][k]] += by.weights[corner][k] * values[k];
        }
    });
}

template <class T>
void cut_out(T* image, const Rectangle& cut, const Size& size) {
    for (std::int64_t c = 0; c < size.channels; ++c, image += size.pixels())
        for (std::int64_t i = cut.top; i < cut.bottom; ++i)
            std::fill(image + i * size.width + cut.left, image + i * size.width + cut.right, T(0));
}

template <class T>
void scale_contrast(T* channel, std::int64_t pixels, T factor) {
    const T sum = sum_of<T>(pixels, [channel](std::int64_t i) { return channel[i]; });
    const T mean = sum / static_cast<T>(pixels);
    for_each(pixels, [=](std::int64_t i) { channel[i] = (channel[i] - mean) * factor + mean; });
}

template <class T>
void augment_forward(In<T> x, Out<T> y, Settings s) {
    const Size size(y);
    for_images(y, s, size, [&](std::int64_t n, const Draw& draw) {
        const T* image = x + n * size.values();
        T* out = y + n * size.values();
        if (s.rotation != 0)
            turn(image, out, draw, size);
        else
            move_whole(image, out, draw, size);
        if (s.contrast != 0)
            for (std::int64_t c = 0; c < size.channels; ++c)
                scale_contrast(out + c * size.pixels(), size.pixels(), static_cast<T>(draw.factor));
        if (s.brightness != 0) {
            const T added = static_cast<T>(draw.added);
            for_each(size.values(), [=](std::int64_t i) { out[i] += added; });
        }
        cut_out(out, draw.cut, size);
    });
}
GLASSNET_KERNEL(augment_forward);

template <class T>
void augment_backward(In<T> dy, In<T>, Out<T> dx, Settings s) {
    const Size size(dx);
    for_images(dx, s, size, [&](std::int64_t n, const Draw& draw) {
        T* out = dx + n * size.values();
        std::fill_n(out, size.values(), T(0));
        Upstream<T> dv(dy + n * size.values(), draw, s, size);
        for (std::int64_t c = 0; c < size.channels; c += Upstream<T>::most_channels) {
            const std::int64_t count = std::min(Upstream<T>::most_channels, size.channels - c);
            dv.take(c, count);
            if (s.rotation != 0)
                turn_back(dv, count, out + c * size.pixels(), draw, size);
            else
                move_whole_back(dv, count, out + c * size.pixels(), draw, size);
        }
    });
}
GLASSNET_KERNEL(augment_backward);

}  // namespace
}  // namespace glassnet
