#include "fs/disk/journal.h"

#include <algorithm>

#include "fs/disk/rule.h"

namespace twofold::fs {
namespace {

constexpr std::size_t kPagesAtOnce = 256;  // 1 MiB a write

// The records of an epoch, by first block; a range before the changes inside it, which win over it.
std::vector<LogRecord> records_of(const Epoch& epoch) {
    std::vector<LogRecord> records;
    records.reserve(epoch.record_count());
    epoch.zeroed.each([&](BlockRange range) { records.push_back(ZeroRecord{range}); });
    for (const auto& [block, change] : epoch.changes)
        records.push_back(BlockRecord{BlockIndex{block}, change.entry});
    const auto place = [](const LogRecord& record) {
        if (const auto* zero = std::get_if<ZeroRecord>(&record))
            return std::pair(zero->range.first,
                             broken(Rule::range_records_come_before_changes) ? 2 : 0);
        return std::pair(std::get<BlockRecord>(record).block, 1);
    };
    std::sort(records.begin(), records.end(),
              [&](const LogRecord& a, const LogRecord& b) { return place(a) < place(b); });
    return records;
}

}  // namespace

Journal::Journal(EngineContext& context, const Identity& identity, const LogPosition& start,
                 std::uint64_t acknowledged)
    : context_(context),
      identity_(identity),
      next_(start),
      told_(acknowledged),
      last_page_at_(context.clock.monotonic().count()) {}

Result<LogPosition> Journal::append(const Epoch& epoch, std::uint64_t acknowledged,
                                    std::uint64_t log_start) {
    const std::vector<LogRecord> records = records_of(epoch);
    TF_CHECK(!records.empty());
    for (std::size_t done = 0; done < records.size();) {
        const std::size_t count = std::min(kLogRecords, records.size() - done);
        const bool last = done + count == records.size();
        const auto flags = static_cast<std::uint16_t>((done == 0 ? LogPage::kFirst : 0) |
                                                      (last ? LogPage::kCommit : 0));
        LogPage page = next_page(flags, epoch.number, acknowledged);
        if (last) page.epoch_records = static_cast<std::uint32_t>(records.size());
        const auto from = records.begin() + static_cast<std::ptrdiff_t>(done);
        page.records.assign(from, from + static_cast<std::ptrdiff_t>(count));
        encode(page);
        if (last || pages_.size() == kPagesAtOnce * kSectorSize) TF_TRY(write_out(log_start));
        done += count;
    }
    told_ = acknowledged;
    return next_;
}

Result<LogPosition> Journal::append_ack(std::uint64_t acknowledged, std::uint64_t log_start) {
    encode(next_page(LogPage::kAck, acknowledged, acknowledged));
    TF_TRY(write_out(log_start));
    told_ = acknowledged;
    return next_;
}

LogPage Journal::next_page(std::uint16_t flags, std::uint64_t epoch,
                           std::uint64_t acknowledged) const {
    LogPage page;
    page.flags = flags;
    page.sequence = next_.sequence;
    page.epoch = epoch;
    page.acknowledged = acknowledged;
    page.salt = identity_.salt;
    page.mount_counter = identity_.mount_counter;
    page.chain = next_.chain;
    return page;
}

void Journal::encode(const LogPage& page) {
    const LogPage::Encoded encoded = page.encode(context_.keys.macs().log);
    pages_.insert(pages_.end(), encoded.bytes.begin(), encoded.bytes.end());
    next_ = {page.sequence + 1, encoded.mac};
}

// In one write, or two where the ring wraps.
Result<void> Journal::write_out(std::uint64_t log_start) {
    const std::uint64_t ring = context_.layout.shape().log_pages;
    // O5: never over a page that the newest durable superblock still needs. Reservations make sure.
    if (!broken(Rule::log_wraps_behind_a_checkpoint)) TF_CHECK(next_.sequence - log_start <= ring);
    std::uint64_t sequence = next_.sequence - pages_.size() / kSectorSize;
    for (Bytes rest = pages_; !rest.empty();) {
        const std::uint64_t before_wrap = (ring - sequence % ring) * kSectorSize;
        const Bytes part = rest.first(std::min<std::size_t>(rest.size(), before_wrap));
        TF_TRY(context_.file.write(context_.layout.log_page_offset(sequence), part));
        sequence += part.size() / kSectorSize;
        rest = rest.subspan(part.size());
    }
    pages_.clear();
    last_page_at_ = context_.clock.monotonic().count();
    return {};
}

}  // namespace twofold::fs
