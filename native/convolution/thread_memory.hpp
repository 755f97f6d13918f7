// Memory of the thread's own, for what a kernel puts down between its steps.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

namespace glassnet {

constexpr std::int64_t thread_memory_bytes = 1 << 22;

// Where a cache line begins; null where there is no memory left. One kernel at a time may use it.
inline char* thread_memory() {
    static thread_local const std::unique_ptr<char[]> bytes(new (std::nothrow) char[thread_memory_bytes + 64]);
    if (bytes == nullptr) return nullptr;
    const auto address = reinterpret_cast<std::uintptr_t>(bytes.get());
    return bytes.get() + (64 - address % 64) % 64;
}

}  // namespace glassnet
