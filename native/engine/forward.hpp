// The forward pass of a network over any number of rows, from any number of threads at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/kernel.hpp"
#include "engine/pool.hpp"

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

    // Several threads share the channels of a single image in the call just added: operands are divided along axis 1
    // (`planes`, of one row, or `columns` of a matrix) or axis 0 (`weights`), or go `whole` to each thread. `waits`:
    // for all channels of the calls before. Where the first operand has `summands`, y = x W + b is divided by its
    // Segments.
    enum Share : int { whole, planes, weights, columns, summands };
    void divide(const std::vector<int>& shares, std::int64_t channels, bool waits);

    void input(const Operand& buffer) { input_ = buffer; }
    void lengths(const Operand& buffer) { lengths_ = buffer; }  // a second input, int64: one number for each row
    void output(const Operand& buffer) { output_ = buffer; }

    // The shapes of a row are those of these buffers.
    const Operand& input() const { return input_; }
    const Operand& output() const { return output_; }
    bool is_double() const { return is_double_; }

    bool wants_lengths() const { return lengths_.data != nullptr; }

    // Writes the outputs of `rows` rows of `x` to `y`, on up to `threads` threads; with their lengths, or null.
    void run(const char* x, const char* lengths, char* y, std::int64_t rows, int threads);

private:
    struct Call {
        KernelFunction function;
        std::size_t operands, settings;
        std::vector<int> shares = {};  // none: not to be divided
        std::int64_t channels = 1;
        bool waits = true;
    };

    // One tile at work.
    struct Lane {
        std::unique_ptr<char[]> arena;
        std::vector<Operand> operands;
        std::int64_t rows;
    };

    // Those that are idle. There is no lock: in the child of a fork one that another thread held would stay locked.
    class Lanes {
    public:
        ~Lanes();

        std::unique_ptr<Lane> take();  // null where none is idle
        void give_back(std::unique_ptr<Lane> lane);

    private:
        std::atomic<Lane*> idle_[Pool::most_threads]{};
    };

    std::unique_ptr<Lane> take_lane();
    // Rows where the caller has them.
    struct Rows {
        const char *x, *lengths;
        char* y;
        std::int64_t count;

        Rows from(const Forward& forward, std::int64_t start) const;  // those of the tile that begins there
    };

    void point(Lane& lane, const Rows& rows) const;
    void run_tile(Lane& lane, const Rows& rows) const;
    void run_divided(Lane& lane, int threads) const;
    void run_summands(const Lane& lane, const Call& call, int threads) const;
    void run_channels(const Lane& lane, std::size_t first, std::size_t last, std::int64_t part,
                      std::int64_t parts) const;

    bool is_double_;
    std::int64_t tile_;
    const char* arena_;
    std::int64_t arena_bytes_;
    Operand input_, lengths_, output_;
    std::vector<Call> calls_;
    std::vector<Operand> operands_;
    std::vector<bool> cut_;
    std::vector<double> settings_;
    bool is_divided_ = false;
    Lanes lanes_;
};

}  // namespace glassnet
