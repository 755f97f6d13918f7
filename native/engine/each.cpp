// Whole trainings of networks that are alike, on the memory of one replay.

#include <algorithm>
#include <cstring>

#include "engine/replay.hpp"
#include "math/arrays.hpp"

namespace glassnet {
namespace {

// A pass of fewer networks takes as long as that of all; so many take as long one by one.
constexpr std::size_t fewest_abreast = 4;

bool is_finite(const Abreast::Array& array) {
    const std::int64_t count = array.bytes / array.item_bytes;
    return array.item_bytes == sizeof(double) ? all_finite(reinterpret_cast<const double*>(array.data), count)
                                              : all_finite(reinterpret_cast<const float*>(array.data), count);
}

}  // namespace

bool Replay::run_alone(const std::vector<Abreast::Array>& live, const Training& training) {
    for (std::size_t i = 0; i < live.size(); ++i)
        std::memcpy(live[i].data, training.arrays[i], static_cast<std::size_t>(live[i].bytes));
    if (run(training.span).end != End::done || !std::all_of(live.begin(), live.end(), is_finite)) return false;
    for (std::size_t i = 0; i < live.size(); ++i)
        std::memcpy(training.arrays[i], live[i].data, static_cast<std::size_t>(live[i].bytes));
    return true;
}

std::vector<bool> Replay::run_each(const std::vector<Abreast::Array>& live, const std::vector<Training>& trainings) {
    if (!abreast_ && trainings.size() > 1 && full_.size() == 1 && kept_.empty() && looks_.empty())
        abreast_ = Abreast::of(*full_[0], full_steps_, rest_, live);
    Abreast* const together = abreast_ ? abreast_->get() : nullptr;
    std::vector<bool> found;
    for (std::size_t first = 0; first < trainings.size();) {
        const Span& span = trainings[first].span;
        const auto numbers = static_cast<std::size_t>(span.steps * span.columns) * sizeof(double);
        const auto goes_with = [&](const Training& other) {
            return other.span.numbers == span.numbers || std::memcmp(other.span.numbers, span.numbers, numbers) == 0;
        };
        std::size_t stop = first + 1;
        while (together != nullptr && stop < trainings.size() && stop < first + abreast && goes_with(trainings[stop]))
            ++stop;
        if (together == nullptr || stop - first < fewest_abreast) {
            for (std::size_t i = first; i < stop; ++i) found.push_back(run_alone(live, trainings[i]));
        } else {
            std::vector<Abreast::Training> several;
            for (std::size_t i = first; i < stop; ++i) {
                const auto& [arrays, own] = trainings[i];
                several.push_back({arrays, own.orders, own.numbers, own.values, own.totals});
            }
            for (const bool is_well : together->train(several, span.steps, span.columns)) found.push_back(is_well);
            trained_abreast_ += static_cast<std::int64_t>(several.size());
        }
        first = stop;
    }
    return found;
}

}  // namespace glassnet
