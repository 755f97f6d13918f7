// Twin of src/glassnet/kernels/recurrent.py: simple RNN, LSTM and GRU, one step after another for all rows.
//
// A step of all rows is a matrix product with the recurrent weights, then a pass over each row's units. Arrays are
// (N, T, K): what belongs to step t of row n begins at (n T + t) K.

#include <algorithm>

#include "convolution/thread_memory.hpp"
#include "engine/kernel.hpp"
#include "math/gates.hpp"
#include "math/reduce.hpp"
#include "products/matrix_product.hpp"

namespace glassnet {
namespace {

// The steps in the order in which they are taken, as many as the longest row has.
class Steps {
public:
    Steps(const Operand& y, In<std::int64_t> lengths, bool reverse)
        : lengths_(lengths), rows_(y.rows()), total_(y.shape[1]), count_(total_), reverse_(reverse) {
        if (lengths_ != nullptr) count_ = rows_ == 0 ? 0 : *std::max_element(lengths_, lengths_ + rows_);
    }

    int64_t count() const { return count_; }
    int64_t at(int64_t i) const { return reverse_ ? count_ - 1 - i : i; }

    // Whether step t of a row is padding.
    bool is_padding(int64_t row, int64_t t) const { return lengths_ != nullptr && t >= lengths_[row]; }

    // Whether a row begins with step t.
    bool begins(int64_t row, int64_t t) const {
        return t == (!reverse_ ? 0 : (lengths_ == nullptr ? total_ : lengths_[row]) - 1);
    }

    // Writes 0 at the steps that no row has.
    template <class T>
    void clear_rest(const Out<T>& array) const {
        const int64_t width = array.shape(2), done = count_ * width;
        if (count_ == total_) return;
        for (int64_t n = 0; n < rows_; ++n)
            std::fill_n(array.data + n * array.row_size() + done, array.row_size() - done, T(0));
    }

private:
    const int64_t* lengths_;
    int64_t rows_, total_, count_;
    bool reverse_;
};

// Step t of all rows of an array.
template <class T>
struct Step {
    T* data;
    int64_t row, width;  // from one row to the next, and how much of it belongs to the step

    Step(const Array<T>& array, int64_t t)
        : data(array.data + t * array.shape(2)), row(array.row_size()), width(array.shape(2)) {}
    T* of(int64_t n) const { return data + n * row; }
    void clear(int64_t n) const { std::fill_n(of(n), width, T(0)); }
};

// The state of a row before step number i: that of the step before, or the first one; null where that is 0.
template <class T>
const T* state_before(const Steps& steps, int64_t i, int64_t n, const Array<T>& states, In<T> initial) {
    if (steps.begins(n, steps.at(i))) return initial == nullptr ? nullptr : initial + n * initial.row_size();
    return i == 0 ? nullptr : Step<T>(states, steps.at(i - 1)).of(n);
}

// before = h of the step before
template <class T>
Step<T> write_before(const Steps& steps, int64_t i, const Out<T>& before, const Out<T>& y, In<T> initial) {
    const Step<T> to(before, steps.at(i));
    for (int64_t n = 0; n < before.rows(); ++n) {
        const T* const from = state_before<T>(steps, i, n, y, initial);
        if (from == nullptr || steps.is_padding(n, steps.at(i)))
            to.clear(n);
        else
            std::copy_n(from, to.width, to.of(n));
    }
    return to;
}

// Adds from Uᵀ to a step of all rows. Uᵀ is laid out once for all steps where there is room for it.
template <class T>
class Back {
public:
    Back(In<T> recurrent, const Steps& steps) : recurrent_(recurrent) {
        const int64_t units = recurrent.shape(0), width = recurrent.shape(1);
        const auto bytes = static_cast<int64_t>(sizeof(T)) * units * width;
        if (steps.count() < 3 || bytes > thread_memory_bytes) return;
        transposed_ = reinterpret_cast<T*>(thread_memory());
        if (transposed_ == nullptr) return;
        for (int64_t j = 0; j < width; ++j)
            for (int64_t h = 0; h < units; ++h) transposed_[j * units + h] = recurrent[h * width + j];
    }

    void add(int64_t rows, const Step<T>& from, const Step<T>& to) const {
        const int64_t units = to.width, width = from.width;
        if (transposed_ != nullptr)
            matrix_product<T>(rows, units, width, from.data, from.row, 1, transposed_, units, to.data, to.data, to.row,
                              to.row);
        else
            matrix_product_transposed<T>(rows, units, width, from.data, from.row, recurrent_, width, to.data, to.row,
                                         true);
    }

private:
    In<T> recurrent_;
    T* transposed_ = nullptr;
};

// body(registers of the arrays, ...) for all units; of what is not const it gets references.
template <class Body, class... Ts>
void for_units(int64_t units, Body body, Ts*... arrays) {
    for_elements(units, OnVectors<Body>{body}, arrays...);
}

template <class T>
void copy_step(int64_t rows, const Step<const T>& from, const Step<T>& to) {
    for (int64_t n = 0; n < rows; ++n) std::copy_n(from.of(n), to.width, to.of(n));
}

template <class T>
void simple_rnn_forward(In<T> a, In<T> recurrent, In<T> initial, In<std::int64_t> lengths, Out<T> before, Out<T> y,
                        bool reverse) {
    const Steps steps(y, lengths, reverse);
    const int64_t rows = y.rows(), units = y.shape(2);
    for (int64_t i = 0; i < steps.count(); ++i) {
        const int64_t t = steps.at(i);
        const Step<T> old = write_before<T>(steps, i, before, y, initial), now(y, t);
        const Step<const T> given(a, t);
        matrix_product<T>(rows, units, units, old.data, old.row, 1, recurrent, units, given.data, now.data, now.row,
                          given.row);
        for (int64_t n = 0; n < rows; ++n) {
            if (steps.is_padding(n, t))
                now.clear(n);
            else
                for_units(units, [](auto& h) { h = Gates<T>::tanh(h); }, now.of(n));
        }
    }
    steps.clear_rest(before);
    steps.clear_rest(y);
}
GLASSNET_KERNEL(simple_rnn_forward);

template <class T>
void simple_rnn_backward(In<T> dy, In<T> recurrent, In<std::int64_t> lengths, In<T> y, Out<T> da, bool reverse) {
    const Steps steps(y, lengths, reverse);
    const Back<T> back(recurrent, steps);
    const int64_t rows = y.rows(), units = y.shape(2);
    for (int64_t i = steps.count(); i-- > 0;) {
        const int64_t t = steps.at(i);
        const Step<T> now(da, t);
        copy_step<T>(rows, Step<const T>(dy, t), now);
        if (i + 1 < steps.count()) back.add(rows, Step<T>(da, steps.at(i + 1)), now);
        const Step<const T> h(y, t);
        for (int64_t n = 0; n < rows; ++n) {
            if (steps.is_padding(n, t))
                now.clear(n);
            else
                for_cheap_elements(units, [](T& d, T state) { d *= 1 - state * state; }, now.of(n), h.of(n));
        }
    }
    steps.clear_rest(da);
}
GLASSNET_KERNEL(simple_rnn_backward);

template <class T>
void lstm_forward(In<T> a, In<T> recurrent, In<T> initial, In<T> initial_cell, In<std::int64_t> lengths, Out<T> before,
                  Out<T> gates, Out<T> cell, Out<T> y, bool reverse) {
    const Steps steps(y, lengths, reverse);
    const int64_t rows = y.rows(), units = y.shape(2);
    for (int64_t i = 0; i < steps.count(); ++i) {
        const int64_t t = steps.at(i);
        const Step<T> old = write_before<T>(steps, i, before, y, initial), gate(gates, t), now(cell, t), out(y, t);
        const Step<const T> given(a, t);
        matrix_product<T>(rows, 4 * units, units, old.data, old.row, 1, recurrent, 4 * units, given.data, gate.data,
                          gate.row, given.row);
        for (int64_t n = 0; n < rows; ++n) {
            if (steps.is_padding(n, t)) {
                gate.clear(n), now.clear(n), out.clear(n);
                continue;
            }
            T* const g = gate.of(n);
            const T* const kept = state_before<T>(steps, i, n, cell, initial_cell);
            const T there = kept == nullptr ? 0 : 1;
            // In two turns: so many sums that wait for each other would not fit beside those of the next units.
            for_units(
                units,
                [](auto& input, auto& forget, auto& candidate, auto& output) {
                    input = Gates<T>::logistic(input);
                    forget = Gates<T>::logistic(forget);
                    candidate = Gates<T>::tanh(candidate);
                    output = Gates<T>::logistic(output);
                },
                g, g + units, g + 2 * units, g + 3 * units);
            for_units(
                units,
                [there](const auto& input, const auto& forget, const auto& candidate, const auto& output,
                        const auto& kept, auto& c, auto& h) {
                    c = forget * (there * kept) + input * candidate;
                    h = output * Gates<T>::tanh(c);
                },
                static_cast<const T*>(g), static_cast<const T*>(g + units), static_cast<const T*>(g + 2 * units),
                static_cast<const T*>(g + 3 * units), static_cast<const T*>(kept == nullptr ? old.of(n) : kept),
                now.of(n), out.of(n));
        }
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
    const int64_t rows = cell.rows(), units = cell.shape(2);
    for (int64_t i = steps.count(); i-- > 0;) {
        const bool is_last = i + 1 == steps.count();
        const int64_t t = steps.at(i), later = steps.at(is_last ? i : i + 1);
        const Step<T> dc(dcell, t), d(da, t), later_dc(dcell, later);
        copy_step<T>(rows, Step<const T>(dy, t), dc);  // ∂L/∂h, until ∂L/∂c takes its place
        if (!is_last) back.add(rows, Step<T>(da, later), dc);
        const Step<const T> gate(gates, t), c(cell, t), later_gate(gates, later);
        const T from_later = is_last ? 0 : 1;
        for (int64_t n = 0; n < rows; ++n) {
            if (steps.is_padding(n, t)) {
                d.clear(n), dc.clear(n);
                continue;
            }
            const T* const kept = state_before<const T>(steps, i, n, cell, initial_cell);
            const T there = kept == nullptr ? 0 : 1;
            const T *const g = gate.of(n), *const forgets = later_gate.of(n) + units;
            T* const to = d.of(n);
            for_units(
                units,
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
                dc.of(n), to, to + units, to + 2 * units, to + 3 * units, g, g + units, g + 2 * units, g + 3 * units,
                c.of(n), kept == nullptr ? c.of(n) : kept, static_cast<const T*>(later_dc.of(n)), forgets);
        }
    }
    steps.clear_rest(da);
    steps.clear_rest(dcell);
}
GLASSNET_KERNEL(lstm_backward);

template <class T>
void gru_forward(In<T> a, In<T> recurrent, In<T> recurrent_bias, In<T> initial, In<std::int64_t> lengths, Out<T> before,
                 Out<T> states, Out<T> gates, Out<T> y, bool reverse) {
    const Steps steps(y, lengths, reverse);
    const int64_t rows = y.rows(), units = y.shape(2);
    for (int64_t i = 0; i < steps.count(); ++i) {
        const int64_t t = steps.at(i);
        const Step<T> old = write_before<T>(steps, i, before, y, initial), state(states, t), gate(gates, t), out(y, t);
        const Step<const T> given(a, t);
        matrix_product<T>(rows, 3 * units, units, old.data, old.row, 1, recurrent, 3 * units, recurrent_bias,
                          state.data, state.row);
        for (int64_t n = 0; n < rows; ++n) {
            if (steps.is_padding(n, t)) {
                state.clear(n), gate.clear(n), out.clear(n);
                continue;
            }
            const T *const x = given.of(n), *const s = state.of(n);
            T* const g = gate.of(n);
            for_units(
                units,
                [](auto& reset, auto& update, auto& candidate, auto& h, const auto& a_reset, const auto& a_update,
                   const auto& a_candidate, const auto& s_reset, const auto& s_update, const auto& s_candidate,
                   const auto& kept) {
                    reset = Gates<T>::logistic(a_reset + s_reset);
                    update = Gates<T>::logistic(a_update + s_update);
                    candidate = Gates<T>::tanh(a_candidate + reset * s_candidate);
                    h = (1 - update) * candidate + update * kept;
                },
                g, g + units, g + 2 * units, out.of(n), x, x + units, x + 2 * units, s, s + units, s + 2 * units,
                static_cast<const T*>(old.of(n)));
        }
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
    const int64_t rows = dh.rows(), units = dh.shape(2);
    for (int64_t i = steps.count(); i-- > 0;) {
        const int64_t t = steps.at(i);
        const Step<T> d_state(dh, t), d(da, t), ds(dstates, t);
        copy_step<T>(rows, Step<const T>(dy, t), d_state);
        if (i + 1 < steps.count()) {
            const int64_t later = steps.at(i + 1);
            const Step<T> later_d(dh, later);
            const Step<const T> later_gate(gates, later);
            for (int64_t n = 0; n < rows; ++n)
                for_cheap_elements(
                    units, [](T& d, T later, T update) { d += later * update; }, d_state.of(n),
                    static_cast<const T*>(later_d.of(n)), later_gate.of(n) + units);
            back.add(rows, Step<T>(dstates, later), d_state);
        }
        const Step<const T> gate(gates, t), state(states, t), old(before, t);
        for (int64_t n = 0; n < rows; ++n) {
            if (steps.is_padding(n, t)) {
                d_state.clear(n), d.clear(n), ds.clear(n);
                continue;
            }
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
    steps.clear_rest(da);
    steps.clear_rest(dstates);
    steps.clear_rest(dh);
}
GLASSNET_KERNEL(gru_backward);

}  // namespace
}  // namespace glassnet
