// Twin of src/glassnet/kernels/pieces.py: sums that were made piece by piece.

#include "engine/kernel.hpp"
#include "math/reduce.hpp"

#include <algorithm>

namespace glassnet {
namespace {

// `whole` may be some of the elements, beginning with the one that `first` says.
template <class T>
void add_up(const Operand& parts, const Operand& whole) {
    const int64_t size = whole.size(), of_part = parts.row_size();
    const T* part = parts.as<T>() + whole.first;
    T* const sum = whole.as<T>();
    std::copy_n(part, size, sum);
    const auto plus = [](T a, T b, T& to) { to = a + b; };
    for (int64_t p = 1; p < parts.rows(); ++p) for_cheap_elements(size, plus, sum, part += of_part, sum);
}

// Sums may be of another dtype than the network's.
template <class T>
void add_pieces(In<T> parts, Out<T> whole) {
    const bool is_double = parts.operand.row_bytes == parts.row_size() * int64_t{sizeof(double)};
    (is_double ? add_up<double> : add_up<float>)(parts, whole);
}
GLASSNET_KERNEL(add_pieces);

}  // namespace
}  // namespace glassnet
