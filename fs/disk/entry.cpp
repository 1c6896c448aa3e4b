#include "fs/disk/entry.h"

namespace twofold::fs {

namespace {

// The u16 of flags: bits 0-1 state, bits 2-13 keyset id.
constexpr std::uint16_t kData = 1;
constexpr std::uint16_t kStateMask = 3;
constexpr unsigned kKeysetShift = 2;
static_assert((kKeysetMax << kKeysetShift | kStateMask) < 1u << 14);

}  // namespace

Entry Entry::sealed_at(Slot slot, const SealInfo& info) {
    return {.slot = slot,
            .data = true,
            .keyset = info.keyset,
            .nonce = info.nonce,
            .tag1 = info.outer_tag,
            .tag2 = info.inner_tag};
}

SealInfo Entry::seal_info(BlockIndex block) const {
    TF_CHECK(data);
    return {.index = block, .keyset = keyset, .nonce = nonce, .outer_tag = tag1, .inner_tag = tag2};
}

void Entry::encode(std::span<std::byte, kEntrySize> out) const {
    TF_CHECK(data ? keyset >= 1 && keyset <= kKeysetMax
                  : keyset == 0 && all_zero(nonce) && all_zero(tag1) && all_zero(tag2));
    Writer w(out);
    w.u48_le(slot.value());
    w.u16_le(data ? static_cast<std::uint16_t>(kData | keyset << kKeysetShift) : 0);
    w.bytes(nonce);
    w.bytes(tag1);
    w.bytes(tag2);
    TF_CHECK(w.offset() == kEntrySize);
}

Result<Entry> Entry::parse(std::span<const std::byte, kEntrySize> bytes) {
    Reader r(bytes);
    Entry entry;
    entry.slot = Slot{r.u48_le()};
    const std::uint16_t flags = r.u16_le();
    entry.data = (flags & kStateMask) == kData;
    entry.keyset = flags >> kKeysetShift;
    r.into(std::span(entry.nonce));
    r.into(std::span(entry.tag1));
    r.into(std::span(entry.tag2));
    if ((flags & kStateMask) > kData || entry.keyset > kKeysetMax)
        return fail(Errc::corrupt, "map entry: unknown flags {:#06x}", flags);
    if (entry.data && entry.keyset == 0) return fail(Errc::corrupt, "map entry: data of no keyset");
    if (!entry.data &&
        (flags != 0 || !all_zero(entry.nonce) || !all_zero(entry.tag1) || !all_zero(entry.tag2)))
        return fail(Errc::corrupt, "map entry: zero block with a nonce, tag or keyset");
    return entry;
}

}  // namespace twofold::fs
