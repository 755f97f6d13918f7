// Loops in whole vectors over rows as short as those of images, and pairs of neighbours taken apart and put together.
#pragma once

#include "math/lanes.hpp"

#include <type_traits>
#include <utility>

namespace glassnet {
namespace {  // each variant of the native module has its own

// One number, where there are too few for a vector.
template <class T>
struct Single {
    static constexpr int width = 1;
    using Lanes = T;

    static T load(const T* from) { return *from; }
    static void store(T* to, T value) { *to = value; }
};

// The vector of `width` numbers, and the number alone where there is no such vector.
template <class T, int width>
using VecOf = std::conditional_t<width * sizeof(T) >= 16, Vec<T, width * sizeof(T)>, Single<T>>;

template <class T, int bytes, class Body>
[[gnu::always_inline]] inline void for_vectors_of(int64_t count, const Body& body) {
    if constexpr (bytes < 16) {
        for (int64_t i = 0; i < count; ++i) body(Single<T>(), i);
    } else {
        using V = Vec<T, bytes>;
        if (count < V::width) return for_vectors_of<T, bytes / 2>(count, body);
        for (int64_t i = 0; i + V::width <= count; i += V::width) body(V(), i);
        if (count % V::width != 0) body(V(), count - V::width);
    }
}

// body(V(), i) for vectors i .. i + V::width − 1 that cover 0 <= i < count, the widest that fit. The last two may
// overlap: what body writes must not be what it reads.
template <class T, class Body>
[[gnu::always_inline]] inline void for_vectors(int64_t count, const Body& body) {
    for_vectors_of<T, vector_bytes>(count, body);
}

// The same for 0 <= from <= i < count, each element once: narrower vectors follow the wide ones.
template <class T, int bytes = vector_bytes, class Body>
[[gnu::always_inline]] inline void for_vectors_apart(int64_t from, int64_t count, const Body& body) {
    if constexpr (bytes < 16) {
        for (; from < count; ++from) body(Single<T>(), from);
    } else {
        using V = Vec<T, bytes>;
        for (; from + V::width <= count; from += V::width) body(V(), from);
        for_vectors_apart<T, bytes / 2>(from, count, body);
    }
}

// Two vectors of neighbours, the even places in one and the odd ones in the other; and the reverse.
template <class V>
struct Pairs {
    using Lanes = typename V::Lanes;
    Lanes even, odd;

    static Pairs load(const auto* from) {
        const Lanes low = V::load(from), high = V::load(from + V::width);
        if constexpr (V::width == 1)
            return {low, high};
        else
            return apart(low, high, std::make_integer_sequence<int, V::width>());
    }

    void store(auto* to) const {
        if constexpr (V::width == 1) {
            V::store(to, even);
            V::store(to + 1, odd);
        } else {
            store_together(to, std::make_integer_sequence<int, V::width>());
        }
    }

private:
    template <int... i>
    static Pairs apart(const Lanes& low, const Lanes& high, std::integer_sequence<int, i...>) {
        return {__builtin_shufflevector(low, high, (2 * i)...), __builtin_shufflevector(low, high, (2 * i + 1)...)};
    }

    template <int... i>
    void store_together(auto* to, std::integer_sequence<int, i...>) const {
        constexpr int half = V::width / 2;
        V::store(to, __builtin_shufflevector(even, odd, (i / 2 + i % 2 * V::width)...));
        V::store(to + V::width, __builtin_shufflevector(even, odd, (half + i / 2 + i % 2 * V::width)...));
    }
};

}  // namespace
}  // namespace glassnet
