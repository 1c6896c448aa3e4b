#include "tests/support/failing_new.h"

#include <cstdlib>
#include <new>
#include <utility>

namespace twofold {
namespace {

thread_local AllocationPlan* t_plan = nullptr;

bool may_allocate() {
    if (t_plan == nullptr) return true;
    const std::uint64_t number = t_plan->counted++;
    if (t_plan->for_good ? number < t_plan->fail_at : number != t_plan->fail_at) return true;
    ++t_plan->failed;
    return false;
}

void* allocate(std::size_t size) noexcept {
    return may_allocate() ? std::malloc(size == 0 ? 1 : size) : nullptr;
}

void* allocate(std::size_t size, std::align_val_t alignment) noexcept {
    const auto align = static_cast<std::size_t>(alignment);
    return may_allocate() ? std::aligned_alloc(align, (size + align - 1) / align * align) : nullptr;
}

void* or_throw(void* memory) {
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

}  // namespace

AllocationPlan::Scope::Scope(AllocationPlan* plan) : before_(std::exchange(t_plan, plan)) {}
AllocationPlan::Scope::~Scope() { t_plan = before_; }

}  // namespace twofold

using twofold::allocate;
using twofold::or_throw;

void* operator new(std::size_t size) { return or_throw(allocate(size)); }
void* operator new[](std::size_t size) { return or_throw(allocate(size)); }
void* operator new(std::size_t size, std::align_val_t align) {
    return or_throw(allocate(size, align));
}
void* operator new[](std::size_t size, std::align_val_t align) {
    return or_throw(allocate(size, align));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t align, const std::nothrow_t&) noexcept {
    return allocate(size, align);
}
void* operator new[](std::size_t size, std::align_val_t align, const std::nothrow_t&) noexcept {
    return allocate(size, align);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
