// What the engine itself calculates with arrays; all else is done by kernels. Compiled for each family of processors,
// as kernels are, while the engine is compiled once.
#pragma once

#include <cstdint>

namespace glassnet {

// Whether all numbers are finite.
template <class T>
bool all_finite(const T* data, std::int64_t size);

// sum += part, element by element
template <class T>
void add_to(T* sum, const T* part, std::int64_t count);

}  // namespace glassnet
