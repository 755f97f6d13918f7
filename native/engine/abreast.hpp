// Trainings of several networks that are alike at once, on memory in which each number stands beside those that the
// other networks have in its place.
//
// A network of a few hundred weights leaves most of a processor's registers empty, and much of its step's time goes
// into beginning kernels. Eight of them fill the registers, and begin each kernel once. Each gets the bits that it gets
// alone: kernels of elements go over all numbers, some kernels have a twin that keeps to the same order of sums
// (GLASSNET_ABREAST_KERNEL), and any other is called for one network after another.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/program.hpp"

namespace glassnet {

class Abreast {
public:
    // An array of the programs that differs from network to network.
    struct Array {
        char* data;
        std::int64_t bytes, item_bytes;
    };

    // Steps of `full`, so many in an epoch, and then one of `rest` unless that is null; `live` begins with the
    // parameters. Null where the programs do what cannot be done so, or where it would not pay: the memory of all
    // networks has to stay in the cache.
    static std::unique_ptr<Abreast> of(Program& full, std::int64_t full_steps, Program* rest, std::vector<Array> live);

    // A network's training: its arrays, in the order of `live`, the orders of its rows (null for the natural one), the
    // per-step numbers, which are the same for all, and where losses and total weights go.
    struct Training {
        char* const* arrays;
        const std::int64_t* orders;
        const double* numbers;
        double *values, *totals;
    };

    // Carries out up to `abreast` trainings of so many steps, with so many numbers in each. Says of each whether all
    // went well: then its arrays are those of the end.
    std::vector<bool> train(const std::vector<Training>& trainings, std::int64_t steps, std::int64_t columns);

private:
    enum class Way : std::uint8_t { gather, elements, together, one_by_one };

    struct Call {
        Way way;
        Program::Call of;
        std::vector<Operand> operands;  // of all networks
        std::vector<Operand> own;       // of one, in the program's memory
    };

    // A program's calls, one after another.
    struct Steps {
        std::vector<Call> calls;
        std::vector<double> settings;
        std::vector<Program::StepNumber> numbers;
        std::vector<Program::Source> sources;
        const double *value = nullptr, *total = nullptr;
        std::int64_t rows = 0;
    };

    // A stretch of a program's memory, and where that of all networks begins.
    struct Stretch {
        const char *from, *until;
        std::int64_t place;
    };

    using Rows = std::array<const std::int64_t*, abreast>;

    Abreast() = default;
    bool find_memory(const std::vector<const Program*>& programs);
    bool add(const Program& program, Steps& steps);
    char* place_of(const void* data) const;
    void fill(const char* data, std::int64_t bytes, std::int64_t item_bytes) const;
    void step(Steps& steps, const double* numbers, const Rows& orders, std::int64_t start);
    void gather(const Steps& steps, const Call& call, const Rows& orders, std::int64_t start) const;
    void call_one_by_one(const Call& call, const double* settings) const;
    void look_for_lost(const Array& array, std::array<bool, abreast>& is_well) const;

    std::vector<Stretch> stretches_;
    std::vector<char> memory_;
    char* base_ = nullptr;
    std::vector<Array> live_;
    Steps full_, rest_;
    std::int64_t full_steps_ = 0;
};

}  // namespace glassnet
