// Logs whose pages are authentic and follow each other, and can't be.
#include <fmt/format.h>

#include "tests/damaged/bench.h"

namespace twofold::damage {

using fs::BlockIndex;
using fs::BlockRange;
using fs::LogPage;
using fs::LogRecord;
using fs::ZeroRecord;

namespace {

constexpr std::size_t kRecords = 96;  // of a page
constexpr std::uint64_t kAllOnes = ~std::uint64_t{0}, k2to63 = std::uint64_t{1} << 63;

// One page of one block, edited.
Malformed page(std::string name, std::string what, Bench::PageEdit edit) {
    return {"log-" + std::move(name), std::move(what), [edit = std::move(edit)](Bench& b) {
                b.append(b.next_page({b.sealed(7, b.pool()[0].value())}), edit);
            }};
}
// One page with this record, acknowledged.
Malformed record(std::string name, std::string what, std::function<LogRecord(Bench&)> make) {
    return {"log-" + std::move(name), std::move(what), [make = std::move(make)](Bench& b) {
                b.append(b.next_page({make(b)}));
                b.append_ack();
            }};
}
Malformed range(std::string name, std::string what, std::uint64_t first, std::uint64_t count) {
    return {"log-" + std::move(name), std::move(what), [first, count](Bench& b) {
                b.append(b.next_page({ZeroRecord{{BlockIndex{0}, 1}}}), [=](fs::PageBytes& bytes) {
                    set_u64(kRecords, first | k2to63)(bytes);
                    set_u64(kRecords + 8, count)(bytes);
                });
            }};
}

void add_pages(std::vector<Malformed>& all) {
    all.push_back(page("flags-8", "unknown flag", set_u16(6, 8 | 3)));
    all.push_back(page("ack-with-records", "an acknowledgement with records", set_u16(6, 4)));
    all.push_back(page("ack-and-commit", "an acknowledgement that commits", set_u16(6, 6)));
    all.push_back(page("not-first", "an epoch without its first page", set_u16(6, 2)));
    for (const std::uint32_t n : {0u, 56u, 0x80000000u, 0xffffffffu})
        all.push_back(
            page(fmt::format("records-{:x}", n), "impossible number of records", set_u32(32, n)));
    for (const std::uint32_t n : {0u, 2u, 0xffffffffu})
        all.push_back(page(fmt::format("epoch-records-{:x}", n), "an epoch of another length",
                           set_u32(36, n)));
    const std::pair<std::size_t, const char*> counters[] = {
        {8, "sequence"}, {16, "epoch"}, {24, "acknowledged"}, {56, "mount-counter"}};
    for (const auto& [at, name] : counters)
        for (const std::uint64_t value : {k2to63, kAllOnes})
            all.push_back(page(fmt::format("{}-{:x}", name, value),
                               "a counter that no disk reaches, and that would wrap",
                               set_u64(at, value)));
    all.push_back(page("epoch-skipped", "the epoch after the next", set_u64(16, 3)));
    all.push_back(page("epoch-again", "an epoch that the checkpoint has", set_u64(16, 1)));
    all.push_back(page("acknowledges-itself", "an epoch that calls itself synced", set_u64(24, 2)));
    all.push_back(
        page("next-mount", "a page of a later mount than the superblock's", set_u64(56, 2)));
    all.push_back(
        page("other-salt", "a page of another lineage: no part of this log", invert(40, 16)));
    all.push_back(
        page("other-chain", "a page behind another page: no part of this log", invert(4056, 32)));
    all.push_back(
        page("unused-record", "not zero behind the last record", set_u8(kRecords + 72, 1)));
    all.push_back(page("tail", "not zero at the end", set_u8(4095, 1)));
    all.push_back({"log-end-missing", "a synced epoch whose page is gone, told by the one behind",
                   [](Bench& b) {
                       b.append(b.next_page({b.sealed(7, b.pool()[0].value())}));
                       b.append_ack();
                       b.put(b.layout().log_page_offset(b.superblock().log_start), fs::PageBytes{});
                   }});
}

void add_records(std::vector<Malformed>& all) {
    for (const std::uint64_t block : {std::uint64_t{256}, std::uint64_t{1} << 32, k2to63 - 1})
        all.push_back(page(fmt::format("block-{:x}", block), "a block past the end",
                           set_u64(kRecords, block)));
    for (const std::uint64_t slot : {std::uint64_t{260}, std::uint64_t{1} << 40})
        all.push_back(
            record(fmt::format("slot-{:x}", slot), "a slot past the last one", [slot](Bench& b) {
                auto made = b.sealed(7, b.pool()[0].value());
                made.entry.slot = fs::Slot{slot};
                return made;
            }));
    all.push_back(record("keyset-7", "data of a keyset that is not there", [](Bench& b) {
        auto made = b.sealed(7, b.pool()[0].value());
        made.entry.keyset = 7;
        return made;
    }));
    all.push_back(record("slot-of-another-block", "a slot that another block owns",
                         [](Bench& b) { return b.sealed(7, b.facts().shape.pool_slots + 8); }));
    all.push_back(record("data-over-itself", "synced data over synced data, in its own slot",
                         [](Bench& b) { return b.sealed(Bench::kBlock, 0); }));
    all.push_back(
        record("zero-elsewhere", "a block made zero in a slot that it does not own", [](Bench& b) {
            return fs::BlockRecord{BlockIndex{7}, fs::Entry::zero_at(b.pool()[0])};
        }));
    all.push_back(page("entry-flags", "unknown flags of an entry", set_u16(kRecords + 8 + 6, 2)));
    all.push_back({"log-slot-twice", "one slot for two blocks of an epoch", [](Bench& b) {
                       const std::uint64_t slot = b.pool()[0].value();
                       b.append(b.next_page({b.sealed(7, slot), b.sealed(8, slot)}));
                       b.append_ack();
                   }});
    all.push_back({"log-slot-freed-twice", "a block moved twice to one slot", [](Bench& b) {
                       const std::uint64_t slot = b.pool()[0].value();
                       b.append(b.next_page({b.sealed(7, slot)}));
                       b.append(b.next_page({b.sealed(7, slot)}));
                       b.append_ack();
                   }});
    all.push_back(range("range-of-nothing", "a range of no blocks", 7, 0));
    all.push_back(range("range-past-the-end", "a range that ends past the disk", 250, 7));
    all.push_back(range("range-beyond", "a range that starts past the disk", 256, 1));
    all.push_back(range("range-of-2^63", "a range longer than can be", 0, k2to63));
    all.push_back(range("range-overflow", "a range whose end overflows", k2to63 - 1, k2to63 - 1));
    all.push_back(
        range("range-of-all-ones", "a range whose end wraps to a small number", 5, kAllOnes - 3));
    all.push_back(
        page("range-with-more", "a range that has a nonce", set_u64(kRecords, k2to63 | 7)));
    all.push_back(
        {"log-too-long", "an epoch that says more records than all its pages hold", [](Bench& b) {
             LogPage first = b.next_page({b.sealed(7, b.pool()[0].value())});
             first.flags = LogPage::kFirst;
             first.epoch_records = 0;
             b.append(first);
             LogPage second = b.next_page({b.sealed(8, b.pool()[1].value())});
             second.flags = LogPage::kCommit;
             second.epoch_records = 3;
             b.append(second);
         }});
    all.push_back(
        {"log-ack-amid-epoch", "an acknowledgement between the pages of an epoch", [](Bench& b) {
             LogPage first = b.next_page({b.sealed(7, b.pool()[0].value())});
             first.flags = LogPage::kFirst;
             first.epoch_records = 0;
             b.append(first);
             b.append_ack();
         }});
    all.push_back({"log-full-ring", "every page of the ring in one log: harmless", [](Bench& b) {
                       for (std::uint32_t i = 0; i < b.facts().shape.log_pages; ++i)
                           b.append(b.next_page({ZeroRecord{{BlockIndex{100 + i}, 1}}}));
                   }});
}

}  // namespace

std::vector<Malformed> malformed_logs() {
    std::vector<Malformed> all;
    add_pages(all);
    add_records(all);
    return all;
}

}  // namespace twofold::damage
