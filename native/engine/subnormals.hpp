// Numbers below the normal range count as zero while compiled kernels run.
//
// A processor takes a hundred cycles more for each of them, and training makes many: Adam's mean of the gradients of a
// weight that gets none falls by β₁ each step, below 1.2e-38 after some 800 steps in float32, and stays there, since
// 0.9 times the smallest number rounds to itself.

#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace glassnet {

// Switches a thread's arithmetic, and back when it is left.
class Subnormals {
public:
    static constexpr bool as_zero = false, as_numbers = true;

    explicit Subnormals(bool are_numbers) : before_(control()) {
        const Control wanted = are_numbers ? before_ & ~flush : before_ | flush;
        if (wanted != before_) set_control(wanted);
        is_changed_ = wanted != before_;
    }
    ~Subnormals() {
        if (is_changed_) set_control(before_);
    }
    Subnormals(const Subnormals&) = delete;
    Subnormals& operator=(const Subnormals&) = delete;

private:
#if defined(__x86_64__)
    using Control = unsigned;
    static constexpr Control flush = 0x8040;  // results that are subnormal (bit 15), and operands (bit 6)
    static Control control() { return _mm_getcsr(); }
    static void set_control(Control value) { _mm_setcsr(value); }
#elif defined(__aarch64__)
    using Control = std::uint64_t;
    static constexpr Control flush = Control{1} << 24;
    static Control control() {
        Control value;
        asm volatile("mrs %0, fpcr" : "=r"(value));
        return value;
    }
    static void set_control(Control value) { asm volatile("msr fpcr, %0" : : "r"(value)); }
#else
    using Control = unsigned;
    static constexpr Control flush = 0;
    static Control control() { return 0; }
    static void set_control(Control) {}
#endif

    Control before_;
    bool is_changed_ = false;
};

}  // namespace glassnet
