#include "replay.hpp"

#include "finite.hpp"

#include <cstring>
#include <optional>

namespace glassnet {
Replay::Replay(Program* full, std::int64_t full_steps, Program* rest, bool is_double)
    : full_(full), rest_(rest), full_steps_(full_steps), epoch_steps_(full_steps + (rest != nullptr ? 1 : 0)),
      rows_(full_steps * full->batch_rows() + (rest != nullptr ? rest->batch_rows() : 0)), is_double_(is_double) {}

void Replay::parameters(const void* data, std::int64_t size) {
    parameters_ = data;
    size_ = size;
}

bool Replay::parameters_are_finite() const {
    return is_double_ ? all_finite(static_cast<const double*>(parameters_), size_)
                      : all_finite(static_cast<const float*>(parameters_), size_);
}

Replay::Outcome Replay::run(const Span& span, int threads) {
    std::optional<Pool::Lease> lease;
    if (threads > 1 && (full_->is_parallel() || (rest_ != nullptr && rest_->is_parallel()))) lease.emplace(threads);
    Pool::Lease* team = lease ? &*lease : nullptr;
    std::int64_t in_epoch = span.first % epoch_steps_;
    std::int64_t epoch = span.first / epoch_steps_;
    for (std::int64_t s = 0; s < span.steps; ++s) {
        if (in_epoch == 0)
            for (const Kept& kept : kept_)
                std::memcpy(kept.slots[(span.epoch + epoch) % 2], kept.live, kept.bytes);
        Program& program = in_epoch == full_steps_ ? *rest_ : *full_;
        const std::int64_t start = in_epoch * full_->batch_rows();
        const Step step{span.orders == nullptr ? nullptr : span.orders + epoch * rows_ + start, start, span.collected};
        const auto outcome = program.step(step, span.numbers + s * span.columns, team);
        if (outcome == Program::Outcome::failed) return {s, End::failed};
        span.values[s] = program.value();
        span.totals[s] = program.total();
        if (outcome == Program::Outcome::diverged) return {s, End::diverged};
        if (++in_epoch == epoch_steps_) {
            if (!parameters_are_finite()) return {s + 1, End::parameters_not_finite};
            in_epoch = 0;
            ++epoch;
        }
    }
    return {span.steps, End::done};
}

}  // namespace glassnet
