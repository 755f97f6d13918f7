// Twin of src/glassnet/kernels/dropout.py: zeroes elements at random and scales the rest up by 1/(1 − rate).

#include "../kernel.hpp"
#include "../philox.hpp"

#include <algorithm>

namespace glassnet {
namespace {

template <class T>
void dropout_forward(const T* x, T* y, bool* mask, std::int64_t size, double rate, const PhiloxStream& from) {
    const std::uint32_t threshold = static_cast<std::uint32_t>(rate * 4294967296.0);
    const T scale = static_cast<T>(1 / (1 - rate));
    std::uint32_t words[philox_group];
    for (std::int64_t start = 0; start < size; start += philox_group) {
        philox_words(from, static_cast<std::uint32_t>(start / 4), words);
        const std::int64_t count = std::min(philox_group, size - start);
        for (std::int64_t i = 0; i < count; ++i) mask[start + i] = words[i] >= threshold;
        for (std::int64_t i = 0; i < count; ++i)
            y[start + i] = x[start + i] * static_cast<T>(words[i] >= threshold) * scale;
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
        glassnet::dropout_forward(o[0].as<T>(), o[1].as<T>(), o[2].as<bool>(), o[1].size(), settings[0],
                                  from);
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
