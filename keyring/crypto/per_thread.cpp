#include "keyring/crypto/per_thread.h"

#include <bitset>

namespace twofold::crypto {

namespace {

// Taking and giving back a slot under one lock also orders what the two threads do with it.
std::mutex g_mutex;
std::bitset<kThreadSlots> g_taken;  // guarded by g_mutex

struct Slot {
    Slot() noexcept {
        const std::lock_guard lock(g_mutex);
        while (number < kThreadSlots && g_taken[number]) ++number;
        if (number < kThreadSlots) g_taken.set(number);
    }
    ~Slot() {
        const std::lock_guard lock(g_mutex);
        if (number < kThreadSlots) g_taken.reset(number);
        number = kThreadSlots;  // for destructors of other thread-local objects that still call
    }
    std::size_t number = 0;
};

}  // namespace

std::size_t thread_slot() noexcept {
    static thread_local Slot slot;
    return slot.number;
}

}  // namespace twofold::crypto
