#include "fs/disk/log_page.h"

#include <algorithm>

#include "fs/disk/rule.h"

namespace twofold::fs {

namespace {

constexpr std::string_view kMagic = "TFLG";
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kMacAt = 64;
constexpr std::size_t kMacSize = 32;
constexpr std::size_t kChainAt = kLogPageHeaderSize + kLogRecords * kLogRecordSize;
constexpr std::uint64_t kRangeBit = std::uint64_t{1} << 63;
static_assert(kMacAt + kMacSize == kLogPageHeaderSize);
static_assert(kChainAt == 4056);

using SectorView = std::span<const std::byte, kSectorSize>;

bool has_magic(SectorView page) {
    Reader r(page);
    const Bytes magic = r.bytes(kMagic.size());
    return as_text(magic) == kMagic && r.u16_le() == kVersion;
}

std::array<Bytes, 3> around_mac(SectorView page) {
    static constexpr ChainValue kZero{};
    return {Bytes(page).first(kMacAt), Bytes(kZero), Bytes(page).subspan(kMacAt + kMacSize)};
}

void encode_record(const LogRecord& record, Writer& w) {
    if (const auto* one = std::get_if<BlockRecord>(&record)) {
        TF_CHECK((one->block.value() & kRangeBit) == 0);
        w.u64_le(one->block.value());
        one->entry.encode(w.reserve(kEntrySize).first<kEntrySize>());
    } else {
        const BlockRange& range = std::get<ZeroRecord>(record).range;
        TF_CHECK((range.first.value() & kRangeBit) == 0 && range.count > 0);
        w.u64_le(range.first.value() | kRangeBit);
        w.u64_le(range.count);
        w.zeros(kEntrySize - sizeof(std::uint64_t));
    }
}

Result<LogRecord> parse_record(Reader& r) {
    const std::uint64_t block = r.u64_le();
    const auto bytes = r.bytes(kEntrySize).first<kEntrySize>();
    if ((block & kRangeBit) == 0) {
        TF_ASSIGN(const Entry entry, Entry::parse(bytes));
        return BlockRecord{BlockIndex{block}, entry};
    }
    Reader entry(bytes);
    const BlockRange range{BlockIndex{block & ~kRangeBit}, entry.u64_le()};
    if (range.count == 0 || range.count >> 63 != 0 || !entry.zeros(entry.left()))
        return fail(Errc::corrupt, "log record: impossible range");
    return ZeroRecord{range};
}

struct Decoded {
    LogPage page;  // without records
    std::uint32_t records = 0;
};

Decoded decode(SectorView sector) {
    Decoded out;
    LogPage& page = out.page;
    Reader r(sector);
    r.bytes(kMagic.size() + sizeof kVersion);
    page.flags = r.u16_le();
    page.sequence = r.u64_le();
    page.epoch = r.u64_le();
    page.acknowledged = r.u64_le();
    out.records = r.u32_le();
    page.epoch_records = r.u32_le();
    r.into(std::span(page.salt));
    page.mount_counter = r.u64_le();
    Reader(Bytes(sector).subspan(kChainAt)).into(std::span(page.chain));
    return out;
}

Result<void> check_fields(const Decoded& decoded, SectorView sector) {
    const LogPage& page = decoded.page;
    const auto wrong = [&](std::string_view what) {
        return fail(Errc::corrupt, "log page {}: {} is impossible", page.sequence, what);
    };
    for (const std::uint64_t counter :
         {page.sequence, page.epoch, page.acknowledged, page.mount_counter})
        if (counter > kCounterMax) return wrong("a counter");
    const bool alone = page.flags == LogPage::kAck;
    if (!alone && (page.flags & ~(LogPage::kFirst | LogPage::kCommit)) != 0) return wrong("flags");
    if (decoded.records > kLogRecords) return wrong("number of records");
    if (alone ? decoded.records != 0 : decoded.records == 0) return wrong("number of records");
    if (!page.commit() && page.epoch_records != 0) return wrong("length of the epoch");
    if (page.commit() && page.epoch_records < decoded.records) return wrong("length of the epoch");
    if (page.ack() ? page.acknowledged < page.epoch : page.acknowledged >= page.epoch)
        return wrong("acknowledged epoch");
    const std::size_t used = kLogPageHeaderSize + decoded.records * kLogRecordSize;
    if (!all_zero(Bytes(sector).subspan(used, kChainAt - used)) ||
        !all_zero(Bytes(sector).subspan(kChainAt + sizeof(ChainValue))))
        return wrong("unused part");
    return {};
}

}  // namespace

LogPage::Encoded LogPage::encode(const crypto::Blake2b& log_mac) const {
    TF_CHECK(records.size() <= kLogRecords);
    Encoded out{};
    Writer w(out.bytes);
    w.bytes(as_bytes(kMagic));
    w.u16_le(kVersion);
    w.u16_le(flags);
    w.u64_le(sequence);
    w.u64_le(epoch);
    w.u64_le(acknowledged);
    w.u32_le(static_cast<std::uint32_t>(records.size()));
    w.u32_le(epoch_records);
    w.bytes(salt);
    w.u64_le(mount_counter);
    const MutableBytes mac = w.reserve(kMacSize);
    for (const LogRecord& record : records) encode_record(record, w);
    w.zeros(kChainAt - w.offset());
    w.bytes(chain);
    w.zeros(kSectorSize - w.offset());
    TF_CHECK(check_fields(decode(out.bytes), out.bytes).has_value());
    log_mac.mac(around_mac(out.bytes), out.mac);
    Writer(mac).bytes(out.mac);
    return out;
}

Result<LogPage::Parsed> LogPage::parse(SectorView sector, const crypto::Blake2b& log_mac) {
    Parsed out{};
    Reader(Bytes(sector).subspan(kMacAt)).into(std::span(out.mac));
    if (!has_magic(sector) ||
        (!log_mac.verify(around_mac(sector), out.mac) && !broken(Rule::log_page_mac)))
        return fail(Errc::unauthentic, "log page: not one of this disk");
    const Decoded decoded = decode(sector);
    if (!broken(Rule::log_page_fields)) TF_TRY(check_fields(decoded, sector));
    out.page = decoded.page;
    Reader r(Bytes(sector).subspan(kLogPageHeaderSize));
    for (std::uint32_t i = 0; i < decoded.records; ++i) {
        TF_ASSIGN(LogRecord record, parse_record(r));
        out.page.records.push_back(std::move(record));
    }
    return out;
}

Result<LogPage> LogPage::peek(SectorView sector) {
    if (!has_magic(sector)) return fail(Errc::damaged, "log page: magic or version");
    Decoded decoded = decode(sector);
    Reader records(Bytes(sector).subspan(kLogPageHeaderSize));
    for (std::size_t i = 0; i < std::min<std::size_t>(decoded.records, kLogRecords); ++i) {
        auto record = parse_record(records);
        if (!record) break;
        decoded.page.records.push_back(std::move(*record));
    }
    return std::move(decoded.page);
}

}  // namespace twofold::fs
