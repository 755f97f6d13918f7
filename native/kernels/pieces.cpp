// Twin of src/glassnet/kernels/pieces.py: sums that were made piece by piece.

#include "../kernel.hpp"
#include "../reduce.hpp"

#include <algorithm>

namespace glassnet {
namespace {

// `whole` may be some of the elements, beginning with the one that `first` says.
template <class T>
void add_pieces(const Operand* o, const double*) {
    const Operand &parts = o[0], &whole = o[1];
    const std::int64_t size = whole.size(), of_part = parts.row_size();
    const T* part = parts.as<T>() + whole.first;
    T* const sum = whole.as<T>();
    std::copy_n(part, size, sum);
    const auto plus = [](T a, T b, T& to) { to = a + b; };
    for (std::int64_t p = 1; p < parts.rows(); ++p) for_cheap_elements(size, plus, sum, part += of_part, sum);
}

// Sums may be of another dtype than the network's.
void add_pieces_of_any_dtype(const Operand* o, const double* settings) {
    const bool is_double = o[0].row_bytes == o[0].row_size() * std::int64_t{sizeof(double)};
    (is_double ? add_pieces<double> : add_pieces<float>)(o, settings);
}

constexpr KernelEntry entries[] = {{"add_pieces", add_pieces_of_any_dtype, add_pieces_of_any_dtype}};

}  // namespace

std::span<const KernelEntry> piece_kernels() { return entries; }

}  // namespace glassnet
