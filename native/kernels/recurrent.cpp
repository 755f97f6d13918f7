// Twin of src/glassnet/kernels/recurrent.py: simple RNN, LSTM and GRU, one step after another for all rows.
//
// A step of all rows is a matrix product with the recurrent weights, then a pass over each row's units. Arrays are
// (N, T, K): what belongs to step t of row n begins at (n T + t) K.

#include <algorithm>

#include "engine/kernel.hpp"
#include "math/logistic.hpp"
#include "math/reduce.hpp"
#include "math/vector_math.hpp"
#include "products/matrix_product.hpp"

namespace glassnet {
namespace {

// The steps in the order in which they are taken.
struct Steps {
    int64_t count;
    bool reverse;

    int64_t at(int64_t i) const { return reverse ? count - 1 - i : i; }
};

// Step t of all rows of an array.
template <class T>
struct Step {
    T* data;
    int64_t row;  // from one row to the next

    Step(const Array<T>& array, int64_t t) : data(array.data + t * array.shape(2)), row(array.row_size()) {}
    T* of(int64_t n) const { return data + n * row; }
};

template <class T>
void copy_step(int64_t rows, int64_t width, const Step<const T>& from, const Step<T>& to) {
    for (int64_t n = 0; n < rows; ++n) std::copy_n(from.of(n), width, to.of(n));
}

// before = h of the step before, or 0
template <class T>
Step<T> state_before(const Out<T>& before, const Out<T>& y, const Steps& steps, int64_t i) {
    const int64_t rows = y.rows(), units = y.shape(2);
    const Step<T> to(before, steps.at(i));
    for (int64_t n = 0; n < rows; ++n) {
        if (i == 0)
            std::fill_n(to.of(n), units, T(0));
        else
            std::copy_n(Step<T>(y, steps.at(i - 1)).of(n), units, to.of(n));
    }
    return to;
}

// to += from Uᵀ for a step of all rows
template <class T>
void add_back(int64_t rows, In<T> recurrent, const Step<T>& from, const Step<T>& to) {
    const int64_t units = recurrent.shape(0), width = recurrent.shape(1);
    matrix_product_transposed<T>(rows, units, width, from.data, from.row, recurrent, width, to.data, to.row, true);
}

template <class T>
void simple_rnn_forward(In<T> a, In<T> recurrent, Out<T> before, Out<T> y, bool reverse) {
    const Steps steps{y.shape(1), reverse};
    const int64_t rows = y.rows(), units = y.shape(2);
    for (int64_t i = 0; i < steps.count; ++i) {
        const Step<T> old = state_before<T>(before, y, steps, i), now(y, steps.at(i));
        const Step<const T> given(a, steps.at(i));
        matrix_product<T>(rows, units, units, old.data, old.row, 1, recurrent, units, given.data, now.data, now.row,
                          given.row);
        for (int64_t n = 0; n < rows; ++n) for_elements(units, [](T& h) { h = vector_tanh(h); }, now.of(n));
    }
}
GLASSNET_KERNEL(simple_rnn_forward);

template <class T>
void simple_rnn_backward(In<T> dy, In<T> recurrent, In<T> y, Out<T> da, bool reverse) {
    const Steps steps{y.shape(1), reverse};
    const int64_t rows = y.rows(), units = y.shape(2);
    for (int64_t i = steps.count; i-- > 0;) {
        const Step<T> now(da, steps.at(i));
        copy_step<T>(rows, units, Step<const T>(dy, steps.at(i)), now);
        if (i + 1 < steps.count) add_back<T>(rows, recurrent, Step<T>(da, steps.at(i + 1)), now);
        const Step<const T> h(y, steps.at(i));
        for (int64_t n = 0; n < rows; ++n)
            for_cheap_elements(units, [](T& d, T state) { d *= 1 - state * state; }, now.of(n), h.of(n));
    }
}
GLASSNET_KERNEL(simple_rnn_backward);

template <class T>
void lstm_forward(In<T> a, In<T> recurrent, Out<T> before, Out<T> gates, Out<T> cell, Out<T> y, bool reverse) {
    const Steps steps{y.shape(1), reverse};
    const int64_t rows = y.rows(), units = y.shape(2);
    for (int64_t i = 0; i < steps.count; ++i) {
        const int64_t t = steps.at(i);
        const Step<T> old = state_before<T>(before, y, steps, i), gate(gates, t), now(cell, t), out(y, t);
        // There is no cell before the first step; the state before it is 0, too.
        const Step<T> kept = i == 0 ? old : Step<T>(cell, steps.at(i - 1));
        const Step<const T> given(a, t);
        matrix_product<T>(rows, 4 * units, units, old.data, old.row, 1, recurrent, 4 * units, given.data, gate.data,
                          gate.row, given.row);
        for (int64_t n = 0; n < rows; ++n) {
            T* const g = gate.of(n);
            for_elements(
                units,
                [](T& input, T& forget, T& candidate, T& output, T kept, T& c, T& h) {
                    input = logistic(input);
                    forget = logistic(forget);
                    candidate = vector_tanh(candidate);
                    output = logistic(output);
                    c = forget * kept + input * candidate;
                    h = output * vector_tanh(c);
                },
                g, g + units, g + 2 * units, g + 3 * units, static_cast<const T*>(kept.of(n)), now.of(n), out.of(n));
        }
    }
}
GLASSNET_KERNEL(lstm_forward);

template <class T>
void lstm_backward(In<T> dy, In<T> recurrent, In<T> gates, In<T> cell, Out<T> da, Out<T> dcell, bool reverse) {
    const Steps steps{cell.shape(1), reverse};
    const int64_t rows = cell.rows(), units = cell.shape(2);
    for (int64_t i = steps.count; i-- > 0;) {
        const bool is_last = i + 1 == steps.count, is_first = i == 0;
        const int64_t t = steps.at(i), later = steps.at(is_last ? i : i + 1), earlier = steps.at(is_first ? i : i - 1);
        const Step<T> dc(dcell, t), d(da, t);
        copy_step<T>(rows, units, Step<const T>(dy, t), dc);  // ∂L/∂h, until ∂L/∂c takes its place
        if (!is_last) add_back<T>(rows, recurrent, Step<T>(da, later), dc);
        const Step<const T> gate(gates, t), c(cell, t), old(cell, earlier), later_gate(gates, later);
        const Step<T> later_dc(dcell, later);
        const T from_later = is_last ? 0 : 1, from_earlier = is_first ? 0 : 1;
        for (int64_t n = 0; n < rows; ++n) {
            const T *const g = gate.of(n), *const forgets = later_gate.of(n) + units;
            T* const to = d.of(n);
            for_elements(
                units,
                [=](T& d_cell, T& d_input, T& d_forget, T& d_candidate, T& d_output, T input, T forget, T candidate,
                    T output, T state, T kept, T later_d_cell, T later_forget) {
                    const T tanh_state = vector_tanh(state), dh = d_cell;
                    const T both =
                        dh * output * (1 - tanh_state * tanh_state) + from_later * later_d_cell * later_forget;
                    d_input = both * candidate * input * (1 - input);
                    d_forget = from_earlier * both * kept * forget * (1 - forget);
                    d_candidate = both * input * (1 - candidate * candidate);
                    d_output = dh * tanh_state * output * (1 - output);
                    d_cell = both;
                },
                dc.of(n), to, to + units, to + 2 * units, to + 3 * units, g, g + units, g + 2 * units, g + 3 * units,
                c.of(n), old.of(n), static_cast<const T*>(later_dc.of(n)), forgets);
        }
    }
}
GLASSNET_KERNEL(lstm_backward);

template <class T>
void gru_forward(In<T> a, In<T> recurrent, In<T> recurrent_bias, Out<T> before, Out<T> states, Out<T> gates, Out<T> y,
                 bool reverse) {
    const Steps steps{y.shape(1), reverse};
    const int64_t rows = y.rows(), units = y.shape(2);
    for (int64_t i = 0; i < steps.count; ++i) {
        const int64_t t = steps.at(i);
        const Step<T> old = state_before<T>(before, y, steps, i), state(states, t), gate(gates, t), out(y, t);
        const Step<const T> given(a, t);
        matrix_product<T>(rows, 3 * units, units, old.data, old.row, 1, recurrent, 3 * units, recurrent_bias,
                          state.data, state.row);
        for (int64_t n = 0; n < rows; ++n) {
            const T *const x = given.of(n), *const s = state.of(n);
            T* const g = gate.of(n);
            for_elements(
                units,
                [](T& reset, T& update, T& candidate, T& h, T a_reset, T a_update, T a_candidate, T s_reset, T s_update,
                   T s_candidate, T kept) {
                    reset = logistic(a_reset + s_reset);
                    update = logistic(a_update + s_update);
                    candidate = vector_tanh(a_candidate + reset * s_candidate);
                    h = (1 - update) * candidate + update * kept;
                },
                g, g + units, g + 2 * units, out.of(n), x, x + units, x + 2 * units, s, s + units, s + 2 * units,
                static_cast<const T*>(old.of(n)));
        }
    }
}
GLASSNET_KERNEL(gru_forward);

template <class T>
void gru_backward(In<T> dy, In<T> recurrent, In<T> before, In<T> states, In<T> gates, Out<T> da, Out<T> dstates,
                  Out<T> dh, bool reverse) {
    const Steps steps{dh.shape(1), reverse};
    const int64_t rows = dh.rows(), units = dh.shape(2);
    for (int64_t i = steps.count; i-- > 0;) {
        const int64_t t = steps.at(i);
        const Step<T> d_state(dh, t), d(da, t), ds(dstates, t);
        copy_step<T>(rows, units, Step<const T>(dy, t), d_state);
        if (i + 1 < steps.count) {
            const int64_t later = steps.at(i + 1);
            const Step<T> later_d(dh, later);
            const Step<const T> later_gate(gates, later);
            for (int64_t n = 0; n < rows; ++n)
                for_cheap_elements(
                    units, [](T& d, T later, T update) { d += later * update; }, d_state.of(n),
                    static_cast<const T*>(later_d.of(n)), later_gate.of(n) + units);
            add_back<T>(rows, recurrent, Step<T>(dstates, later), d_state);
        }
        const Step<const T> gate(gates, t), state(states, t), old(before, t);
        for (int64_t n = 0; n < rows; ++n) {
            const T* const g = gate.of(n);
            T *const to = d.of(n), *const back = ds.of(n);
            for_cheap_elements(
                units,
                [](T d, T reset, T update, T candidate, T s_candidate, T kept, T& d_reset, T& d_update, T& d_candidate,
                   T& s_reset, T& s_update, T& s_back) {
                    d_candidate = d * (1 - update) * (1 - candidate * candidate);
                    d_update = d * (kept - candidate) * (update * (1 - update));
                    d_reset = d_candidate * s_candidate * (reset * (1 - reset));
                    s_reset = d_reset;
                    s_update = d_update;
                    s_back = d_candidate * reset;
                },
                static_cast<const T*>(d_state.of(n)), g, g + units, g + 2 * units, state.of(n) + 2 * units, old.of(n),
                to, to + units, to + 2 * units, back, back + units, back + 2 * units);
        }
    }
}
GLASSNET_KERNEL(gru_backward);

}  // namespace
}  // namespace glassnet
