#include "fs/disk/anchor.h"

#include <algorithm>

#include "base/clock.h"
#include "fs/disk/rule.h"

namespace twofold::fs {

namespace {

constexpr std::string_view kMagic = "TFANCHOR";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kKeysetSize = 104;
constexpr std::size_t kMacSize = 32;
constexpr std::size_t kCovered = Anchor::kSize - kMacSize;
constexpr std::size_t kNameMax = 255;  // bytes; its length is one byte under the MAC
static_assert(144 + Anchor::kKeysets * kKeysetSize == kCovered);
static_assert(Anchor::kSize <= AnchorStore::kRecordSizeMax);

// ---- Bytes

void encode_keyset(Writer& w, const KeysetNote& keyset) {
    w.u32_le(keyset.keyset);
    w.u8(static_cast<std::uint8_t>(keyset.layer1));
    w.u8(static_cast<std::uint8_t>(keyset.layer2));
    w.u16_le(0);
    w.bytes(keyset.dek1.bytes);
    w.bytes(keyset.dek2.bytes);
    w.bytes(keyset.commitment1);
    w.bytes(keyset.commitment2);
}

bool sound_layer(Suite suite, const Uuid& dek, Bytes commitment) {
    if (suite == Suite::none) return all_zero(dek.bytes) && all_zero(commitment);
    return suite <= Suite::aes_256_xts;
}

// False: nothing that a writer makes.
bool decode_keyset(Reader& r, KeysetNote& keyset) {
    keyset.keyset = r.u32_le();
    keyset.layer1 = static_cast<Suite>(r.u8());
    keyset.layer2 = static_cast<Suite>(r.u8());
    const bool zero = r.zeros(2);
    r.into(std::span(keyset.dek1.bytes));
    r.into(std::span(keyset.dek2.bytes));
    r.into(std::span(keyset.commitment1));
    r.into(std::span(keyset.commitment2));
    return zero && keyset.keyset != 0 && keyset.keyset <= kKeysetMax &&
           (keyset.layer1 != Suite::none || keyset.layer2 != Suite::none) &&
           sound_layer(keyset.layer1, keyset.dek1, keyset.commitment1) &&
           sound_layer(keyset.layer2, keyset.dek2, keyset.commitment2);
}

Failure impossible(std::string_view field) {
    return fail(Errc::damaged, "anchor: {} is impossible", field);
}

// The bytes under the MAC: those of the record, then the name, each part of known length.
template <class Use>
auto with_covered(Bytes record, const AnchorName& name, Use use) {
    TF_CHECK(name.node.size() <= kNameMax && name.disk.size() <= kNameMax);
    const std::byte node_size{static_cast<std::uint8_t>(name.node.size())};
    const std::byte disk_size{static_cast<std::uint8_t>(name.disk.size())};
    const std::array<Bytes, 6> parts{record.first(kCovered), name.deployment.bytes,
                                     Bytes(&node_size, 1),   as_bytes(name.node),
                                     Bytes(&disk_size, 1),   as_bytes(name.disk)};
    return use(std::span<const Bytes>(parts));
}

// ---- Both sides, for people

std::string side(std::uint64_t mount, std::uint64_t generation, std::uint64_t epoch,
                 std::int64_t written) {
    return fmt::format("mount {}, superblock {}, epoch {}, written {}", mount, generation, epoch,
                       iso8601(written));
}

constexpr const char* kAcceptAdvice =
    "if that is on purpose, such as a restored backup: twofold adopt STORE DISK --accept-rollback";

Error refusal(Errc code, std::string_view why, const Superblock& image, std::uint64_t epoch,
              const Anchor& anchor) {
    return {code,
            fmt::format("{}: the image is of {}; the anchor knows {}{}", why,
                        side(image.mount_counter, image.generation, epoch, image.wall_clock),
                        side(anchor.mount_counter, anchor.superblock_generation,
                             anchor.acknowledged_epoch, anchor.wall_clock),
                        anchor.state == Anchor::State::clean ? ", unmounted" : ""),
            kAcceptAdvice,
            0,
            {}};
}

}  // namespace

Anchor Anchor::of(const Superblock& superblock, std::uint64_t acknowledged, State state,
                  std::vector<KeysetNote> keysets) {
    Anchor anchor;
    anchor.state = state;
    anchor.disk = superblock.disk;
    anchor.mount_counter = superblock.mount_counter;
    anchor.superblock_generation = superblock.generation;
    anchor.acknowledged_epoch = acknowledged;
    anchor.min_header_generation = superblock.min_header_generation;
    anchor.log_salt = superblock.log_salt;
    anchor.root = superblock.root;
    anchor.wall_clock = superblock.wall_clock;
    anchor.keysets = std::move(keysets);
    return anchor;
}

std::vector<std::byte> Anchor::encode(const AnchorName& name,
                                      const crypto::Blake2b& anchor_mac) const {
    TF_CHECK(!keysets.empty() && keysets.size() <= kKeysets);
    std::vector<std::byte> record(kSize);
    Writer w(record);
    w.bytes(as_bytes(kMagic));
    w.u32_le(kVersion);
    w.u32_le(static_cast<std::uint32_t>(state));
    w.bytes(disk.bytes);
    w.u64_le(mount_counter);
    w.u64_le(superblock_generation);
    w.u64_le(acknowledged_epoch);
    w.u64_le(min_header_generation);
    w.bytes(log_salt);
    w.bytes(next_salt);
    w.bytes(root);
    w.u64_le(static_cast<std::uint64_t>(wall_clock));
    w.u32_le(static_cast<std::uint32_t>(keysets.size()));
    w.u32_le(0);
    for (const KeysetNote& keyset : keysets) encode_keyset(w, keyset);
    w.zeros((kKeysets - keysets.size()) * kKeysetSize);
    TF_CHECK(w.offset() == kCovered);
    with_covered(record, name,
                 [&](std::span<const Bytes> parts) { anchor_mac.mac(parts, w.reserve(kMacSize)); });
    return record;
}

Result<Anchor> Anchor::parse(Bytes record) {
    if (record.size() != kSize)
        return fail(Errc::damaged, "anchor: {} bytes instead of {}", record.size(), kSize);
    Reader r(record);
    if (as_text(r.bytes(kMagic.size())) != kMagic)
        return fail(Errc::damaged, "anchor: not one of twofold");
    if (const std::uint32_t version = r.u32_le(); version != kVersion)
        return fail(Errc::unsupported, "anchor: version {}", version);
    Anchor anchor;
    const std::uint32_t state = r.u32_le();
    if (state != 1 && state != 2) return impossible("state");
    anchor.state = static_cast<State>(state);
    r.into(std::span(anchor.disk.bytes));
    anchor.mount_counter = r.u64_le();
    anchor.superblock_generation = r.u64_le();
    anchor.acknowledged_epoch = r.u64_le();
    anchor.min_header_generation = r.u64_le();
    r.into(std::span(anchor.log_salt));
    r.into(std::span(anchor.next_salt));
    r.into(std::span(anchor.root));
    anchor.wall_clock = static_cast<std::int64_t>(r.u64_le());
    if (all_zero(anchor.disk.bytes)) return impossible("disk id");
    if (anchor.superblock_generation == 0) return impossible("generation");
    if (anchor.state == State::clean && !all_zero(anchor.next_salt)) return impossible("next salt");
    const std::uint32_t count = r.u32_le();
    if (count == 0 || count > kKeysets) return impossible("number of keysets");
    if (!r.zeros(4)) return impossible("reserved field");
    for (std::uint32_t i = 0; i < count; ++i) {
        KeysetNote keyset;
        if (!decode_keyset(r, keyset)) return impossible("keyset");
        if (std::ranges::count(anchor.keysets, keyset.keyset, &KeysetNote::keyset) != 0)
            return impossible("keyset named twice");
        anchor.keysets.push_back(keyset);
    }
    if (!r.zeros((kKeysets - count) * kKeysetSize)) return impossible("absent keyset");
    return anchor;
}

Result<void> Anchor::verify(Bytes record, const AnchorName& name,
                            const crypto::Blake2b& anchor_mac) {
    TF_CHECK(record.size() == kSize);
    const bool right = with_covered(record, name, [&](std::span<const Bytes> parts) {
        return anchor_mac.verify(parts, record.last(kMacSize));
    });
    if (right || broken(Rule::anchor_mac)) return {};
    return fail(Errc::unauthentic,
                "anchor: MAC wrong: changed, or not the anchor of this disk, node and deployment");
}

// ---- Comparisons

Result<DiskNote> Anchor::narrow(const DiskNote& noted) const {
    if (disk != noted.disk)
        return fail(Errc::substituted, "anchor: it is of disk {}, not {} as noted", disk.hex(),
                    noted.disk.hex());
    DiskNote both{noted.deployment, noted.disk, {}};
    std::ranges::copy_if(noted.keysets, std::back_inserter(both.keysets), [&](const auto& k) {
        return std::ranges::count(keysets, k) != 0 || broken(Rule::anchored_keysets_are_compared);
    });
    if (both.keysets.empty())
        return fail(Errc::substituted,
                    "anchor: layers, algorithms or keys are not those noted for this disk");
    return both;
}

Result<void> Anchor::compare(const Superblock& superblock, std::uint64_t header_generation) const {
    const auto refuse = [&](Errc code, std::string_view why) {
        return fail(refusal(code, why, superblock, superblock.settled_epoch, *this));
    };
    const auto older = [&]() -> Result<void> {
        if (broken(Rule::older_image_is_rolled_back)) return {};
        return refuse(Errc::rolled_back, "older than its anchor");
    };
    const auto other = [&]() -> Result<void> {
        if (broken(Rule::other_lineage_is_forked)) return {};
        return refuse(Errc::forked, "another lineage than its anchor's");
    };
    if (header_generation < min_header_generation &&
        !broken(Rule::header_is_not_older_than_the_anchor))
        return fail(Error{Errc::rolled_back,
                          fmt::format("header: generation {}, older than {} which the anchor knows",
                                      header_generation, min_header_generation),
                          kAcceptAdvice,
                          0,
                          {}});
    if (superblock.mount_counter < mount_counter) return older();
    if (superblock.mount_counter == mount_counter) {
        if (superblock.log_salt != log_salt) return other();
    } else {
        // The mount that was about to begin, and no other.
        if (state != State::open || superblock.mount_counter != mount_counter + 1 ||
            all_zero(next_salt) || superblock.log_salt != next_salt)
            return other();
        // Its first superblock came after the one that this anchor describes.
        return superblock.generation > superblock_generation ? Result<void>() : older();
    }
    if (superblock.generation < superblock_generation) return older();
    if (superblock.generation > superblock_generation)
        return state == State::open ? Result<void>() : other();
    const bool still_clean = superblock.state == Superblock::State::clean;
    if (superblock.root != root || (state == State::clean && !still_clean)) return other();
    return {};
}

Result<void> Anchor::compare_log(const Superblock& superblock, std::uint64_t applied_epoch,
                                 std::uint64_t log_pages) const {
    const auto refuse = [&](Errc code, std::string_view why) {
        return fail(refusal(code, why, superblock, applied_epoch, *this));
    };
    if (applied_epoch < acknowledged_epoch && !broken(Rule::log_reaches_to_the_anchor))
        return refuse(Errc::rolled_back, "its log ends before its anchor");
    if (state == State::clean && (log_pages != 0 || applied_epoch != acknowledged_epoch) &&
        !broken(Rule::clean_image_has_an_empty_log))
        return refuse(Errc::forked, "written to after it was unmounted");
    return {};
}

Result<std::optional<StoredAnchor>> StoredAnchor::load(AnchorStore& store) {
    TF_ASSIGN(auto record, store.load());
    if (!record) return std::optional<StoredAnchor>();
    TF_ASSIGN(Anchor anchor, Anchor::parse(*record));
    return std::optional(StoredAnchor{std::move(*record), std::move(anchor)});
}

}  // namespace twofold::fs
