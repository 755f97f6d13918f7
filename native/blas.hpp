// Matrix products of an OpenBLAS that is loaded at run time and used on one thread.
#pragma once

#include <cstdint>
#include <string>

namespace glassnet::blas {

// Names the shared library.
void set_library(const std::string& path);

// Loads it, once; to be called before `multiply`. Throws std::runtime_error where it or one of its functions is missing.
void prepare();

// C (m, n) = op(A) op(B) + keep · C, all in C order with rows a_row, b_row and c_row apart; op transposes where asked.
// op(A) is (m, k), op(B) is (k, n).
template <class T>
void multiply(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const T* a,
              std::int64_t a_row, const T* b, std::int64_t b_row, T keep, T* c, std::int64_t c_row);

}  // namespace glassnet::blas
