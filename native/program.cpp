#include "program.hpp"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <unordered_map>

namespace glassnet {

const KernelEntry* find_kernel(const std::string& name) {
    static const auto kernels = [] {
        std::unordered_map<std::string, const KernelEntry*> found;
        for (const auto& family : {activation_kernels(), combine_kernels(), dense_kernels(), dropout_kernels(),
                                   loss_kernels(), softmax_kernels(), update_kernels()})
            for (const auto& entry : family) found.emplace(entry.name, &entry);
        return found;
    }();
    const auto place = kernels.find(name);
    return place == kernels.end() ? nullptr : place->second;
}

Program::Program(bool is_double, std::int64_t batch_rows) : is_double_(is_double), batch_rows_(batch_rows) {}

void Program::add(const std::string& kernel, const std::vector<Operand>& operands,
                  const std::vector<double>& settings, const std::vector<std::int64_t>& columns) {
    const KernelEntry* entry = find_kernel(kernel);
    if (entry == nullptr) throw std::invalid_argument("no native kernel " + kernel);
    if (settings.size() != columns.size()) throw std::invalid_argument("one column for each setting of " + kernel);
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (columns[i] >= 0)
            step_numbers_.push_back({settings_.size() + i, static_cast<std::size_t>(columns[i])});
    instructions_.push_back({is_double_ ? entry->float64 : entry->float32, operands_.size(), settings_.size(), -1,
                             nullptr});
    operands_.insert(operands_.end(), operands.begin(), operands.end());
    settings_.insert(settings_.end(), settings.begin(), settings.end());
}

void Program::add_callback(std::function<bool()> callback) {
    instructions_.push_back({nullptr, 0, 0, static_cast<std::int64_t>(callbacks_.size()), nullptr});
    callbacks_.push_back(std::move(callback));
}

void Program::watch(const double* value) { instructions_.back().watched = value; }

void Program::gather(Source source) { sources_.push_back(source); }

void Program::collect(const char* buffer, std::int64_t row_bytes) {
    outputs_ = buffer;
    output_bytes_ = row_bytes;
    outputs_known_after_ = instructions_.size();
}

Program::Outcome Program::run(std::int64_t steps, const std::int64_t* order, std::int64_t first,
                              const double* numbers, std::int64_t columns, const double* total, double* totals,
                              double* values, char* collected) {
    for (std::int64_t step = 0; step < steps; ++step) {
        const std::int64_t start = first + step * batch_rows_;
        for (const Source& source : sources_) {
            if (order == nullptr) {
                std::memcpy(source.buffer, source.rows + start * source.row_bytes, batch_rows_ * source.row_bytes);
                continue;
            }
            for (std::int64_t row = 0; row < batch_rows_; ++row)
                std::memcpy(source.buffer + row * source.row_bytes,
                            source.rows + order[start + row] * source.row_bytes, source.row_bytes);
        }
        for (const StepNumber& number : step_numbers_)
            settings_[number.setting] = numbers[step * columns + static_cast<std::int64_t>(number.column)];
        for (std::size_t i = 0; i < instructions_.size(); ++i) {
            const Instruction& instruction = instructions_[i];
            if (instruction.callback >= 0) {
                if (!callbacks_[instruction.callback]()) return {step, false, true};
            } else {
                instruction.function(operands_.data() + instruction.operands,
                                     settings_.data() + instruction.settings);
            }
            if (instruction.watched != nullptr) {
                values[step] = *instruction.watched;
                totals[step] = *total;
                if (!std::isfinite(values[step])) return {step, true, false};
            }
            if (collected != nullptr && i + 1 == outputs_known_after_)
                for (std::int64_t row = 0; row < batch_rows_; ++row) {
                    const std::int64_t place = order == nullptr ? start + row : order[start + row];
                    std::memcpy(collected + place * output_bytes_, outputs_ + row * output_bytes_, output_bytes_);
                }
        }
    }
    return {steps, false, false};
}

}  // namespace glassnet
