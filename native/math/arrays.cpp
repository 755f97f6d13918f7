#include "math/arrays.hpp"

namespace glassnet {

// x − x is 0 where x is finite and NaN elsewhere, and the sum of such differences shows one NaN.
template <class T>
bool all_finite(const T* data, std::int64_t size) {
    constexpr std::int64_t lanes = 16;
    T sums[lanes] = {};
    const std::int64_t whole = size - size % lanes;
    for (std::int64_t i = 0; i < whole; i += lanes)
        for (std::int64_t lane = 0; lane < lanes; ++lane) sums[lane] += data[i + lane] - data[i + lane];
    for (std::int64_t i = whole; i < size; ++i) sums[0] += data[i] - data[i];
    for (std::int64_t width = lanes / 2; width > 0; width /= 2)
        for (std::int64_t lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
    return sums[0] == 0;
}

template <class T>
void add_to(T* sum, const T* part, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) sum[i] += part[i];
}

template bool all_finite<float>(const float*, std::int64_t);
template bool all_finite<double>(const double*, std::int64_t);
template void add_to<float>(float*, const float*, std::int64_t);
template void add_to<double>(double*, const double*, std::int64_t);

}  // namespace glassnet
