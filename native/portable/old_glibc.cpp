// What newer headers and the static C++ library ask of the C library, for modules that are linked with an older one's
// stubs (tools/wheels.py). Seen by one module alone.

#include <sys/random.h>

extern "C" {

// Whether the process has one thread only: it is not known, so that counters are changed atomically.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's own name for it
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;

// For std::random_device, which glassnet does not use.
__attribute__((visibility("hidden"))) unsigned arc4random() {
    unsigned value = 0;
    while (getrandom(&value, sizeof value, 0) != sizeof value) {
    }
    return value;
}
}
