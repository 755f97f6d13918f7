// A program: the kernel calls of one training step for one batch shape, in stages of independent pieces.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/kernel.hpp"
#include "engine/pool.hpp"

namespace glassnet {

// What a replay knows of the step in hand.
struct Step {
    const std::int64_t* order;  // the row numbers of the batch; null for `start`, `start` + 1, ...
    std::int64_t start;
    char* collected;  // receives the outputs of each row at its place; null where they are not wanted

    std::int64_t row(std::int64_t in_batch) const { return order == nullptr ? start + in_batch : order[in_batch]; }
};

// Stages follow each other. A stage consists of pieces that any threads may carry out in any order: how the work is
// cut into pieces depends on shapes alone, so the number of threads changes no bit of the result.
class Program {
public:
    Program(bool is_double, std::int64_t batch_rows);

    // Building. `stage` begins a stage, whose pieces several threads share if it `is_parallel`. `group` begins pieces
    // of `size` of the indices 0 .. extent − 1 in it, and what is added afterwards is done in each piece in turn, on
    // its share of the operands.
    void stage(bool is_parallel);
    void group(std::int64_t extent, std::int64_t size);

    // A call of a native kernel for the indices origin .. origin + length − 1. Operands that are `cut` are divided
    // along axis 0 with the indices; of those that are by_piece each piece has its own, one behind the other; the
    // others go whole to each piece. `columns` names, for each setting, the column of the per-step numbers that fills
    // it, or −1 for the constant given. Throws std::invalid_argument for an unknown kernel.
    enum Share : int { whole, cut, by_piece };
    void add(const std::string& kernel, const std::vector<Operand>& operands, const std::vector<int>& shares,
             std::int64_t origin, std::int64_t length, const std::vector<double>& settings,
             const std::vector<std::int64_t>& columns);

    // Copies the batch's rows of `rows` (all rows, one every `row_bytes`) into `buffer`, whose rows may be shorter:
    // then the rest of each is left out. Where the batch's rows follow each other in `rows` and are as long, they are
    // read where they are instead.
    void add_gather(const char* rows, const Operand& buffer, std::int64_t row_bytes);

    // Copies the outputs of each row to the beginning of its place in `Step::collected`, where each has `row_bytes`.
    void add_collect(const Operand& outputs, std::int64_t row_bytes);

    // A call of something outside, such as a Python function, by the thread that runs the program; `callback` must not
    // throw, and says whether it succeeded.
    void add_callback(std::function<bool()> callback);

    // Names the buffers (1,) with the loss and the batch's total weight. After the present stage the step ends where
    // the loss is not finite.
    void watch(const double* value, const double* total);

    // Ends the building.
    void finish();

    // A stretch of memory that has another place now.
    struct Moved {
        const char *from, *until, *to;
    };

    // Lets the program work on other arrays of the same shapes: whatever points into `from` .. `until` − 1 points to
    // the same place behind `to`; the stretches do not overlap. The per-step number of column i has column columns[i]
    // now.
    void rebind(const std::vector<Moved>& moved, const std::vector<std::int64_t>& columns);

    enum class Outcome { done, diverged, failed };

    // Does one step; `numbers` are its per-step numbers, `threads` is null for the calling thread alone.
    Outcome step(const Step& step, const double* numbers, Pool::Lease* threads);

    bool is_double() const { return is_double_; }
    std::int64_t batch_rows() const { return batch_rows_; }
    double value() const { return *value_; }
    double total() const { return *total_; }
    bool is_parallel() const { return is_parallel_; }

private:
    friend class Abreast;  // which carries out the same calls for several networks

    enum class Kind : std::uint8_t { kernel, gather, collect, callback };

    struct Call {
        Kind kind;
        KernelFunction function;
        std::size_t operands;          // place of the first one in operands_
        std::size_t settings;          // likewise
        std::size_t index;             // of the source or callback
        std::int64_t first_row, rows;  // of the batch, for gather and collect
        std::size_t operand_count = 0;
        Reach reach = Reach::anywhere;
        AbreastFunction together = nullptr;
    };

    // A call as it was added, before it is cut into pieces.
    struct Whole {
        Call call;
        std::vector<Operand> operands;
        std::vector<int> shares;
        std::int64_t origin, length;
    };

    struct Piece {
        std::size_t first, last;  // in calls_
    };

    struct Stage {
        std::size_t first, last;  // in pieces_
        bool is_parallel, is_watched;
    };

    struct Source {
        const char* rows;
        const char* buffer;
        std::int64_t row_bytes;  // from one row to the next
        std::int64_t taken;      // of each row
        std::int64_t bytes;      // of the buffer
    };

    // An operand that lies in the buffer of a source.
    struct InSource {
        std::size_t operand, source;
        std::int64_t offset;
    };

    struct StepNumber {
        std::size_t setting, column;
    };

    void close_group();
    // Python code keeps to the buffers: it holds arrays of its own that point to them.
    bool reads_in_place(const Step& step) const {
        return step.order == nullptr && callbacks_.empty() && takes_whole_rows_;
    }
    void read_in_place(const Step& step);
    void read_from_buffers() { read_in_place({nullptr, -1, nullptr}); }
    void run_piece(const Piece& piece, const Step& step);

    bool is_double_;
    std::int64_t batch_rows_;
    bool takes_whole_rows_ = true;
    std::vector<Stage> stages_;
    std::vector<Piece> pieces_;
    std::vector<Call> calls_;
    std::vector<Operand> operands_;
    std::vector<double> settings_;
    std::vector<StepNumber> step_numbers_;
    std::vector<std::function<bool()>> callbacks_;
    std::vector<Source> sources_;
    std::vector<InSource> in_sources_;
    std::int64_t output_bytes_ = 0;
    const double* value_ = nullptr;
    const double* total_ = nullptr;
    bool is_parallel_ = false;

    std::vector<Whole> open_;  // of the group that is being built
    std::int64_t extent_ = 0, size_ = 0;

    // While running.
    std::int64_t in_place_ = -1;  // the first row that operands point to in the sources themselves; −1: in the buffers
    bool failed_ = false;
};

}  // namespace glassnet
