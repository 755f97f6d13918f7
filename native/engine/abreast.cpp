#include "engine/abreast.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace glassnet {
namespace {

constexpr std::int64_t most_bytes = 256 * 1024;

std::int64_t bytes_of(const Operand& operand) { return operand.rows() * operand.row_bytes; }

std::int64_t item_bytes_of(const Operand& operand) {
    return bytes_of(operand) / std::max<std::int64_t>(operand.size(), 1);
}

// Calls body with a number of the type that has so many bytes; false for other sizes.
template <class Body>
bool with_item(std::int64_t bytes, Body body) {
    const auto fits = [&](auto item) {
        if (bytes != sizeof(item)) return false;
        body(item);
        return true;
    };
    return fits(std::uint32_t()) || fits(std::uint64_t()) || fits(std::uint8_t());
}

// The items of one network to its places among all, which the first argument points to, and back.
template <class Item>
void put(char* all, const char* one, std::int64_t count) {
    auto* to = reinterpret_cast<Item*>(all);
    const auto* from = reinterpret_cast<const Item*>(one);
    for (std::int64_t i = 0; i < count; ++i) to[i * abreast] = from[i];
}

template <class Item>
void take(const char* all, char* one, std::int64_t count) {
    const auto* from = reinterpret_cast<const Item*>(all);
    auto* to = reinterpret_cast<Item*>(one);
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i * abreast];
}

// The same items for all networks.
template <class Item>
void spread(char* all, const char* one, std::int64_t count) {
    auto* to = reinterpret_cast<Item*>(all);
    const auto* from = reinterpret_cast<const Item*>(one);
    for (std::int64_t i = 0; i < count; ++i) std::fill_n(to + i * abreast, abreast, from[i]);
}

template <class T>
void look_for_lost_numbers(const T* all, std::int64_t count, std::array<bool, abreast>& is_well) {
    T sums[abreast] = {};  // of zeros, but for what is not finite
    for (std::int64_t i = 0; i < count; ++i)
        for (std::int64_t j = 0; j < abreast; ++j) sums[j] += all[i * abreast + j] * T(0);
    for (std::size_t j = 0; j < abreast; ++j) is_well[j] = is_well[j] && sums[j] == 0;
}

}  // namespace

std::unique_ptr<Abreast> Abreast::of(Program& full, std::int64_t full_steps, Program* rest, std::vector<Array> live) {
    std::unique_ptr<Abreast> found(new Abreast);
    std::vector<const Program*> programs{&full};
    if (rest != nullptr) programs.push_back(rest);
    full.read_from_buffers();
    if (rest != nullptr) rest->read_from_buffers();
    found->live_ = std::move(live);
    found->full_steps_ = full_steps;
    if (!found->find_memory(programs) || !found->add(full, found->full_)) return nullptr;
    if (rest != nullptr && !found->add(*rest, found->rest_)) return nullptr;
    return found;
}

// Arrays that overlap lie in one stretch.
bool Abreast::find_memory(const std::vector<const Program*>& programs) {
    const auto add = [this](const void* data, std::int64_t bytes) {
        const auto* from = static_cast<const char*>(data);
        if (from != nullptr && bytes > 0) stretches_.push_back({from, from + bytes, 0});
    };
    for (const Array& array : live_) add(array.data, array.bytes);
    for (const Program* program : programs) {
        for (const Operand& operand : program->operands_) add(operand.data, bytes_of(operand));
        add(program->value_, sizeof(double));
        add(program->total_, sizeof(double));
    }
    std::sort(stretches_.begin(), stretches_.end(), [](const auto& a, const auto& b) { return a.from < b.from; });
    std::vector<Stretch> merged;
    for (const Stretch& stretch : stretches_)
        if (!merged.empty() && stretch.from < merged.back().until)
            merged.back().until = std::max(merged.back().until, stretch.until);
        else
            merged.push_back(stretch);
    stretches_ = std::move(merged);
    std::int64_t bytes = 0;
    for (Stretch& stretch : stretches_) {
        stretch.place = bytes;
        bytes += ((stretch.until - stretch.from) * abreast + alignment - 1) / alignment * alignment;
    }
    if (bytes > most_bytes) return false;
    memory_.resize(static_cast<std::size_t>(bytes + alignment));
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    base_ = memory_.data() + (alignment - address % alignment) % alignment;
    return true;
}

char* Abreast::place_of(const void* data) const {
    const auto* place = static_cast<const char*>(data);
    const auto after = std::upper_bound(stretches_.begin(), stretches_.end(), place,
                                        [](const char* p, const Stretch& stretch) { return p < stretch.from; });
    const Stretch& stretch = *std::prev(after);
    return base_ + stretch.place + (place - stretch.from) * abreast;
}

// Gives all networks what is there now: some arrays hold what is calculated once.
void Abreast::fill(const char* data, std::int64_t bytes, std::int64_t item_bytes) const {
    with_item(item_bytes, [&]<class Item>(Item) { spread<Item>(place_of(data), data, bytes / item_bytes); });
}

bool Abreast::add(const Program& program, Steps& steps) {
    if (!program.callbacks_.empty() || program.value_ == nullptr) return false;
    steps.settings = program.settings_;
    steps.numbers = program.step_numbers_;
    steps.sources = program.sources_;
    steps.rows = program.batch_rows_;
    for (const Program::Call& of : program.calls_) {
        if (of.kind == Program::Kind::collect) continue;
        Call call{Way::one_by_one, of, {}, {}};
        const std::size_t count = of.kind == Program::Kind::gather ? 1 : of.operand_count;
        for (std::size_t i = of.operands; i < of.operands + count; ++i) {
            Operand operand = program.operands_[i];
            call.own.push_back(operand);
            if (operand.data != nullptr && bytes_of(operand) > 0) {
                if (!with_item(item_bytes_of(operand), [](auto) {})) return false;
                fill(operand.as<char>(), bytes_of(operand), item_bytes_of(operand));
                operand.data = place_of(operand.data);
            }
            call.operands.push_back(operand);
        }
        const bool by_element =
            of.reach == Reach::element ||
            (of.reach == Reach::row &&
             std::all_of(call.own.begin(), call.own.end(), [](const Operand& o) { return o.row_size() == 1; }));
        if (of.kind == Program::Kind::gather) {
            call.way = Way::gather;
        } else if (by_element) {
            call.way = Way::elements;
            for (Operand& operand : call.operands) {
                operand.shape[0] *= abreast;
                operand.rank = std::max(operand.rank, 1);
            }
        } else if (of.together != nullptr) {
            call.way = Way::together;
        }
        steps.calls.push_back(std::move(call));
    }
    fill(reinterpret_cast<const char*>(program.value_), sizeof(double), sizeof(double));
    fill(reinterpret_cast<const char*>(program.total_), sizeof(double), sizeof(double));
    steps.value = reinterpret_cast<const double*>(place_of(program.value_));
    steps.total = reinterpret_cast<const double*>(place_of(program.total_));
    return true;
}

void Abreast::gather(const Steps& steps, const Call& call, const Rows& orders, std::int64_t start) const {
    const Program::Source& source = steps.sources[call.of.index];
    const Operand& buffer = call.operands[0];
    const std::int64_t item_bytes = item_bytes_of(call.own[0]), count = source.taken / item_bytes;
    with_item(item_bytes, [&]<class Item>(Item) {
        for (std::int64_t row = 0; row < call.of.rows; ++row) {
            char* const to = buffer.as<char>() + row * source.taken * abreast;
            const std::int64_t place = call.of.first_row + row;
            if (orders[0] == nullptr) {
                spread<Item>(to, source.rows + (start + place) * source.row_bytes, count);
                continue;
            }
            for (std::size_t j = 0; j < abreast; ++j)
                put<Item>(to + j * sizeof(Item), source.rows + orders[j][start + place] * source.row_bytes, count);
        }
    });
}

void Abreast::call_one_by_one(const Call& call, const double* settings) const {
    const auto for_arrays = [&call](auto body) {
        for (std::size_t i = 0; i < call.own.size(); ++i) {
            const Operand &all = call.operands[i], &one = call.own[i];
            if (one.data == nullptr || bytes_of(one) == 0) continue;
            with_item(item_bytes_of(one),
                      [&]<class Item>(Item item) { body(item, all.as<char>(), one.as<char>(), one.size()); });
        }
    };
    for (std::int64_t j = 0; j < abreast; ++j) {
        for_arrays([j]<class Item>(Item, char* all, char* one, std::int64_t count) {
            take<Item>(all + j * static_cast<std::int64_t>(sizeof(Item)), one, count);
        });
        call.of.function(call.own.data(), settings);
        for_arrays([j]<class Item>(Item, char* all, const char* one, std::int64_t count) {
            put<Item>(all + j * static_cast<std::int64_t>(sizeof(Item)), one, count);
        });
    }
}

void Abreast::step(Steps& steps, const double* numbers, const Rows& orders, std::int64_t start) {
    for (const auto& number : steps.numbers) steps.settings[number.setting] = numbers[number.column];
    for (const Call& call : steps.calls) {
        const double* const settings = steps.settings.data() + call.of.settings;
        if (call.way == Way::gather)
            gather(steps, call, orders, start);
        else if (call.way == Way::elements)
            call.of.function(call.operands.data(), settings);
        else if (call.way != Way::together || !call.of.together(call.operands.data(), settings))
            call_one_by_one(call, settings);
    }
}

void Abreast::look_for_lost(const Array& array, std::array<bool, abreast>& is_well) const {
    const char* const all = place_of(array.data);
    if (array.item_bytes == sizeof(double))
        look_for_lost_numbers(reinterpret_cast<const double*>(all), array.bytes / array.item_bytes, is_well);
    else
        look_for_lost_numbers(reinterpret_cast<const float*>(all), array.bytes / array.item_bytes, is_well);
}

std::vector<bool> Abreast::train(const std::vector<Training>& trainings, std::int64_t steps, std::int64_t columns) {
    const std::size_t count = trainings.size();
    const auto of = [&](std::size_t j) -> const Training& { return trainings[std::min(j, count - 1)]; };
    const auto for_arrays = [&](std::size_t networks, auto body) {
        for (std::size_t j = 0; j < networks; ++j)
            for (std::size_t i = 0; i < live_.size(); ++i)
                with_item(live_[i].item_bytes, [&]<class Item>(Item item) {
                    body(item, j, place_of(live_[i].data) + j * sizeof(Item), of(j).arrays[i],
                         live_[i].bytes / live_[i].item_bytes);
                });
    };
    for_arrays(abreast, []<class Item>(Item, std::size_t, char* all, const char* one, std::int64_t items) {
        put<Item>(all, one, items);
    });
    std::array<bool, abreast> is_well;
    is_well.fill(true);
    const std::int64_t epoch_steps = full_steps_ + (rest_.rows > 0 ? 1 : 0);
    const std::int64_t epoch_rows = full_steps_ * full_.rows + rest_.rows;
    for (std::int64_t s = 0; s < steps; ++s) {
        const std::int64_t in_epoch = s % epoch_steps;
        Steps& now = in_epoch == full_steps_ ? rest_ : full_;
        Rows orders;
        for (std::size_t j = 0; j < abreast; ++j)
            orders[j] = of(j).orders == nullptr ? nullptr : of(j).orders + s / epoch_steps * epoch_rows;
        step(now, trainings[0].numbers + s * columns, orders, in_epoch * full_.rows);
        for (std::size_t j = 0; j < count; ++j) {
            of(j).values[s] = now.value[j];
            of(j).totals[s] = now.total[j];
            is_well[j] = is_well[j] && std::isfinite(now.value[j]);
        }
        if (in_epoch + 1 == epoch_steps) look_for_lost(live_[0], is_well);
        if (std::none_of(is_well.begin(), is_well.begin() + static_cast<std::ptrdiff_t>(count),
                         [](bool b) { return b; }))
            break;
    }
    for (const Array& array : live_) look_for_lost(array, is_well);
    for_arrays(count, [&is_well]<class Item>(Item, std::size_t j, const char* all, char* one, std::int64_t items) {
        if (is_well[j]) take<Item>(all, one, items);
    });
    return std::vector<bool>(is_well.begin(), is_well.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace glassnet
