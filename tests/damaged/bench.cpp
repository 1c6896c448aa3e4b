#include "tests/damaged/bench.h"

#include <algorithm>

#include "fs/disk/superblock_store.h"
#include "tests/support/matchers.h"

namespace twofold::damage {

using crypto::Layer;
using crypto::SecretBytes;
using fs::HeaderCopy;
using fs::kSectorSize;
using fs::PageBytes;

namespace {

constexpr HeaderCopy kCopies[] = {HeaderCopy::a, HeaderCopy::b};
constexpr Layer kLayers[] = {Layer::one, Layer::two};

// The disk as its own header names it.
fs::DiskNote note_of(io::File& file) {
    PageBytes page;
    must(file.read(0, page));
    return must(fs::StaticSector::parse(page)).note();
}

template <class T>
Bench::PageEdit set_number(std::size_t at, T value) {
    return [=](PageBytes& page) {
        for (std::size_t i = 0; i < sizeof(T); ++i)
            page[at + i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i));
    };
}

}  // namespace

Bench::Bench(io::File& image, crypto::KeySource& keys)
    : file_(image),
      source_(keys),
      opened_(must(fs::Header::open(image, keys, note_of(image), fs::Limits::production(),
                                    fs::Libraries::fastest))),
      superblock_(
          must(fs::read_newest_superblock(image, facts().disk, facts().shape,
                                          fs::Limits::production(), opened_.keys.macs().super))),
      layout_(must(
          fs::Layout::create(superblock_.block_count, facts().shape, fs::Limits::production()))),
      sequence_(superblock_.log_start),
      epoch_(superblock_.settled_epoch + 1),
      chain_(superblock_.chain) {}

PageBytes Bench::sector(std::uint64_t offset) {
    PageBytes page;
    must(file_.read(offset, page));
    return page;
}

void Bench::put(std::uint64_t offset, Bytes bytes) { must(file_.write(offset, bytes)); }

// ---- Header

void Bench::check_static(PageBytes& page, Checked checked) const {
    if (checked == Checked::nothing) return;
    std::ranges::copy(crypto::sha256(Bytes(page).first(kShaAt)), page.begin() + kShaAt);
    if (checked == Checked::sha) return;
    for (const Layer layer : kLayers) {
        if (!facts().active().has(layer)) continue;
        const auto mac = keys().header_mac()(facts().active(), layer, Bytes(page).first(kMacsAt));
        std::ranges::copy(mac, page.begin() + kMacsAt + (layer == Layer::one ? 0 : 32));
    }
}

void Bench::edit_static(HeaderCopy copy, const PageEdit& edit, Checked checked) {
    PageBytes page = sector(fs::header_offset(copy));
    edit(page);
    check_static(page, checked);
    put(fs::header_offset(copy), page);
}

void Bench::edit_static(const PageEdit& edit, Checked checked) {
    for (const HeaderCopy copy : kCopies) edit_static(copy, edit, checked);
}

void Bench::put_facts(const fs::StaticSector& wanted) {
    fs::StaticSector changed = wanted;
    std::array<SecretBytes, 2> deks, prks;
    for (const Layer layer : kLayers) {
        if (!facts().active().has(layer)) continue;
        const std::size_t i = layer == Layer::one ? 0 : 1;
        deks[i] = std::move(must(source_.current(layer)).dek);
        prks[i] = must(fs::extract_layer_key(facts().salt, deks[i].reveal()));
    }
    const auto wraps_of = [&](const fs::KeysetRecord& record, const Uuid& disk) {
        std::array<SecretBytes, 2> wraps;
        for (const Layer layer : kLayers)
            if (record.has(layer)) {
                const std::size_t i = layer == Layer::one ? 0 : 1;
                wraps[i] = must(fs::derive_wrap_key(prks[i].reveal(), layer,
                                                    fs::KeysetContext::of(record, disk)));
            }
        return wraps;
    };
    const SecretBytes secret =
        volume_secret(wraps_of(facts().active(), facts().disk), facts().active());
    std::vector<fs::KeysetKeys> keysets;
    for (fs::KeysetRecord& record : changed.keysets) {
        if (!record.live()) continue;
        const auto x = fs::KeysetContext::of(record, changed.disk);
        for (std::size_t i = 0; i < 2; ++i)
            if (record.has(kLayers[i]))
                record.layers[i].commitment =
                    must(fs::derive_commitment(prks[i].reveal(), kLayers[i], x));
        const auto wraps = wraps_of(record, changed.disk);
        record.wrapped_secret = must(fs::wrap_volume_secret(secret.reveal(), wraps[0].reveal(),
                                                            wraps[1].reveal(), record.nonce, x));
        keysets.push_back(
            must(fs::KeysetKeys::derive(record, changed.disk, prks, fs::Libraries::fastest)));
    }
    const PageBytes page = must(changed.encode(fs::header_mac_of(keysets)));
    for (const HeaderCopy copy : kCopies) put(fs::header_offset(copy), page);
}

SecretBytes Bench::volume_secret(const std::array<SecretBytes, 2>& wraps,
                                 const fs::KeysetRecord& record) const {
    return must(fs::unwrap_volume_secret(record.wrapped_secret, wraps[0].reveal(),
                                         wraps[1].reveal(), record.nonce,
                                         fs::KeysetContext::of(record, facts().disk)));
}

void Bench::edit_envelope(Layer layer, const PageEdit& edit, Checked checked) {
    constexpr std::size_t kEnvelopeShaAt = 4000, kEnvelopeMacAt = 4032;
    for (const HeaderCopy copy : kCopies) {
        const std::uint64_t offset = fs::EnvelopePlace{layer, 0, 0}.offset(copy);
        PageBytes page = sector(offset);
        edit(page);
        if (checked != Checked::nothing)
            std::ranges::copy(crypto::sha256(Bytes(page).first(kEnvelopeShaAt)),
                              page.begin() + kEnvelopeShaAt);
        if (checked == Checked::macs)
            std::ranges::copy(
                crypto::hmac_sha256(keys().envelope_key(layer), Bytes(page).first(kEnvelopeMacAt)),
                page.begin() + kEnvelopeMacAt);
        put(offset, page);
    }
}

void Bench::put_envelope(fs::EnvelopePlace place, const fs::EnvelopeSector& envelope) {
    const PageBytes page = must(envelope.encode(keys().envelope_key(place.layer)));
    for (const HeaderCopy copy : kCopies) put(place.offset(copy), page);
}

fs::EnvelopeSector Bench::envelope(Layer layer) {
    return *must(
        fs::EnvelopeSector::parse(sector(fs::EnvelopePlace{layer, 0, 0}.offset(HeaderCopy::a))));
}

// ---- Superblock

void Bench::edit_superblock(const std::function<void(fs::Superblock&)>& edit) {
    edit(superblock_);
    put_superblock();
}

void Bench::put_superblock() {
    const PageBytes page = superblock_.encode(keys().macs().super);
    for (const std::uint32_t replica : {0u, 1u})
        put(fs::superblock_offset(superblock_.generation, replica), page);
}

void Bench::edit_superblock_bytes(const PageEdit& edit) {
    PageBytes page = superblock_.encode(keys().macs().super);
    edit(page);
    keys().macs().super.mac(Bytes(page).first(480), MutableBytes(page).subspan(480, 32));
    for (const std::uint32_t replica : {0u, 1u})
        put(fs::superblock_offset(superblock_.generation, replica), page);
}

// ---- Map: each change goes up to the superblock

fs::PageMac Bench::remac(PageBytes& page) const {
    constexpr std::size_t kMacAt = 40;
    fs::PageMac mac{};
    std::ranges::copy(mac, page.begin() + kMacAt);
    const std::array<Bytes, 1> whole{page};
    keys().macs().node.mac(whole, mac);
    std::ranges::copy(mac, page.begin() + kMacAt);
    return mac;
}

fs::Reference Bench::reference(Bytes bytes, std::size_t at) const {
    return must(fs::Reference::parse(bytes.subspan(at).first<fs::kReferenceSize>()));
}

std::vector<std::byte> Bench::table() {
    std::vector<std::byte> bytes(facts().shape.segment_table_size());
    must(file_.read(layout_->segment_table_offset(superblock_.segment_table_copy),
                    MutableBytes(bytes)));
    return bytes;
}

void Bench::set_table(Bytes bytes) {
    put(layout_->segment_table_offset(superblock_.segment_table_copy), bytes);
    std::array<std::byte, 8> count;
    Writer(count).u64_le(layout_->segment_count());
    const std::array<Bytes, 3> covered{facts().disk.bytes, count,
                                       bytes.first(layout_->segment_count() * fs::kReferenceSize)};
    keys().macs().root.mac(covered, superblock_.root);
    put_superblock();
}

void Bench::edit_segment_table(const std::function<void(MutableBytes)>& edit) {
    auto bytes = table();
    edit(bytes);
    set_table(bytes);
}

void Bench::set_node(PageBytes page) {
    auto segments = table();
    const fs::Reference old = reference(segments, 0);
    const fs::PageMac mac = remac(page);
    put(layout_->node_offset(fs::Segment{0}, old.copy), page);
    std::ranges::copy(mac, segments.begin() + 8);
    set_table(segments);
}

void Bench::edit_node(const PageEdit& edit) {
    PageBytes page = sector(layout_->node_offset(fs::Segment{0}, reference(table(), 0).copy));
    edit(page);
    set_node(page);
}

void Bench::edit_leaf(const PageEdit& edit) {
    edit_node([&](PageBytes& node) {
        const fs::Reference old = reference(node, fs::kMapPageHeaderSize);
        const std::uint64_t offset = layout_->leaf_offset(fs::LeafIndex{0}, old.copy);
        PageBytes page = sector(offset);
        edit(page);
        const fs::PageMac mac = remac(page);
        put(offset, page);
        std::ranges::copy(mac, node.begin() + fs::kMapPageHeaderSize + 8);
    });
}

void Bench::edit_pool(const std::function<void(MutableBytes)>& edit) {
    std::vector<std::byte> bytes(facts().shape.pool_table_size());
    const std::uint64_t offset = layout_->pool_table_offset(superblock_.pool_table_copy);
    must(file_.read(offset, MutableBytes(bytes)));
    edit(bytes);
    put(offset, bytes);
    std::array<std::byte, 8> count;
    Writer(count).u64_le(facts().shape.pool_slots);
    const std::array<Bytes, 3> covered{facts().disk.bytes, count,
                                       Bytes(bytes).first(facts().shape.pool_slots * 8)};
    keys().macs().pool.mac(covered, superblock_.pool_mac);
    put_superblock();
}

std::vector<fs::Slot> Bench::pool() const {
    std::vector<std::byte> bytes(facts().shape.pool_table_size());
    must(file_.read(layout_->pool_table_offset(superblock_.pool_table_copy), MutableBytes(bytes)));
    return must(fs::PoolTable::parse(bytes, *layout_, superblock_.pool_mac, facts().disk,
                                     keys().macs().pool))
        .slots;
}

// ---- Log

fs::LogPage Bench::next_page(std::vector<fs::LogRecord> records) const {
    fs::LogPage page;
    page.flags = fs::LogPage::kFirst | fs::LogPage::kCommit;
    page.sequence = sequence_;
    page.epoch = epoch_;
    page.acknowledged = epoch_ - 1;
    page.epoch_records = static_cast<std::uint32_t>(records.size());
    page.salt = superblock_.log_salt;
    page.mount_counter = superblock_.mount_counter;
    page.chain = chain_;
    page.records = std::move(records);
    return page;
}

void Bench::append(const fs::LogPage& page, const PageEdit& edit) {
    PageBytes bytes = page.encode(keys().macs().log).bytes;
    edit(bytes);
    constexpr std::size_t kMacAt = 64;
    std::fill_n(bytes.begin() + kMacAt, chain_.size(), std::byte{0});
    const std::array<Bytes, 1> whole{bytes};
    keys().macs().log.mac(whole, chain_);
    std::ranges::copy(chain_, bytes.begin() + kMacAt);
    put(layout_->log_page_offset(sequence_), bytes);
    ++sequence_;
    if (page.commit()) ++epoch_;
}

void Bench::append_ack() {
    fs::LogPage page = next_page({});
    page.flags = fs::LogPage::kAck;
    --page.epoch;
    page.acknowledged = page.epoch;
    append(page);
}

fs::BlockRecord Bench::sealed(std::uint64_t block, std::uint64_t slot) {
    fs::SealInfo info{.index = fs::BlockIndex{block}, .keyset = facts().active().id, .nonce = {}};
    info.nonce.fill(static_cast<std::byte>(0x40 + slot));
    info.nonce[0] = static_cast<std::byte>(epoch_);
    std::array<std::byte, fs::kSealedSize> unit{};
    std::ranges::fill(unit, std::byte{0x77});
    must(keys().active().seal(info, unit));
    put(layout_->slot_offset(fs::Slot{slot}), Bytes(unit).first(fs::kBlockSize));
    return {fs::BlockIndex{block}, fs::Entry::sealed_at(fs::Slot{slot}, info)};
}

// ---- Edits

Bench::PageEdit set_u8(std::size_t at, std::uint8_t value) { return set_number(at, value); }
Bench::PageEdit set_u16(std::size_t at, std::uint16_t value) { return set_number(at, value); }
Bench::PageEdit set_u32(std::size_t at, std::uint32_t value) { return set_number(at, value); }
Bench::PageEdit set_u64(std::size_t at, std::uint64_t value) { return set_number(at, value); }
Bench::PageEdit set_bytes(std::size_t at, std::string bytes) {
    return [at, bytes = std::move(bytes)](PageBytes& page) {
        std::ranges::copy(as_bytes(bytes), page.begin() + static_cast<std::ptrdiff_t>(at));
    };
}
Bench::PageEdit invert(std::size_t at, std::size_t size) {
    return [=](PageBytes& page) {
        for (std::size_t i = at; i < at + size; ++i) page[i] ^= std::byte{0xff};
    };
}

std::vector<Malformed> all_malformed() {
    std::vector<Malformed> all;
    for (auto part :
         {malformed_files(), malformed_headers(), malformed_keysets(), malformed_envelopes(),
          malformed_superblocks(), malformed_maps(), malformed_logs()})
        for (Malformed& one : part) all.push_back(std::move(one));
    return all;
}

}  // namespace twofold::damage
