// Long sums in several parts, added at the end.
//
// Several threads then share the sums of a single row, each reading its own rows of the weights from one end to the
// other. Were they to share the columns, each would have the others' fetched too: what lies between is what a processor
// expects to be read next. (1x3136)(3136x128) on two processors, float32: 9 µs in place of 17.
#pragma once

#include <cstdint>

#include "products/matrix_product.hpp"

namespace glassnet {

// k summands in parts that depend on k alone: one for less than 2048, else 8, 12, ... that can be added.
struct Segments {
    std::int64_t k, count;

    explicit Segments(std::int64_t k)
        : k(k), count(k < 2048 ? 1 : (k + 4 * longest_added - 1) / (4 * longest_added) * 4) {}
    std::int64_t start(std::int64_t i) const { return k * i / count; }
};

// Of the parts of sums that threads share, on the stack.
constexpr std::int64_t most_sum_bytes = 1 << 16;

// Whether threads share the sums of a row by k rows of weights so many bytes apart: short rows are a narrow product's,
// and of those longer than a page threads share the columns.
inline bool shares_sums(std::int64_t k, std::int64_t row_bytes) {
    constexpr std::int64_t short_row_bytes = 16, page_bytes = 4096;
    const std::int64_t count = Segments(k).count;
    return count > 1 && row_bytes > short_row_bytes && row_bytes <= page_bytes && count * row_bytes <= most_sum_bytes;
}

}  // namespace glassnet
