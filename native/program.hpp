// A program: the kernel calls of one training step for one batch shape, and its replay over many batches.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernel.hpp"

namespace glassnet {

// Rows of the training data that go into a buffer of the program before each step.
struct Source {
    const char* rows;         // all rows, one after another; null where there are none
    char* buffer;             // the program's buffer
    std::int64_t row_bytes;   // of one row
};

// Where a setting is filled in anew for each step, from a column of the numbers given to `run`.
struct StepNumber {
    std::size_t setting;
    std::size_t column;
};

class Program {
public:
    Program(bool is_double, std::int64_t batch_rows);

    // Appends a call of a native kernel. `columns` names, for each setting, the column of the per-step numbers that
    // fills it, or -1 for the constant given. Throws std::invalid_argument for an unknown kernel.
    void add(const std::string& kernel, const std::vector<Operand>& operands, const std::vector<double>& settings,
             const std::vector<std::int64_t>& columns);

    // Appends a call of something outside, such as a Python function; `callback` must not throw.
    void add_callback(std::function<bool()> callback);

    // Names the buffer (1,) whose value ends the run where it is not finite: the instruction just added wrote it.
    void watch(const double* value);

    void gather(Source source);
    void collect(const char* buffer, std::int64_t row_bytes);

    struct Outcome {
        std::int64_t steps;  // done to the end
        bool diverged;       // the step after them gave a loss that is not finite, and no update
        bool failed;         // a callback reported an error
    };

    // Replays the program `steps` times. Step s takes the rows order[first + s · batch_rows ...], or the rows from
    // there on in their natural order where `order` is null. `numbers` (steps, columns) are the per-step numbers;
    // `totals` (steps,) and `values` (steps,) receive the batches' total weights and losses; `collected`, where not
    // null, receives the outputs of each row at its place.
    Outcome run(std::int64_t steps, const std::int64_t* order, std::int64_t first, const double* numbers,
                std::int64_t columns, const double* total, double* totals, double* values, char* collected);

private:
    struct Instruction {
        KernelFunction function;
        std::size_t operands;
        std::size_t settings;
        std::int64_t callback;  // index, or -1
        const double* watched;  // null for most
    };

    bool is_double_;
    std::int64_t batch_rows_;
    std::vector<Instruction> instructions_;
    std::vector<Operand> operands_;
    std::vector<double> settings_;
    std::vector<StepNumber> step_numbers_;
    std::vector<std::function<bool()>> callbacks_;
    std::vector<Source> sources_;
    const char* outputs_ = nullptr;
    std::int64_t output_bytes_ = 0;
    std::size_t outputs_known_after_ = 0;
};

// The entry of a kernel, or null.
const KernelEntry* find_kernel(const std::string& name);

}  // namespace glassnet
