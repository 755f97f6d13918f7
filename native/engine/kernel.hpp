// What every native kernel looks like: a function template without state, and one line that registers it.
//
//     template <class T>
//     void scale_forward(In<T> x, In<T> gamma, In<T> beta, Out<T> y) { ... }
//     GLASSNET_KERNEL(scale_forward);
//
// A kernel has the name of its NumPy twin in src/glassnet/kernels, and its parameters: the arrays in the order of the
// twin's positional arguments, then its keyword-only numbers. The network's dtype is T; an array whose dtype does not
// depend on it says its own, such as In<std::int64_t>. How the parameters come out of operands and settings is deduced
// from the function's type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>

#include "engine/operand.hpp"

namespace glassnet {

// An array of elements E: a pointer to them, and a shape.
template <class E>
struct Array {
    E* data;
    const Operand& operand;

    Array(const Operand& operand) : data(operand.as<std::remove_const_t<E>>()), operand(operand) {}

    operator E*() const { return data; }
    operator const Operand&() const { return operand; }
    std::int64_t size() const { return operand.size(); }
    std::int64_t rows() const { return operand.rows(); }
    std::int64_t row_size() const { return operand.row_size(); }
    std::int64_t shape(int axis) const { return operand.shape[axis]; }
};

template <class E>
using In = Array<const E>;
template <class E>
using Out = Array<E>;

// How a parameter is made: of an array's operand, or of one setting. Whole numbers go through a signed one, so that a
// negative one wraps as it does under Python's &. A class takes as many settings as it says.
template <class P>
struct Parameter {
    static constexpr std::size_t operands = 0, settings = 1;
    static P from(const Operand*, const double* setting) {
        if constexpr (std::is_same_v<P, bool>)
            return *setting != 0;
        else if constexpr (std::is_integral_v<P>)
            return static_cast<P>(static_cast<std::int64_t>(*setting));
        else
            return static_cast<P>(*setting);
    }
};

template <class E>
struct Parameter<Array<E>> {
    static constexpr std::size_t operands = 1, settings = 0;
    static Array<E> from(const Operand* operand, const double*) { return *operand; }
};

template <class P>
    requires(P::settings > 0)
struct Parameter<P> {
    static constexpr std::size_t operands = 0, settings = P::settings;
    static P from(const Operand*, const double* setting) { return P(setting); }
};

using KernelFunction = void (*)(const Operand* operands, const double* settings);

// What an element of a kernel's outputs depends on in its inputs: whatever it likes, the same row, or the same place.
enum class Reach : std::uint8_t { anywhere, row, element };

struct Kernel {
    KernelFunction float32, float64;
    std::size_t operands, settings;  // how many it takes
    Reach reach = Reach::anywhere;

    KernelFunction of(bool is_double) const { return is_double ? float64 : float32; }
};

// The parameters of a function, made one after another.
template <class Result, class... Ps>
struct Parameters {
    static constexpr std::size_t operands = (std::size_t{0} + ... + Parameter<Ps>::operands);
    static constexpr std::size_t settings = (std::size_t{0} + ... + Parameter<Ps>::settings);

    static Result call(Result (*function)(Ps...), const Operand* operand, const double* setting) {
        [[maybe_unused]] const auto next = [&]<class P>(std::type_identity<P>) {
            const Operand* const from = operand;
            const double* const number = setting;
            operand += Parameter<P>::operands;
            setting += Parameter<P>::settings;
            return Parameter<P>::from(from, number);
        };
        return std::apply(function, std::tuple<Ps...>{next(std::type_identity<Ps>())...});
    }
};

template <class Result, class... Ps>
Parameters<Result, Ps...> parameters_of(Result (*)(Ps...));

template <auto float32, auto float64, Reach reach = Reach::anywhere>
Kernel kernel_of() {
    using Given = decltype(parameters_of(float32));
    static_assert(Given::operands == decltype(parameters_of(float64))::operands);
    return {[](const Operand* o, const double* s) { Given::call(float32, o, s); },
            [](const Operand* o, const double* s) { decltype(parameters_of(float64))::call(float64, o, s); },
            Given::operands, Given::settings, reach};
}

template <class Scheme>
constexpr Reach reach_of = [] {
    if constexpr (requires { Scheme::reach; }) return Scheme::reach;
    return Reach::anywhere;
}();

// A kernel whose function makes of the settings a body, which `Scheme` calls for the elements of its arrays.
template <class Scheme, auto float32, auto float64>
Kernel kernel_by() {
    using Given32 = decltype(parameters_of(float32));
    using Given64 = decltype(parameters_of(float64));
    return {
        [](const Operand* o, const double* s) { Scheme::template run<float>(Given32::call(float32, nullptr, s), o); },
        [](const Operand* o, const double* s) { Scheme::template run<double>(Given64::call(float64, nullptr, s), o); },
        Scheme::template operands<decltype(Given32::call(float32, nullptr, nullptr))>, Given32::settings,
        reach_of<Scheme>};
}

// Notes a kernel when the module is loaded.
class Registration {
public:
    Registration(const char* name, const Kernel& kernel);
};

bool has_kernel(const std::string& name);

// A kernel for several networks that are alike (abreast.hpp): element e of the array that network j has stands at
// e · `abreast` + j, and shapes are those of one network. False where it leaves that to the kernel for one.
constexpr std::int64_t abreast = 8;
using AbreastFunction = bool (*)(const Operand* operands, const double* settings);

struct AbreastKernel {
    AbreastFunction float32, float64;

    AbreastFunction of(bool is_double) const { return is_double ? float64 : float32; }
};

template <auto float32, auto float64>
AbreastKernel abreast_kernel_of() {
    using Given32 = decltype(parameters_of(float32));
    using Given64 = decltype(parameters_of(float64));
    return {[](const Operand* o, const double* s) { return Given32::call(float32, o, s); },
            [](const Operand* o, const double* s) { return Given64::call(float64, o, s); }};
}

class AbreastRegistration {
public:
    AbreastRegistration(const char* name, const AbreastKernel& kernel);
};

// The one for the kernel of that name, or null.
const AbreastKernel* abreast_kernel_for(const std::string& name);

#define GLASSNET_ABREAST_KERNEL(name, function) \
    const AbreastRegistration name##_of_several(#name, abreast_kernel_of<&function<float>, &function<double>>())

// The kernel of that name, for so many operands and settings; throws std::invalid_argument where there is none.
const Kernel& kernel_for(const std::string& name, std::size_t operands, std::size_t settings);

#define GLASSNET_KERNEL(name) const Registration name##_registration(#name, kernel_of<&name<float>, &name<double>>())
// One whose outputs depend at each place on the inputs' elements at this place alone.
#define GLASSNET_KERNEL_OF_ELEMENTS(name) \
    const Registration name##_registration(#name, kernel_of<&name<float>, &name<double>, Reach::element>())
#define GLASSNET_KERNEL_BY(scheme, name) \
    const Registration name##_registration(#name, kernel_by<scheme, &name<float>, &name<double>>())

}  // namespace glassnet
