// The Python module glassnet._native: programs, and single kernels for tests.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <optional>
#include <tuple>

#include "blas.hpp"
#include "program.hpp"

namespace nb = nanobind;
using namespace glassnet;

namespace {

using AnyArray = nb::ndarray<nb::ro, nb::device::cpu>;

// A constraint on the type would let the binding copy a strided array, and what is written would go into the copy.
void require_contiguous(const AnyArray& array) {
    if (array.size() == 0) return;  // strides of an empty array say nothing
    std::int64_t expected = 1;
    for (std::size_t axis = array.ndim(); axis-- > 0;) {
        if (array.shape(axis) != 1 && array.stride(axis) != expected)
            throw std::invalid_argument("an array that is not contiguous in C order");
        expected *= static_cast<std::int64_t>(array.shape(axis));
    }
}

// Python has checked dtypes and writability.
Operand operand(const std::optional<AnyArray>& array) {
    Operand result;
    if (!array) return result;
    require_contiguous(*array);
    if (array->ndim() > 4) throw std::invalid_argument("an array of more than 4 axes");
    result.data = const_cast<void*>(array->data());
    result.rank = static_cast<int>(array->ndim());
    for (int axis = 0; axis < result.rank; ++axis) result.shape[axis] = static_cast<std::int64_t>(array->shape(axis));
    return result;
}

std::vector<Operand> operands(const std::vector<std::optional<AnyArray>>& arrays) {
    std::vector<Operand> result;
    for (const auto& array : arrays) result.push_back(operand(array));
    return result;
}

void call(const std::string& kernel, bool is_double, const std::vector<std::optional<AnyArray>>& arrays,
          const std::vector<double>& settings) {
    const KernelEntry* entry = find_kernel(kernel);
    if (entry == nullptr) throw std::invalid_argument("no native kernel " + kernel);
    (is_double ? entry->float64 : entry->float32)(operands(arrays).data(), settings.data());
}

std::int64_t row_bytes(const AnyArray& array) {
    return array.shape(0) == 0 ? 0 : static_cast<std::int64_t>(array.nbytes() / array.shape(0));
}

std::tuple<std::int64_t, bool, bool> run(Program& program, std::int64_t steps, std::optional<AnyArray> order,
                                         std::int64_t first, AnyArray numbers, AnyArray total, AnyArray totals,
                                         AnyArray values, std::optional<AnyArray> collected) {
    for (const AnyArray* array : {&numbers, &total, &totals, &values}) require_contiguous(*array);
    if (order) require_contiguous(*order);
    if (collected) require_contiguous(*collected);
    nb::gil_scoped_release release;
    const auto outcome =
        program.run(steps, order ? static_cast<const std::int64_t*>(order->data()) : nullptr, first,
                    static_cast<const double*>(numbers.data()), static_cast<std::int64_t>(numbers.shape(1)),
                    static_cast<const double*>(total.data()), static_cast<double*>(const_cast<void*>(totals.data())),
                    static_cast<double*>(const_cast<void*>(values.data())),
                    collected ? static_cast<char*>(const_cast<void*>(collected->data())) : nullptr);
    return {outcome.steps, outcome.diverged, outcome.failed};
}

// The variant for this processor, of those that CMakeLists.txt builds.
std::string best_variant() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("x86-64-v4")) return "_native_avx512";
    if (__builtin_cpu_supports("x86-64-v3")) return "_native_avx2";
#endif
    return "_native";
}

}  // namespace

NB_MODULE(GLASSNET_MODULE, module) {
    module.def("best_variant", &best_variant);
    module.doc() = "Compiled kernels and programs; use them through glassnet.runners.";
    module.def("load_blas", &blas::load, nb::arg("path"));
    module.def("has_kernel", [](const std::string& name) { return find_kernel(name) != nullptr; }, nb::arg("name"));
    module.def("call", &call, nb::arg("kernel"), nb::arg("is_double"), nb::arg("arrays"), nb::arg("settings"));
    nb::class_<Program>(module, "Program")
        .def(nb::init<bool, std::int64_t>(), nb::arg("is_double"), nb::arg("batch_rows"))
        .def(
            "add",
            [](Program& program, const std::string& kernel, const std::vector<std::optional<AnyArray>>& arrays,
               const std::vector<double>& settings, const std::vector<std::int64_t>& columns) {
                program.add(kernel, operands(arrays), settings, columns);
            },
            nb::arg("kernel"), nb::arg("arrays"), nb::arg("settings"), nb::arg("columns"))
        .def(
            "add_callback",
            [](Program& program, nb::object function) {
                // Destroyed and called with the GIL held; an error stays set in Python until run() has returned.
                auto held = std::shared_ptr<nb::object>(new nb::object(std::move(function)), [](nb::object* object) {
                    nb::gil_scoped_acquire acquire;
                    delete object;
                });
                program.add_callback([held] {
                    nb::gil_scoped_acquire acquire;
                    return nb::cast<bool>((*held)());
                });
            },
            nb::arg("function"))
        .def("watch", [](Program& program, AnyArray value) { program.watch(static_cast<const double*>(value.data())); },
             nb::arg("value"))
        .def(
            "gather",
            [](Program& program, AnyArray rows, AnyArray buffer) {
                require_contiguous(rows);
                require_contiguous(buffer);
                if (row_bytes(rows) != row_bytes(buffer)) throw std::invalid_argument("rows of another size");
                program.gather({static_cast<const char*>(rows.data()),
                                static_cast<char*>(const_cast<void*>(buffer.data())), row_bytes(buffer)});
            },
            nb::arg("rows"), nb::arg("buffer"))
        .def(
            "collect",
            [](Program& program, AnyArray buffer) {
                require_contiguous(buffer);
                program.collect(static_cast<const char*>(buffer.data()), row_bytes(buffer));
            },
            nb::arg("buffer"))
        .def("run", &run, nb::arg("steps"), nb::arg("order").none(), nb::arg("first"), nb::arg("numbers"),
             nb::arg("total"), nb::arg("totals"), nb::arg("values"), nb::arg("collected").none());
}
