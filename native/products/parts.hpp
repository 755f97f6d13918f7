// How many rows or columns at a time.
#pragma once

#include <cstdint>

namespace glassnet {

// `total` in as few parts as `most` allows, whose sizes differ by one at most.
struct Parts {
    std::int64_t count, size, longer;

    Parts(std::int64_t total, std::int64_t most) : count(1), size(total), longer(0) {
        if (total <= most) return;
        count = (total + most - 1) / most;
        size = total / count;
        longer = total % count;
    }
    std::int64_t operator[](std::int64_t part) const { return size + (part < longer); }
};

}  // namespace glassnet
