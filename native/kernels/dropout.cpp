// Twin of src/glassnet/kernels/dropout.py: zeroes elements at random and scales the rest up by 1/(1 − rate).

#include "../kernel.hpp"
#include "../philox.hpp"

#include <algorithm>

namespace glassnet {
namespace {

// The elements are those from place `first` on of the whole array, and so are their random words.
template <class T>
void dropout_forward(const T* x, T* y, std::uint8_t* mask, std::int64_t size, std::int64_t first, double rate,
                     const PhiloxStream& from) {
    const std::uint32_t threshold = static_cast<std::uint32_t>(rate * 4294967296.0);
    const T scale = static_cast<T>(1 / (1 - rate));
    std::uint32_t words[philox_group];
    for (std::int64_t done = 0; done < size;) {
        const std::int64_t skipped = (first + done) % 4;  // words of a block begun in the part before
        const std::int64_t count = std::min(philox_group - skipped, size - done);
        philox_words(from, static_cast<std::uint32_t>((first + done) / 4), (skipped + count + 3) / 4, words);
        const std::uint32_t* word = words + skipped;
        for (std::int64_t i = 0; i < count; ++i) mask[done + i] = word[i] >= threshold;
        for (std::int64_t i = 0; i < count; ++i)
            y[done + i] = x[done + i] * (word[i] >= threshold ? scale : T(0));
        done += count;
    }
}

// mask holds NumPy's bool, one byte of 0 or 1: GCC 12 vectorises the reading of bytes, not that of bool.
template <class T>
void dropout_backward(const T* dy, const std::uint8_t* mask, T* dx, std::int64_t size, double rate) {
    const T scale = static_cast<T>(1 / (1 - rate));
    for (std::int64_t i = 0; i < size; ++i) dx[i] = dy[i] * static_cast<T>(mask[i]) * scale;
}

// Through a signed number, so that a negative one wraps as it does under Python's &.
std::uint64_t whole(double setting) { return static_cast<std::uint64_t>(static_cast<std::int64_t>(setting)); }

template <class T>
struct Unpacked {
    static void dropout_forward(const Operand* o, const double* settings) {
        const PhiloxStream from{whole(settings[1]), whole(settings[2]),
                                static_cast<std::uint32_t>(settings[3])};
        glassnet::dropout_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<std::uint8_t>(), o[1].size(),
                                  o[1].first * o[1].row_size(), settings[0], from);
    }
    static void dropout_backward(const Operand* o, const double* settings) {
        glassnet::dropout_backward(o[0].as<T>(), o[1].as<std::uint8_t>(), o[2].as<T>(), o[2].size(),
                                   settings[0]);
    }
};

constexpr KernelEntry entries[] = {
    {"dropout_forward", Unpacked<float>::dropout_forward, Unpacked<double>::dropout_forward},
    {"dropout_backward", Unpacked<float>::dropout_backward, Unpacked<double>::dropout_backward},
};

}  // namespace

std::span<const KernelEntry> dropout_kernels() { return entries; }

}  // namespace glassnet
