// What the kernels for images share.
#pragma once

#include "engine/kernel.hpp"

namespace glassnet {

// The channels of all images of a call: (planes, height, width).
struct Images {
    std::int64_t planes, height, width;

    explicit Images(const Operand& x) : planes(x.shape[0] * x.shape[1]), height(x.shape[2]), width(x.shape[3]) {}
    std::int64_t size() const { return height * width; }
};

}  // namespace glassnet
