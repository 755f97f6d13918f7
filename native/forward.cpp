#include "forward.hpp"

#include <algorithm>
#include <stdexcept>

#include "program.hpp"

namespace glassnet {
namespace {

constexpr std::size_t alignment = 64;
constexpr std::size_t most_operands = 8;  // of a divided call
// A convolution's way of summing depends on whether it has fewer channels than this; parts must not.
constexpr std::int64_t channels_at_once = 16;

bool holds(const Operand& buffer, const char* address) {
    return address >= buffer.as<char>() && address < buffer.as<char>() + buffer.row_bytes * buffer.rows();
}

}  // namespace

Forward::Forward(bool is_double, std::int64_t tile, const char* arena, std::int64_t arena_bytes)
    : is_double_(is_double), tile_(tile), arena_(arena), arena_bytes_(arena_bytes) {}

void Forward::add(const std::string& kernel, const std::vector<Operand>& operands, const std::vector<bool>& cut,
                  const std::vector<double>& settings) {
    const KernelEntry* entry = find_kernel(kernel);
    if (entry == nullptr) throw std::invalid_argument("no native kernel " + kernel);
    calls_.push_back({is_double_ ? entry->float64 : entry->float32, operands_.size(), settings_.size(), {}, 1, true});
    operands_.insert(operands_.end(), operands.begin(), operands.end());
    cut_.insert(cut_.end(), cut.begin(), cut.end());
    settings_.insert(settings_.end(), settings.begin(), settings.end());
}

void Forward::divide(const std::vector<int>& shares, std::int64_t channels, bool waits) {
    if (calls_.empty() || shares.size() != operands_.size() - calls_.back().operands || shares.size() > most_operands)
        throw std::invalid_argument("one share for each operand of the last call");
    calls_.back().shares = shares;
    calls_.back().channels = channels;
    calls_.back().waits = waits;
    is_divided_ = true;
}

std::unique_ptr<Forward::Lane> Forward::Lanes::take() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return nullptr;
    auto lane = std::move(idle.back());
    idle.pop_back();
    return lane;
}

void Forward::Lanes::give_back(std::unique_ptr<Lane> lane) {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(lane));
}

std::unique_ptr<Forward::Lane> Forward::take_lane() {
    if (auto lane = lanes_.take()) return lane;
    auto lane = std::make_unique<Lane>();
    lane->arena = std::make_unique_for_overwrite<char[]>(static_cast<std::size_t>(arena_bytes_) + alignment);
    const auto address = reinterpret_cast<std::uintptr_t>(lane->arena.get());
    char* start = lane->arena.get() + (alignment - address % alignment) % alignment;
    lane->operands = operands_;
    for (Operand& operand : lane->operands) {
        const char* data = operand.as<char>();
        if (data != nullptr && data >= arena_ && data < arena_ + arena_bytes_) operand.data = start + (data - arena_);
    }
    lane->rows = tile_;
    return lane;
}

// Lets the lane's operands have so many rows, input and output where the caller has them.
void Forward::point(Lane& lane, const char* x, char* y, std::int64_t rows) const {
    for (std::size_t i = 0; i < operands_.size(); ++i) {
        if (rows != lane.rows && cut_[i]) lane.operands[i].shape[0] = operands_[i].shape[0] / tile_ * rows;
        const char* data = operands_[i].as<char>();
        if (holds(input_, data)) lane.operands[i].data = const_cast<char*>(x + (data - input_.as<char>()));
        if (holds(output_, data)) lane.operands[i].data = y + (data - output_.as<char>());
    }
    lane.rows = rows;
}

void Forward::run_tile(Lane& lane, const char* x, char* y, std::int64_t rows) const {
    point(lane, x, y, rows);
    for (const Call& call : calls_)
        call.function(lane.operands.data() + call.operands, settings_.data() + call.settings);
}

// One part of the channels through some calls.
void Forward::run_channels(const Lane& lane, std::size_t first, std::size_t last, std::int64_t part,
                           std::int64_t parts) const {
    for (std::size_t i = first; i < last; ++i) {
        const Call& call = calls_[i];
        const std::int64_t blocks = std::max<std::int64_t>(call.channels / channels_at_once, 1);
        const std::int64_t from = blocks * part / parts * channels_at_once;
        const std::int64_t to = part + 1 == parts ? call.channels : blocks * (part + 1) / parts * channels_at_once;
        Operand operands[most_operands];
        for (std::size_t j = 0; j < call.shares.size(); ++j) {
            Operand& operand = operands[j] = lane.operands[call.operands + j];
            const int axis = call.shares[j] == weights ? 0 : 1;
            if (call.shares[j] == whole || operand.data == nullptr) continue;
            const std::int64_t of_channel = axis == 1 ? operand.row_bytes / operand.shape[1] : operand.row_bytes;
            operand.data = operand.as<char>() + from * of_channel;
            operand.shape[axis] = to - from;
            if (call.shares[j] == planes) operand.row_bytes = (to - from) * of_channel;
        }
        if (from < to) call.function(operands, settings_.data() + call.settings);
    }
}

// A single row, whose channels several threads share as far as they can.
void Forward::run_divided(Lane& lane, int threads) const {
    struct Context {
        const Forward* forward;
        const Lane* lane;
        std::size_t first, last;
        std::int64_t parts;
    };
    const auto one_part = [](void* given, std::int64_t part) {
        const auto* c = static_cast<const Context*>(given);
        c->forward->run_channels(*c->lane, c->first, c->last, part, c->parts);
    };
    for (std::size_t first = 0, last; first < calls_.size(); first = last) {
        last = first + 1;
        if (calls_[first].shares.empty()) {
            calls_[first].function(lane.operands.data() + calls_[first].operands, settings_.data() + calls_[first].settings);
            continue;
        }
        while (last < calls_.size() && !calls_[last].shares.empty() && !calls_[last].waits) ++last;
        Context context{this, &lane, first, last, threads};
        Pool::shared().run(threads, threads, one_part, &context);
    }
}

void Forward::run(const char* x, char* y, std::int64_t rows, int threads) {
    const std::int64_t tiles = (rows + tile_ - 1) / tile_;
    if (tiles == 1) {
        auto lane = take_lane();
        if (rows == 1 && threads > 1 && is_divided_) {
            point(*lane, x, y, rows);
            run_divided(*lane, threads);
        } else {
            run_tile(*lane, x, y, rows);
        }
        lanes_.give_back(std::move(lane));
        return;
    }
    // Pieces must not throw, so that the memory for all that can be at work at once is taken before.
    Lanes lanes;
    for (std::int64_t i = 0; i < std::min<std::int64_t>(threads, tiles); ++i) lanes.idle.push_back(take_lane());
    struct Context {
        Forward* forward;
        Lanes* lanes;
        const char* x;
        char* y;
        std::int64_t rows;
    } context{this, &lanes, x, y, rows};
    const auto one_tile = [](void* given, std::int64_t i) {
        const auto* c = static_cast<const Context*>(given);
        const Forward& self = *c->forward;
        const std::int64_t start = i * self.tile_;
        auto lane = c->lanes->take();
        self.run_tile(*lane, c->x + start * self.input_.row_bytes, c->y + start * self.output_.row_bytes,
                      std::min(self.tile_, c->rows - start));
        c->lanes->give_back(std::move(lane));
    };
    Pool::shared().run(tiles, threads, one_tile, &context);
    for (auto& lane : lanes.idle) lanes_.give_back(std::move(lane));
}

}  // namespace glassnet
