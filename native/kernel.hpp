// What every native kernel looks like from outside: a function on arrays that are given, without state.
//
// A kernel has the name and the arguments of its NumPy twin in src/glassnet/kernels. Its arrays come as Operands in the
// order of the twin's positional arguments, its keyword-only numbers as doubles in the order of their declaration.
#pragma once

#include <cstdint>
#include <span>

namespace glassnet {

// One array: contiguous in C order. `data` is null where the NumPy twin takes None.
struct Operand {
    void* data = nullptr;
    std::int64_t shape[4] = {1, 1, 1, 1};
    int rank = 0;
    std::int64_t first = 0;  // the place along axis 0 of the whole array where this part of it begins

    std::int64_t row_bytes = 0;  // distance of its rows along axis 0

    bool adds = false;  // a sum over rows is to be added to what is there

    template <class T>
    T* as() const {
        return static_cast<T*>(data);
    }

    std::int64_t size() const {
        std::int64_t product = 1;
        for (int axis = 0; axis < rank; ++axis) product *= shape[axis];
        return product;
    }

    std::int64_t rows() const { return shape[0]; }

    // The share of indices from .. to − 1 when axis 0 is divided into `length` equal parts.
    Operand part(std::int64_t from, std::int64_t to, std::int64_t length) const {
        Operand result = *this;
        const std::int64_t each = shape[0] / length;
        result.data = as<char>() + from * each * row_bytes;
        result.shape[0] = (to - from) * each;
        result.first = first + from * each;
        return result;
    }

    // Elements in one row: the product of all axes but the first.
    std::int64_t row_size() const {
        std::int64_t product = 1;
        for (int axis = 1; axis < rank; ++axis) product *= shape[axis];
        return product;
    }
};

using KernelFunction = void (*)(const Operand* operands, const double* settings);

struct KernelEntry {
    const char* name;
    KernelFunction float32;
    KernelFunction float64;
};

// The kernels of each family; native/kernels/FAMILY.cpp defines its table.
std::span<const KernelEntry> activation_kernels();
std::span<const KernelEntry> augment_kernels();
std::span<const KernelEntry> average_pool_kernels();
std::span<const KernelEntry> combine_kernels();
std::span<const KernelEntry> conv_kernels();
std::span<const KernelEntry> dense_kernels();
std::span<const KernelEntry> dropout_kernels();
std::span<const KernelEntry> embedding_kernels();
std::span<const KernelEntry> folded_kernels();
std::span<const KernelEntry> loss_kernels();
std::span<const KernelEntry> max_pool_kernels();
std::span<const KernelEntry> merge_kernels();
std::span<const KernelEntry> norm_kernels();
std::span<const KernelEntry> piece_kernels();
std::span<const KernelEntry> resize_kernels();
std::span<const KernelEntry> scale_kernels();
std::span<const KernelEntry> softmax_kernels();
std::span<const KernelEntry> update_kernels();

}  // namespace glassnet
