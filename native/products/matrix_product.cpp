#include "products/matrix_product.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "math/transpose.hpp"
#include "products/parts.hpp"

namespace glassnet {
namespace {

// A block of rows and of columns of C, over some of p.
template <class T>
struct Block {
    int64_t k;
    const T* a;
    int64_t a_row, a_column;
    const T* b;
    int64_t b_row;
    const T* start;  // what the sums start from: null, the bias or, for later p, C
    int64_t start_row;
    T* c;
    int64_t c_row;
    int64_t last_lanes;  // columns in the last vector
    bool adds = false;   // the sums to what is in C
};

// Every sum is kept in a register while p runs: in `vectors` vectors, of which the last one has `last_bytes`.
// `adjacent` says that a_row is 1.
template <class T, int bytes, int last_bytes, int vectors, int rows, bool adjacent>
void multiply_block(const Block<T>& o) {
    using V = Vec<T, bytes>;
    using Last = Vec<T, last_bytes>;
    using Lanes = typename V::Lanes;
    using LastLanes = typename Last::Lanes;
    constexpr int full = vectors - 1;
    const auto mask = Last::first(o.last_lanes);
    const bool whole = o.last_lanes == Last::width;  // spares masked stores, which AVX2 processors are slow at
    const int64_t k = o.k, a_row = o.a_row, a_column = o.a_column, b_row = o.b_row, c_row = o.c_row;
    const int64_t start_row = o.start_row;
    const T *a = o.a, *b = o.b, *start = o.start;
    T* c = o.c;
    Lanes sum[rows][vectors];  // its last column is unused: `last` stands for it
    LastLanes last[rows];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
        const T* from = start + i * start_row;
#pragma GCC unroll 16
        for (int v = 0; v < full; ++v) sum[i][v] = start ? V::load(from + v * V::width) : Lanes{};
        last[i] = start ? Last::load(from + full * V::width, mask) : LastLanes{};
    }
    for (int64_t p = 0; p < k; ++p, a += a_column, b += b_row) {
        Lanes right[vectors];
#pragma GCC unroll 16
        for (int v = 0; v < full; ++v) right[v] = V::load(b + v * V::width);
        const LastLanes last_right = Last::load(b + full * V::width, mask);
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) {
            const T left = a[adjacent ? i : i * a_row];
#pragma GCC unroll 16
            for (int v = 0; v < full; ++v) sum[i][v] += left * right[v];
            last[i] += left * last_right;
        }
    }
    if (o.adds) {
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) {
            const T* from = c + i * c_row;
#pragma GCC unroll 16
            for (int v = 0; v < full; ++v) sum[i][v] += V::load(from + v * V::width);
            last[i] += Last::load(from + full * V::width, mask);
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
        T* to = c + i * c_row;
#pragma GCC unroll 16
        for (int v = 0; v < full; ++v) V::store(to + v * V::width, sum[i][v]);
        to += full * V::width;
        whole ? Last::store(to, last[i]) : Last::store(to, last[i], mask);
    }
}

// The sums of a block stay in registers, beside some for B and A.
constexpr int most_sums = registers == 32 ? 24 : 12, most_vectors = registers == 32 ? 4 : 2;
constexpr int most_vectors_of_few_rows = 8, most_rows = 8;

constexpr auto rows_beside = [] {
    std::array<int, most_vectors_of_few_rows + 1> rows{};
    for (int v = 1; v <= most_vectors_of_few_rows; ++v) rows[v] = std::min(most_rows, most_sums / v);
    return rows;
}();

template <class T>
using BlockFunction = void (*)(const Block<T>&);

// The functions for 1, 2, ... rows of a number of vectors.
template <class T, int bytes, int last_bytes, int vectors, bool adjacent>
constexpr auto functions_of() {
    std::array<BlockFunction<T>, most_rows + 1> functions{};
    [&]<int... row>(std::integer_sequence<int, row...>) {
        ((functions[row + 1] = multiply_block<T, bytes, last_bytes, vectors, row + 1, adjacent>), ...);
    }(std::make_integer_sequence<int, rows_beside[vectors]>());
    return functions;
}

template <class T, int bytes, int last_bytes, bool adjacent>
constexpr auto all_functions = []<int... v>(std::integer_sequence<int, v...>) {
    using Functions = std::array<BlockFunction<T>, most_rows + 1>;
    return std::array<Functions, sizeof...(v)>{functions_of<T, bytes, last_bytes, v + 1, adjacent>()...};
}(std::make_integer_sequence<int, bytes == vector_bytes ? most_vectors_of_few_rows : 1>());

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

// Columns of Bᵀ, B (columns, depth), side by side: to (depth, width), square by square, of which `to` gets the first
// `used` rows.
template <class T, int bytes, int used>
void transpose_panel(const T* b, int64_t b_row, int64_t depth, int64_t columns, int64_t width, T* to) {
    using V = Vec<T, bytes>;
    constexpr int side = V::width;
    for (int64_t column = 0; column < columns; column += side)
        for (int64_t p = 0; p < depth; p += side) {
            const auto mask = V::first(std::min<int64_t>(side, depth - p));
            const T* from = b + column * b_row + p;
            typename V::Lanes square[side];
#pragma GCC unroll 16
            for (int i = 0; i < side; ++i) {
                square[i] = V::load(from, mask);
                if (column + i + 1 < columns) from += b_row;
            }
            transpose<V>(square);
#pragma GCC unroll 16
            for (int i = 0; i < used; ++i) V::store(to + (p + i) * width + column, square[i]);
        }
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
    const auto& functions = adjacent ? all_functions<T, bytes, bytes, true> : all_functions<T, bytes, bytes, false>;
    const bool few_rows = m <= most_sums / most_vectors_of_few_rows;
    const Parts panels((n + lanes - 1) / lanes, few_rows ? most_vectors_of_few_rows : most_vectors);
    for (int64_t j = 0; j < panels.count; ++j) {
        const int64_t vectors = panels[j], width = vectors * lanes, columns = std::min(width, n);
        const Parts row_blocks(m, rows_beside[vectors]);
        const int64_t depth = !packs                     ? depth_in_place
                              : transposed && k <= lanes ? lanes
                                                         : packed_size / (width * lanes) * lanes;
        block.last_lanes = columns - width + lanes;
        // A processor that makes a long vector of two short ones works half the time for a last one that is half empty.
        const bool half = short_bytes < bytes && block.last_lanes <= lanes / 2;
        const auto& of_panel = !half      ? functions
                               : adjacent ? all_functions<T, bytes, short_bytes, true>
                                          : all_functions<T, bytes, short_bytes, false>;
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
                of_panel[vectors - 1][row_blocks[i]](block);
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
#if defined(__AVX512VL__)
    // Two short vectors take no longer than one long.
    if (n * sizeof(T) <= 32) return multiply<T, 32, right>(m, n, block);
#endif
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
    if (pays_to_copy<T>(m, b_row))
        return multiply<T, Right::copied>(m, n, {k, a, a_row, a_column, b, b_row, start, start_row, c, c_row, 0});
    multiply<T, Right::in_place>(m, n, {k, a, a_row, a_column, b, b_row, start, start_row, c, c_row, 0});
}

template <class T>
void add_matrix_product(int64_t m, int64_t n, int64_t k, const T* a, int64_t a_row, const T* b, int64_t b_row, T* c,
                        int64_t c_row) {
    if (m <= 0 || n <= 0) return;
    Block<T> block{k, a, a_row, 1, b, b_row, nullptr, 0, c, c_row, 0, true};
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
