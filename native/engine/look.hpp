// What is kept of a training step that somebody looks at: elements of its arrays, and how many units were at rest.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/kernel.hpp"

namespace glassnet {

class Look {
public:
    explicit Look(bool is_double) : is_double_(is_double) {}

    // Elements of a flat array, by their places, go to `start` of the row of values: before the update or after it.
    void take(const void* array, const std::int64_t* places, std::int64_t count, std::int64_t start, bool before) {
        parts_.push_back({array, places, count, start, before});
    }

    // Of the next column of `resting`: the share of units of y (N, units, ...) that gave 0 throughout.
    void units(const Operand& y) { outputs_.push_back(y); }

    void before(char* values) const { copy(values, true); }

    void after(char* values, double* resting) const {
        copy(values, false);
        for (const Operand& y : outputs_) *resting++ = is_double_ ? share_at_rest<double>(y) : share_at_rest<float>(y);
    }

private:
    struct Part {
        const void* array;
        const std::int64_t* places;
        std::int64_t count, start;
        bool before;
    };

    template <class T>
    static void copy(const Part& part, char* values) {
        const T* const from = static_cast<const T*>(part.array);
        T* const to = reinterpret_cast<T*>(values) + part.start;
        for (std::int64_t i = 0; i < part.count; ++i) to[i] = from[part.places[i]];
    }

    void copy(char* values, bool before) const {
        for (const Part& part : parts_)
            if (part.before == before) is_double_ ? copy<double>(part, values) : copy<float>(part, values);
    }

    template <class T>
    static double share_at_rest(const Operand& y) {
        const std::int64_t rows = y.rows(), units = y.shape[1],
                           size = y.size() / std::max<std::int64_t>(rows * units, 1);
        std::vector<std::uint8_t> is_active(static_cast<std::size_t>(units));
        std::uint8_t* const active = is_active.data();
        const T* element = y.as<T>();
        for (std::int64_t row = 0; row < rows; ++row)
            if (size == 1) {
                for (std::int64_t unit = 0; unit < units; ++unit) active[unit] |= element[unit] != 0;
                element += units;
            } else {
                for (std::int64_t unit = 0; unit < units; ++unit, element += size)
                    active[unit] |= !std::all_of(element, element + size, [](T value) { return value == 0; });
            }
        const auto at_rest = std::count(is_active.begin(), is_active.end(), 0);
        return static_cast<double>(at_rest) / static_cast<double>(units);
    }

    bool is_double_;
    std::vector<Part> parts_;
    std::vector<Operand> outputs_;
};

}  // namespace glassnet
