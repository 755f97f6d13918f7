#include "products/matrix_product.hpp"

#include <algorithm>
#include <utility>

#include "products/block.hpp"
#include "products/packed_product.hpp"
#include "products/packing.hpp"
#include "products/parts.hpp"

namespace glassnet {
namespace {

// Columns of Bᵀ are brought together in a panel of this size on the stack.
constexpr int64_t panel_bytes = 1 << 16;

// So many rows of B are used for all rows of A before the next ones, and so are read from the second cache but once.
// Measured in GFLOP/s in float32. On an AMD Zen 4, 117 at most, with 256, 1024 and all rows: (50x3072)(3072x100) 104,
// 106, 100; (64x2048)(2048x2048) 86, 88, 69 (OpenBLAS 81); (64x784)(784x256) 115, 117, 117. On an Intel Sapphire
// Rapids, 153 at most, with 256 and 1024: (128x784)(784x512) 101, 61; (128x512)(512x512) 108, 92; (64x784)(784x256)
// 102, 120.
constexpr int64_t depth_in_place = longest_added;

// With so many rows of A it pays to copy those of B, which may lie so far apart that a few of them fill their places in
// the first cache. Intel as above, copied and not: (128x784)(784x512) 120, 101; (256x1024)(1024x1024) 109, 70; but
// (200x3072)(3072x100) 88, 88. AVX2: (1024x256)(256x4096) 85, 63; but (64x784)(784x256) 91, 102.
template <class T>
bool pays_to_copy(int64_t m, int64_t b_row) {
    return vector_bytes < 64 ? m >= 192 : m >= 64 && b_row * static_cast<int64_t>(sizeof(T)) >= 1024;
}

// Where the right factor is read: in its place, or from a panel on the stack. A transposed one is (n, k).
enum class Right { in_place, copied, transposed };

// C panel by panel: as many columns as a block has.
template <class T, int bytes, Right right>
void multiply(int64_t m, int64_t n, Block<T>& block) {
    constexpr int lanes = Vec<T, bytes>::width;
    constexpr bool packs = right != Right::in_place, transposed = right == Right::transposed;
    constexpr int64_t packed_size = packs ? panel_bytes / sizeof(T) : 1;
    alignas(packs ? 64 : alignof(T)) T packed[packed_size];
    const int64_t k = block.k, b_row = block.b_row, start_row = block.start_row;
    const T *const a = block.a, *b = block.b, *start = block.start;
    T* c = block.c;
    const bool adjacent = block.a_row == 1;
    const bool few_rows = m <= most_sums / most_vectors_of_few_rows;
    const Parts panels((n + lanes - 1) / lanes, few_rows ? most_vectors_of_few_rows : most_vectors);
    for (int64_t j = 0; j < panels.count; ++j) {
        const int64_t vectors = panels[j], width = vectors * lanes, columns = std::min(width, n);
        const Parts row_blocks(m, rows_beside[vectors]);
        const int64_t depth = !packs                     ? depth_in_place
                              : transposed && k <= lanes ? lanes
                                                         : packed_size / (width * lanes) * lanes;
        block.last_lanes = columns - width + lanes;
        const auto& functions = adjacent ? functions_for<T, bytes, true>(block.last_lanes)[vectors - 1]
                                         : functions_for<T, bytes, false>(block.last_lanes)[vectors - 1];
        int64_t p = 0;
        do {
            block.k = std::min(depth, k - p);
            block.a = a + p * block.a_column;
            block.b = packs ? packed : b + p * b_row;
            block.c = c;
            block.start = p > 0 ? c : start;
            block.start_row = p > 0 ? block.c_row : start_row;
            if constexpr (packs) block.b_row = width;
            if constexpr (right == Right::copied)
                for (int64_t row = 0; row < block.k; ++row)
                    std::copy_n(b + (p + row) * b_row, columns, packed + row * width);
            if constexpr (transposed) {
                constexpr int few = std::min(4, lanes);
                const auto transpose = k <= few ? transpose_panel<T, bytes, few> : transpose_panel<T, bytes, lanes>;
                transpose(b + p, b_row, block.k, columns, width, packed);
            }
            for (int64_t i = 0; i < row_blocks.count; ++i) {
                if (i > 0) {
                    block.a += row_blocks[i - 1] * block.a_row;
                    block.c += row_blocks[i - 1] * block.c_row;
                    block.start += row_blocks[i - 1] * block.start_row;
                }
                functions[row_blocks[i]](block);
            }
            p += depth;
        } while (p < k);
        n -= columns;
        b += transposed ? columns * b_row : columns;
        c += columns;
        if (start != nullptr) start += columns;
    }
}

template <class T, Right right>
void multiply(int64_t m, int64_t n, Block<T>&& block) {
    // Two short vectors take no longer than one long.
    if constexpr (short_bytes < vector_bytes)
        if (n * sizeof(T) <= short_bytes) return multiply<T, short_bytes, right>(m, n, block);
    multiply<T, vector_bytes, right>(m, n, block);
}

// For few columns of C and rows of Aᵀ in C order: Cᵀ = Bᵀ Aᵀ fills the vectors.
template <class T>
void multiply_narrow(int64_t m, int64_t n, int64_t k, const T* a, int64_t a_column, const T* b, int64_t b_row, T* c,
                     int64_t c_row) {
    constexpr int64_t most = 8 * vector_bytes / sizeof(T), most_columns = 16 / sizeof(T);
    T transposed[most_columns * most];
    for (int64_t first = 0; first < m; first += most) {
        const int64_t rows = std::min(most, m - first);
        multiply<T, Right::in_place>(n, rows, {k, b, 1, b_row, a + first, a_column, nullptr, 0, transposed, most, 0});
        for (int64_t i = 0; i < rows; ++i)
            for (int64_t j = 0; j < n; ++j) c[(first + i) * c_row + j] = transposed[j * most + i];
    }
}

// For few rows of A and many of B: Cᵀ = B Aᵀ, so that A and C are transposed instead of B. GFLOP/s of the one and the
// other way, float32 on an AMD Zen 4: (16x512)(512x512)ᵀ 61 and 47, (32x512)(512x512)ᵀ 109 and 96, (64x256)(256x256)ᵀ
// 111 and 107; but (50x256)(200x256)ᵀ 94 and 103, whose last columns do not fill a vector.
template <class T>
void multiply_swapped(int64_t m, int64_t n, int64_t k, const T* a, int64_t a_row, const T* b, int64_t b_row, T* c,
                      int64_t c_row) {
    constexpr int64_t lanes = Vec<T, vector_bytes>::width;
    const int64_t width = (m + lanes - 1) / lanes * lanes, most_depth = panel_bytes / sizeof(T) / width / lanes * lanes;
    alignas(64) T right[panel_bytes / sizeof(T)], sums[lanes * most_vectors * lanes];
    for (int64_t p = 0; p < k; p += most_depth) {
        const int64_t depth = std::min(most_depth, k - p);
        transpose_panel<T, vector_bytes, lanes>(a + p, a_row, depth, m, width, right);
        for (int64_t j = 0; j < n; j += lanes) {
            const int64_t columns = std::min(lanes, n - j);
            if (p > 0)
                for (int64_t i = 0; i < m; ++i)
                    for (int64_t column = 0; column < columns; ++column)
                        sums[column * width + i] = c[i * c_row + j + column];
            const T* const start = p > 0 ? sums : nullptr;
            multiply<T, Right::in_place>(
                columns, m,
                {depth, b + j * b_row + p, b_row, 1, right, width, start, p > 0 ? width : 0, sums, width, 0});
            if (columns == lanes && m == width)
                transpose_panel<T, vector_bytes, lanes>(sums, width, m, lanes, c_row, c + j);
            else
                for (int64_t i = 0; i < m; ++i)
                    for (int64_t column = 0; column < columns; ++column)
                        c[i * c_row + j + column] = sums[column * width + i];
        }
    }
}

}  // namespace

template <class T>
void matrix_product(int64_t m, int64_t n, int64_t k, const T* a, int64_t a_row, int64_t a_column, const T* b,
                    int64_t b_row, const T* start, T* c, int64_t c_row, int64_t start_row) {
    if (m <= 0 || n <= 0) return;
    if (a_row == 1 && n * sizeof(T) <= 16 && start == nullptr)
        return multiply_narrow(m, n, k, a, a_column, b, b_row, c, c_row);
    Block<T> block{k, a, a_row, a_column, b, b_row, start, start_row, c, c_row, 0};
    if (pays_to_pack<T>(m, n, k, a_row, a_column, b_row) && packing_memory() != nullptr)
        return packed_product<T, vector_bytes>(m, n, block);
    if (pays_to_copy<T>(m, b_row)) return multiply<T, Right::copied>(m, n, std::move(block));
    multiply<T, Right::in_place>(m, n, std::move(block));
}

template <class T>
void add_matrix_product(int64_t m, int64_t n, int64_t k, const T* a, int64_t a_row, const T* b, int64_t b_row, T* c,
                        int64_t c_row) {
    if (m <= 0 || n <= 0) return;
    Block<T> block{k, a, a_row, 1, b, b_row, nullptr, 0, c, c_row, 0, true};
    if (pays_to_pack<T>(m, n, k, a_row, 1, b_row) && packing_memory() != nullptr)
        return packed_product<T, vector_bytes>(m, n, block);
    if (pays_to_copy<T>(m, b_row))
        multiply<T, Right::copied>(m, n, std::move(block));
    else
        multiply<T, Right::in_place>(m, n, std::move(block));
}

template <class T>
void matrix_product_transposed(int64_t m, int64_t n, int64_t k, const T* a, int64_t a_row, const T* b, int64_t b_row,
                               T* c, int64_t c_row, bool adds) {
    if (m <= 0 || n <= 0) return;
    constexpr int64_t lanes = Vec<T, vector_bytes>::width;
    if (!adds && m % lanes == 0 && m <= most_vectors * lanes && 2 * m <= n && k >= 32)
        return multiply_swapped(m, n, k, a, a_row, b, b_row, c, c_row);
    const T* const start = adds ? c : nullptr;
    multiply<T, Right::transposed>(m, n, {k, a, a_row, 1, b, b_row, start, adds ? c_row : 0, c, c_row, 0});
}

template void matrix_product<float>(int64_t, int64_t, int64_t, const float*, int64_t, int64_t, const float*, int64_t,
                                    const float*, float*, int64_t, int64_t);
template void matrix_product<double>(int64_t, int64_t, int64_t, const double*, int64_t, int64_t, const double*, int64_t,
                                     const double*, double*, int64_t, int64_t);
template void add_matrix_product<float>(int64_t, int64_t, int64_t, const float*, int64_t, const float*, int64_t, float*,
                                        int64_t);
template void add_matrix_product<double>(int64_t, int64_t, int64_t, const double*, int64_t, const double*, int64_t,
                                         double*, int64_t);
template void matrix_product_transposed<float>(int64_t, int64_t, int64_t, const float*, int64_t, const float*, int64_t,
                                               float*, int64_t, bool);
template void matrix_product_transposed<double>(int64_t, int64_t, int64_t, const double*, int64_t, const double*,
                                                int64_t, double*, int64_t, bool);

}  // namespace glassnet
