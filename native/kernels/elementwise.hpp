// Kernels that do the same to each element of their arrays: a function of the settings gives what is done to one.
//
//     template <class T>
//     auto leaky_relu_forward(T slope) {
//         return [=](T x) { return x * (x > 0 ? T(1) : slope); };
//     }
//     GLASSNET_KERNEL_BY(Elementwise<Cheap>, leaky_relu_forward);
#pragma once

#include "engine/kernel.hpp"
#include "math/reduce.hpp"

#include <utility>

namespace glassnet {

// An array for each parameter of the body, T for one that is read and T& for one that is written; where the body
// returns a number, it goes to one more array. An output may be one of the inputs.
template <class Loop>
class Elementwise {
    template <class Body, class Result, class... Elements>
    struct Arrays {
        static constexpr std::size_t inputs = sizeof...(Elements), count = inputs + !std::is_void_v<Result>;

        template <class T, std::size_t... i>
        static void run(const Body& body, const Operand* o, std::index_sequence<i...>) {
            const std::int64_t size = o[count - 1].size();
            const auto array = [o]<class E>(std::size_t place, std::type_identity<E>) {
                return static_cast<std::conditional_t<std::is_reference_v<E>, T*, const T*>>(o[place].as<T>());
            };
            if constexpr (std::is_void_v<Result>)
                Loop()(size, body, array(i, std::type_identity<Elements>())...);
            else
                Loop()(
                    size, [body](Elements... x, T& y) { y = body(x...); }, array(i, std::type_identity<Elements>())...,
                    o[inputs].as<T>());
        }
    };

    template <class Body, class Result, class... Elements>
    static Arrays<Body, Result, Elements...> arrays_of(Result (Body::*)(Elements...) const);

    template <class Body>
    using Of = decltype(arrays_of(&Body::operator()));

public:
    static constexpr Reach reach = Reach::element;

    template <class Body>
    static constexpr std::size_t operands = Of<Body>::count;

    template <class T, class Body>
    static void run(const Body& body, const Operand* o) {
        Of<Body>::template run<T>(body, o, std::make_index_sequence<Of<Body>::inputs>());
    }
};

}  // namespace glassnet
