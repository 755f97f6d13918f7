// A step on one small batch after another, for a loop of the user's own: all that has to be seen before it is seen
// here, in a microsecond, and whatever is not as it was is left to Python.

#include "engine/single_step.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/replay.hpp"
#include "engine/subnormals.hpp"
#include "engine/view.hpp"
#include "math/arrays.hpp"

namespace nb = nanobind;

namespace glassnet {
namespace {

using AnyArray = nb::ndarray<nb::ro, nb::device::cpu, nb::c_contig>;

bool is_as_seen(PyObject* live, PyObject* seen, Py_ssize_t left_out);

// Whether a value is the object that it was; lists, tuples and dicts are looked into. An equal number that is another
// object is for Python to compare.
bool is_same(PyObject* now, PyObject* before) {
    if (now == before) return true;
    if (now == nullptr || Py_TYPE(now) != Py_TYPE(before)) return false;
    if (PyDict_CheckExact(before)) return is_as_seen(now, before, 0);
    const bool is_list = PyList_CheckExact(before);
    if (!is_list && !PyTuple_CheckExact(before)) return false;
    const auto size = is_list ? PyList_Size : PyTuple_Size;
    const auto item = is_list ? PyList_GetItem : PyTuple_GetItem;
    const Py_ssize_t count = size(before);
    if (size(now) != count) return false;
    for (Py_ssize_t i = 0; i < count; ++i)
        if (!is_same(item(now, i), item(before, i))) return false;
    return true;
}

// Whether a dict holds what it held, but for so many keys that were left out.
bool is_as_seen(PyObject* live, PyObject* seen, Py_ssize_t left_out) {
    if (PyDict_Size(live) - left_out != PyDict_Size(seen)) return false;
    PyObject *key, *value;
    for (Py_ssize_t at = 0; PyDict_Next(seen, &at, &key, &value);)
        if (!is_same(PyDict_GetItemWithError(live, key), value)) return false;
    return true;
}

// An array of NumPy's own type, contiguous.
class Given : public View {
public:
    Given(nb::handle object, nb::handle array_type)
        : View(object.ptr(), PyBUF_C_CONTIGUOUS | PyBUF_FORMAT,
               Py_TYPE(object.ptr()) == reinterpret_cast<PyTypeObject*>(array_type.ptr())) {}

    bool has_shape(const std::vector<Py_ssize_t>& wanted) const {
        return is_valid() && axes() == static_cast<int>(wanted.size()) &&
               std::equal(wanted.begin(), wanted.end(), shape());
    }

    template <class From, class To>
    bool copy(To* to) const {
        if (!is_aligned(alignof(From))) return false;
        const auto* const from = reinterpret_cast<const From*>(data());
        for (std::int64_t i = 0; i < bytes() / item(); ++i) to[i] = static_cast<To>(from[i]);
        return true;
    }
};

// What targets have to be like. Labels are whole numbers below that of the classes.
enum Targets { numbers, shares, labels };

class SingleStep {
public:
    SingleStep(Replay& replay, nb::handle array_type, AnyArray x, AnyArray targets, Targets kind, std::int64_t classes,
               AnyArray ahead, std::int64_t first, nb::dict optimizer, std::int64_t look_every)
        : replay_(replay),
          array_type_(nb::borrow(array_type)),
          x_(std::move(x)),
          targets_(std::move(targets)),
          ahead_(std::move(ahead)),
          optimizer_(std::move(optimizer)),
          kind_(kind),
          is_double_(x_.itemsize() == 8),
          classes_(classes),
          first_(first),
          look_every_(look_every) {
        for (std::size_t axis = 0; axis < x_.ndim(); ++axis) shape_.push_back(static_cast<Py_ssize_t>(x_.shape(axis)));
        for (std::size_t axis = 0; axis < targets_.ndim(); ++axis)
            targets_shape_.push_back(static_cast<Py_ssize_t>(targets_.shape(axis)));
    }

    // Until one of these has changed: the attributes of an object, but for some; a single one; one of a class; one of
    // the owner, whose attributes come with each call: kept here, they would keep each other alive.
    void watch(nb::dict live, nb::dict seen, Py_ssize_t left_out) {
        dicts_.push_back({std::move(live), std::move(seen), left_out});
    }
    void expect(nb::dict live, nb::str name) {
        nb::object value = live[name];
        values_.push_back({std::move(live), std::move(name), std::move(value)});
    }
    void expect_of(nb::object holder, nb::str name) {
        nb::object value = holder.attr(name);
        attributes_.push_back({std::move(holder), std::move(name), std::move(value)});
    }
    void expect_of_owner(nb::str name, nb::object value) { owner_.push_back({std::move(name), std::move(value)}); }
    void require_empty(nb::dict dict) { empty_ = std::move(dict); }

    // The loss, or how it ended otherwise; None where nothing was done, and Python has to look.
    nb::object operator()(const nb::dict& owner, nb::handle x, nb::handle y) {
        if (!is_current(owner)) return nb::none();
        PyObject* const counted = PyDict_GetItemWithError(optimizer_.ptr(), steps_.ptr());
        if (counted == nullptr || !PyLong_CheckExact(counted)) return nb::none();
        const std::int64_t before = PyLong_AsLongLong(counted), place = before - first_;
        if (place < 0 || place >= static_cast<std::int64_t>(ahead_.shape(0)) || (before + 1) % look_every_ == 0)
            return nb::none();
        if (!take_inputs(Given(x, array_type_)) || !take_targets(Given(y, array_type_))) return nb::none();
        double loss = 0.0, total = 0.0;
        const auto columns = static_cast<std::int64_t>(ahead_.shape(1));
        Replay::End end;
        {
            const Subnormals subnormals(Subnormals::as_zero);
            end = replay_
                      .run({.before = before,
                            .numbers = static_cast<const double*>(ahead_.data()) + place * columns,
                            .columns = columns,
                            .values = &loss,
                            .totals = &total})
                      .end;
        }
        if (end == Replay::End::done || end == Replay::End::parameters_not_finite)
            optimizer_[steps_] = nb::int_(before + 1);
        if (end == Replay::End::done) return nb::float_(loss);
        return nb::make_tuple(end, loss);
    }

private:
    struct Attributes {
        nb::dict live, seen;
        Py_ssize_t left_out;
    };
    struct Value {
        nb::dict live;
        nb::str name;
        nb::object value;
    };
    struct OfOwner {
        nb::str name;
        nb::object value;
    };
    struct OfClass {
        nb::object holder;
        nb::str name;
        nb::object value;
    };

    bool is_current(const nb::dict& owner) const {
        if (PyDict_Size(empty_.ptr()) != 0) return false;
        for (const auto& [name, value] : owner_)
            if (PyDict_GetItemWithError(owner.ptr(), name.ptr()) != value.ptr()) return false;
        for (const auto& [live, name, value] : values_)
            if (PyDict_GetItemWithError(live.ptr(), name.ptr()) != value.ptr()) return false;
        for (const auto& [live, seen, left_out] : dicts_)
            if (!is_as_seen(live.ptr(), seen.ptr(), left_out)) return false;
        for (const auto& [holder, name, value] : attributes_)
            if (!holder.attr(name).is(value)) return false;
        return true;
    }

    template <class T>
    bool take_inputs_as(const Given& x) {
        T* const to = static_cast<T*>(const_cast<void*>(x_.data()));
        const bool taken = x.format() == 'f' ? x.copy<float>(to) : x.format() == 'd' && x.copy<double>(to);
        return taken && all_finite(to, static_cast<std::int64_t>(x_.size()));
    }
    bool take_inputs(const Given& x) {
        return x.has_shape(shape_) && (is_double_ ? take_inputs_as<double>(x) : take_inputs_as<float>(x));
    }

    template <class T>
    bool take_numbers_as(const Given& y) {
        T* const to = static_cast<T*>(const_cast<void*>(targets_.data()));
        const auto count = static_cast<std::int64_t>(targets_.size());
        if (kind_ == numbers) return y.format() == (is_double_ ? 'd' : 'f') && y.copy<T>(to) && all_finite(to, count);
        const bool taken = y.format() == 'f' ? y.copy<float>(to) : y.format() == 'd' && y.copy<double>(to);
        return taken && std::all_of(to, to + count, [](T share) { return share >= 0 && share <= 1; });
    }
    bool take_targets(const Given& y) {
        if (!y.has_shape(targets_shape_)) return false;
        if (kind_ != labels) return is_double_ ? take_numbers_as<double>(y) : take_numbers_as<float>(y);
        auto* const to = static_cast<std::int64_t*>(const_cast<void*>(targets_.data()));
        const bool taken = y.format() == 'i'                        ? y.copy<std::int32_t>(to)
                           : y.format() == 'l' || y.format() == 'q' ? y.copy<std::int64_t>(to)
                                                                    : false;
        return taken && std::all_of(to, to + targets_.size(), [&](std::int64_t y) { return y >= 0 && y < classes_; });
    }

    Replay& replay_;
    nb::object array_type_;
    AnyArray x_, targets_, ahead_;
    nb::dict optimizer_, empty_;
    nb::str steps_{"steps"};
    Targets kind_;
    bool is_double_;
    std::int64_t classes_, first_, look_every_;
    std::vector<Py_ssize_t> shape_, targets_shape_;
    std::vector<Attributes> dicts_;
    std::vector<Value> values_;
    std::vector<OfClass> attributes_;
    std::vector<OfOwner> owner_;
};

}  // namespace

void bind_single_step(nb::module_& module) {
    nb::class_<SingleStep> single(module, "SingleStep");
    nb::enum_<Targets>(single, "Targets", nb::is_arithmetic())
        .value("NUMBERS", numbers)
        .value("SHARES", shares)
        .value("LABELS", labels);
    single
        .def(nb::init<Replay&, nb::handle, AnyArray, AnyArray, Targets, std::int64_t, AnyArray, std::int64_t, nb::dict,
                      std::int64_t>(),
             nb::kw_only(), nb::arg("replay"), nb::arg("array_type"), nb::arg("x"), nb::arg("targets"), nb::arg("kind"),
             nb::arg("classes"), nb::arg("ahead"), nb::arg("first"), nb::arg("optimizer"), nb::arg("look_every"),
             nb::keep_alive<1, 2>())
        .def("watch", &SingleStep::watch, nb::arg("live"), nb::arg("seen"), nb::arg("left_out"))
        .def("expect", &SingleStep::expect, nb::arg("live"), nb::arg("name"))
        .def("expect_of", &SingleStep::expect_of, nb::arg("holder"), nb::arg("name"))
        .def("expect_of_owner", &SingleStep::expect_of_owner, nb::arg("name"), nb::arg("value").none())
        .def("require_empty", &SingleStep::require_empty, nb::arg("dict"))
        .def("__call__", &SingleStep::operator(), nb::arg("owner"), nb::arg("x"), nb::arg("y"));
}

}  // namespace glassnet
