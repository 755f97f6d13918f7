#include "forward.hpp"

#include <algorithm>
#include <stdexcept>

#include "program.hpp"

namespace glassnet {
namespace {

constexpr std::size_t alignment = 64;

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
    calls_.push_back({is_double_ ? entry->float64 : entry->float32, operands_.size(), settings_.size()});
    operands_.insert(operands_.end(), operands.begin(), operands.end());
    cut_.insert(cut_.end(), cut.begin(), cut.end());
    settings_.insert(settings_.end(), settings.begin(), settings.end());
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

void Forward::run_tile(Lane& lane, const char* x, char* y, std::int64_t rows) const {
    for (std::size_t i = 0; i < operands_.size(); ++i) {
        if (rows != lane.rows && cut_[i]) lane.operands[i].shape[0] = operands_[i].shape[0] / tile_ * rows;
        const char* data = operands_[i].as<char>();
        if (holds(input_, data)) lane.operands[i].data = const_cast<char*>(x + (data - input_.as<char>()));
        if (holds(output_, data)) lane.operands[i].data = y + (data - output_.as<char>());
    }
    lane.rows = rows;
    for (const Call& call : calls_)
        call.function(lane.operands.data() + call.operands, settings_.data() + call.settings);
}

void Forward::run(const char* x, char* y, std::int64_t rows, int threads) {
    const std::int64_t tiles = (rows + tile_ - 1) / tile_;
    if (tiles == 1) {
        auto lane = take_lane();
        run_tile(*lane, x, y, rows);
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
