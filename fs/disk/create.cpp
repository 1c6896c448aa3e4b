// Making an empty disk (format, section 3).
#include <algorithm>

#include "base/utf8.h"
#include "fs/disk/anchor.h"
#include "fs/disk/encrypted_disk.h"
#include "fs/disk/header.h"
#include "fs/disk/rule.h"
#include "fs/disk/superblock.h"

namespace twofold::fs {

namespace {

using crypto::Layer;
using crypto::SecretBytes;

constexpr std::size_t kLabelMax = 64;  // bytes

Result<void> check_label(const std::string& label) {
    const bool printable = is_utf8(label) && std::ranges::none_of(label, [](char c) {
                               return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                           });
    if (label.size() <= kLabelMax && printable) return {};
    return fail(Errc::invalid, "label: more than {} bytes, no UTF-8, or control characters",
                kLabelMax);
}

// A header as it will be, with the keys that go with it.
struct NewHeader {
    StaticSector facts;
    std::array<crypto::Envelope, 2> envelopes;  // [0]: layer 1
    DiskKeys keys;
};

// The layers' DEKs, turned into PRKs; the DEKs themselves are gone when this returns.
Result<std::array<SecretBytes, 2>> fetch_layer_keys(crypto::KeySource& source, const DiskSalt& salt,
                                                    KeysetRecord& record,
                                                    std::array<crypto::Envelope, 2>& envelopes) {
    std::array<SecretBytes, 2> prks;
    for (const Layer layer : {Layer::one, Layer::two}) {
        if (!record.has(layer)) continue;
        const std::size_t i = layer == Layer::one ? 0 : 1;
        TF_ASSIGN(crypto::KeySource::Current current, source.current(layer));
        TF_ASSIGN(prks[i], extract_layer_key(salt, current.dek.reveal()));
        record.layers[i].dek = current.envelope.dek;
        envelopes[i] = std::move(current.envelope);
    }
    if ((crypto::equal_in_constant_time(prks[0].reveal(), prks[1].reveal()) &&
         !broken(Rule::layers_have_keys_of_their_own)) ||
        (record.layer_count() == 2 && record.layers[0].dek.id == record.layers[1].dek.id))
        return fail(Errc::unsupported, "disk: one key for both layers");
    return prks;
}

Result<NewHeader> make_header(const DiskSpec& spec, const Shape& shape, crypto::KeySource& source,
                              crypto::RandomSource& random) {
    StaticSector facts;
    facts.generation = 1;
    TF_ASSIGN(facts.disk, random.uuid());
    TF_TRY(random.fill(facts.salt));
    facts.deployment = spec.deployment;
    facts.shape = shape;
    facts.policy = StaticSector::discard_reaches_store |
                   (spec.layer2 == Suite::none ? 0u : StaticSector::layer2_required);
    facts.role = spec.role;
    facts.label = spec.label;

    KeysetRecord& record = facts.keysets[0];
    record.state = KeysetRecord::State::active;
    record.id = 1;
    record.layers[0].suite = spec.layer1;
    record.layers[1].suite = spec.layer2;
    TF_TRY(random.fill(record.nonce));
    std::array<crypto::Envelope, 2> envelopes;
    TF_ASSIGN(const auto prks, fetch_layer_keys(source, facts.salt, record, envelopes));

    const KeysetContext x = KeysetContext::of(record, facts.disk);
    std::array<SecretBytes, 2> wraps;
    for (const Layer layer : {Layer::one, Layer::two}) {
        if (!record.has(layer)) continue;
        const std::size_t i = layer == Layer::one ? 0 : 1;
        TF_ASSIGN(record.layers[i].commitment, derive_commitment(prks[i].reveal(), layer, x));
        TF_ASSIGN(wraps[i], derive_wrap_key(prks[i].reveal(), layer, x));
    }
    TF_ASSIGN(const SecretBytes secret, SecretBytes::random(32));
    TF_ASSIGN(record.wrapped_secret, wrap_volume_secret(secret.reveal(), wraps[0].reveal(),
                                                        wraps[1].reveal(), record.nonce, x));
    TF_ASSIGN(auto macs, VolumeMacs::derive(facts.salt, secret.reveal(), facts.disk));
    TF_ASSIGN(auto keyset, KeysetKeys::derive(record, facts.disk, prks, Libraries::fastest));
    std::vector<KeysetKeys> keysets;
    keysets.push_back(std::move(keyset));
    return NewHeader{std::move(facts), std::move(envelopes),
                     DiskKeys(std::move(keysets), std::move(macs))};
}

// Header, log, tables and pool get their place now; metadata of a segment before its first write.
Result<void> allocate(io::File& file, const Layout& layout) {
    TF_TRY(file.resize(layout.file_size()));
    TF_TRY(file.allocate(0, layout.shape().data_offset()));
    const std::uint64_t pool = layout.shape().pool_slots;
    for (std::uint64_t first = 0; first < pool; first += kSegmentSlots) {
        const std::uint64_t count = std::min<std::uint64_t>(kSegmentSlots, pool - first);
        TF_TRY(file.allocate(layout.slot_offset(Slot{first}), count * kSectorSize));
    }
    return {};
}

// The state of a disk on which nothing was ever written: generation 1, every leaf implicit.
Result<Superblock> write_state(io::File& file, const Layout& layout, const NewHeader& header,
                               crypto::RandomSource& random, const Clock& clock) {
    const Uuid& disk = header.facts.disk;
    const VolumeMacs& macs = header.keys.macs();
    const PoolTable pool = PoolTable::initial(layout);
    std::vector<std::byte> table(layout.shape().pool_table_size());
    pool.encode(table);
    TF_TRY(file.write(layout.pool_table_offset(0), Bytes(table)));
    // Copy 0 of the segment table is all implicit references: zeros, as the file has them.

    Superblock super;
    super.generation = 1;
    super.disk = disk;
    super.block_count = layout.block_count();
    super.segment_count = layout.segment_count();
    super.state = Superblock::State::clean;
    super.min_header_generation = header.facts.generation;
    TF_TRY(random.fill(super.log_salt));
    TF_TRY(random.fill(super.chain));
    super.log_start = 1;
    super.root = SegmentTable(layout.segment_count()).root(disk, macs.root);
    super.pool_mac = pool.mac(disk, macs.pool);
    super.wall_clock = clock.now();
    const PageBytes sector = super.encode(macs.super);
    for (const std::uint32_t replica : {0u, 1u})
        TF_TRY(file.write(superblock_offset(super.generation, replica), Bytes(sector)));
    return super;
}

}  // namespace

Result<DiskNote> create_disk(io::File& file, const DiskSpec& spec, crypto::KeySource& keys,
                             crypto::RandomSource& random, const Clock& clock, const Limits& limits,
                             const AnchorPlace& anchor) {
    TF_ASSIGN(const std::uint64_t size, file.size());
    if (size != 0) return fail(Errc::exists, "disk: the file is not empty");
    TF_TRY(check_suites(spec.layer1, spec.layer2));
    TF_TRY(check_label(spec.label));
    const Shape shape = Layout::shape_for(spec.block_count, limits, spec.pool_slots, spec.log_pages,
                                          spec.segments_max);
    TF_ASSIGN(const Layout layout, Layout::create(spec.block_count, shape, limits));
    TF_ASSIGN(const NewHeader header, make_header(spec, shape, keys, random));

    // The header last: a creation that was cut is no image.
    TF_TRY(allocate(file, layout));
    TF_ASSIGN(const Superblock super, write_state(file, layout, header, random, clock));
    TF_TRY(file.sync());
    TF_TRY(Header::write_new(file, header.facts, header.envelopes, header.keys,
                             [&] { return file.sync(); }));
    DiskNote note = header.facts.note();
    if (anchor) {
        const Anchor first = Anchor::of(super, 0, Anchor::State::clean, note.keysets);
        TF_TRY(anchor.store->save(
            first.encode({note.deployment, anchor.node, anchor.disk}, header.keys.macs().anchor)));
    }
    return note;
}

}  // namespace twofold::fs
