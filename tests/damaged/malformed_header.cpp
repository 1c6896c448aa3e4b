// Static sectors whose fields can't be, outside the keyset records.
#include <fmt/format.h>

#include "tests/damaged/bench.h"

namespace twofold::damage {

using Checked = Bench::Checked;

namespace {

constexpr std::uint64_t k2to32 = std::uint64_t{1} << 32, k2to63 = std::uint64_t{1} << 63,
                        kAllOnes = ~std::uint64_t{0};

Malformed header(std::string name, std::string what, Bench::PageEdit edit, Checked checked) {
    return {"header-" + std::move(name), std::move(what),
            [edit = std::move(edit), checked](Bench& b) { b.edit_static(edit, checked); }};
}

void add_fixed(std::vector<Malformed>& all) {
    all.push_back(
        header("magic", "another magic in both copies", set_bytes(0, "TWOFOLD2"), Checked::sha));
    all.push_back(header("luks", "the magic of another program", set_bytes(0, "LUKS\xba\xbe\0\2"),
                         Checked::sha));
    for (const std::uint32_t version : {0u, 2u, 0xffffffffu})
        all.push_back(header(fmt::format("version-{}", version), "unknown format version",
                             set_u32(8, version), Checked::sha));
    for (const std::uint32_t size : {0u, 4096u, 65537u, 0xffffffffu})
        all.push_back(header(fmt::format("size-{}", size), "header size that is not 64 KiB",
                             set_u32(12, size), Checked::sha));
    for (const std::uint64_t generation : {std::uint64_t{0}, k2to63, kAllOnes})
        all.push_back(header(fmt::format("generation-{:x}", generation), "impossible generation",
                             set_u64(16, generation), Checked::macs));
    all.push_back(
        header("disk-id-zero", "no disk id", set_bytes(24, std::string(16, '\0')), Checked::macs));
    all.push_back(header("disk-id-other", "another disk's id", invert(24, 16), Checked::macs));
    all.push_back(
        header("deployment-other", "another deployment's id", invert(40, 16), Checked::macs));
    all.push_back(
        header("salt-other", "another salt, so other keys", invert(56, 32), Checked::macs));
    for (const std::uint32_t size : {0u, 512u, 8192u, 0x80000000u})
        all.push_back(header(fmt::format("block-size-{}", size), "unknown block size",
                             set_u32(88, size), Checked::macs));
    for (const std::uint32_t shape : {0u, 2u, 0xffffffffu})
        all.push_back(header(fmt::format("segment-shape-{}", shape), "unknown segment shape",
                             set_u32(92, shape), Checked::macs));
}

void add_shape(std::vector<Malformed>& all) {
    for (const std::uint64_t n :
         {std::uint64_t{0}, std::uint64_t{1048577}, k2to32, k2to32 + 16, k2to63, kAllOnes})
        all.push_back(header(fmt::format("max-segments-{:x}", n),
                             "room for an impossible number of segments", set_u64(96, n),
                             Checked::macs));
    for (const std::uint32_t n : {0u, 65537u, 0x80000000u, 0xffffffffu})
        all.push_back(header(fmt::format("pool-{:x}", n), "impossible number of pool slots",
                             set_u32(104, n), Checked::macs));
    for (const std::uint32_t n : {0u, 63u, 65537u, 0x80000000u, 0xffffffffu})
        all.push_back(header(fmt::format("log-{:x}", n), "impossible number of log pages",
                             set_u32(108, n), Checked::macs));
    const std::pair<std::size_t, const char*> offsets[] = {
        {112, "log"}, {120, "segment-table"}, {128, "pool-table"}, {136, "data"}};
    for (const auto& [at, name] : offsets)
        for (const std::uint64_t offset : {std::uint64_t{0}, k2to63, kAllOnes - 4095})
            all.push_back(header(fmt::format("offset-{}-{:x}", name, offset),
                                 "region that starts over the header, or whose end overflows",
                                 set_u64(at, offset), Checked::macs));
    all.push_back(header("offsets-overlap", "segment table over the log", set_u64(120, 1 << 20),
                         Checked::macs));
}

void add_rest(std::vector<Malformed>& all) {
    for (const std::uint32_t bit : {3u, 31u})
        all.push_back(header(fmt::format("policy-bit-{}", bit), "unknown policy",
                             set_u32(144, 1u << bit), Checked::macs));
    for (const int role : {0, 4, 255})
        all.push_back(header(fmt::format("role-{}", role), "unknown role",
                             set_u8(148, static_cast<std::uint8_t>(role)), Checked::macs));
    for (const std::size_t at : {149u, 151u, 216u, 255u, 2304u, 3903u})
        all.push_back(header(fmt::format("reserved-{}", at), "reserved byte that is not zero",
                             set_u8(at, 1), Checked::macs));
    const std::pair<const char*, const char*> labels[] = {
        {"lone-continuation", "\x80"},
        {"overlong", "\xc0\xaf"},
        {"surrogate", "\xed\xa0\x80"},
        {"past-unicode", "\xf4\x90\x80\x80"},
        {"latin-1", "caf\xe9"},
        {"escape", "\x1b[2J"},
        {"newline", "data0\nwarning: forged"},
        {"delete", "data0\x7f"},
        {"carriage-return", "evil\rdata0"},
    };
    for (const auto& [name, text] : labels) {
        std::string padded(text);
        padded.resize(64);
        all.push_back(header(fmt::format("label-{}", name), "label that is no clean UTF-8",
                             set_bytes(152, padded), Checked::macs));
    }
    all.push_back(header("label-after-nul", "text behind the label's end",
                         set_bytes(152, std::string("data0\0hidden", 12)), Checked::macs));
    all.push_back(header("label-cut-in-a-character", "label whose last character is cut",
                         set_bytes(152, std::string(63, 'x') + "\xc3"), Checked::macs));
    all.push_back(header("sha-inverted", "wrong check value in both copies", invert(3904, 32),
                         Checked::nothing));
    all.push_back(header("mac-1-missing", "no MAC of layer 1",
                         set_bytes(3936, std::string(32, '\0')), Checked::nothing));
    all.push_back(header("mac-2-missing", "no MAC of layer 2",
                         set_bytes(3968, std::string(32, '\0')), Checked::nothing));
    all.push_back(header(
        "macs-exchanged", "the MACs of the layers in each other's place",
        [](fs::PageBytes& page) {
            std::swap_ranges(page.begin() + 3936, page.begin() + 3968, page.begin() + 3968);
        },
        Checked::nothing));
    all.push_back(header("mac-of-nobody", "a MAC of a RETIRING keyset that is not there",
                         set_u8(4000, 1), Checked::nothing));
    all.push_back(header("tail", "last byte not zero", set_u8(4095, 1), Checked::nothing));
    all.push_back(
        {"header-newer-copy-unauthentic",
         "copy B claims a later generation, under no MAC: copy A serves, and it is reported",
         [](Bench& b) { b.edit_static(fs::HeaderCopy::b, set_u64(16, 9), Checked::sha); }});
    all.push_back({"header-newer-copy-impossible",
                   "copy B claims a later generation under good MACs, and an impossible log",
                   [](Bench& b) {
                       b.edit_static(
                           fs::HeaderCopy::b,
                           [](fs::PageBytes& page) {
                               set_u64(16, 9)(page);
                               set_u32(108, 3)(page);
                           },
                           Checked::macs);
                   }});
    all.push_back(
        {"header-copies-differ", "same generation, both authentic, other labels", [](Bench& b) {
             b.edit_static(fs::HeaderCopy::b, set_bytes(152, "other"), Checked::macs);
         }});
    all.push_back(
        {"header-sectors-9-to-15", "what must be zero in both copies is not", [](Bench& b) {
             fs::PageBytes page{};
             page[7] = std::byte{1};
             for (std::uint64_t s = 9; s < 16; ++s) {
                 b.put(s * fs::kSectorSize, page);
                 b.put(fs::header_offset(fs::HeaderCopy::b) + s * fs::kSectorSize, page);
             }
         }});
}

}  // namespace

std::vector<Malformed> malformed_headers() {
    std::vector<Malformed> all;
    add_fixed(all);
    add_shape(all);
    add_rest(all);
    return all;
}

}  // namespace twofold::damage
