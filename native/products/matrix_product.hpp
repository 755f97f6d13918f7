// Matrix products, on one thread. Small ones are where a BLAS loses to the cost of its call and of its packing; with
// larger ones this keeps pace.
//
// Every element of C is one chain of multiply-adds over p = 0, 1, ..., k − 1 that starts from the bias (or from zero),
// or has such a chain added to it.
// No element depends on m or n, or on how the factors lie: a product split by rows or columns has the same bits as the
// whole, and so has one whose factors were brought together first. For that each thread keeps some hundred KB of
// memory; all else is on the stack, at most 64 KB.
#pragma once

#include <cstdint>

namespace glassnet {

// C (m, n) = op(A) (m, k) B (k, n) + start. Element (i, p) of op(A) stands at a[i * a_row + p * a_column], rows of B
// lie b_row apart, those of C c_row, those of the start start_row: 0 for a bias (n,). The start may be null, or C
// itself; C must not overlap the others.
template <class T>
void matrix_product(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t a_row,
                    std::int64_t a_column, const T* b, std::int64_t b_row, const T* start, T* c, std::int64_t c_row,
                    std::int64_t start_row = 0);

// C (m, n) += A (m, k) B (k, n), the products of each element summed up first; k is at most `longest_added`.
constexpr std::int64_t longest_added = 256;

template <class T>
void add_matrix_product(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t a_row, const T* b,
                        std::int64_t b_row, T* c, std::int64_t c_row);

// C (m, n) = A (m, k) Bᵀ, or C + A Bᵀ where it `adds`; rows of B (n, k) lie b_row apart, those of A a_row and those of
// C c_row.
template <class T>
void matrix_product_transposed(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t a_row,
                               const T* b, std::int64_t b_row, T* c, std::int64_t c_row, bool adds = false);

}  // namespace glassnet
