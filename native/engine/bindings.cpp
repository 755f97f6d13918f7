// What the Python module holds: programs, and single kernels for tests.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "engine/forward.hpp"
#include "engine/interpreter.hpp"
#include "engine/replay.hpp"
#include "engine/single_step.hpp"
#include "engine/subnormals.hpp"
#include "engine/view.hpp"
#include "math/arrays.hpp"
#include "math/permutation.hpp"
#include "products/segments.hpp"

namespace nb = nanobind;
using namespace glassnet;

namespace glassnet {
void bind(nb::module_& module);
}

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
    if (array->ndim() > most_axes)
        throw std::invalid_argument("an array of more than " + std::to_string(most_axes) + " axes");
    result.data = const_cast<void*>(array->data());
    result.rank = static_cast<int>(array->ndim());
    for (int axis = 0; axis < result.rank; ++axis) result.shape[axis] = static_cast<std::int64_t>(array->shape(axis));
    result.row_bytes = result.row_size() * static_cast<std::int64_t>(array->itemsize());
    return result;
}

std::vector<Operand> operands(const std::vector<std::optional<AnyArray>>& arrays) {
    std::vector<Operand> result;
    result.reserve(arrays.size());
    for (const auto& array : arrays) result.push_back(operand(array));
    return result;
}

// One call; operands marked in `cut` are divided into `length` parts, of which it gets start .. stop − 1. Sums marked
// in `adds` are added to what is there.
void call(const std::string& kernel, bool is_double, const std::vector<std::optional<AnyArray>>& arrays,
          const std::vector<double>& settings, const std::vector<bool>& cut, std::int64_t length, std::int64_t start,
          std::int64_t stop, const std::vector<bool>& adds) {
    const auto function = kernel_for(kernel, arrays.size(), settings.size()).of(is_double);
    auto given = operands(arrays);
    for (std::size_t i = 0; i < cut.size(); ++i)
        if (cut[i] && given.at(i).data != nullptr) given[i] = given[i].part(start, stop, length);
    for (std::size_t i = 0; i < adds.size(); ++i) given.at(i).adds = adds[i];
    const Subnormals subnormals(Subnormals::as_zero);
    function(given.data(), settings.data());
}

template <class T>
T* address(const std::optional<AnyArray>& array) {
    if (!array) return nullptr;
    require_contiguous(*array);
    return static_cast<T*>(const_cast<void*>(array->data()));
}

Replay::Outcome carry_out(Replay& replay, const Replay::Span& span) {
    const WithoutInterpreter left;
    const Subnormals subnormals(Subnormals::as_zero);
    return replay.run(span);
}

// A single step that nobody looks at.
Replay::End step(Replay& replay, std::int64_t before, const AnyArray& numbers, AnyArray loss, AnyArray total) {
    return carry_out(replay, {.before = before,
                              .numbers = address<double>(numbers),
                              .columns = static_cast<std::int64_t>(numbers.shape(1)),
                              .values = address<double>(loss),
                              .totals = address<double>(total)})
        .end;
}

// As many steps as there are losses; see Replay::Span.
std::tuple<std::int64_t, Replay::End> run(Replay& replay, std::int64_t epoch, std::int64_t first, std::int64_t before,
                                          const std::optional<AnyArray>& orders, const AnyArray& numbers,
                                          const AnyArray& losses, const AnyArray& totals,
                                          const std::optional<AnyArray>& collected,
                                          const std::vector<std::tuple<AnyArray, AnyArray>>& seen,
                                          const std::optional<AnyArray>& which) {
    Replay::Span span{.steps = static_cast<std::int64_t>(losses.size()),
                      .epoch = epoch,
                      .first = first,
                      .before = before,
                      .orders = address<std::int64_t>(orders),
                      .numbers = address<double>(numbers),
                      .columns = static_cast<std::int64_t>(numbers.shape(1)),
                      .values = address<double>(losses),
                      .totals = address<double>(totals),
                      .collected = address<char>(collected),
                      .which = address<std::int64_t>(which)};
    span.seen.reserve(seen.size());
    for (const auto& [rows, resting] : seen)
        span.seen.push_back({address<char>(rows), operand(rows).row_bytes, address<double>(resting),
                             static_cast<std::int64_t>(resting.shape(1))});
    const auto outcome = carry_out(replay, span);
    return {outcome.steps, outcome.end};
}

// See Replay::run_each. Losses and totals are (models, steps).
std::vector<bool> run_each(Replay& replay, const std::vector<AnyArray>& live,
                           const std::vector<std::vector<AnyArray>>& models,
                           const std::vector<std::optional<AnyArray>>& orders, const std::vector<AnyArray>& numbers,
                           const AnyArray& losses, const AnyArray& totals) {
    const std::size_t count = models.size();
    const auto steps = static_cast<std::int64_t>(losses.shape(1));
    if (orders.size() != count || numbers.size() != count || losses.shape(0) != count || totals.size() != losses.size())
        throw std::invalid_argument("orders, numbers, losses and totals for each model");
    std::vector<Abreast::Array> own;
    own.reserve(live.size());
    for (const AnyArray& array : live)
        own.push_back({address<char>(array), static_cast<std::int64_t>(array.nbytes()),
                       static_cast<std::int64_t>(array.itemsize())});
    std::vector<char*> theirs;
    theirs.reserve(count * live.size());
    std::vector<Replay::Training> trainings;
    for (std::size_t k = 0; k < count; ++k) {
        if (models[k].size() != live.size()) throw std::invalid_argument("as many arrays of each model as are live");
        for (std::size_t i = 0; i < live.size(); ++i) {
            if (models[k][i].nbytes() != live[i].nbytes()) throw std::invalid_argument("an array of another size");
            theirs.push_back(address<char>(models[k][i]));
        }
        if (static_cast<std::int64_t>(numbers[k].shape(0)) != steps)
            throw std::invalid_argument("numbers for each step");
        trainings.push_back({theirs.data() + k * live.size(),
                             {.steps = steps,
                              .orders = address<std::int64_t>(orders[k]),
                              .numbers = address<double>(numbers[k]),
                              .columns = static_cast<std::int64_t>(numbers[k].shape(1)),
                              .values = address<double>(losses) + static_cast<std::int64_t>(k) * steps,
                              .totals = address<double>(totals) + static_cast<std::int64_t>(k) * steps}});
    }
    const WithoutInterpreter left;
    const Subnormals subnormals(Subnormals::as_zero);
    return replay.run_each(own, trainings);
}

// Whether it is an array of rows like those of `buffer`.
bool is_like(const View& view, const Operand& buffer, char format) {
    if (view.format() != format || view.axes() != buffer.rank || view.rows() == 0) return false;
    for (int axis = 1; axis < buffer.rank; ++axis)
        if (view.shape()[axis] != buffer.shape[axis]) return false;
    return view.is_aligned(view.item());
}

// Whether it is a step of rows like those of `buffer` (N, 1, ...): without the axis of the step, and of a single row
// also without that of the rows.
bool is_step_of(const View& view, const Operand& buffer, char format) {
    if (view.format() != format) return false;
    const int without = buffer.rank - view.axes();
    if (without != 1 && !(without == 2 && buffer.shape[0] == 1)) return false;
    if (without == 1 && view.shape()[0] != buffer.shape[0]) return false;
    for (int axis = 2; axis < buffer.rank; ++axis)
        if (view.shape()[axis - without] != buffer.shape[axis]) return false;
    return view.is_aligned(view.item());
}

// Whether it has as many numbers as `buffer`.
bool holds(const View& view, const Operand& buffer, char format) {
    return view.format() == format && view.bytes() == buffer.row_bytes * buffer.rows();
}

// Fills y with the outputs of x. False where x is not what the program reads as it is: the caller knows why.
// `lengths` are those of the rows, whole numbers from 1 to T that the caller has checked, or none.
bool predict(Forward& forward, nb::handle x, nb::handle y, int threads, std::optional<AnyArray> lengths) {
    if (lengths.has_value() != forward.wants_lengths()) return false;
    const View inputs(x.ptr(), PyBUF_C_CONTIGUOUS | PyBUF_FORMAT),
        outputs(y.ptr(), PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE);
    const char format = forward.is_double() ? 'd' : 'f';
    if (!is_like(inputs, forward.input(), format) || !is_like(outputs, forward.output(), format) ||
        inputs.rows() != outputs.rows())
        return false;
    const bool is_finite = forward.is_double()
                               ? all_finite(reinterpret_cast<const double*>(inputs.data()), inputs.bytes() / 8)
                               : all_finite(reinterpret_cast<const float*>(inputs.data()), inputs.bytes() / 4);
    if (!is_finite) return false;
    if (lengths && static_cast<std::int64_t>(lengths->size()) != inputs.rows()) return false;
    const char* const counts = address<char>(lengths);
    const WithoutInterpreter left;
    const Subnormals subnormals(Subnormals::as_zero);
    forward.run(inputs.data(), counts, outputs.data(), inputs.rows(), threads);
    return true;
}

// Fills y with the outputs of a step x of a stream, of all its rows. False where x is not read as it is, as above. The
// interpreter waits: a step takes less time than to leave it and come back.
bool advance(Forward& forward, nb::handle x, nb::handle y) {
    const View inputs(x.ptr(), PyBUF_C_CONTIGUOUS | PyBUF_FORMAT),
        outputs(y.ptr(), PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE);
    const char format = forward.is_double() ? 'd' : 'f';
    const Operand &from = forward.input(), &to = forward.output();
    if (!is_step_of(inputs, from, format) || !holds(outputs, to, format)) return false;
    const bool is_finite = forward.is_double() ? all_finite(reinterpret_cast<const double*>(inputs.data()), from.size())
                                               : all_finite(reinterpret_cast<const float*>(inputs.data()), from.size());
    if (!is_finite) return false;
    const Subnormals subnormals(Subnormals::as_zero);
    forward.run(inputs.data(), nullptr, outputs.data(), from.rows(), 1);
    return true;
}

// Each row of `orders` in the order of NumPy's default_rng(SeedSequence([*entropy, first + its number])).permutation.
void permutations(std::vector<std::uint32_t> entropy, std::uint32_t first, AnyArray orders) {
    const auto given = operand(orders);
    const WithoutInterpreter left;
    entropy.push_back(first);
    for (std::int64_t row = 0; row < given.rows(); ++row, ++entropy.back())
        permutation(entropy, given.row_size(), given.as<std::int64_t>() + row * given.row_size());
}

}  // namespace

void glassnet::bind(nb::module_& module) {
    // What daemon threads work on is still there when the program ends, and nothing to report.
    nb::set_leak_warnings(false);
    module.doc() = "Compiled kernels and programs; use them through glassnet.runners.";
    module.def("has_kernel", &has_kernel, nb::arg("name"));
    module.def("call", &call, nb::arg("kernel"), nb::arg("is_double"), nb::arg("arrays"), nb::arg("settings"),
               nb::arg("cut") = std::vector<bool>{}, nb::arg("length") = 1, nb::arg("start") = 0, nb::arg("stop") = 1,
               nb::arg("adds") = std::vector<bool>{});
    module.def("permutations", &permutations, nb::arg("entropy"), nb::arg("first"), nb::arg("orders"));
    module.attr("MOST_AXES") = most_axes;
    module.attr("ALIGNMENT") = alignment;
    module.attr("ABREAST") = abreast;
    nb::class_<Program> program(module, "Program");
    nb::enum_<Program::Share>(program, "Share", nb::is_arithmetic())
        .value("WHOLE", Program::whole)
        .value("CUT", Program::cut)
        .value("BY_PIECE", Program::by_piece);
    program.def(nb::init<bool, std::int64_t>(), nb::arg("is_double"), nb::arg("batch_rows"))
        .def("stage", &Program::stage, nb::arg("is_parallel"))
        .def("group", &Program::group, nb::arg("extent"), nb::arg("size"))
        .def(
            "add",
            [](Program& program, const std::string& kernel, const std::vector<std::optional<AnyArray>>& arrays,
               const std::vector<int>& shares, std::int64_t origin, std::int64_t length,
               const std::vector<double>& settings, const std::vector<std::int64_t>& columns) {
                program.add(kernel, operands(arrays), shares, origin, length, settings, columns);
            },
            nb::arg("kernel"), nb::arg("arrays"), nb::arg("shares"), nb::arg("origin"), nb::arg("length"),
            nb::arg("settings"), nb::arg("columns"))
        .def(
            "add_callback",
            [](Program& program, nb::object function) {
                // Destroyed and called with the GIL held; an error stays set in Python until run() has returned.
                auto held = std::shared_ptr<nb::object>(new nb::object(std::move(function)), [](nb::object* object) {
                    const WithInterpreter entered;
                    delete object;
                });
                program.add_callback([held] {
                    const Subnormals subnormals(Subnormals::as_numbers);
                    const WithInterpreter entered;
                    return returns_true(held->ptr());
                });
            },
            nb::arg("function"))
        .def(
            "add_gather",
            [](Program& program, AnyArray rows, AnyArray buffer) {
                const auto from = operand(rows), to = operand(buffer);
                if (from.row_bytes < to.row_bytes) throw std::invalid_argument("rows of another size");
                program.add_gather(from.as<char>(), to, from.row_bytes);
            },
            nb::arg("rows"), nb::arg("buffer"))
        .def(
            "add_collect",
            [](Program& program, AnyArray outputs, std::int64_t row_bytes) {
                const auto given = operand(outputs);
                if (row_bytes < given.row_bytes) throw std::invalid_argument("outputs of another size");
                program.add_collect(given, row_bytes);
            },
            nb::arg("outputs"), nb::arg("row_bytes"))
        .def(
            "watch",
            [](Program& program, AnyArray value, AnyArray total) {
                program.watch(address<double>(value), address<double>(total));
            },
            nb::arg("value"), nb::arg("total"))
        .def("finish", &Program::finish)
        .def(
            "rebind",
            [](Program& program, const std::vector<std::tuple<std::uintptr_t, std::uintptr_t, std::uintptr_t>>& moved,
               const std::vector<std::int64_t>& columns) {
                std::vector<Program::Moved> stretches;
                stretches.reserve(moved.size());
                for (const auto& [from, until, to] : moved)
                    stretches.push_back({reinterpret_cast<const char*>(from), reinterpret_cast<const char*>(until),
                                         reinterpret_cast<const char*>(to)});
                program.rebind(stretches, columns);
            },
            nb::arg("moved"), nb::arg("columns"));
    nb::class_<Look>(module, "Look")
        .def(nb::init<bool>(), nb::arg("is_double"))
        .def(
            "take",
            [](Look& look, AnyArray array, AnyArray places, std::int64_t start, bool before) {
                look.take(address<void>(array), address<std::int64_t>(places), static_cast<std::int64_t>(places.size()),
                          start, before);
            },
            nb::arg("array"), nb::arg("places"), nb::arg("start"), nb::arg("before"))
        .def("units", [](Look& look, AnyArray y) { look.units(operand(y)); }, nb::arg("y"));
    nb::class_<Replay> replay(module, "Replay");
    nb::enum_<Replay::End>(replay, "End", nb::is_arithmetic())
        .value("DONE", Replay::End::done)
        .value("DIVERGED", Replay::End::diverged)
        .value("FAILED", Replay::End::failed)
        .value("PARAMETERS_NOT_FINITE", Replay::End::parameters_not_finite);
    replay
        .def(nb::init<std::vector<Program*>, std::int64_t, Program*, int>(), nb::arg("full"), nb::arg("full_steps"),
             nb::arg("rest").none(), nb::arg("threads"), nb::keep_alive<1, 4>())
        .def(
            "keep",
            [](Replay& replay, AnyArray live, AnyArray even, AnyArray odd) {
                replay.keep({address<char>(live), {address<char>(even), address<char>(odd)}, live.nbytes()});
            },
            nb::arg("live"), nb::arg("even"), nb::arg("odd"))
        .def("watched", &Replay::watched, nb::arg("full"), nb::arg("rest").none(), nb::keep_alive<1, 3>())
        .def("look", &Replay::look, nb::arg("full"), nb::arg("rest").none(), nb::arg("every"), nb::keep_alive<1, 3>())
        .def(
            "parameters",
            [](Replay& replay, AnyArray array) {
                replay.parameters(address<void>(array), static_cast<std::int64_t>(array.size()));
            },
            nb::arg("array"))
        .def("step", &step, nb::arg("before"), nb::arg("numbers"), nb::arg("loss"), nb::arg("total"))
        .def("run", &run, nb::kw_only(), nb::arg("epoch"), nb::arg("first"), nb::arg("before"),
             nb::arg("orders").none(), nb::arg("numbers"), nb::arg("losses"), nb::arg("totals"),
             nb::arg("collected").none(), nb::arg("seen"), nb::arg("which").none() = nb::none())
        .def("run_each", &run_each, nb::kw_only(), nb::arg("live"), nb::arg("models"), nb::arg("orders"),
             nb::arg("numbers"), nb::arg("losses"), nb::arg("totals"))
        .def_prop_ro("trained_abreast", &Replay::trained_abreast);
    bind_single_step(module);
    nb::class_<Forward> forward(module, "Forward");
    nb::enum_<Forward::Share>(forward, "Share", nb::is_arithmetic())
        .value("WHOLE", Forward::whole)
        .value("PLANES", Forward::planes)
        .value("WEIGHTS", Forward::weights)
        .value("COLUMNS", Forward::columns)
        .value("SUMMANDS", Forward::summands);
    forward.def_static("shares_sums", &shares_sums, nb::arg("summands"), nb::arg("row_bytes"));
    forward
        .def(
            "__init__",
            [](Forward* forward, bool is_double, std::int64_t tile, AnyArray arena) {
                new (forward) Forward(is_double, tile, address<char>(arena), static_cast<std::int64_t>(arena.nbytes()));
            },
            nb::arg("is_double"), nb::arg("tile"), nb::arg("arena"))
        .def(
            "add",
            [](Forward& forward, const std::string& kernel, const std::vector<std::optional<AnyArray>>& arrays,
               const std::vector<bool>& cut,
               const std::vector<double>& settings) { forward.add(kernel, operands(arrays), cut, settings); },
            nb::arg("kernel"), nb::arg("arrays"), nb::arg("cut"), nb::arg("settings"))
        .def("divide", &Forward::divide, nb::arg("shares"), nb::arg("channels"), nb::arg("waits"))
        .def(
            "input", [](Forward& forward, AnyArray buffer) { forward.input(operand(buffer)); }, nb::arg("buffer"))
        .def(
            "output", [](Forward& forward, AnyArray buffer) { forward.output(operand(buffer)); }, nb::arg("buffer"))
        .def(
            "lengths", [](Forward& forward, AnyArray buffer) { forward.lengths(operand(buffer)); }, nb::arg("buffer"))
        .def("predict", &predict, nb::arg("x"), nb::arg("y"), nb::arg("threads"), nb::arg("lengths") = nb::none())
        .def("advance", &advance, nb::arg("x"), nb::arg("y"));
}
