#include "engine/forward.hpp"

#include <algorithm>
#include <stdexcept>

#include "math/arrays.hpp"
#include "products/segments.hpp"

namespace glassnet {
namespace {

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
    const auto function = kernel_for(kernel, operands.size(), settings.size()).of(is_double_);
    if (cut.size() != operands.size()) throw std::invalid_argument("one mark for each operand of " + kernel);
    calls_.push_back({function, operands_.size(), settings_.size(), {}, 1, true});
    operands_.insert(operands_.end(), operands.begin(), operands.end());
    cut_.insert(cut_.end(), cut.begin(), cut.end());
    settings_.insert(settings_.end(), settings.begin(), settings.end());
}

void Forward::divide(const std::vector<int>& shares, std::int64_t channels, bool waits) {
    if (calls_.empty() || shares.size() != operands_.size() - calls_.back().operands || shares.size() > most_operands)
        throw std::invalid_argument("one share for each operand of the last call");
    if (shares[0] == summands) {
        const Operand *x = &operands_[calls_.back().operands], *y = x + 3;
        if (shares.size() != 4 || x->rank != 2 || Segments(x->shape[1]).count * y->row_bytes > most_sum_bytes)
            throw std::invalid_argument("a sum that cannot be divided");
    }
    calls_.back().shares = shares;
    calls_.back().channels = channels;
    calls_.back().waits = waits;
    is_divided_ = true;
}

Forward::Lanes::~Lanes() {
    while (take() != nullptr) {
    }
}

std::unique_ptr<Forward::Lane> Forward::Lanes::take() {
    for (std::atomic<Lane*>& place : idle_) {
        if (place.load(std::memory_order_relaxed) == nullptr) continue;
        if (Lane* lane = place.exchange(nullptr, std::memory_order_acquire)) return std::unique_ptr<Lane>(lane);
    }
    return nullptr;
}

// One for which there is no place goes.
void Forward::Lanes::give_back(std::unique_ptr<Lane> lane) {
    for (std::atomic<Lane*>& place : idle_) {
        Lane* none = nullptr;
        if (!place.compare_exchange_strong(none, lane.get(), std::memory_order_release, std::memory_order_relaxed))
            continue;
        [[maybe_unused]] const Lane* const placed = lane.release();
        return;
    }
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

Forward::Rows Forward::Rows::from(const Forward& forward, std::int64_t start) const {
    return {x + start * forward.input_.row_bytes,
            lengths == nullptr ? nullptr : lengths + start * forward.lengths_.row_bytes,
            y + start * forward.output_.row_bytes, std::min(forward.tile_, count - start)};
}

// Lets the lane's operands have so many rows, input and output where the caller has them.
void Forward::point(Lane& lane, const Rows& rows) const {
    for (std::size_t i = 0; i < operands_.size(); ++i) {
        if (rows.count != lane.rows && cut_[i]) lane.operands[i].shape[0] = operands_[i].shape[0] / tile_ * rows.count;
        const char* data = operands_[i].as<char>();
        if (holds(input_, data)) lane.operands[i].data = const_cast<char*>(rows.x + (data - input_.as<char>()));
        if (holds(output_, data)) lane.operands[i].data = rows.y + (data - output_.as<char>());
        if (wants_lengths() && holds(lengths_, data))
            lane.operands[i].data = const_cast<char*>(rows.lengths + (data - lengths_.as<char>()));
    }
    lane.rows = rows.count;
}

void Forward::run_tile(Lane& lane, const Rows& rows) const {
    point(lane, rows);
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

// y = x W + b for a single row, of which threads add up parts. As dense_forward does it alone: the bits are the same.
void Forward::run_summands(const Lane& lane, const Call& call, int threads) const {
    struct Context {
        const Call* call;
        const Operand *x, *weight, *bias, *y;
        const double* settings;
        Segments segments;
        std::int64_t sum_bytes, parts;
        char* sums;
    };
    const Operand* const given = lane.operands.data() + call.operands;
    const Segments segments(given[0].shape[1]);
    const std::int64_t sum_bytes = given[3].row_bytes;
    alignas(64) char sums[most_sum_bytes];
    Context context{&call,     given,     given + 1,
                    given + 2, given + 3, settings_.data() + call.settings,
                    segments,  sum_bytes, std::min<std::int64_t>(threads, segments.count),
                    sums};
    const auto one_part = [](void* pointer, std::int64_t part) {
        const auto& c = *static_cast<const Context*>(pointer);
        for (std::int64_t i = c.segments.count * part / c.parts; i < c.segments.count * (part + 1) / c.parts; ++i) {
            Operand operands[4] = {*c.x, *c.weight, *c.bias, *c.y};
            const std::int64_t from = c.segments.start(i), length = c.segments.start(i + 1) - from;
            operands[0].data = c.x->as<char>() + c.x->row_bytes / c.x->shape[1] * from;
            operands[0].shape[1] = operands[1].shape[0] = length;
            operands[1].data = c.weight->as<char>() + c.weight->row_bytes * from;
            if (i > 0) {
                operands[2].data = nullptr;
                operands[3].data = c.sums + i * c.sum_bytes;
            }
            c.call->function(operands, c.settings);
        }
    };
    Pool::shared().run(context.parts, threads, one_part, &context);
    for (std::int64_t i = 1; i < segments.count; ++i) {
        const char* const from = sums + i * sum_bytes;
        if (is_double_)
            add_to(given[3].as<double>(), reinterpret_cast<const double*>(from), given[3].shape[1]);
        else
            add_to(given[3].as<float>(), reinterpret_cast<const float*>(from), given[3].shape[1]);
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
        if (!calls_[first].shares.empty() && calls_[first].shares[0] == summands) {
            run_summands(lane, calls_[first], threads);
            continue;
        }
        if (calls_[first].shares.empty()) {
            calls_[first].function(lane.operands.data() + calls_[first].operands,
                                   settings_.data() + calls_[first].settings);
            continue;
        }
        while (last < calls_.size() && !calls_[last].shares.empty() && !calls_[last].waits) ++last;
        Context context{this, &lane, first, last, threads};
        Pool::shared().run(threads, threads, one_part, &context);
    }
}

void Forward::run(const char* x, const char* lengths, char* y, std::int64_t rows, int threads) {
    const Rows all{x, lengths, y, rows};
    const std::int64_t tiles = (rows + tile_ - 1) / tile_;
    if (tiles == 1) {
        auto lane = take_lane();
        if (rows == 1 && threads > 1 && is_divided_) {
            point(*lane, all);
            run_divided(*lane, threads);
        } else {
            run_tile(*lane, all);
        }
        lanes_.give_back(std::move(lane));
        return;
    }
    // Pieces must not throw, so that the memory for all that can be at work at once is taken before.
    Lanes lanes;
    const std::int64_t at_work = std::min<std::int64_t>({threads, tiles, Pool::most_threads});
    for (std::int64_t i = 0; i < at_work; ++i) lanes.give_back(take_lane());
    struct Context {
        Forward* forward;
        Lanes* lanes;
        const Rows* rows;
    } context{this, &lanes, &all};
    const auto one_tile = [](void* given, std::int64_t i) {
        const auto* c = static_cast<const Context*>(given);
        const Forward& self = *c->forward;
        std::unique_ptr<Lane> lane;
        while (lane == nullptr) lane = c->lanes->take();  // there is one, which may come back where take() has passed
        self.run_tile(*lane, c->rows->from(self, i * self.tile_));
        c->lanes->give_back(std::move(lane));
    };
    Pool::shared().run(tiles, threads, one_tile, &context);
    while (auto lane = lanes.take()) lanes_.give_back(std::move(lane));
}

}  // namespace glassnet
