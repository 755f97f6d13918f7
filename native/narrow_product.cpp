#include "narrow_product.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace glassnet {
namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif
constexpr std::int64_t rows_at_a_time = 4;

template <class T>
constexpr std::int64_t lanes = vector_bytes / sizeof(T);

template <class T>
constexpr std::int64_t block = 8192 / sizeof(T);  // of k: the columns of B stay in the first cache

template <class T, int bytes = vector_bytes>
struct Vector {
    typedef T Lanes __attribute__((vector_size(bytes)));
};

template <class T>
void load(typename Vector<T>::Lanes& to, const T* from) {
    std::memcpy(&to, from, sizeof to);
}

// The upper half of a vector is added to the lower one, until one number is left.
template <class T, int bytes>
T total(const typename Vector<T, bytes>::Lanes& sums) {
    if constexpr (bytes == 16 && sizeof(T) == sizeof(float)) {
        return (sums[0] + sums[2]) + (sums[1] + sums[3]);
    } else if constexpr (bytes == 16) {
        return sums[0] + sums[1];
    } else {
        const auto add_halves = [&]<std::size_t... lane>(std::index_sequence<lane...>) {
            constexpr std::size_t half = sizeof...(lane);
            return __builtin_shufflevector(sums, sums, lane...) + __builtin_shufflevector(sums, sums, (half + lane)...);
        };
        const typename Vector<T, bytes / 2>::Lanes sum = add_halves(std::make_index_sequence<bytes / 2 / sizeof(T)>());
        return total<T, bytes / 2>(sum);
    }
}

// Adds to c the sums over `count` of k for some rows; column j of B stands at columns + j * block.
template <class T, int rows, int n>
void add_rows(std::int64_t count, const T* a, std::int64_t a_row, const T* columns, T* c) {
    typename Vector<T>::Lanes sums[rows][n] = {}, of_row, of_column;
    std::int64_t p = 0;
    for (; p + lanes<T> <= count; p += lanes<T>)
        for (int row = 0; row < rows; ++row) {
            load(of_row, a + row * a_row + p);
            for (int j = 0; j < n; ++j) {
                load(of_column, columns + j * block<T> + p);
                sums[row][j] += of_row * of_column;
            }
        }
    for (int row = 0; p < count && row < rows; ++row) {  // the columns are filled up with zeros
        T rest[lanes<T>] = {};
        std::copy(a + row * a_row + p, a + row * a_row + count, rest);
        load(of_row, rest);
        for (int j = 0; j < n; ++j) {
            load(of_column, columns + j * block<T> + p);
            sums[row][j] += of_row * of_column;
        }
    }
    for (int row = 0; row < rows; ++row)
        for (int j = 0; j < n; ++j) c[row * n + j] += total<T, vector_bytes>(sums[row][j]);
}

template <class T, int n>
void multiply(std::int64_t m, std::int64_t k, const T* a, const T* b, const T* bias, T* c) {
    for (std::int64_t row = 0; row < m; ++row)
        for (int j = 0; j < n; ++j) c[row * n + j] = bias == nullptr ? T(0) : bias[j];
    alignas(vector_bytes) T columns[n * block<T>];
    for (std::int64_t first = 0; first < k; first += block<T>) {
        const std::int64_t count = std::min(block<T>, k - first);
        for (int j = 0; j < n; ++j) {
            T* const column = columns + j * block<T>;
            for (std::int64_t p = 0; p < count; ++p) column[p] = b[(first + p) * n + j];
            std::fill(column + count, column + (count + lanes<T> - 1) / lanes<T> * lanes<T>, T(0));
        }
        std::int64_t row = 0;
        for (; row + rows_at_a_time <= m; row += rows_at_a_time)
            add_rows<T, rows_at_a_time, n>(count, a + row * k + first, k, columns, c + row * n);
        for (; row < m; ++row) add_rows<T, 1, n>(count, a + row * k + first, k, columns, c + row * n);
    }
}

}  // namespace

template <class T>
void narrow_product(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, const T* b, const T* bias, T* c) {
    if (n == 1) multiply<T, 1>(m, k, a, b, bias, c);
    if (n == 2) multiply<T, 2>(m, k, a, b, bias, c);
    if constexpr (sizeof(T) == sizeof(float)) {
        if (n == 3) multiply<T, 3>(m, k, a, b, bias, c);
        if (n == 4) multiply<T, 4>(m, k, a, b, bias, c);
    }
}

template void narrow_product<float>(std::int64_t, std::int64_t, std::int64_t, const float*, const float*, const float*,
                                    float*);
template void narrow_product<double>(std::int64_t, std::int64_t, std::int64_t, const double*, const double*,
                                     const double*, double*);

}  // namespace glassnet
