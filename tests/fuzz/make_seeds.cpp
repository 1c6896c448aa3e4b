// Writes the hand-made inputs that every corpus begins with: make_seeds DIRECTORY.
#include "base/io/io.h"
#include "fs/control/control.h"
#include "fs/disk/anchor.h"
#include "fs/disk/envelope_sector.h"
#include "fs/disk/log_page.h"
#include "fs/disk/static_sector.h"
#include "fs/disk/superblock.h"
#include "keyring/crypto/secret.h"
#include "keyring/envelope/wrapped_key.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"
#include "tests/support/test_disks.h"

namespace twofold::fuzz {
namespace {

std::string g_directory;

std::string text_of(Bytes bytes) { return std::string(as_text(bytes)); }
// One byte, or several.
std::string b(std::initializer_list<int> bytes) {
    std::string out;
    for (const int each : bytes) out.push_back(static_cast<char>(each));
    return out;
}

void seed(std::string_view target, std::string_view name, std::string content) {
    TF_CHECK(find_target(target) != nullptr);
    auto root = must(io::make_posix_directory(g_directory + "/" + std::string(target)));
    must(root->replace("seed-" + std::string(name), content));
}

// Without the zeros at its end: an input's page has them by itself.
std::string page(Bytes bytes) {
    std::string out = text_of(bytes);
    while (!out.empty() && out.back() == '\0') out.pop_back();
    return out;
}

void header_seeds() {
    for (const Layers& layers : {two_layers(), one_layer()}) {
        TestDisk disk({}, layers);
        fs::PageBytes sector;
        disk.image.read(0, sector);
        for (const int mode : {0, 3})
            seed("static_sector", layers.name + std::to_string(mode), b({mode}) + page(sector));
        seed("static_sector", layers.name + "-cut", b({3}) + page(sector).substr(0, 1000));
        disk.image.read(fs::kSectorSize, sector);
        for (const int mode : {0, 3})
            seed("envelope", layers.name + std::to_string(mode), b({mode}) + page(sector));
    }
    const std::string full =
        "https://contoso-kv.vault.azure.net/keys/kek1/0123456789abcdef0123456789abcdef";
    const keyring::WrappedKey key{.generation = 3,
                                  .layer = crypto::Layer::two,
                                  .dek = {fixed_disk(), 2},
                                  .kid = must(keyring::KeyId::parse(full)),
                                  .wrapped = std::vector<std::byte>(256, std::byte{0x5a}),
                                  .key_check = {},
                                  .created = 1'700'000'000,
                                  .reference = must(keyring::KeyId::parse(full)),
                                  .identity = "00112233-4455-6677-8899-aabbccddeeff"};
    seed("envelope", "record", b({4}) + key.to_json());
    fs::EnvelopeSector sector{crypto::Layer::two, fixed_disk(), {}};
    const std::string json = key.to_json();
    sector.envelope = {key.generation, key.dek, {}};
    sector.envelope.record.assign(as_bytes(json).begin(), as_bytes(json).end());
    const auto secret = fixed_key();
    seed("envelope", "sector", b({3}) + page(must(sector.encode(secret.reveal()))));

    fs::Anchor anchor;
    anchor.disk = fixed_disk();
    anchor.mount_counter = 7;
    anchor.superblock_generation = 9;
    TestDisk disk;
    anchor.keysets = {disk.note.keysets.begin(), disk.note.keysets.end()};
    const auto record = anchor.encode({fixed_disk(), "node0", "data0"}, fixed_mac());
    for (const int mode : {0, 1}) seed("anchor", std::to_string(mode), b({mode}) + text_of(record));
    for (const int at : {0, 4, 8, 300})
        seed("anchor", "changed" + std::to_string(at), [&] {
            std::string out = b({1}) + text_of(record);
            out[static_cast<std::size_t>(at) + 1] ^= 1;
            return out;
        }());
}

void page_seeds() {
    fs::Superblock super;
    super.generation = 5;
    super.disk = fixed_disk();
    super.block_count = 70;
    super.segment_count = 1;
    super.mount_counter = 3;
    super.settled_epoch = 12;
    super.log_start = 20;
    for (const auto state : {fs::Superblock::State::clean, fs::Superblock::State::open}) {
        super.state = state;
        for (const int mode : {0, 1})
            seed("superblock", std::to_string(static_cast<int>(state)) + std::to_string(mode),
                 b({mode}) + page(super.encode(fixed_mac())));
    }
    super.migrate_from = 1;
    seed("superblock", "migrating", b({1}) + page(super.encode(fixed_mac())));

    fs::Entry entry{.slot = fs::Slot{1}, .data = true, .keyset = 1};
    entry.nonce.fill(std::byte{0xaa});
    fs::LogPage log;
    log.sequence = 9;
    log.epoch = 4;
    log.acknowledged = 3;
    log.flags = fs::LogPage::kFirst | fs::LogPage::kCommit;
    log.records = {fs::BlockRecord{fs::BlockIndex{3}, entry},
                   fs::ZeroRecord{{fs::BlockIndex{8}, 5}}};
    log.epoch_records = 2;
    for (const int mode : {0, 1})
        seed("log_page", "commit" + std::to_string(mode),
             b({mode}) + page(log.encode(fixed_mac()).bytes));
    log.records.assign(fs::kLogRecords, fs::BlockRecord{fs::BlockIndex{3}, entry});
    log.flags = fs::LogPage::kFirst;
    log.epoch_records = 0;
    seed("log_page", "full", b({1}) + page(log.encode(fixed_mac()).bytes));
    seed("log_page", "cut", page(log.encode(fixed_mac()).bytes).substr(0, 1000));
    log.records.clear();
    log.flags = fs::LogPage::kAck;
    log.epoch = 3;
    seed("log_page", "ack", b({1}) + page(log.encode(fixed_mac()).bytes));

    fs::Leaf leaf = fs::Leaf::implicit(fs::LeafIndex{0}, fixed_layout(), fixed_disk());
    leaf.set(5, entry);
    leaf.finish(2, 0, fixed_mac());
    fs::Node node = fs::Node::implicit(fs::Segment{0}, fixed_disk());
    const fs::Reference reference{.generation = 2, .copy = 1, .mac = {}};
    node.set(0, reference);
    node.finish(3, 0, fixed_mac());
    for (const int mode : {0, 1}) {
        seed("map_page", "leaf" + std::to_string(mode), b({mode, 0}) + page(leaf.bytes()));
        seed("map_page", "node" + std::to_string(mode), b({mode, 0}) + page(node.bytes()));
    }
    std::array<std::byte, fs::kReferenceSize> table{};
    reference.encode(table);
    seed("map_page", "segments", b({3, 0}) + text_of(table));
    seed("map_page", "pool", b({3, 0}) + b({0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0,
                                            0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 73}));
}

void text_seeds() {
    int number = 0;
    for (const char* id :
         {"https://contoso-kv.vault.azure.net/keys/kek1",
          "https://contoso-kv.vault.azure.net/keys/kek1/0123456789abcdef0123456789abcdef",
          "https://127.0.0.1:8443/keys/k/0123456789ABCDEF0123456789ABCDEF",
          "myakv.azure.com/KEK1/v1", "https://h/keys/a/..", "https://h/keys/a%2e/b",
          "https://contoso-kv.vault.azure.cn kek1 v12", "https://h kek1 ", "HTTPS://H/KEYS/K"})
        seed("key_id", std::to_string(number++), id);
    const std::string head = "Host: localhost\r\nContent-Length: ";
    seed("control", "status", http::to_text(http::Request{"GET", "/status", ""}));
    seed("control", "rotate", http::to_text(http::Request{"POST", "/rotate", R"({"layer":2})"}));
    seed("control", "stop", http::to_text(http::Request{"POST", "/stop?x", ""}));
    seed("control", "method", http::to_text(http::Request{"PUT", "/metrics", ""}));
    seed("control", "twice",
         "GET /status HTTP/1.1\r\n" + head + "1\r\ncontent-length: 2\r\n\r\nab");
    seed("control", "huge", "GET / HTTP/1.1\r\n" + head + "99999999999999999999\r\n\r\n");
    seed("control", "chunks", "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    seed("control", "answer",
         http::to_text(http::Response{
             409, fs::error_to_json({Errc::busy, "held", "wait", 16, "Forbidden"})}));
    seed("control", "error",
         fs::error_to_json({Errc::key_revoked, "key: gone", "", 0, "Forbidden"}));
}

// Sectors count as image_target.cpp lists them: header copies, superblocks, log, tables, slots.
void disk_seeds() {
    constexpr int kSuper = 18, kLog = 22, kTables = 28, kSlots = 36;
    int number = 0;
    for (const int mode : {0, 1, 2, 3}) {
        seed("image", "as-it-is" + std::to_string(mode), b({mode}));
        for (const int sector :
             {0, 1, kSuper, kSuper + 2, kLog, kLog + 1, kTables, kTables + 2, kTables + 3, kSlots})
            for (const int at : {8, 40, 64, 96})
                if ((number++ + mode) % 3 == 0)
                    seed("image", "patch" + std::to_string(number),
                         b({mode, sector, at, 0, 4, 0xff, 1, 0, 0}));
    }
    // The steps of FaultScript: 0 write, 1 patch, 2 zero, 3 read, 4 sync, 5 soft, 6 tick, 7 rewrap,
    // 8 kill.
    const std::string steps = b({0, 3, 0, 20, 5, 0, 1, 3, 4,   0, 2, 2, 3, 1, 6, 1, 0,  9, 5,
                                 0, 8, 0, 0,  5, 7, 0, 6, 200, 0, 1, 4, 0, 8, 0, 2, 40, 4, 0});
    for (int kind = 0; kind < 12; ++kind)
        for (const int index : {7, 40})
            seed("faults", std::to_string(kind) + "-" + std::to_string(index),
                 b({kind + (index == 40 ? 132 : 0), index, 0}) + steps);
    // powercut::Action: 0 write, 1 zero, 2 read, 3 sync, 4 soft, 5 pass, 6 tick, 7 kill, 8 remount,
    // 9 rewrap; plus 10 in the middle of a sync, 20 before a page, 30 before a tree.
    const std::string script = b({0, 8, 16, 4,  0, 9,  3,  3, 1, 16, 8, 4, 10, 8, 8, 3, 5, 200,
                                  6, 7, 0,  20, 7, 20, 30, 3, 4, 9,  0, 3, 8,  0, 1, 1, 3});
    for (int s = 0; s < 6; ++s)
        seed("power_cuts", std::to_string(s),
             b({s, 0}) + script.substr(static_cast<std::size_t>(s) * 3));
}

}  // namespace
}  // namespace twofold::fuzz

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    twofold::must(twofold::crypto::start());
    twofold::fuzz::g_directory = argv[1];
    twofold::fuzz::header_seeds();
    twofold::fuzz::page_seeds();
    twofold::fuzz::text_seeds();
    twofold::fuzz::disk_seeds();
    return 0;
}
