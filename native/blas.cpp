#include "blas.hpp"

#include <dlfcn.h>

#include <mutex>
#include <new>
#include <stdexcept>

namespace glassnet::blas {
namespace {

// Of the CBLAS interface: https://www.netlib.org/blas/#_cblas
constexpr int row_major = 101, plain = 111, transposed = 112;

constexpr std::size_t bytes_of_work_space = std::size_t{128} << 20;

template <class T>
using Gemm = void (*)(int, int, int, int, int, int, T, const T*, int, const T*, int, T, T*, int);

Gemm<float> sgemm = nullptr;
Gemm<double> dgemm = nullptr;

template <class Function>
Function find(void* library, const char* name) {
    void* address = dlsym(library, name);
    if (address == nullptr) throw std::runtime_error(std::string("the BLAS library has no function ") + name);
    return reinterpret_cast<Function>(address);
}

std::string library_path;
std::once_flag is_loaded;

// At the first product that wants it: loading takes time and memory, and starts the library's threads.
void load() {
    void* library = dlopen(library_path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error("the BLAS library cannot be loaded: " + std::string(dlerror()));
    // The threads of a program are its own; the library's would get in their way.
    find<void (*)(int)>(library, "scipy_openblas_set_num_threads")(1);
    dgemm = find<Gemm<double>>(library, "scipy_cblas_dgemm");
    sgemm = find<Gemm<float>>(library, "scipy_cblas_sgemm");
    // The library ends the process where it cannot have its work space, which it takes at the first product.
    ::operator delete(::operator new(bytes_of_work_space));
    const float one = 1;
    float product = 0;
    sgemm(row_major, plain, plain, 1, 1, 1, 1, &one, 1, &one, 1, 0, &product, 1);
}

template <class T>
Gemm<T> gemm();
template <>
Gemm<float> gemm() {
    return sgemm;
}
template <>
Gemm<double> gemm() {
    return dgemm;
}

}  // namespace

void set_library(const std::string& path) { library_path = path; }

void prepare() { std::call_once(is_loaded, load); }

template <class T>
void multiply(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const T* a,
              std::int64_t a_row, const T* b, std::int64_t b_row, T keep, T* c, std::int64_t c_row) {
    if (m == 0 || n == 0) return;
    const auto leading = [](std::int64_t columns) { return static_cast<int>(columns > 0 ? columns : 1); };
    gemm<T>()(row_major, transpose_a ? transposed : plain, transpose_b ? transposed : plain, static_cast<int>(m),
              static_cast<int>(n), static_cast<int>(k), T(1), a, leading(a_row), b, leading(b_row), keep, c,
              leading(c_row));
}

template void multiply<float>(bool, bool, std::int64_t, std::int64_t, std::int64_t, const float*, std::int64_t,
                              const float*, std::int64_t, float, float*, std::int64_t);
template void multiply<double>(bool, bool, std::int64_t, std::int64_t, std::int64_t, const double*, std::int64_t,
                               const double*, std::int64_t, double, double*, std::int64_t);

}  // namespace glassnet::blas
