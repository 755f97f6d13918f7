// The forward pass of a network over any number of rows, from any number of threads at once.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kernel.hpp"
#include "pool.hpp"

namespace glassnet {

// Rows go through all layers a tile at a time, while its activations are in cache. Each tile at work has an arena of
// its own; arenas are kept for the next call.
class Forward {
public:
    // Operands between `arena` and `arena` + `arena_bytes` are the activations of one tile of `tile` rows: only their
    // places count. `input` and `output` are among them; they are read and written where the caller has them.
    Forward(bool is_double, std::int64_t tile, const char* arena, std::int64_t arena_bytes);

    // A call of a native kernel; operands that are `cut` have the rows of the tile along axis 0.
    void add(const std::string& kernel, const std::vector<Operand>& operands, const std::vector<bool>& cut,
             const std::vector<double>& settings);

    void input(const Operand& buffer) { input_ = buffer; }
    void output(const Operand& buffer) { output_ = buffer; }

    // The shapes of a row are those of these buffers.
    const Operand& input() const { return input_; }
    const Operand& output() const { return output_; }
    bool is_double() const { return is_double_; }

    // Writes the outputs of `rows` rows of `x` to `y`, on up to `threads` threads.
    void run(const char* x, char* y, std::int64_t rows, int threads);

private:
    struct Call {
        KernelFunction function;
        std::size_t operands, settings;
    };

    // One tile at work.
    struct Lane {
        std::unique_ptr<char[]> arena;
        std::vector<Operand> operands;
        std::int64_t rows;
    };

    struct Lanes {
        std::unique_ptr<Lane> take();  // null where none is idle
        void give_back(std::unique_ptr<Lane> lane);

        std::mutex mutex;
        std::vector<std::unique_ptr<Lane>> idle;
    };

    std::unique_ptr<Lane> take_lane();
    void run_tile(Lane& lane, const char* x, char* y, std::int64_t rows) const;

    bool is_double_;
    std::int64_t tile_;
    const char* arena_;
    std::int64_t arena_bytes_;
    Operand input_, output_;
    std::vector<Call> calls_;
    std::vector<Operand> operands_;
    std::vector<bool> cut_;
    std::vector<double> settings_;
    Lanes lanes_;
};

}  // namespace glassnet
