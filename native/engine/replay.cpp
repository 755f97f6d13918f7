#include "engine/replay.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "math/arrays.hpp"

namespace glassnet {

void Choice::measured(std::int64_t steps, double seconds) {
    const double now = seconds / static_cast<double>(steps);
    double& known = seconds_per_step_[is_shared_];
    known = known == 0.0 ? now : trials_ < first_trials ? std::min(known, now) : (known + now) / 2;
    // Runs that end before they are that long say nothing of longer ones, and there may be any number of them.
    if (steps >= steps_ && seconds < seconds_of_trial / 2) steps_ *= 2;
    if (trials_ == 0 && now > seconds_of_long_step) {  // to begin with, sharing is taken to be better
        trials_ = first_trials;
        until_trial_ = trial_distance_ = first_distance_of_long_steps;
    }
    if (trials_ < first_trials) {  // the first ones alternate; two of them are for warming up
        if (++trials_ <= 2) known = 0.0;
        is_shared_ = !is_shared_;
        if (trials_ < first_trials) return;
    }
    const bool better = seconds_per_step_[false] == 0.0 || seconds_per_step_[true] < seconds_per_step_[false];
    if (better != better_) trial_distance_ = first_distance;
    const bool was_trial = is_shared_ != better_;
    better_ = better;
    if (was_trial) trial_distance_ = std::min(2 * trial_distance_, largest_distance);
    if (was_trial || until_trial_ == 0) until_trial_ = trial_distance_;
    is_shared_ = --until_trial_ == 0 ? !better_ : better_;
}

Replay::Replay(std::vector<Program*> full, std::int64_t full_steps, Program* rest, int threads)
    : full_(std::move(full)),
      rest_(rest),
      full_steps_(full_steps),
      epoch_steps_(full_steps + (rest != nullptr ? 1 : 0)),
      rows_(full_steps * full_.at(0)->batch_rows() + (rest != nullptr ? rest->batch_rows() : 0)),
      threads_(threads) {}

void Replay::parameters(const void* data, std::int64_t size) {
    parameters_ = data;
    size_ = size;
}

bool Replay::parameters_are_finite() const {
    return full_[0]->is_double() ? all_finite(static_cast<const double*>(parameters_), size_)
                                 : all_finite(static_cast<const float*>(parameters_), size_);
}

bool Replay::is_parallel() const {
    const auto is = [](const Program* program) { return program != nullptr && program->is_parallel(); };
    return is(rest_) || std::any_of(full_.begin(), full_.end(), is);
}

Replay::Outcome Replay::run(const Span& span) {
    if (threads_ <= 1 || !is_parallel()) return run_steps(span, 0, span.steps, nullptr);
    using Clock = std::chrono::steady_clock;
    std::optional<Pool::Lease> lease;
    for (std::int64_t done = 0; done < span.steps;) {
        if (!choice_.is_shared())
            lease.reset();
        else if (!lease)
            lease.emplace(threads_);
        const std::int64_t stop = std::min(span.steps, done + choice_.steps());
        const auto start = Clock::now();
        const Outcome outcome = run_steps(span, done, stop, lease ? &*lease : nullptr);
        if (outcome.end != End::done || outcome.steps < stop) return outcome;
        choice_.measured(stop - done, std::chrono::duration<double>(Clock::now() - start).count());
        done = stop;
    }
    return {span.steps, End::done};
}

template <class Body>
void Replay::for_looks(const Span& span, std::int64_t step, bool is_rest, std::size_t which, Body body) const {
    for (std::size_t i = 0; i < span.seen.size(); ++i) {
        const Watching& watching = looks_[i];
        if (!watching.is_due(span.before + step)) continue;
        const Seen& seen = span.seen[i];
        const std::int64_t row = watching.row(span.before, span.before + step);
        body(is_rest ? *watching.rest : *watching.full[which], seen.values + row * seen.row_bytes,
             seen.resting + row * seen.columns);
    }
}

// The steps from .. to − 1 of the span.
Replay::Outcome Replay::run_steps(const Span& span, std::int64_t from, std::int64_t to, Pool::Lease* threads) {
    std::int64_t in_epoch = (span.first + from) % epoch_steps_;
    std::int64_t epoch = (span.first + from) / epoch_steps_;
    for (std::int64_t s = from; s < to; ++s) {
        if (in_epoch == 0)
            for (const Kept& kept : kept_) std::memcpy(kept.slots[(span.epoch + epoch) % 2], kept.live, kept.bytes);
        const bool is_rest = in_epoch == full_steps_;
        const std::size_t which = span.which == nullptr ? 0 : static_cast<std::size_t>(span.which[s]);
        bool is_watched = false;
        for_looks(span, s, is_rest, which, [&](const Look& look, char* values, double*) {
            is_watched = true;
            look.before(values);
        });
        const auto& full = is_watched ? watched_full_ : full_;
        Program& program = is_rest ? *(is_watched ? watched_rest_ : rest_) : *full[which];
        const std::int64_t start = in_epoch * full_[0]->batch_rows();
        const Step step{span.orders == nullptr ? nullptr : span.orders + epoch * rows_ + start, start, span.collected};
        const auto outcome = program.step(step, span.numbers + s * span.columns, threads);
        if (outcome == Program::Outcome::failed) return {s, End::failed};
        span.values[s] = program.value();
        span.totals[s] = program.total();
        if (outcome == Program::Outcome::diverged) return {s, End::diverged};
        for_looks(span, s, is_rest, which,
                  [](const Look& look, char* values, double* resting) { look.after(values, resting); });
        if (++in_epoch == epoch_steps_) {
            if (!parameters_are_finite()) return {s + 1, End::parameters_not_finite};
            in_epoch = 0;
            ++epoch;
        }
    }
    return {to, End::done};
}

}  // namespace glassnet
