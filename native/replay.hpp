// The replay of a training's programs over many batches and epochs.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "program.hpp"

namespace glassnet {

// An array whose contents at the start of the latest two epochs are kept: epoch e in slots[e % 2].
struct Kept {
    char* live;
    char* slots[2];
    std::size_t bytes;
};

class Replay {
public:
    // `rest` takes the rows at the end of an epoch that do not fill a batch; null where there are none.
    Replay(Program* full, std::int64_t full_steps, Program* rest, bool is_double);

    void keep(Kept kept) { kept_.push_back(kept); }

    // The network's parameters, which must be finite at the end of each epoch.
    void parameters(const void* data, std::int64_t size);

    enum class End { done, diverged, failed, parameters_not_finite };

    struct Outcome {
        std::int64_t steps;  // done to the end
        End end;             // what came after them
    };

    // What one call of `run` works on. Steps are counted from the start of the epoch `epoch`; `orders` holds a row of
    // row numbers for each epoch from that one on, or is null for the natural order.
    struct Span {
        std::int64_t epoch;
        std::int64_t first, steps;
        const std::int64_t* orders;
        const double* numbers;  // (steps, columns)
        std::int64_t columns;
        double* values;  // (steps,): the losses
        double* totals;  // (steps,): the batches' total weights
        char* collected;
    };

    Outcome run(const Span& span, int threads);

private:
    bool parameters_are_finite() const;

    Program* full_;
    Program* rest_;
    std::int64_t full_steps_, epoch_steps_, rows_;
    bool is_double_;
    std::vector<Kept> kept_;
    const void* parameters_ = nullptr;
    std::int64_t size_ = 0;
};

}  // namespace glassnet
