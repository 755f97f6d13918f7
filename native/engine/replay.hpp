// The replay of a training's programs over many batches and epochs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/abreast.hpp"
#include "engine/look.hpp"
#include "engine/program.hpp"

namespace glassnet {

// An array whose contents at the start of the latest two epochs are kept: epoch e in slots[e % 2].
struct Kept {
    char* live;
    char* slots[2];
    std::size_t bytes;
};

// Finds out whether several threads are faster than one, by trying both now and then. That is free to choose: it
// changes no bit of the result. Small work is faster on one thread, and so is any work while the other processors are
// busy with something else.
class Choice {
public:
    bool is_shared() const { return is_shared_; }
    std::int64_t steps() const { return steps_; }  // until `measured` is to be called

    // Notes how long some steps took, in seconds, and decides about the next ones.
    void measured(std::int64_t steps, double seconds);

private:
    bool is_shared_ = true;
    bool better_ = true;                       // whether sharing was found to be faster
    double seconds_per_step_[2] = {0.0, 0.0};  // alone, shared
    int trials_ = 0;
    std::int64_t steps_ = 1;
    std::int64_t until_trial_ = 0, trial_distance_ = first_distance;

    static constexpr int first_trials = 6;
    static constexpr std::int64_t first_distance = 16, first_distance_of_long_steps = 64, largest_distance = 4096;
    static constexpr double seconds_of_trial = 3e-4, seconds_of_long_step = 1e-3;
};

class Replay {
public:
    // `full` are programs of full batches, of which each step takes one; `rest` takes the rows at the end of an epoch
    // that do not fill a batch; null where there are none. Whoever makes a replay sees to it that they outlive it.
    Replay(std::vector<Program*> full, std::int64_t full_steps, Program* rest, int threads);

    void keep(Kept kept) { kept_.push_back(kept); }

    // Twins of the programs for steps that are looked at: their arrays hold the numbers of a step after it.
    void watched(std::vector<Program*> full, Program* rest) {
        watched_full_ = std::move(full);
        watched_rest_ = rest;
    }

    // Looks at steps whose number is a multiple of `every`; `full` and `rest` as above.
    void look(std::vector<const Look*> full, const Look* rest, std::int64_t every) {
        looks_.push_back({std::move(full), rest, every});
    }

    // The network's parameters, which must be finite at the end of each epoch.
    void parameters(const void* data, std::int64_t size);

    enum class End { done, diverged, failed, parameters_not_finite };

    struct Outcome {
        std::int64_t steps;  // done to the end
        End end;             // what came after them
    };

    // Where a look puts what it sees: a row for each step that is due.
    struct Seen {
        char* values;
        std::int64_t row_bytes;
        double* resting;
        std::int64_t columns;
    };

    // What one call of `run` works on. Steps are counted from the start of the epoch `epoch`; `orders` holds a row of
    // row numbers for each epoch from that one on, or is null for the natural order.
    struct Span {
        std::int64_t steps = 1, epoch = 0;
        std::int64_t first = 0;                // of the steps of that epoch and those behind it
        std::int64_t before = 0;               // steps done before these, over the whole training
        const std::int64_t* orders = nullptr;  // of the rows
        const double* numbers = nullptr;       // (steps, columns)
        std::int64_t columns = 0;
        double* values = nullptr;  // (steps,): the losses
        double* totals = nullptr;  // (steps,): the batches' total weights
        char* collected = nullptr;
        std::vector<Seen> seen = {};          // of each look
        const std::int64_t* which = nullptr;  // (steps,): the program of a full batch; null for the first
    };

    Outcome run(const Span& span);

    // A network's training on this replay's memory: its arrays, and its steps from the first one on.
    struct Training {
        char* const* arrays;
        Span span;
    };

    // Whole trainings of networks that are alike, one after another or several abreast. `live` are the parameters here,
    // and what else changes from network to network; each has as many arrays of the same sizes, which are copied there
    // before its training and back after it. Says of each whether all went well; where not, its arrays stay as they
    // were. All trainings have as many steps.
    std::vector<bool> run_each(const std::vector<Abreast::Array>& live, const std::vector<Training>& trainings);

    // How many of them were carried out abreast.
    std::int64_t trained_abreast() const { return trained_abreast_; }

private:
    struct Watching {
        std::vector<const Look*> full;
        const Look* rest;
        std::int64_t every;

        bool is_due(std::int64_t step) const { return step % every == 0; }
        // Of the steps from `before` on that are due, which one this is.
        std::int64_t row(std::int64_t before, std::int64_t step) const {
            return step / every - (before + every - 1) / every;
        }
    };

    // Calls body(look, values, resting) for those who look at this step of the span.
    template <class Body>
    void for_looks(const Span& span, std::int64_t step, bool is_rest, std::size_t which, Body body) const;

    bool run_alone(const std::vector<Abreast::Array>& live, const Training& training);
    Outcome run_steps(const Span& span, std::int64_t from, std::int64_t to, Pool::Lease* threads);
    bool parameters_are_finite() const;
    bool is_parallel() const;

    std::vector<Program*> full_;
    Program* rest_;
    std::int64_t full_steps_, epoch_steps_, rows_;
    int threads_;
    std::vector<Kept> kept_;
    std::vector<Program*> watched_full_;
    Program* watched_rest_ = nullptr;
    std::vector<Watching> looks_;
    const void* parameters_ = nullptr;
    std::int64_t size_ = 0;
    Choice choice_;
    std::optional<std::unique_ptr<Abreast>> abreast_;  // once it was asked for; null where it cannot be
    std::int64_t trained_abreast_ = 0;
};

}  // namespace glassnet
