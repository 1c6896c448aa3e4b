#include "fs/disk/unverified_map.h"

#include <algorithm>

namespace twofold::fs {

namespace {

// Nothing where the file ends before it.
Result<std::optional<PageBytes>> read_page(io::File& file, std::uint64_t offset) {
    PageBytes page;
    auto read = file.read(offset, MutableBytes(page));
    if (read) return std::optional(page);
    if (read.error().code == Errc::damaged) return std::optional<PageBytes>();
    return fail(std::move(read).error());
}

template <std::size_t Size>
std::span<const std::byte, Size> item(const PageBytes& page, std::size_t index) {
    return std::span<const std::byte, Size>(page.data() + kMapPageHeaderSize + index * Size, Size);
}

}  // namespace

bool UnverifiedMap::is_page(const PageBytes& page, std::uint8_t level, std::uint64_t index,
                            const Reference& reference) const {
    const auto header = MapPageHeader::peek(page);
    if (!header || header->level != level || header->index != index) return false;
    return pages_ == Pages::any ||
           (header->generation == reference.generation && header->mac == reference.mac &&
            header->disk == superblock_.disk);
}

Result<std::optional<UnverifiedMap::References>> UnverifiedMap::node(Segment segment) {
    if (last_node_ && last_node_->first == segment) return last_node_->second;
    std::optional<References> found;
    std::array<std::byte, kReferenceSize> bytes{};
    auto read = file_.read(layout_.segment_table_offset(superblock_.segment_table_copy & 1) +
                               segment.value() * kReferenceSize,
                           MutableBytes(bytes));
    if (!read && read.error().code != Errc::damaged) return fail(std::move(read).error());
    if (!read) bytes.fill(std::byte{0});
    const auto reference = Reference::parse(bytes);
    if (reference && !reference->implicit()) {
        TF_ASSIGN(const auto page, read_page(file_, layout_.node_offset(segment, reference->copy)));
        if (page && is_page(*page, 1, segment.value(), *reference)) {
            found.emplace();
            for (std::size_t i = 0; i < found->size(); ++i)
                (*found)[i] =
                    Reference::parse(item<kReferenceSize>(*page, i)).value_or(Reference{});
        }
    }
    last_node_.emplace(segment, found);
    return found;
}

Result<std::optional<UnverifiedMap::Entries>> UnverifiedMap::leaf(LeafIndex index) {
    if (last_leaf_ && last_leaf_->first == index) return last_leaf_->second;
    std::optional<Entries> found;
    TF_ASSIGN(const auto references, node(segment_of(index)));
    const Reference reference = references ? (*references)[leaf_in_segment(index)] : Reference{};
    if (!reference.implicit()) {
        TF_ASSIGN(const auto page, read_page(file_, layout_.leaf_offset(index, reference.copy)));
        if (page && is_page(*page, 0, index.value(), reference)) {
            found.emplace();
            for (std::size_t i = 0; i < found->size(); ++i)
                if (auto entry = Entry::parse(item<kEntrySize>(*page, i));
                    entry && entry->slot.value() < layout_.slot_count())
                    (*found)[i] = *entry;
        }
    }
    last_leaf_.emplace(index, found);
    return found;
}

// Complete epochs of this mount, as far as one page follows the other.
Result<void> UnverifiedMap::read_log() {
    if (std::exchange(log_read_, true)) return {};
    std::vector<LogRecord> epoch;
    for (std::uint64_t i = 0; i < layout_.shape().log_pages; ++i) {
        const std::uint64_t sequence = superblock_.log_start + i;
        TF_ASSIGN(const auto bytes, read_page(file_, layout_.log_page_offset(sequence)));
        if (!bytes) break;
        const auto page = LogPage::peek(*bytes);
        if (!page || page->sequence != sequence || page->salt != superblock_.log_salt ||
            page->mount_counter != superblock_.mount_counter)
            break;
        if (page->first()) epoch.clear();
        epoch.insert(epoch.end(), page->records.begin(), page->records.end());
        if (page->commit())
            for (const LogRecord& record : std::exchange(epoch, {})) keep(record);
    }
    return {};
}

void UnverifiedMap::keep(const LogRecord& record) {
    const std::uint64_t blocks = layout_.block_count();
    if (const auto* one = std::get_if<BlockRecord>(&record)) {
        if (one->block.value() < blocks && one->entry.slot.value() < layout_.slot_count())
            newer_.put(one->block, one->entry);
        return;
    }
    const BlockRange& range = std::get<ZeroRecord>(record).range;
    const std::uint64_t first = range.first.value();
    if (first < blocks && range.count != 0)
        newer_.zero({range.first, std::min(range.count, blocks - first)});
}

// What the log makes of an entry of the tree.
std::optional<Entry> UnverifiedMap::logged(BlockIndex block,
                                           const std::optional<Entry>& before) const {
    const Known known = newer_.find(block);
    if (known.entry) return known.entry;
    if (known.zeroed && before) return Entry::zero_at(before->slot);
    return before;
}

Result<std::optional<Entry>> UnverifiedMap::entry(BlockIndex block) {
    TF_CHECK(block.value() < layout_.block_count());
    TF_TRY(read_log());
    TF_ASSIGN(const auto entries, leaf(leaf_of(block)));
    if (entries) return logged(block, (*entries)[index_in_leaf(block)]);
    TF_ASSIGN(const auto references, node(segment_of(block)));
    const bool implicit = !references || (*references)[leaf_in_segment(leaf_of(block))].implicit();
    return logged(block, implicit ? std::optional(Entry::zero_at(layout_.implicit_slot(block)))
                                  : std::nullopt);
}

Result<std::optional<BlockIndex>> UnverifiedMap::next_data(BlockIndex from) {
    TF_TRY(read_log());
    const std::optional<BlockIndex> best = newer_.next(from);
    const std::uint64_t end = best ? best->value() : layout_.block_count();
    for (std::uint64_t b = from.value(); b < end;) {
        const LeafIndex index = leaf_of(BlockIndex{b});
        TF_ASSIGN(const auto references, node(segment_of(index)));
        if (!references) {  // nothing written in the whole segment
            b = (segment_of(index).value() + 1) * kSegmentSlots;
            continue;
        }
        TF_ASSIGN(const auto entries, leaf(index));
        const std::uint64_t leaf_end =
            std::min(end, first_block_of(index).value() + entries_in(index));
        for (; entries && b < leaf_end; ++b) {
            const auto& before = (*entries)[index_in_leaf(BlockIndex{b})];
            if (!before || !before->data) continue;
            const auto now = logged(BlockIndex{b}, before);
            if (now && now->data) return std::optional(BlockIndex{b});
        }
        b = std::max(b, leaf_end);
    }
    return best;
}

}  // namespace twofold::fs
