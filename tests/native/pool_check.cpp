// Checks of the thread pool; ends with status 1 at the first that fails.

#include "engine/pool.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

// ThreadSanitizer does not follow threads into a child process; AddressSanitizer leaves it the locks of its own that
// other threads held, which may hang it.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define WITHOUT_FORK 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define WITHOUT_FORK 1
#endif
#endif

#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition)) {                                                          \
            std::fprintf(stderr, "%s:%d: not %s\n", __FILE__, __LINE__, #condition); \
            std::fflush(stderr);                                                     \
            std::_Exit(1);                                                           \
        }                                                                            \
    } while (false)

using glassnet::Pool;

namespace {

// How often each piece was done. Plain numbers: to read them after a run is a race unless the pool orders it.
using Counts = std::vector<int>;

void count_piece(void* counts, std::int64_t i) { ++static_cast<Counts*>(counts)->at(static_cast<std::size_t>(i)); }

void check_all(const Counts& counts, int times) {
    for (const int count : counts) CHECK(count == times);
}

void spend(std::chrono::nanoseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
    }
}

void every_piece_once() {
    for (const int threads : {-1, 0, 1, 2, 3, 8})
        for (const std::int64_t pieces : {0, 1, 2, 3, 7, 8, 9, 64, 1000}) {
            Counts counts(static_cast<std::size_t>(pieces), 0);
            for (int time = 1; time <= 20; ++time) {
                Pool::shared().run(pieces, threads, &count_piece, &counts);
                check_all(counts, time);
            }
        }
    Pool::shared().run(-1, 2, [](void*, std::int64_t) { CHECK(false); }, nullptr);
}

// The caller writes what the pieces read and reads what they wrote, run after run, as the stages of a training step.
void many_runs_in_one_lease(int threads, int runs) {
    Pool::Lease lease(threads);
    std::vector<std::int64_t> values(37);
    std::int64_t sum = 0;
    for (std::int64_t run = 1; run <= runs; ++run) {
        const std::int64_t pieces = run % static_cast<std::int64_t>(values.size()) + 1;
        lease.run(pieces, [&values, run](std::int64_t i) { values[static_cast<std::size_t>(i)] = run * i; });
        for (std::int64_t i = 0; i < pieces; ++i) CHECK(values[static_cast<std::size_t>(i)] == run * i);
        if (run % 3 == 0) lease.run(2, [&values](std::int64_t i) { values[static_cast<std::size_t>(i)] += 1; });
        if (run % 512 == 0) spend(std::chrono::microseconds(300));  // long enough for the workers to sleep
        sum += values[0];
    }
    CHECK(sum == runs / 3);
}

// The pieces wait for each other, in some runs for a worker that sleeps.
void several_threads_work_together() {
    Pool::Lease lease(2);
    CHECK(lease.threads() == 2);
    for (int run = 0; run < 20; ++run) {
        std::atomic<int> present{0};
        lease.run(2, [&present](std::int64_t) {
            ++present;
            while (present < 2) std::this_thread::yield();
        });
        if (run % 5 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

// The caller waits long enough for a piece of somebody else's to sleep.
void caller_sleeps_until_the_end() {
    for (const int threads : {2, 8}) {
        Pool::Lease lease(threads);
        std::vector<int> done(static_cast<std::size_t>(threads));
        const auto caller = std::this_thread::get_id();
        for (int run = 0; run < 3; ++run) {
            lease.run(threads, [&done, caller](std::int64_t i) {
                spend(std::chrono::milliseconds(std::this_thread::get_id() == caller ? 1 : 5));
                ++done[static_cast<std::size_t>(i)];
            });
            check_all(done, run + 1);
        }
    }
}

void leases_at_once() {
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 4; ++caller)
        callers.emplace_back([] {
            for (int round = 0; round < 50; ++round) {
                Counts counts(20, 0);
                Pool::Lease lease(3);
                for (int run = 1; run <= 10; ++run) {
                    lease.run(20, [&counts](std::int64_t i) { count_piece(&counts, i); });
                    check_all(counts, run);
                }
            }
        });
    for (std::thread& caller : callers) caller.join();
}

void pool_in_use_falls_back() {
    const auto caller = std::this_thread::get_id();
    Pool::Lease lease(2);
    {
        Pool::Lease second(2);
        CHECK(second.threads() == 1);
        second.run(5, [caller](std::int64_t) { CHECK(std::this_thread::get_id() == caller); });
    }
    Counts counts(100, 0);
    lease.run(10, [&counts](std::int64_t i) {
        struct Part {
            Counts* counts;
            std::int64_t first;
            std::thread::id thread;
        } part{&counts, 10 * i, std::this_thread::get_id()};
        Pool::shared().run(
            10, 8,
            [](void* context, std::int64_t k) {
                const Part& mine = *static_cast<Part*>(context);
                CHECK(std::this_thread::get_id() == mine.thread);
                count_piece(mine.counts, mine.first + k);
            },
            &part);
    });
    check_all(counts, 1);
}

double processor_seconds() {
    timespec time{};
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void idle_workers_sleep() {
    Counts counts(8, 0);
    Pool::shared().run(8, 8, &count_piece, &counts);
    double before = processor_seconds();
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    CHECK(processor_seconds() - before < 0.05);
    Pool::Lease lease(2);  // a long serial stretch
    lease.run(8, [&counts](std::int64_t i) { count_piece(&counts, i); });
    before = processor_seconds();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    CHECK(processor_seconds() - before < 0.05);
    lease.run(8, [&counts](std::int64_t i) { count_piece(&counts, i); });
    check_all(counts, 3);
}

#if !defined(WITHOUT_FORK)

// Runs `body` in a child process, which is ended by a signal where it hangs.
template <class Body>
pid_t in_child(const Body& body) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0) return child;
    alarm(10);
    body();
    std::_Exit(0);
}

void check_child(pid_t child) {
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void pool_works_after_fork() {
    const auto use = [] {
        several_threads_work_together();  // so the pool was free
        Counts counts(100, 0);
        for (int run = 1; run <= 100; ++run) {
            Pool::shared().run(100, 3, &count_piece, &counts);
            check_all(counts, run);
        }
        check_child(in_child(&several_threads_work_together));
    };
    for (int round = 0; round < 5; ++round) {
        const pid_t first = in_child(use), second = in_child(use);
        use();
        check_child(first);
        check_child(second);
    }

    // Within a lease: the child's copy has no threads, and does not keep others from the pool.
    {
        Pool::Lease lease(2);
        check_child(in_child([&lease, &use] {
            CHECK(lease.threads() == 1);
            Counts counts(10, 0);
            lease.run(10, [&counts](std::int64_t i) { count_piece(&counts, i); });
            check_all(counts, 1);
            use();
        }));
        CHECK(lease.threads() == 2);
    }

    // While another thread holds the pool, in the middle of a run or between two.
    std::atomic<bool> running{false}, end{false};
    std::thread holder([&running, &end] {
        Pool::Lease lease(3);
        CHECK(lease.threads() == 3);
        while (!end) {
            Counts counts(16, 0);
            lease.run(16, [&counts](std::int64_t i) {
                spend(std::chrono::microseconds(5));
                count_piece(&counts, i);
            });
            check_all(counts, 1);
            running = true;
        }
    });
    while (!running) std::this_thread::yield();
    for (int round = 0; round < 20; ++round) check_child(in_child(use));
    end = true;
    holder.join();
    use();
}

#endif

}  // namespace

int main() {
    alarm(60);
#if !defined(WITHOUT_FORK)
    check_child(in_child(&every_piece_once));  // before this process has made threads
#endif
    every_piece_once();
    several_threads_work_together();
    many_runs_in_one_lease(1, 1000);
    many_runs_in_one_lease(2, 5000);
    many_runs_in_one_lease(3, 2000);
    many_runs_in_one_lease(8, 500);
    many_runs_in_one_lease(1000, 50);
    caller_sleeps_until_the_end();
    leases_at_once();
    pool_in_use_falls_back();
    idle_workers_sleep();
#if defined(WITHOUT_FORK)
    std::puts("fork: skipped, the sanitizer does not allow for it");
#else
    pool_works_after_fork();
#endif
    std::puts("all checks passed");
    return 0;
}
