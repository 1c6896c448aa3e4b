#include "tests/fs/disk/example_disk.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "fs/disk/anchor.h"
#include "fs/disk/envelope_sector.h"
#include "fs/disk/log_page.h"
#include "fs/disk/superblock.h"
#include "tests/support/fixed_keys.h"

namespace twofold::fs {

namespace {

using crypto::Layer;
using crypto::SecretBytes;
using Json = nlohmann::ordered_json;

// first, first + 1, first + 2, ...
template <std::size_t N>
std::array<std::byte, N> counting(std::uint8_t first) {
    std::array<std::byte, N> out;
    for (std::size_t i = 0; i < N; ++i) out[i] = static_cast<std::byte>(first + i);
    return out;
}

Result<SecretBytes> filled(std::uint8_t fill) {
    TF_ASSIGN(auto out, SecretBytes::zeroed(32));
    std::ranges::fill(out.reveal_mutable(), std::byte{fill});
    return out;
}

// Lines of 32 bytes, "offset  hex"; lines of zeros are left out.
std::string hex_dump(Bytes bytes) {
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += 32) {
        const Bytes line = bytes.subspan(at, std::min<std::size_t>(32, bytes.size() - at));
        if (!all_zero(line)) out += fmt::format("{:04x}  {}\n", at, to_hex(line));
    }
    return out;
}

// Everything that is given; the rest follows.
struct Given {
    StaticSector facts;
    crypto::Nonce nonce = counting<24>(0xa0);  // of the block: P and c
    SecretBytes secret;                        // VS
    std::array<SecretBytes, 2> deks;
    InsecureTestKeys keys;

    static Result<Given> make() {
        Given given;
        StaticSector& facts = given.facts;
        facts.generation = 1;
        facts.disk.bytes = counting<16>(0x10);
        facts.deployment.bytes = counting<16>(0x20);
        facts.salt = counting<32>(0x40);
        facts.shape = {.pool_slots = 4, .log_pages = 64, .segments_max = 16};
        facts.policy = StaticSector::layer2_required | StaticSector::discard_reaches_store;
        facts.role = Role::data;
        facts.label = "example";
        KeysetRecord& record = facts.keysets[0];
        record.state = KeysetRecord::State::active;
        record.id = 1;
        record.nonce = counting<24>(0x60);
        for (const Layer layer : {Layer::one, Layer::two})
            record.layer(layer).dek = given.keys.name(layer);
        record.layer(Layer::one).suite = Suite::aes_256_xts;
        record.layer(Layer::two).suite = Suite::xchacha20_poly1305;
        TF_ASSIGN(given.secret, filled(0x33));
        TF_ASSIGN(given.deks[0], filled(0x11));
        TF_ASSIGN(given.deks[1], filled(0x22));
        return given;
    }
};

struct Derived {
    std::array<SecretBytes, 2> prks, wraps;
    DiskKeys keys;
};

// Completes the keyset record, and notes every key in `json`.
Result<Derived> derive(Given& given, Json& json) {
    StaticSector& facts = given.facts;
    KeysetRecord& record = facts.keysets[0];
    const KeysetContext x = KeysetContext::of(record, facts.disk);
    json["X"] = to_hex(x.encode());
    std::array<SecretBytes, 2> prks, wraps;
    for (const Layer layer : {Layer::one, Layer::two}) {
        const std::size_t i = layer == Layer::one ? 0 : 1;
        TF_ASSIGN(prks[i], extract_layer_key(facts.salt, given.deks[i].reveal()));
        const Bytes prk = prks[i].reveal();
        TF_ASSIGN(wraps[i], derive_wrap_key(prk, layer, x));
        TF_ASSIGN(record.layers[i].commitment, derive_commitment(prk, layer, x));
        TF_ASSIGN(const auto data, derive_data_key(prk, layer, x));
        TF_ASSIGN(const auto header, derive_header_key(prk, layer, x));
        TF_ASSIGN(const auto envelope, derive_envelope_key(prk, layer, facts.disk));
        TF_ASSIGN(const auto deployment,
                  crypto::deployment_commitment(facts.deployment, layer, record.layers[i].dek.id,
                                                given.deks[i].reveal()));
        json[fmt::format("layer{}", i + 1)] = {{"suite", static_cast<int>(record.layers[i].suite)},
                                               {"dek_id", record.layers[i].dek.id.hex()},
                                               {"dek", to_hex(given.deks[i].reveal())},
                                               {"prk", to_hex(prk)},
                                               {"data_key", to_hex(data.reveal())},
                                               {"header_key", to_hex(header.reveal())},
                                               {"envelope_key", to_hex(envelope.reveal())},
                                               {"wrap_key", to_hex(wraps[i].reveal())},
                                               {"commitment", to_hex(record.layers[i].commitment)},
                                               {"deployment_commitment", to_hex(deployment)}};
    }
    TF_ASSIGN(record.wrapped_secret, wrap_volume_secret(given.secret.reveal(), wraps[0].reveal(),
                                                        wraps[1].reveal(), record.nonce, x));
    json["volume_secret"] = to_hex(given.secret.reveal());
    json["wrapped_volume_secret"] = to_hex(record.wrapped_secret);
    for (const char* name : {"log", "node", "root", "pool", "super", "anchor", "nonce"}) {
        TF_ASSIGN(const auto key,
                  derive_volume_key(facts.salt, given.secret.reveal(), name, facts.disk));
        json["volume_keys"][name] = to_hex(key.reveal());
    }
    TF_ASSIGN(auto macs, VolumeMacs::derive(facts.salt, given.secret.reveal(), facts.disk));
    TF_ASSIGN(auto keyset, KeysetKeys::derive(record, facts.disk, prks, Libraries::fastest));
    std::vector<KeysetKeys> keysets;
    keysets.push_back(std::move(keyset));
    return Derived{std::move(prks), std::move(wraps),
                   DiskKeys(std::move(keysets), std::move(macs))};
}

// The example's block under every shape of layers that is allowed, with the same DEKs, ids and
// nonce.
Result<Json> seal_vectors(const Given& given, const Derived& derived) {
    Json out = Json::array();
    const std::pair<Suite, Suite> shapes[] = {
        {Suite::xchacha20_poly1305, Suite::none},
        {Suite::xaes_256_gcm, Suite::none},
        {Suite::none, Suite::xchacha20_poly1305},
        {Suite::none, Suite::xaes_256_gcm},
        {Suite::aes_256_xts, Suite::xchacha20_poly1305},
        {Suite::aes_256_xts, Suite::xaes_256_gcm},
        {Suite::xaes_256_gcm, Suite::xchacha20_poly1305},
        {Suite::xchacha20_poly1305, Suite::xaes_256_gcm},
    };
    for (const auto& [suite1, suite2] : shapes) {
        KeysetRecord record = given.facts.keysets[0];
        record.layers[0].suite = suite1;
        record.layers[1].suite = suite2;
        TF_ASSIGN(const auto keys,
                  KeysetKeys::derive(record, given.facts.disk, derived.prks, Libraries::fastest));
        SealInfo info{.index = BlockIndex{kExampleBlock}, .nonce = given.nonce};
        std::array<std::byte, kSealedSize> sealed{};
        std::ranges::copy(example_plaintext(), sealed.begin());
        TF_TRY(keys.stack.seal(info, sealed));
        out.push_back({{"suite1", static_cast<int>(suite1)},
                       {"suite2", static_cast<int>(suite2)},
                       {"block", kExampleBlock},
                       {"keyset", record.id},
                       {"nonce", to_hex(info.nonce)},
                       {"tag1", to_hex(info.outer_tag)},
                       {"tag2", to_hex(info.inner_tag)},
                       {"slot", to_hex(Bytes(sealed).first(kBlockSize))}});
    }
    return out;
}

// The sectors of the example, each also a file of hex.
class Image {
public:
    explicit Image(ExampleDisk& disk) : disk_(disk) {}
    void add(const std::string& name, std::initializer_list<std::uint64_t> offsets, Bytes bytes) {
        for (const std::uint64_t offset : offsets)
            for (std::size_t at = 0; at < bytes.size(); at += kSectorSize)
                std::ranges::copy(bytes.subspan(at, kSectorSize),
                                  disk_.sectors[offset + at].begin());
        disk_.files[name + ".hex"] = hex_dump(bytes);
    }

    // What belongs to the disk and is not in its image.
    void add_outside(const std::string& name, Bytes bytes) {
        disk_.files[name + ".hex"] = hex_dump(bytes);
    }

private:
    ExampleDisk& disk_;
};

Result<void> add_header(const Given& given, const Derived& derived, Image& image) {
    TF_ASSIGN(const PageBytes fixed, given.facts.encode(derived.keys.header_mac()));
    image.add("static", {header_offset(HeaderCopy::a), header_offset(HeaderCopy::b)}, fixed);
    for (const Layer layer : {Layer::one, Layer::two}) {
        const EnvelopePlace place{layer, 0, 0};
        const EnvelopeSector envelope{
            layer, given.facts.disk, {1, given.keys.name(layer), given.keys.record_of(layer)}};
        TF_ASSIGN(const PageBytes sector, envelope.encode(derived.keys.envelope_key(layer)));
        image.add(fmt::format("envelope{}", static_cast<int>(layer)),
                  {place.offset(HeaderCopy::a), place.offset(HeaderCopy::b)}, sector);
    }
    return {};
}

// Block 5 went to slot 0 in epoch 1, so its own slot 9 is in the pool; then the checkpoint.
Result<void> add_contents(const Given& given, const Derived& derived, const Layout& layout,
                          Image& image) {
    const VolumeMacs& macs = derived.keys.macs();
    const Uuid& disk = given.facts.disk;
    SealInfo info{.index = BlockIndex{kExampleBlock}, .nonce = given.nonce};
    std::array<std::byte, kSealedSize> sealed{};
    std::ranges::copy(example_plaintext(), sealed.begin());
    TF_TRY(derived.keys.active().seal(info, sealed));
    const Entry entry = Entry::sealed_at(Slot{0}, info);
    image.add("slot", {layout.slot_offset(entry.slot)}, Bytes(sealed).first(kBlockSize));

    const LogSalt salt = counting<16>(0x80);
    LogPage page;
    page.flags = LogPage::kFirst | LogPage::kCommit;
    page.sequence = 1;
    page.epoch = 1;
    page.epoch_records = 1;
    page.salt = salt;
    page.mount_counter = 1;
    page.chain = counting<32>(0xc0);
    page.records.emplace_back(BlockRecord{BlockIndex{kExampleBlock}, entry});
    const auto encoded = page.encode(macs.log);
    image.add("log", {layout.log_page_offset(1)}, encoded.bytes);

    const LeafIndex leaf_index = leaf_of(BlockIndex{kExampleBlock});
    Leaf leaf = Leaf::implicit(leaf_index, layout, disk);
    leaf.set(index_in_leaf(BlockIndex{kExampleBlock}), entry);
    Node node = Node::implicit(Segment{0}, disk);
    node.set(leaf_in_segment(leaf_index), leaf.finish(1, 0, macs.node));
    image.add("leaf", {layout.leaf_offset(leaf_index, 0)}, leaf.bytes());
    SegmentTable segments(layout.segment_count());
    segments.set(Segment{0}, node.finish(1, 0, macs.node));
    image.add("node", {layout.node_offset(Segment{0}, 0)}, node.bytes());
    std::vector<std::byte> table(given.facts.shape.segment_table_size());
    segments.encode(table);
    image.add("segments", {layout.segment_table_offset(1)}, table);
    const PoolTable pool{{Slot{1}, Slot{2}, Slot{3}, layout.implicit_slot(BlockIndex{5})}};
    table.resize(given.facts.shape.pool_table_size());
    pool.encode(table);
    image.add("pool", {layout.pool_table_offset(1)}, table);

    Superblock super;
    super.generation = 3;
    super.disk = disk;
    super.block_count = layout.block_count();
    super.segment_count = layout.segment_count();
    super.mount_counter = 1;
    super.settled_epoch = 1;
    super.state = Superblock::State::clean;
    super.segment_table_copy = 1;
    super.pool_table_copy = 1;
    super.min_header_generation = 1;
    super.log_salt = salt;
    super.log_start = 2;
    super.chain = encoded.mac;
    super.root = segments.root(disk, macs.root);
    super.pool_mac = pool.mac(disk, macs.pool);
    super.wall_clock = 1'700'000'000;
    image.add("superblock", {superblock_offset(3, 0), superblock_offset(3, 1)},
              super.encode(macs.super));
    const Anchor anchor = Anchor::of(super, 1, Anchor::State::clean, given.facts.note().keysets);
    const AnchorName name{given.facts.deployment, "node0", "example"};
    image.add_outside("anchor", anchor.encode(name, macs.anchor));
    return {};
}

}  // namespace

std::array<std::byte, kBlockSize> example_plaintext() {
    std::array<std::byte, kBlockSize> out;
    constexpr std::string_view kText = "twofold example\n";
    static_assert(kBlockSize % kText.size() == 0);
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<std::byte>(kText[i % kText.size()]);
    return out;
}

Result<ExampleDisk> ExampleDisk::make() {
    ExampleDisk disk;
    Image image(disk);
    TF_ASSIGN(Given given, Given::make());
    Json keys;
    keys["comment"] = "derived keys of the example disk: format, section 5; all values in hex";
    keys["disk"] = given.facts.disk.hex();
    keys["deployment"] = given.facts.deployment.hex();
    keys["salt"] = to_hex(given.facts.salt);
    keys["keyset"] = given.facts.active().id;
    keys["wrap_nonce"] = to_hex(given.facts.active().nonce);
    TF_ASSIGN(const Derived derived, derive(given, keys));
    disk.files["keys.json"] = keys.dump(2) + "\n";
    TF_ASSIGN(const Json seals, seal_vectors(given, derived));
    disk.files["seals.json"] = seals.dump(2) + "\n";

    TF_ASSIGN(const Layout layout, Layout::create(256, given.facts.shape, Limits::production()));
    TF_TRY(add_header(given, derived, image));
    TF_TRY(add_contents(given, derived, layout, image));
    disk.size = layout.file_size();
    disk.note = given.facts.note();
    return disk;
}

}  // namespace twofold::fs
