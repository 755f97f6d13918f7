#include "engine/pool.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <limits>
#include <thread>

#include "engine/subnormals.hpp"

namespace glassnet {

namespace {

using Clock = std::chrono::steady_clock;

// How long a thread that has nothing to do spins before it sleeps. Measured on two virtual cores: a spinning worker
// takes a piece after 0.3 µs; to wake one that sleeps costs the caller 2 to 5 µs, and it comes after 10 to 20 µs.
constexpr auto spin_outside_lease = std::chrono::microseconds(50);
constexpr auto spin_in_lease = std::chrono::microseconds(200);
// With more threads than processors a thread does not spin but yields: another may hold the piece that all wait for.
constexpr auto worker_yields = std::chrono::microseconds(5);
constexpr auto caller_yields = std::chrono::microseconds(50);
constexpr int pauses_between_looks_at_clock = 32;

constexpr std::uint32_t caller_sleeps = std::uint32_t{1} << 31;
constexpr std::int64_t most_pieces = std::numeric_limits<std::int32_t>::max();

constexpr std::uint32_t run_of(std::uint64_t ticket) { return static_cast<std::uint32_t>(ticket >> 32); }
constexpr std::uint32_t pieces_left(std::uint64_t ticket) { return static_cast<std::uint32_t>(ticket); }
constexpr std::uint64_t bit_of(int worker) { return std::uint64_t{1} << worker; }

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    asm volatile("yield");
#endif
}

// Spends moments until a limit has passed since the first of them.
class Patience {
public:
    // False once the limit has passed.
    bool wait(Clock::duration limit, bool crowded) {
        if (moments_ == 0) start_ = Clock::now();
        ++moments_;
        if (crowded)
            std::this_thread::yield();
        else
            pause();
        return (!crowded && moments_ % pauses_between_looks_at_clock != 0) || Clock::now() - start_ < limit;
    }

private:
    std::uint64_t moments_ = 0;
    Clock::time_point start_;
};

// How many processors this process may use.
int available_processors() {
#if defined(__linux__)
    cpu_set_t set;
    if (pthread_getaffinity_np(pthread_self(), sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// Signals are for the threads of the program, which may wait to be interrupted by them; faults stay where they happen.
sigset_t signals_for_others() {
    sigset_t signals;
    sigfillset(&signals);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) sigdelset(&signals, fault);
    return signals;
}

}  // namespace

// Registered before the first run, for a fork may come at any time after that.
const int Pool::fork_handler = pthread_atfork(nullptr, nullptr, &Pool::forget_threads);

Pool& Pool::shared() {
    static constinit Pool pool;  // never destroyed: threads may look at it until the process has ended
    return pool;
}

void Pool::run(std::int64_t count, int threads, void (*work)(void*, std::int64_t), void* context) {
    Lease lease(count > 1 ? static_cast<int>(std::min<std::int64_t>(threads, count)) : 1);
    lease.run(count, work, context);
}

Pool::Lease::Lease(int threads) {
    if (threads <= 1) return;
    Pool& pool = Pool::shared();
    if (!pool.take()) return;
    generation_ = pool.generation_.load(std::memory_order_relaxed);
    workers_ = pool.make_workers(std::min(threads, most_threads) - 1);
    const bool crowded = workers_ >= pool.processors_;
    if (!crowded) pool.keep_off_this_processor();
    pool.crowded_.store(crowded, std::memory_order_relaxed);
    if (workers_ == 0)
        pool.held_.store(false, std::memory_order_release);
    else if (!crowded)
        pool.wake(workers_);
}

Pool::Lease::~Lease() {
    if (has_pool()) Pool::shared().held_.store(false, std::memory_order_release);
}

// In the child of a fork the pool is no longer that which the parent took.
bool Pool::Lease::has_pool() const {
    return workers_ > 0 && Pool::shared().generation_.load(std::memory_order_relaxed) == generation_;
}

int Pool::Lease::threads() const { return has_pool() ? workers_ + 1 : 1; }

void Pool::Lease::run(std::int64_t count, void (*work)(void*, std::int64_t), void* context) {
    if (count > 1 && count <= most_pieces && has_pool()) {
        const int workers = static_cast<int>(std::min<std::int64_t>(workers_, count - 1));
        Pool::shared().run_shared(count, workers, work, context);
        return;
    }
    for (std::int64_t i = 0; i < count; ++i) work(context, i);
}

bool Pool::take() {
    return fork_handler == 0 && !held_.load(std::memory_order_relaxed) &&
           !held_.exchange(true, std::memory_order_acquire);
}

// How many of the workers wanted there are, after making those that are missing.
int Pool::make_workers(int wanted) {
    if (alive_ >= wanted) return wanted;
    processors_ = available_processors();
    const sigset_t blocked = signals_for_others();
    sigset_t signals_before;
    pthread_sigmask(SIG_BLOCK, &blocked, &signals_before);
    while (alive_ < wanted) {
        pthread_t thread;
        void* worker = reinterpret_cast<void*>(static_cast<std::intptr_t>(alive_));
        if (pthread_create(&thread, nullptr, &Pool::serve, worker) != 0) break;  // go on with fewer
        pthread_detach(thread);
        threads_[alive_++] = thread;
        avoided_ = -1;
    }
    pthread_sigmask(SIG_SETMASK, &signals_before, nullptr);
    return alive_;
}

// Sends the workers away from the processor that the caller runs on. A scheduler likes to wake a thread where its waker
// is, and may leave both there, taking turns, while another processor idles.
void Pool::keep_off_this_processor() {
#if defined(__linux__)
    const int processor = sched_getcpu();
    cpu_set_t others;
    if (processor < 0 || processor == avoided_ || processor >= CPU_SETSIZE) return;
    if (pthread_getaffinity_np(pthread_self(), sizeof others, &others) != 0) return;
    CPU_CLR(processor, &others);
    if (CPU_COUNT(&others) == 0) return;
    for (int worker = 0; worker < alive_; ++worker) pthread_setaffinity_np(threads_[worker], sizeof others, &others);
    avoided_ = processor;
#endif
}

void Pool::forget_threads() {
    Pool& pool = shared();
    pool.alive_ = 0;
    pool.ticket_.fetch_and(~std::uint64_t{0} << 32, std::memory_order_relaxed);  // a run of the parent's is not ours
    pool.asleep_.store(0, std::memory_order_relaxed);
    pool.done_.store(0, std::memory_order_relaxed);
    pool.generation_.fetch_add(1, std::memory_order_relaxed);
    pool.held_.store(false, std::memory_order_release);
}

void Pool::wake(int workers) {
    const std::uint64_t called = bit_of(workers) - 1;
    std::uint64_t sleepers = asleep_.fetch_and(~called, std::memory_order_acq_rel) & called;
    for (; sleepers != 0; sleepers &= sleepers - 1) {
        auto& bell = bells_[std::countr_zero(sleepers)];
        bell.fetch_add(1, std::memory_order_release);
        bell.notify_one();
    }
}

void Pool::run_shared(std::int64_t count, int workers, void (*work)(void*, std::int64_t), void* context) {
    const std::uint32_t pieces = static_cast<std::uint32_t>(count);
    const std::uint32_t run = run_of(ticket_.load(std::memory_order_relaxed)) + 1;  // wraps around
    work_.store(work, std::memory_order_relaxed);
    context_.store(context, std::memory_order_relaxed);
    count_.store(pieces, std::memory_order_relaxed);
    workers_.store(workers, std::memory_order_relaxed);
    // Piece 0 is the caller's. Either this thread sees a worker asleep, or that worker sees the run: see sleep().
    ticket_.exchange(std::uint64_t{run} << 32 | (pieces - 1), std::memory_order_seq_cst);
    if ((asleep_.load(std::memory_order_seq_cst) & (bit_of(workers) - 1)) != 0) wake(workers);

    std::uint32_t own = 0;
    std::uint32_t left = pieces;
    do {
        work(context, pieces - left);
        ++own;
    } while (take_piece(run, left));
    if (own < pieces) wait_for(pieces - own);
}

// Takes the next piece of the run, and says how many were left with it; false where none is left or the run is over.
bool Pool::take_piece(std::uint32_t run, std::uint32_t& left) {
    std::uint64_t ticket = ticket_.load(std::memory_order_relaxed);
    do {
        left = pieces_left(ticket);
        if (run_of(ticket) != run || left == 0) return false;
    } while (!ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel, std::memory_order_relaxed));
    return true;
}

// Waits until workers have done that many pieces of this run.
void Pool::wait_for(std::uint32_t pieces) {
    const bool crowded = crowded_.load(std::memory_order_relaxed);
    Patience patience;
    while (done_.load(std::memory_order_acquire) != pieces) {
        if (patience.wait(crowded ? caller_yields : spin_in_lease, crowded)) continue;
        std::uint32_t done = done_.fetch_or(caller_sleeps, std::memory_order_acq_rel) | caller_sleeps;
        while (done != (pieces | caller_sleeps)) {
            done_.wait(done, std::memory_order_acquire);
            done = done_.load(std::memory_order_acquire);
        }
        break;
    }
    done_.store(0, std::memory_order_relaxed);
}

// What a worker does all its life.
void* Pool::serve(void* argument) {
    const Subnormals subnormals(Subnormals::as_zero);
    Pool& pool = shared();
    const int worker = static_cast<int>(reinterpret_cast<std::intptr_t>(argument));
    std::uint32_t seen = 0;
    Patience patience;
    for (;;) {
        const std::uint32_t run = run_of(pool.ticket_.load(std::memory_order_acquire));
        if (run != seen) {
            seen = run;
            if (pool.help(worker, run)) patience = Patience();
            continue;
        }
        const bool crowded = pool.crowded_.load(std::memory_order_relaxed);
        const auto limit = crowded                                      ? worker_yields
                           : pool.held_.load(std::memory_order_relaxed) ? spin_in_lease
                                                                        : spin_outside_lease;
        if (patience.wait(limit, crowded)) continue;
        pool.sleep(worker, seen);
        patience = Patience();
    }
    return nullptr;
}

// Takes part in the run; false where this worker is not asked for.
bool Pool::help(int worker, std::uint32_t run) {
    if (worker >= workers_.load(std::memory_order_relaxed)) return false;
    const auto work = work_.load(std::memory_order_relaxed);
    void* const context = context_.load(std::memory_order_relaxed);
    const std::uint32_t count = count_.load(std::memory_order_relaxed);
    std::uint32_t own = 0;
    for (std::uint32_t left = 0; take_piece(run, left); ++own) work(context, count - left);
    // From here on the run may be over.
    if (own > 0 && (done_.fetch_add(own, std::memory_order_acq_rel) & caller_sleeps) != 0) done_.notify_one();
    return true;
}

void Pool::sleep(int worker, std::uint32_t seen) {
    const std::uint32_t before = bells_[worker].load(std::memory_order_acquire);
    asleep_.fetch_or(bit_of(worker), std::memory_order_seq_cst);
    const std::uint32_t run = run_of(ticket_.load(std::memory_order_seq_cst));
    if (run == seen || worker >= workers_.load(std::memory_order_relaxed))
        bells_[worker].wait(before, std::memory_order_acquire);
    asleep_.fetch_and(~bit_of(worker), std::memory_order_relaxed);
}

}  // namespace glassnet
