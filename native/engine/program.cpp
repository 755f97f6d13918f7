#include "engine/program.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace glassnet {

Program::Program(bool is_double, std::int64_t batch_rows) : is_double_(is_double), batch_rows_(batch_rows) {}

void Program::stage(bool is_parallel) {
    close_group();
    stages_.push_back({pieces_.size(), pieces_.size(), is_parallel, false});
    is_parallel_ = is_parallel_ || is_parallel;
}

void Program::group(std::int64_t extent, std::int64_t size) {
    close_group();
    extent_ = extent;
    size_ = size;
}

void Program::add(const std::string& kernel, const std::vector<Operand>& operands, const std::vector<int>& shares,
                  std::int64_t origin, std::int64_t length, const std::vector<double>& settings,
                  const std::vector<std::int64_t>& columns) {
    const Kernel& found = kernel_for(kernel, operands.size(), settings.size());
    const AbreastKernel* const of_several = abreast_kernel_for(kernel);
    if (settings.size() != columns.size()) throw std::invalid_argument("one column for each setting of " + kernel);
    if (operands.size() != shares.size()) throw std::invalid_argument("one mark for each operand of " + kernel);
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (columns[i] >= 0) step_numbers_.push_back({settings_.size() + i, static_cast<std::size_t>(columns[i])});
    open_.push_back({{Kind::kernel, found.of(is_double_), 0, settings_.size(), 0, 0, 0, operands.size(), found.reach,
                      of_several == nullptr ? nullptr : of_several->of(is_double_)},
                     operands,
                     shares,
                     origin,
                     length});
    settings_.insert(settings_.end(), settings.begin(), settings.end());
}

void Program::add_gather(const char* rows, const Operand& buffer, std::int64_t row_bytes) {
    open_.push_back({{Kind::gather, nullptr, 0, 0, sources_.size(), 0, 0}, {buffer}, {cut}, 0, batch_rows_});
    sources_.push_back({rows, buffer.as<char>(), row_bytes, buffer.row_bytes, buffer.row_bytes * batch_rows_});
    takes_whole_rows_ = takes_whole_rows_ && buffer.row_bytes == row_bytes;
}

void Program::add_collect(const Operand& outputs, std::int64_t row_bytes) {
    open_.push_back({{Kind::collect, nullptr, 0, 0, 0, 0, 0}, {outputs}, {cut}, 0, batch_rows_});
    output_bytes_ = row_bytes;
}

void Program::add_callback(std::function<bool()> callback) {
    open_.push_back({{Kind::callback, nullptr, 0, 0, callbacks_.size(), 0, 0}, {}, {}, 0, 1});
    callbacks_.push_back(std::move(callback));
}

void Program::watch(const double* value, const double* total) {
    value_ = value;
    total_ = total;
    stages_.back().is_watched = true;
}

// Cuts what was added into pieces. The element size cancels out: a row of an operand is its share of the bytes.
void Program::close_group() {
    std::int64_t number = 0;
    for (std::int64_t start = 0; start < extent_ && !open_.empty(); start += size_, ++number) {
        const std::int64_t stop = std::min(start + size_, extent_);
        Piece piece{calls_.size(), 0};
        for (const Whole& whole : open_) {
            const std::int64_t from = std::max(start - whole.origin, std::int64_t{0});
            const std::int64_t to = std::min(stop - whole.origin, whole.length);
            if (from >= to) continue;
            Call call = whole.call;
            call.operands = operands_.size();
            call.first_row = from;
            call.rows = to - from;
            for (std::size_t i = 0; i < whole.operands.size(); ++i) {
                Operand operand = whole.operands[i];
                if (whole.shares[i] == cut && operand.data != nullptr) operand = operand.part(from, to, whole.length);
                if (whole.shares[i] == by_piece && operand.data != nullptr)
                    operand.data = operand.as<char>() + number * operand.rows() * operand.row_bytes;
                operands_.push_back(operand);
            }
            calls_.push_back(call);
        }
        piece.last = calls_.size();
        pieces_.push_back(piece);
    }
    open_.clear();
    extent_ = 0;
    if (!stages_.empty()) stages_.back().last = pieces_.size();
}

void Program::finish() {
    close_group();
    for (std::size_t place = 0; place < operands_.size(); ++place)
        for (std::size_t i = 0; i < sources_.size(); ++i) {
            const char* data = operands_[place].as<char>();
            const Source& source = sources_[i];
            if (data != nullptr && data >= source.buffer && data < source.buffer + source.bytes)
                in_sources_.push_back({place, i, data - source.buffer});
        }
}

void Program::rebind(const std::vector<Moved>& moved, const std::vector<std::int64_t>& columns) {
    read_from_buffers();
    const auto now = [&moved](const void* data) {
        const auto* place = static_cast<const char*>(data);
        for (const Moved& stretch : moved)
            if (place >= stretch.from && place < stretch.until) return stretch.to + (place - stretch.from);
        return place;
    };
    for (Operand& operand : operands_) operand.data = const_cast<char*>(now(operand.data));
    for (Source& source : sources_) source.rows = now(source.rows);
    for (StepNumber& number : step_numbers_) number.column = static_cast<std::size_t>(columns.at(number.column));
}

// Lets the operands point to the batch's rows where they lie one after another in the sources, or back to the buffers.
void Program::read_in_place(const Step& step) {
    const std::int64_t wanted = reads_in_place(step) ? step.start : -1;
    if (wanted == in_place_) return;
    for (const InSource& place : in_sources_) {
        const Source& source = sources_[place.source];
        const char* base = wanted < 0 ? source.buffer : source.rows + wanted * source.row_bytes;
        operands_[place.operand].data = const_cast<char*>(base + place.offset);
    }
    in_place_ = wanted;
}

void Program::run_piece(const Piece& piece, const Step& step) {
    for (std::size_t i = piece.first; i < piece.last; ++i) {
        const Call& call = calls_[i];
        if (call.kind == Kind::kernel) {
            call.function(operands_.data() + call.operands, settings_.data() + call.settings);
        } else if (call.kind == Kind::gather) {
            if (reads_in_place(step)) continue;
            const Source& source = sources_[call.index];
            char* buffer = operands_[call.operands].as<char>();
            for (std::int64_t row = 0; row < call.rows; ++row)
                std::memcpy(buffer + row * source.taken,
                            source.rows + step.row(call.first_row + row) * source.row_bytes,
                            static_cast<std::size_t>(source.taken));
        } else if (call.kind == Kind::collect) {
            if (step.collected == nullptr) continue;
            const Operand& outputs = operands_[call.operands];
            for (std::int64_t row = 0; row < call.rows; ++row)
                std::memcpy(step.collected + step.row(call.first_row + row) * output_bytes_,
                            outputs.as<char>() + row * outputs.row_bytes, static_cast<std::size_t>(outputs.row_bytes));
        } else if (!callbacks_[call.index]()) {
            failed_ = true;
            return;
        }
    }
}

Program::Outcome Program::step(const Step& step, const double* numbers, Pool::Lease* threads) {
    read_in_place(step);
    failed_ = false;
    for (const StepNumber& number : step_numbers_) settings_[number.setting] = numbers[number.column];
    for (const Stage& stage : stages_) {
        if (threads == nullptr || !stage.is_parallel) {
            for (std::size_t i = stage.first; i < stage.last; ++i) run_piece(pieces_[i], step);
        } else {
            struct Context {
                Program* program;
                const Step* step;
                std::size_t first;
            } context{this, &step, stage.first};
            threads->run(
                static_cast<std::int64_t>(stage.last - stage.first),
                [](void* given, std::int64_t i) {
                    const auto* c = static_cast<const Context*>(given);
                    c->program->run_piece(c->program->pieces_[c->first + static_cast<std::size_t>(i)], *c->step);
                },
                &context);
        }
        if (failed_) return Outcome::failed;
        if (stage.is_watched && !std::isfinite(*value_)) return Outcome::diverged;
    }
    return Outcome::done;
}

}  // namespace glassnet
