// Keyset records that can't be: behind a right SHA-256, which anybody can make, and where it says
// so behind right MACs.
#include <fmt/format.h>

#include "tests/damaged/bench.h"

namespace twofold::damage {

using Checked = Bench::Checked;
using State = fs::KeysetRecord::State;

namespace {

constexpr std::size_t kFirst = 256, kSecond = 256 + 512, kThird = 256 + 1024;

Malformed keyset(std::string name, std::string what, Bench::PageEdit edit,
                 Checked checked = Checked::macs) {
    return {"keyset-" + std::move(name), std::move(what),
            [edit = std::move(edit), checked](Bench& b) { b.edit_static(edit, checked); }};
}

// The first record once more, in another place, in another state and under another number.
Bench::PageEdit copy_to(std::size_t at, State state, std::uint32_t id) {
    return [=](fs::PageBytes& page) {
        std::copy_n(page.begin() + kFirst, 512, page.begin() + static_cast<std::ptrdiff_t>(at));
        page[at] = static_cast<std::byte>(state);
        set_u32(at + 4, id)(page);
    };
}

Bench::PageEdit both(Bench::PageEdit first, Bench::PageEdit second) {
    return [=](fs::PageBytes& page) {
        first(page);
        second(page);
    };
}

// Facts encoded and authenticated again, under keys derived for them.
Malformed facts(std::string name, std::string what, std::function<void(fs::StaticSector&)> change) {
    return {"keyset-" + std::move(name), std::move(what), [change](Bench& b) {
                fs::StaticSector changed = b.facts();
                change(changed);
                b.put_facts(changed);
            }};
}

}  // namespace

std::vector<Malformed> malformed_keysets() {
    std::vector<Malformed> all;
    for (const int state : {0, 2, 3, 4, 255})
        all.push_back(keyset(fmt::format("state-{}", state),
                             "no keyset is ACTIVE, or unknown state",
                             set_u8(kFirst, static_cast<std::uint8_t>(state))));
    all.push_back(keyset("two-active", "two ACTIVE keysets", copy_to(kSecond, State::active, 2)));
    all.push_back(
        keyset("two-retiring", "two RETIRING keysets",
               both(copy_to(kSecond, State::retiring, 2), copy_to(kThird, State::retiring, 3))));
    all.push_back(keyset("same-id", "an ACTIVE and a DEAD keyset of one number",
                         copy_to(kSecond, State::dead, 1)));
    all.push_back(keyset("retiring-without-keys", "a RETIRING keyset that nothing vouches for",
                         copy_to(kSecond, State::retiring, 2)));
    for (const std::uint32_t id : {0u, 4096u, 0xffffffffu})
        all.push_back(
            keyset(fmt::format("id-{}", id), "impossible number", set_u32(kFirst + 4, id)));
    for (const int layers : {0, 1, 2, 4, 255})
        all.push_back(keyset(fmt::format("layers-{}", layers),
                             "layers that are none, or not those of the suites",
                             set_u8(kFirst + 1, static_cast<std::uint8_t>(layers))));
    for (const int suite : {0, 4, 5, 6, 255})
        for (const int layer : {1, 2})
            all.push_back(keyset(fmt::format("suite-{}-is-{}", layer, suite),
                                 "no cipher, or one that nobody knows",
                                 set_u8(kFirst + 1 + static_cast<std::size_t>(layer),
                                        static_cast<std::uint8_t>(suite))));
    all.push_back(keyset("no-suites", "from encrypted to nothing: no layer, no suite",
                         set_bytes(kFirst + 1, std::string(3, '\0'))));
    all.push_back(
        keyset("xts-inside", "AES-256-XTS, which has no tag, as layer 2", set_u8(kFirst + 3, 3)));
    all.push_back(keyset("xts-alone", "AES-256-XTS as the only layer",
                         both(set_u8(kFirst + 1, 1), set_u8(kFirst + 3, 0))));
    all.push_back(keyset("dropped-layer-2", "layer 2 taken out as if it had never been",
                         [](fs::PageBytes& page) {
                             set_u8(kFirst + 1, 1)(page);
                             set_u8(kFirst + 2, 2)(page);
                             set_u8(kFirst + 3, 0)(page);
                             set_u32(kFirst + 12, 0)(page);
                             set_bytes(kFirst + 32, std::string(16, '\0'))(page);
                             set_bytes(kFirst + 80, std::string(32, '\0'))(page);
                         }));
    all.push_back(keyset("absent-layer-with-key", "a layer that is not there has a key",
                         both(set_u8(kFirst + 1, 2), set_u8(kFirst + 2, 0))));
    for (const int layer : {1, 2}) {
        const auto n = static_cast<std::size_t>(layer);
        all.push_back(keyset(fmt::format("dek-{}-generation-zero", layer), "a key without a name",
                             set_u32(kFirst + 4 + 4 * n, 0)));
        all.push_back(keyset(fmt::format("dek-{}-generation-max", layer),
                             "a key generation that no envelope has",
                             set_u32(kFirst + 4 + 4 * n, 0xffffffff)));
        all.push_back(keyset(fmt::format("dek-{}-id-zero", layer), "a key without a name",
                             set_bytes(kFirst + 16 * n, std::string(16, '\0'))));
        all.push_back(keyset(fmt::format("commitment-{}", layer), "committed to another key",
                             invert(kFirst + 16 + 32 * n, 32)));
        all.push_back(keyset(fmt::format("bank-{}-is-2", layer), "an impossible bank",
                             set_u8(kFirst + 199 + n, 2)));
        all.push_back(keyset(fmt::format("bank-{}-empty", layer), "the bank without envelopes",
                             set_u8(kFirst + 199 + n, 1)));
    }
    all.push_back(keyset("one-dek", "one DEK id for both layers", [](fs::PageBytes& page) {
        std::copy_n(page.begin() + kFirst + 16, 16, page.begin() + kFirst + 32);
    }));
    all.push_back(keyset("nonce", "another nonce of the volume secret", invert(kFirst + 112, 24)));
    all.push_back(keyset("wrapped-secret", "another volume secret", invert(kFirst + 136, 64)));
    all.push_back(keyset("reserved", "reserved byte of the record", set_u8(kFirst + 202, 1)));
    all.push_back(keyset("none-with-bytes", "a record of no keyset that is not empty",
                         set_u8(kSecond + 300, 1)));
    all.push_back(keyset("none-with-layers", "a record of no keyset that has layers",
                         set_u8(kSecond + 1, 3)));

    // By who holds both DEKs: sound in itself, and not what is noted of the disk.
    all.push_back(facts("renumbered", "keyset 1 as keyset 2, all derived and authenticated anew",
                        [](fs::StaticSector& f) { f.keysets[0].id = 2; }));
    all.push_back(
        facts("other-suite", "layer 2 under another cipher, derived anew",
              [](fs::StaticSector& f) { f.keysets[0].layers[1].suite = fs::Suite::xaes_256_gcm; }));
    all.push_back(facts("cycle", "an older ACTIVE keyset, the newer one RETIRING to it",
                        [](fs::StaticSector& f) {
                            f.keysets[1] = f.keysets[0];
                            f.keysets[1].id = 2;
                            f.keysets[1].state = State::retiring;
                        }));
    all.push_back(facts("retiring-forgotten", "the keyset of the blocks DEAD, a new one ACTIVE",
                        [](fs::StaticSector& f) {
                            f.keysets[1] = f.keysets[0];
                            f.keysets[0].state = State::dead;
                            f.keysets[1].id = 2;
                        }));
    all.push_back(facts("generation-behind", "an older header generation than the superblock asks",
                        [](fs::StaticSector&) {}));
    all.back().make = [](Bench& b) {
        b.edit_superblock([](fs::Superblock& s) { s.min_header_generation = 2; });
    };
    return all;
}

}  // namespace twofold::damage
