// Twin of src/glassnet/kernels/dropout.py: zeroes elements at random and scales the rest up by 1/(1 − rate).

#include "engine/kernel.hpp"
#include "math/philox.hpp"

#include <algorithm>

namespace glassnet {
namespace {

// The elements are those from place `first` on of the whole array, and so are their random words. mask holds NumPy's
// bool, one byte of 0 or 1: GCC 12 vectorises the reading of bytes, not that of bool.
template <class T>
void dropout_forward(In<T> x, Out<T> y, Out<std::uint8_t> mask, double rate, std::uint64_t seed, std::uint64_t step,
                     std::uint32_t stream) {
    const std::int64_t size = y.size(), first = y.operand.first * y.row_size();
    const std::uint32_t threshold = static_cast<std::uint32_t>(rate * 4294967296.0);
    const T scale = static_cast<T>(1 / (1 - rate));
    std::uint32_t words[philox_group];
    for (std::int64_t done = 0; done < size;) {
        const std::int64_t skipped = (first + done) % 4;  // words of a block begun in the part before
        const std::int64_t count = std::min(philox_group - skipped, size - done);
        philox_words({seed, step, stream}, static_cast<std::uint32_t>((first + done) / 4), (skipped + count + 3) / 4,
                     words);
        const std::uint32_t* word = words + skipped;
        for (std::int64_t i = 0; i < count; ++i) mask[done + i] = word[i] >= threshold;
        for (std::int64_t i = 0; i < count; ++i) y[done + i] = x[done + i] * (word[i] >= threshold ? scale : T(0));
        done += count;
    }
}
GLASSNET_KERNEL(dropout_forward);

template <class T>
void dropout_backward(In<T> dy, In<std::uint8_t> mask, Out<T> dx, double rate) {
    const T scale = static_cast<T>(1 / (1 - rate));
    const std::int64_t size = dx.size();
    for (std::int64_t i = 0; i < size; ++i) dx[i] = dy[i] * static_cast<T>(mask[i]) * scale;
}
GLASSNET_KERNEL(dropout_backward);

}  // namespace
}  // namespace glassnet
