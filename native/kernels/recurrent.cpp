// Twin of src/glassnet/kernels/recurrent.py: simple RNN, LSTM and GRU, one step after another for all rows.
//
// A step of all rows is a matrix product with the recurrent weights, then a pass over each row's units.

#include "engine/kernel.hpp"
#include "kernels/recurrent_steps.hpp"
#include "math/gates.hpp"

namespace glassnet {
namespace {

template <class T>
void simple_rnn_forward(In<T> a, In<T> recurrent, In<T> initial, In<std::int64_t> lengths, Out<T> before, Out<T> y,
                        bool reverse) {
    const Steps steps(y, lengths, reverse);
    const int64_t units = y.shape(2);
    for (int64_t i = 0; i < steps.count(); ++i) {
        const int64_t t = steps.at(i);
        const Step<T> old = write_before<T>(steps, i, before, y, initial), now(y, t);
        const Step<const T> given(a, t);
        few_rows_product<T>(y.rows(), units, units, old.data, old.row, recurrent, units, given.data, given.row,
                            now.data, now.row);
        const auto go_on = [&](int64_t n, int64_t rows) {
            for_units(rows, units, [](auto& h) { h = Gates<T>::tanh(h); }, now.from(n));
        };
        for_rows(steps, y.rows(), t, go_on, now);
    }
    steps.clear_rest(before);
    steps.clear_rest(y);
}
GLASSNET_KERNEL(simple_rnn_forward);

template <class T>
void simple_rnn_backward(In<T> dy, In<T> recurrent, In<std::int64_t> lengths, In<T> y, Out<T> da, bool reverse) {
    const Steps steps(y, lengths, reverse);
    const Back<T> back(recurrent, steps);
    const int64_t units = y.shape(2);
    for (int64_t i = steps.count(); i-- > 0;) {
        const int64_t t = steps.at(i);
        const Step<T> now(da, t);
        const Step<const T> given(dy, t), h(y, t);
        if (i + 1 < steps.count())
            back(y.rows(), Step<T>(da, steps.at(i + 1)), given.read(0), now);
        else
            copy_step<T>(y.rows(), given.read(0), now);
        const auto go_back = [&](int64_t n, int64_t rows) {
            for_cheap_units(
                rows, units, [](auto& d, const auto& state) { d *= 1 - state * state; }, now.from(n), h.read(n));
        };
        for_rows(steps, y.rows(), t, go_back, now);
    }
    steps.clear_rest(da);
}
GLASSNET_KERNEL(simple_rnn_backward);

template <class T>
void lstm_forward(In<T> a, In<T> recurrent, In<T> initial, In<T> initial_cell, In<std::int64_t> lengths, Out<T> before,
                  Out<T> gates, Out<T> cell, Out<T> y, bool reverse) {
    const Steps steps(y, lengths, reverse);
    const int64_t units = y.shape(2);
    for (int64_t i = 0; i < steps.count(); ++i) {
        const int64_t t = steps.at(i);
        const Step<T> old = write_before<T>(steps, i, before, y, initial), gate(gates, t), now(cell, t), out(y, t);
        const Step<const T> given(a, t);
        few_rows_product<T>(y.rows(), 4 * units, units, old.data, old.row, recurrent, 4 * units, given.data, given.row,
                            gate.data, gate.row);
        const auto go_on = [&](int64_t n, int64_t rows) {
            const Rows<const T> kept = state_before<T>(steps, i, n, cell, initial_cell);
            const T there = kept.data == nullptr ? 0 : 1;
            // In two turns: so many sums that wait for each other would not fit beside those of the next units.
            for_units(
                rows, units,
                [](auto& input, auto& forget, auto& candidate, auto& output) {
                    input = Gates<T>::logistic(input);
                    forget = Gates<T>::logistic(forget);
                    candidate = Gates<T>::tanh(candidate);
                    output = Gates<T>::logistic(output);
                },
                gate.from(n), gate.from(n, units), gate.from(n, 2 * units), gate.from(n, 3 * units));
            for_units(
                rows, units,
                [there](const auto& input, const auto& forget, const auto& candidate, const auto& output,
                        const auto& kept, auto& c, auto& h) {
                    c = forget * (there * kept) + input * candidate;
                    h = output * Gates<T>::tanh(c);
                },
                gate.read(n), gate.read(n, units), gate.read(n, 2 * units), gate.read(n, 3 * units),
                kept.data == nullptr ? old.read(n) : kept, now.from(n), out.from(n));
        };
        for_rows(steps, y.rows(), t, go_on, gate, now, out);
    }
    steps.clear_rest(before);
    steps.clear_rest(gates);
    steps.clear_rest(cell);
    steps.clear_rest(y);
}
GLASSNET_KERNEL(lstm_forward);

template <class T>
void lstm_backward(In<T> dy, In<T> recurrent, In<T> initial_cell, In<std::int64_t> lengths, In<T> gates, In<T> cell,
                   Out<T> da, Out<T> dcell, bool reverse) {
    const Steps steps(cell, lengths, reverse);
    const Back<T> back(recurrent, steps);
    const int64_t units = cell.shape(2);
    for (int64_t i = steps.count(); i-- > 0;) {
        const bool is_last = i + 1 == steps.count();
        const int64_t t = steps.at(i), later = steps.at(is_last ? i : i + 1);
        const Step<T> dc(dcell, t), d(da, t), later_dc(dcell, later);
        const Step<const T> given(dy, t), gate(gates, t), c(cell, t), later_gate(gates, later);
        if (is_last)  // dc is ∂L/∂h, until ∂L/∂c takes its place
            copy_step<T>(cell.rows(), given.read(0), dc);
        else
            back(cell.rows(), Step<T>(da, later), given.read(0), dc);
        const T from_later = is_last ? 0 : 1;
        const auto go_back = [&](int64_t n, int64_t rows) {
            const Rows<const T> kept = state_before<const T>(steps, i, n, cell, initial_cell);
            const T there = kept.data == nullptr ? 0 : 1;
            for_units(
                rows, units,
                [=](auto& d_cell, auto& d_input, auto& d_forget, auto& d_candidate, auto& d_output, const auto& input,
                    const auto& forget, const auto& candidate, const auto& output, const auto& state, const auto& kept,
                    const auto& later_d_cell, const auto& later_forget) {
                    const auto tanh_state = Gates<T>::tanh(state), dh = d_cell;
                    const auto both =
                        dh * output * (1 - tanh_state * tanh_state) + from_later * later_d_cell * later_forget;
                    d_input = both * candidate * input * (1 - input);
                    d_forget = there * both * kept * forget * (1 - forget);
                    d_candidate = both * input * (1 - candidate * candidate);
                    d_output = dh * tanh_state * output * (1 - output);
                    d_cell = both;
                },
                dc.from(n), d.from(n), d.from(n, units), d.from(n, 2 * units), d.from(n, 3 * units), gate.read(n),
                gate.read(n, units), gate.read(n, 2 * units), gate.read(n, 3 * units), c.read(n),
                kept.data == nullptr ? c.read(n) : kept, later_dc.read(n), later_gate.read(n, units));
        };
        for_rows(steps, cell.rows(), t, go_back, d, dc);
    }
    steps.clear_rest(da);
    steps.clear_rest(dcell);
}
GLASSNET_KERNEL(lstm_backward);

template <class T>
void gru_forward(In<T> a, In<T> recurrent, In<T> recurrent_bias, In<T> initial, In<std::int64_t> lengths, Out<T> before,
                 Out<T> states, Out<T> gates, Out<T> y, bool reverse) {
    const Steps steps(y, lengths, reverse);
    const int64_t units = y.shape(2);
    for (int64_t i = 0; i < steps.count(); ++i) {
        const int64_t t = steps.at(i);
        const Step<T> old = write_before<T>(steps, i, before, y, initial), state(states, t), gate(gates, t), out(y, t);
        const Step<const T> x(a, t);
        few_rows_product<T>(y.rows(), 3 * units, units, old.data, old.row, recurrent, 3 * units, recurrent_bias, 0,
                            state.data, state.row);
        const auto go_on = [&](int64_t n, int64_t rows) {
            for_units(
                rows, units,
                [](auto& reset, auto& update, auto& candidate, auto& h, const auto& a_reset, const auto& a_update,
                   const auto& a_candidate, const auto& s_reset, const auto& s_update, const auto& s_candidate,
                   const auto& kept) {
                    reset = Gates<T>::logistic(a_reset + s_reset);
                    update = Gates<T>::logistic(a_update + s_update);
                    candidate = Gates<T>::tanh(a_candidate + reset * s_candidate);
                    h = (1 - update) * candidate + update * kept;
                },
                gate.from(n), gate.from(n, units), gate.from(n, 2 * units), out.from(n), x.read(n), x.read(n, units),
                x.read(n, 2 * units), state.read(n), state.read(n, units), state.read(n, 2 * units), old.read(n));
        };
        for_rows(steps, y.rows(), t, go_on, state, gate, out);
    }
    steps.clear_rest(before);
    steps.clear_rest(states);
    steps.clear_rest(gates);
    steps.clear_rest(y);
}
GLASSNET_KERNEL(gru_forward);

template <class T>
void gru_backward(In<T> dy, In<T> recurrent, In<std::int64_t> lengths, In<T> before, In<T> states, In<T> gates,
                  Out<T> da, Out<T> dstates, Out<T> dh, bool reverse) {
    const Steps steps(dh, lengths, reverse);
    const Back<T> back(recurrent, steps);
    const int64_t units = dh.shape(2);
    for (int64_t i = steps.count(); i-- > 0;) {
        const int64_t t = steps.at(i);
        const Step<T> d_state(dh, t), d(da, t), ds(dstates, t);
        const Step<const T> given(dy, t), gate(gates, t), state(states, t), old(before, t);
        if (i + 1 < steps.count()) {
            const int64_t later = steps.at(i + 1);
            const Step<T> later_d(dh, later);
            const Step<const T> later_gate(gates, later);
            for_cheap_units(
                dh.rows(), units,
                [](auto& d, const auto& dy, const auto& later, const auto& update) { d = dy + later * update; },
                d_state.from(0), given.read(0), later_d.read(0), later_gate.read(0, units));
            back(dh.rows(), Step<T>(dstates, later), d_state.read(0), d_state);
        } else {
            copy_step<T>(dh.rows(), given.read(0), d_state);
        }
        const auto go_back = [&](int64_t n, int64_t rows) {
            for_cheap_units(
                rows, units,
                [](auto& d_reset, auto& d_update, auto& d_candidate, auto& s_reset, auto& s_update, auto& s_back,
                   const auto& d, const auto& reset, const auto& update, const auto& candidate, const auto& s_candidate,
                   const auto& kept) {
                    d_candidate = d * (1 - update) * (1 - candidate * candidate);
                    d_update = d * (kept - candidate) * (update * (1 - update));
                    d_reset = d_candidate * s_candidate * (reset * (1 - reset));
                    s_reset = d_reset;
                    s_update = d_update;
                    s_back = d_candidate * reset;
                },
                d.from(n), d.from(n, units), d.from(n, 2 * units), ds.from(n), ds.from(n, units), ds.from(n, 2 * units),
                d_state.read(n), gate.read(n), gate.read(n, units), gate.read(n, 2 * units), state.read(n, 2 * units),
                old.read(n));
        };
        for_rows(steps, dh.rows(), t, go_back, d_state, d, ds);
    }
    steps.clear_rest(da);
    steps.clear_rest(dstates);
    steps.clear_rest(dh);
}
GLASSNET_KERNEL(gru_backward);

}  // namespace
}  // namespace glassnet
