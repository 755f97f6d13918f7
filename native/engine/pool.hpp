// Threads that share independent pieces of work.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

namespace glassnet {

// Carries out independent pieces of work on several threads.
//
// A run is published in one word: its number and how many pieces are left to take. Threads take them by
// compare-and-swap, the calling thread among them, which then waits for pieces in progress only: a thread that comes
// late or not at all delays nobody.
//
// Pieces must not throw and must not fork. A child process starts with no threads and makes its own; the threads are
// never joined, and end with the process.
class Pool {
public:
    static constexpr int most_threads = 64;

    // The pool of this process; threads are made at the first parallel run that wants them.
    static Pool& shared();

    // Calls work(context, i) for each i in [0, count) on up to `threads` threads, the calling one among them, and
    // returns when all are done. Which thread takes which piece is left open, so pieces must not depend on it. Where
    // the pool is in use, by this thread or another, or threads ≤ 1 or count ≤ 1, the calling thread does all itself.
    void run(std::int64_t count, int threads, void (*work)(void* context, std::int64_t i), void* context);

    // Takes the pool for many runs after each other, between which its threads spin for a while before they sleep.
    // Where the pool is in use, the calling thread does all itself. Belongs to the thread that made it.
    class Lease {
    public:
        explicit Lease(int threads);
        ~Lease();
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;

        // As Pool::run.
        void run(std::int64_t count, void (*work)(void* context, std::int64_t i), void* context);

        // Calls work(i) for each i in [0, count).
        template <class Work>
        void run(std::int64_t count, const Work& work) {
            run(
                count, [](void* context, std::int64_t i) { (*static_cast<const Work*>(context))(i); },
                const_cast<Work*>(&work));
        }

        // How many threads take part in a run, the calling one among them.
        int threads() const;

    private:
        bool has_pool() const;

        int workers_ = 0;               // threads beside the calling one; 0 without the pool
        std::uint32_t generation_ = 0;  // of the process that took the pool
    };

private:
    static constexpr int most_workers = most_threads - 1;

    constexpr Pool() = default;

    static void* serve(void* worker);
    static void forget_threads();
    static const int fork_handler;

    bool take();
    int make_workers(int wanted);
    void keep_off_this_processor();
    void wake(int workers);
    void run_shared(std::int64_t count, int workers, void (*work)(void*, std::int64_t), void* context);
    bool take_piece(std::uint32_t run, std::uint32_t& left);
    bool help(int worker, std::uint32_t run);
    void sleep(int worker, std::uint32_t seen);
    void wait_for(std::uint32_t pieces);

    // What the threads tell each other stands on cache lines of its own, two at a time for processors that fetch pairs.

    // The run in progress. Workers may read it while the caller writes the next one, but then no piece of the one that
    // they know is left: where their compare-and-swap succeeds, what they read belongs to it.
    alignas(128) std::atomic<std::uint64_t> ticket_{0};  // number of the run and its pieces left, 32 bits each
    std::atomic<void (*)(void*, std::int64_t)> work_{nullptr};
    std::atomic<void*> context_{nullptr};
    std::atomic<std::uint32_t> count_{0};
    std::atomic<int> workers_{0};  // workers below this number take part

    // Pieces of this run that workers have done; the highest bit says that the caller sleeps.
    alignas(128) std::atomic<std::uint32_t> done_{0};

    alignas(128) std::atomic<std::uint64_t> asleep_{0};  // one bit for each worker
    std::atomic<std::uint32_t> generation_{0};           // forks between the first process and this one
    std::atomic<bool> held_{false};
    std::atomic<bool> crowded_{false};  // more threads than processors

    // Of the holder alone.
    int alive_ = 0;
    int processors_ = 1;
    int avoided_ = -1;  // the processor that workers are kept off; −1 for none
    pthread_t threads_[most_workers]{};

    alignas(128) std::atomic<std::uint32_t> bells_[most_workers]{};  // a change wakes the worker
};

}  // namespace glassnet
