// Products whose factors are brought together before: of A, strips of rows in the second cache, of B, panels of
// columns, of which one at a time is in the first. Where a number lies changes nothing of which are added in which
// order.
#pragma once

#include "products/block.hpp"
#include "products/matrix_product.hpp"
#include "products/packing.hpp"
#include "products/parts.hpp"

#include <unistd.h>
#include <cstdlib>
#include <memory>
#include <numeric>

namespace glassnet {
namespace {  // each variant of the native module has its own

// A strip is so high that blocks of each width divide it.
constexpr int64_t packed_depth = longest_added, strip_rows = most_sums, line_bytes = 64;

// Strips take half of the second cache, panels that are packed together a quarter of that or one panel.
inline int64_t strips_bytes() {
    static const int64_t bytes = [] {
        constexpr int64_t least = 1 << 17, most = 1 << 19;
#ifdef _SC_LEVEL2_CACHE_SIZE
        return std::clamp<int64_t>(sysconf(_SC_LEVEL2_CACHE_SIZE) / 2, least, most);
#else
        return least;
#endif
    }();
    return bytes;
}

// Each thread's memory for what it packs, taken when it first needs some; null where there is none, and nothing packed.
inline void* packing_memory() {
    struct Freed {
        void operator()(void* memory) const { std::free(memory); }
    };
    static thread_local std::unique_ptr<void, Freed> memory;
    if (memory == nullptr) memory.reset(std::aligned_alloc(line_bytes, 2 * strips_bytes()));
    return memory.get();
}

// Rows that are read next, asked for some cache lines at a time, so that they have come when they are packed.
template <class T>
class Ahead {
    const T* row_ = nullptr;
    int64_t apart_ = 0, rows_ = 0, lines_ = 0, at_once_ = 0, line_ = 0;

public:
    static constexpr int64_t line_size = line_bytes / sizeof(T);

    Ahead() = default;
    Ahead(const T* first, int64_t apart, int64_t rows, int64_t columns, int64_t times)
        : row_(first),
          apart_(apart),
          rows_(rows),
          lines_(columns / line_size + 1),
          at_once_((rows * lines_ + times - 1) / times) {}
    void fetch() {
        for (int64_t i = 0; i < at_once_ && rows_ > 0; ++i) {
            __builtin_prefetch(row_ + line_ * line_size, 0, 2);
            if (++line_ < lines_) continue;
            line_ = 0;
            row_ += apart_;
            --rows_;
        }
    }
};

// Some strips of rows, packed or in place, times some packed panels of columns, over some of p.
template <class T, int bytes>
void multiply_packed(const Parts& strips, int64_t first_strip, int64_t strip_count, const T* packed_a,
                     const Parts& panels, int64_t first_panel, int64_t panel_count, const T* packed_b, int64_t n,
                     Block<T> block, Ahead<T>& next_a, Ahead<T>& next_b) {
    constexpr int64_t lanes = Vec<T, bytes>::width;
    T* const c = block.c;
    const T *const a = block.a, *const start = block.start;
    const bool packs_a = packed_a != nullptr;
    if (packs_a) block.a_row = 1;
    block.b = packed_b;
    for (int64_t j = 0, column = 0; j < panel_count; ++j) {
        const int64_t vectors = panels[first_panel + j], width = vectors * lanes, columns = std::min(width, n - column);
        block.last_lanes = columns - width + lanes;
        block.b_row = width;
        block.c = c + column;
        block.start = start == nullptr ? nullptr : start + column;
        const auto& functions = packs_a ? functions_for<T, bytes, true>(block.last_lanes)[vectors - 1]
                                        : functions_for<T, bytes, false>(block.last_lanes)[vectors - 1];
        block.a = a;
        for (int64_t i = 0; i < strip_count; ++i) {
            const int64_t rows = strips[first_strip + i];
            const Parts parts(rows, rows_beside[vectors]);
            next_a.fetch();
            next_b.fetch();
            if (packs_a) {
                block.a = packed_a + i * strip_rows * packed_depth;
                block.a_column = rows;
            }
            for (int64_t part = 0; part < parts.count; ++part) {
                const int64_t some = parts[part];
                functions[some](block);
                block.a += some * block.a_row;
                block.c += some * block.c_row;
                if (start != nullptr) block.start += some * block.start_row;
            }
        }
        block.b += block.k * width;
        column += columns;
    }
}

// Whether rows of B lie so far apart that it pays to bring them together before, or columns of A, which then take each
// other's places in the first cache before the next rows are read: of 64 sets of 8 lines half are B's. GFLOP/s in
// float32 in place and packed, AVX2 on an AMD Zen 3, 98 at most. Of A by columns: (392x256)(256x512) of 784 columns 70,
// 82; (1536x200)(200x100) of 3072 columns 46, 64; (128x1024)(1024x1024) of 1024 columns 45, 74. Of A by rows:
// (128x784)(784x512) 50, 63; (128x512)(512x512) 67, 78. Not measured with longer vectors.
template <class T>
bool pays_to_pack(int64_t m, int64_t n, int64_t k, int64_t a_row, int64_t a_column, int64_t b_row) {
    constexpr int64_t page = 4096, ways_of_a = 4, least_rows = 48, least_depth = 64, least_bytes = 256;
    const auto bytes = [](int64_t numbers) { return numbers * static_cast<int64_t>(sizeof(T)); };
    if (vector_bytes == 64 || m < least_rows || k < least_depth || bytes(n) < least_bytes) return false;
    if (a_row != 1) return m >= 64 && bytes(b_row) >= page / 2;
    return k >= ways_of_a * page / std::max(line_bytes, std::gcd(bytes(a_column), page));
}

// C = op(A) B, as matrix_product. A is packed where the rows of a column stand side by side; where those of a row do,
// each is read from one end to the other and stays where it is.
template <class T, int bytes>
void packed_product(int64_t m, int64_t n, const Block<T>& o) {
    constexpr int64_t lanes = Vec<T, bytes>::width, strip_size = strip_rows * packed_depth;
    // What is added to C is one sum.
    const int64_t most_depth = o.adds ? longest_added : packed_depth, panel_bytes = most_depth * most_vectors * bytes;
    const int64_t a_bytes = strips_bytes(), b_bytes = std::max(a_bytes / 4, panel_bytes);
    T* const packed_a = static_cast<T*>(packing_memory());
    const int64_t a_size = a_bytes / sizeof(T);
    T* const packed_b = packed_a + a_size;
    const Parts strips(m, strip_rows), panels((n + lanes - 1) / lanes, most_vectors);
    const bool packs_a = o.a_row == 1 && !o.adds;
    const Parts chunks(strips.count, packs_a ? a_bytes / (strip_size * sizeof(T)) : strips.count);
    const Parts groups(panels.count, b_bytes / panel_bytes);
    for (int64_t p = 0; p < o.k; p += most_depth) {
        const int64_t depth = std::min(most_depth, o.k - p), next_depth = std::min(most_depth, o.k - p - depth);
        const T* const b = o.b + p * o.b_row;
        Block<T> block = o;
        block.k = depth;
        if (p > 0) {
            block.start = o.c;
            block.start_row = o.c_row;
        }
        for (int64_t chunk = 0, strip = 0, row = 0; chunk < chunks.count; strip += chunks[chunk++]) {
            const int64_t count = chunks[chunk];
            int64_t rows = 0;
            for (int64_t i = 0; i < count; ++i) rows += strips[strip + i];
            const int64_t left = m - row - rows;
            const T* const a = o.a + row * o.a_row + p * o.a_column;
            block.a = a;
            Ahead<T> next_a;
            if (packs_a) {
                pack_strips<T, bytes>(a, o.a_column, depth, strips, strip, count, strip_size, packed_a);
                const int64_t times = count * panels.count;
                next_a = left > 0 ? Ahead<T>(a + rows, o.a_column, depth, std::min(rows, left), times)
                                  : Ahead<T>(o.a + (p + depth) * o.a_column, o.a_column, next_depth, rows, times);
            }
            for (int64_t group = 0, panel = 0, column = 0; group < groups.count; panel += groups[group++]) {
                T* to = packed_b;
                const int64_t first_column = column;
                for (int64_t j = 0; j < groups[group]; ++j) {
                    const int64_t width = panels[panel + j] * lanes, columns = std::min(width, n - column);
                    copy_panel<T, bytes>(b + column, o.b_row, depth, columns, width, to);
                    to += depth * width;
                    column += columns;
                }
                const int64_t columns = column - first_column, times = count * groups[group];
                Ahead<T> next_b = column < n
                                      ? Ahead<T>(b + column, o.b_row, depth, std::min(columns, n - column), times)
                                  : left > 0 ? Ahead<T>(b, o.b_row, depth, columns, times)
                                             : Ahead<T>(b + depth * o.b_row, o.b_row, next_depth, columns, times);
                block.c = o.c + row * o.c_row + first_column;
                if (o.start != nullptr || p > 0)
                    block.start = (p > 0 ? o.c : o.start) + row * block.start_row + first_column;
                multiply_packed<T, bytes>(strips, strip, count, packs_a ? packed_a : nullptr, panels, panel,
                                          groups[group], packed_b, columns, block, next_a, next_b);
            }
            row += rows;
        }
    }
}

}  // namespace
}  // namespace glassnet
