#include "keyring/envelope/record_file.h"

#include <algorithm>
#include <array>

#include "keyring/crypto/kdf.h"

namespace twofold::keyring {
namespace {

using Slot = std::array<std::byte, RecordFile::kSlotSize>;

constexpr std::string_view kMagic = "TFKR";
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kHeaderSize = 64;
constexpr std::size_t kCheckOffset = 32;
constexpr std::size_t kFlipSize = 512;  // what one write of the medium never tears
constexpr int kReadAttempts = 3;
constexpr std::uint64_t kGenerationMax = std::uint64_t{1} << 62;  // a store may claim any
static_assert(kHeaderSize + RecordFile::kRecordSizeMax <= RecordFile::kSlotSize);
static_assert(kHeaderSize <= kFlipSize);

enum class SlotState : std::uint8_t { pending = 1, live = 2 };

struct SlotHeader {
    SlotState state;
    std::uint64_t generation;
    std::uint32_t length;
};

std::uint64_t offset_of(unsigned slot) { return slot * RecordFile::kSlotSize; }

crypto::Digest check_of(const Slot& slot) {
    constexpr std::array<std::byte, 32> kZero{};
    const Bytes all = slot;
    const std::array<Bytes, 3> parts = {all.first(kCheckOffset), Bytes(kZero),
                                        all.subspan(kHeaderSize)};
    return crypto::sha256(parts);
}

void encode(Slot& slot, const SlotHeader& header, Bytes record) {
    TF_CHECK(record.size() == header.length && record.size() <= RecordFile::kRecordSizeMax);
    Writer w(slot);
    w.bytes(as_bytes(kMagic));
    w.u16_le(kVersion);
    w.u8(static_cast<std::uint8_t>(header.state));
    w.u8(0);
    w.u64_le(header.generation);
    w.u32_le(header.length);
    w.zeros(12);
    w.zeros(32);
    w.bytes(record);
    w.zeros(RecordFile::kSlotSize - w.offset());
    std::ranges::copy(check_of(slot), slot.begin() + kCheckOffset);
}

// Nothing where the slot is not sound in every field.
std::optional<SlotHeader> decode(const Slot& slot) {
    Reader r(slot);
    if (!equal(r.bytes(4), as_bytes(kMagic)) || r.u16_le() != kVersion) return {};
    const std::uint8_t state = r.u8();
    if (state != 1 && state != 2) return {};
    if (r.u8() != 0) return {};
    SlotHeader header{static_cast<SlotState>(state), r.u64_le(), r.u32_le()};
    if (header.generation == 0 || header.generation > kGenerationMax || header.length == 0 ||
        header.length > RecordFile::kRecordSizeMax)
        return {};
    if (!r.zeros(12) || !equal(r.bytes(32), check_of(slot))) return {};
    r.bytes(header.length);
    if (!r.zeros(r.left())) return {};
    return header;
}

Bytes record_in(const Slot& slot, const SlotHeader& header) {
    return Bytes(slot).subspan(kHeaderSize, header.length);
}

}  // namespace

Result<RecordFile> RecordFile::create(std::unique_ptr<io::File> file, Bytes record) {
    TF_ASSIGN(const std::uint64_t size, file->size());
    if (size != 0) return fail(Errc::exists, "keyring record: the file is not empty");
    if (record.empty() || record.size() > kRecordSizeMax)
        return fail(Errc::invalid, "keyring record: {} bytes", record.size());
    std::array<std::byte, kFileSize> content{};
    Slot first;
    encode(first, {SlotState::live, 1, static_cast<std::uint32_t>(record.size())}, record);
    std::ranges::copy(first, content.begin());
    TF_TRY(file->write(0, content));
    TF_TRY(file->sync());
    return open(std::move(file));
}

Result<RecordFile> RecordFile::open(std::unique_ptr<io::File> file) {
    RecordFile out(std::move(file));
    // A reader may meet a writer between its flip and its last step, each in another slot.
    for (int attempt = 1;; ++attempt) {
        auto loaded = out.load();
        if (loaded) return out;
        if (loaded.error().code != Errc::damaged || attempt == kReadAttempts)
            return fail(std::move(loaded).error());
    }
}

Result<void> RecordFile::load() {
    TF_ASSIGN(const std::uint64_t size, file_->size());
    if (size != kFileSize)
        return fail(Errc::damaged, "keyring record: {} bytes, {} expected", size, kFileSize);
    std::array<Slot, 2> slots;
    std::array<std::optional<SlotHeader>, 2> headers;
    for (unsigned i = 0; i < 2; ++i) {
        TF_TRY(file_->read(offset_of(i), slots[i]));
        headers[i] = decode(slots[i]);
    }
    const auto live = [&](unsigned i) {
        return headers[i] && headers[i]->state == SlotState::live;
    };
    if (!live(0) && !live(1)) return fail(Errc::damaged, "keyring record: no sound slot");
    live_ = live(1) && (!live(0) || headers[1]->generation > headers[0]->generation) ? 1 : 0;

    const Bytes record = record_in(slots[live_], *headers[live_]);
    record_.assign(record.begin(), record.end());
    generation_ = headers[live_]->generation;
    const unsigned idle = 1 - live_;
    idle_is_zero_ = all_zero(slots[idle]);
    finding_.reset();
    if (!idle_is_zero_)
        finding_ = headers[idle] ? "a replaced record was not overwritten yet"
                                 : fmt::format("slot {} is damaged", idle);
    return {};
}

Result<void> RecordFile::replace(Bytes record, const Proof& proof, crypto::RandomSource& random) {
    if (record.empty() || record.size() > kRecordSizeMax)
        return fail(Errc::invalid, "keyring record: {} bytes", record.size());
    // A generation that would not count takes the old record along when that is overwritten.
    if (generation_ == kGenerationMax)
        return fail(Errc::damaged, "keyring record: its generation can't grow any more");
    const unsigned idle = 1 - live_;
    SlotHeader header{SlotState::pending, generation_ + 1,
                      static_cast<std::uint32_t>(record.size())};
    Slot slot;
    encode(slot, header, record);
    idle_is_zero_ = false;
    TF_TRY(file_->write(offset_of(idle), slot));
    TF_TRY(file_->sync());

    TF_TRY(file_->drop_cache());
    Slot read_back;
    TF_TRY(file_->read(offset_of(idle), read_back));
    if (!equal(read_back, slot)) return fail(Errc::io, "keyring record: reads back differently");
    if (auto proved = proof(record_in(read_back, header)); !proved) {
        TF_TRY(scrub(random));  // pending never counts, but shall not stay either
        return proved;
    }

    header.state = SlotState::live;
    encode(slot, header, record);
    TF_TRY(file_->write(offset_of(idle), Bytes(slot).first(kFlipSize)));
    TF_TRY(file_->sync());
    live_ = idle;
    generation_ = header.generation;
    record_.assign(record.begin(), record.end());
    return scrub(random);
}

Result<void> RecordFile::scrub(crypto::RandomSource& random) {
    if (idle_is_zero_) return {};
    Slot slot;
    TF_TRY(random.fill(slot));
    TF_TRY(file_->write(offset_of(1 - live_), slot));
    TF_TRY(file_->sync());
    slot.fill(std::byte{0});
    TF_TRY(file_->write(offset_of(1 - live_), slot));
    TF_TRY(file_->sync());
    idle_is_zero_ = true;
    finding_.reset();
    return {};
}

}  // namespace twofold::keyring
