// Matrix products with so few columns that vectors along them would stay empty: sums along k in vectors of partial
// sums.
#pragma once

#include <cstdint>

namespace glassnet {

// Whether the columns of a result (m, n) = (m, k) (k, n) are that few, and the sums long enough to fill vectors.
template <class T>
constexpr bool is_narrow(std::int64_t n, std::int64_t k) {
    return n * static_cast<std::int64_t>(sizeof(T)) <= 16 && k >= 32;
}

// C (m, n) = A (m, k) B (k, n) + bias, all in C order and without gaps; bias (n,) may be null. n is narrow.
// No element depends on m: a product split by rows has the same bits as the whole.
template <class T>
void narrow_product(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, const T* b, const T* bias, T* c);

// Whether the rows of A in A Bᵀ are so few that transposing B for them would not pay.
constexpr bool is_short(std::int64_t m, std::int64_t k) { return m < 8 && k >= 32; }

// C (m, n) = A (m, k) Bᵀ, B (n, k), all in C order and without gaps. m is short.
template <class T>
void short_product_transposed(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, const T* b, T* c);

}  // namespace glassnet
