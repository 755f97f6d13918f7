// The arrays of a native kernel as they come from outside.
#pragma once

#include <cstdint>

namespace glassnet {

constexpr int most_axes = 4;
constexpr std::int64_t alignment = 64;  // of arrays in an arena: a cache line

// One array: contiguous in C order. `data` is null where the NumPy twin takes None.
struct Operand {
    void* data = nullptr;
    std::int64_t shape[most_axes] = {1, 1, 1, 1};
    int rank = 0;
    std::int64_t first = 0;  // the place along axis 0 of the whole array where this part of it begins

    std::int64_t whole_rows = 0;  // of the array that this is a part of; 0 where it is none

    std::int64_t row_bytes = 0;  // distance of its rows along axis 0

    bool adds = false;  // a sum over rows is to be added to what is there

    template <class T>
    T* as() const {
        return static_cast<T*>(data);
    }

    // The product of axes from .. to − 1
    std::int64_t product(int from, int to) const {
        std::int64_t product = 1;
        for (int axis = from; axis < to; ++axis) product *= shape[axis];
        return product;
    }

    std::int64_t size() const { return product(0, rank); }
    std::int64_t rows() const { return shape[0]; }
    std::int64_t all_rows() const { return whole_rows != 0 ? whole_rows : shape[0]; }
    std::int64_t row_size() const { return product(1, rank); }

    // The share of indices from .. to − 1 when axis 0 is divided into `length` equal parts.
    Operand part(std::int64_t from, std::int64_t to, std::int64_t length) const {
        Operand result = *this;
        const std::int64_t each = shape[0] / length;
        result.data = as<char>() + from * each * row_bytes;
        result.shape[0] = (to - from) * each;
        result.first = first + from * each;
        result.whole_rows = all_rows();
        return result;
    }
};

}  // namespace glassnet
