#include "products/narrow_product.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <utility>

#include "math/lanes.hpp"

namespace glassnet {
namespace {

// As many sums side by side on every processor, whatever its vectors: their number tells the order of the sums.
template <class T>
constexpr std::int64_t lanes = short_bytes / sizeof(T);

constexpr std::int64_t rows_at_a_time = 4;

template <class T>
constexpr std::int64_t block = 8192 / sizeof(T);  // of k: the columns of B stay in the first cache

template <class T, int bytes = short_bytes>
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
void add_rows(std::int64_t count, const T* a, std::int64_t a_row, const T* columns, T* c, std::int64_t c_row,
              std::int64_t c_column) {
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
        for (int j = 0; j < n; ++j) c[row * c_row + j * c_column] += total<T, short_bytes>(sums[row][j]);
}

// Rows of A by n columns of B: column j begins at b + j * b_column, its elements are b_row apart; element (i, j) of C
// stands at c[i * c_row + j * c_column], and holds what the sum starts from.
template <class T>
struct Columns {
    const T* b;
    std::int64_t b_row, b_column;
    T* c;
    std::int64_t c_row, c_column;
};

template <class T, int n>
void multiply(std::int64_t m, std::int64_t k, const T* a, std::int64_t a_row, const Columns<T>& o) {
    alignas(short_bytes) T columns[n * block<T>];
    for (std::int64_t first = 0; first < k; first += block<T>) {
        const std::int64_t count = std::min(block<T>, k - first);
        for (int j = 0; j < n; ++j) {
            T* const column = columns + j * block<T>;
            for (std::int64_t p = 0; p < count; ++p) column[p] = o.b[(first + p) * o.b_row + j * o.b_column];
            std::fill(column + count, column + (count + lanes<T> - 1) / lanes<T> * lanes<T>, T(0));
        }
        std::int64_t row = 0;
        const auto add = [&]<int rows>(std::integral_constant<int, rows>) {
            add_rows<T, rows, n>(count, a + row * a_row + first, a_row, columns, o.c + row * o.c_row, o.c_row,
                                 o.c_column);
            row += rows;
        };
        while (row + rows_at_a_time <= m) add(std::integral_constant<int, rows_at_a_time>());
        while (row < m) add(std::integral_constant<int, 1>());
    }
}

template <class T>
constexpr auto multiply_columns = std::array{multiply<T, 1>, multiply<T, 2>, multiply<T, 3>, multiply<T, 4>};

}  // namespace

template <class T>
void narrow_product(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, const T* b, const T* bias, T* c) {
    for (std::int64_t row = 0; row < m; ++row)
        for (std::int64_t j = 0; j < n; ++j) c[row * n + j] = bias == nullptr ? T(0) : bias[j];
    multiply_columns<T>[n - 1](m, k, a, k, {b, n, 1, c, n, 1});
}

template <class T>
void short_product_transposed(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, const T* b, T* c) {
    std::fill_n(c, m * n, T(0));
    for (std::int64_t row = 0; row < m; row += 4) {
        const std::int64_t rows = std::min(m - row, std::int64_t{4});
        multiply_columns<T>[rows - 1](n, k, b, k, {a + row * k, 1, k, c + row * n, 1, n});
    }
}

template void narrow_product<float>(std::int64_t, std::int64_t, std::int64_t, const float*, const float*, const float*,
                                    float*);
template void narrow_product<double>(std::int64_t, std::int64_t, std::int64_t, const double*, const double*,
                                     const double*, double*);
template void short_product_transposed<float>(std::int64_t, std::int64_t, std::int64_t, const float*, const float*,
                                              float*);
template void short_product_transposed<double>(std::int64_t, std::int64_t, std::int64_t, const double*, const double*,
                                               double*);

}  // namespace glassnet
