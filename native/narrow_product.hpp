// Matrix products with so few columns that vectors along them would stay empty.
#pragma once

#include <cstdint>

namespace glassnet {

// Whether the columns of a result (m, n) = (m, k) (k, n) are that few, and the sums long enough to fill vectors.
template <class T>
constexpr bool is_narrow(std::int64_t n, std::int64_t k) {
    return n * static_cast<std::int64_t>(sizeof(T)) <= 16 && k >= 32;
}

// C (m, n) = A (m, k) B (k, n) + bias, all in C order and without gaps; bias (n,) may be null. n is narrow.
//
// Each element is a sum along k in a vector of partial sums. No element depends on m: a product split by rows has the
// same bits as the whole.
template <class T>
void narrow_product(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, const T* b, const T* bias, T* c);

}  // namespace glassnet
