// Envelope sectors that can't be. Both copies alike, so that there is no other to go by.
#include <fmt/format.h>

#include "tests/damaged/bench.h"

namespace twofold::damage {

using Checked = Bench::Checked;
using crypto::Layer;

namespace {

Malformed envelope(std::string name, std::string what, Bench::PageEdit edit,
                   Checked checked = Checked::macs, Layer layer = Layer::two) {
    return {"envelope-" + std::move(name), std::move(what),
            [edit = std::move(edit), checked, layer](Bench& b) {
                b.edit_envelope(layer, edit, checked);
            }};
}

Malformed record(std::string name, std::string what, std::string text) {
    return {"envelope-" + std::move(name), std::move(what), [text = std::move(text)](Bench& b) {
                fs::EnvelopeSector changed = b.envelope(Layer::two);
                const Bytes bytes = as_bytes(text);
                changed.envelope.record.assign(bytes.begin(), bytes.end());
                b.put_envelope({Layer::two, 0, 0}, changed);
            }};
}

}  // namespace

std::vector<Malformed> malformed_envelopes() {
    std::vector<Malformed> all;
    all.push_back(
        envelope("noise", "neither zero nor an envelope", invert(0, 4096), Checked::nothing));
    all.push_back(envelope(
        "erased", "no envelope of layer 2 at all", [](fs::PageBytes& page) { page = {}; },
        Checked::nothing));
    all.push_back(envelope("sha", "wrong check value", invert(4000, 32), Checked::nothing));
    all.push_back(envelope("mac", "wrong MAC", invert(4032, 32), Checked::nothing));
    all.push_back(envelope("mac-layer-1", "wrong MAC of layer 1", invert(4032, 32),
                           Checked::nothing, Layer::one));
    all.push_back(envelope("unauthentic", "a later generation put in by who has no key",
                           set_u64(8, 5), Checked::sha));
    for (const int version : {0, 2, 65535})
        all.push_back(envelope(fmt::format("version-{}", version), "unknown version",
                               set_u16(4, static_cast<std::uint16_t>(version))));
    for (const int layer : {0, 1, 3, 255})
        all.push_back(envelope(fmt::format("layer-{}", layer), "of another layer, or of none",
                               set_u8(6, static_cast<std::uint8_t>(layer))));
    for (const int state : {0, 2, 255})
        all.push_back(envelope(fmt::format("state-{}", state),
                               "unknown state, or empty and not zero",
                               set_u8(7, static_cast<std::uint8_t>(state))));
    for (const std::uint64_t generation :
         {std::uint64_t{0}, std::uint64_t{1} << 63, ~std::uint64_t{0}})
        all.push_back(envelope(fmt::format("generation-{:x}", generation), "impossible generation",
                               set_u64(8, generation)));
    all.push_back(envelope("other-disk", "of another disk", invert(16, 16)));
    all.push_back(envelope("other-dek", "of another DEK", invert(32, 16)));
    all.push_back(envelope("dek-generation", "of another generation of the DEK", set_u32(48, 9)));
    for (const std::uint32_t size : {0u, 3937u, 0x80000000u, 0xffffffffu})
        all.push_back(envelope(fmt::format("record-of-{}", size), "impossible length of the record",
                               set_u32(52, size)));
    all.push_back(envelope("reserved", "reserved byte", set_u8(56, 1)));
    all.push_back(envelope("padding", "not zero behind the record", set_u8(3999, 1)));
    all.push_back(envelope("tail", "not zero behind the MAC", set_u8(4095, 1)));
    all.push_back(
        {"envelope-exchanged", "the layers' envelopes in each other's place", [](Bench& b) {
             for (const auto copy : {fs::HeaderCopy::a, fs::HeaderCopy::b}) {
                 const fs::EnvelopePlace one{Layer::one, 0, 0}, two{Layer::two, 0, 0};
                 const auto first = b.sector(one.offset(copy));
                 b.put(one.offset(copy), b.sector(two.offset(copy)));
                 b.put(two.offset(copy), first);
             }
         }});
    all.push_back(
        {"envelope-newer-forged",
         "a second one of a later generation, under no MAC: the older serves", [](Bench& b) {
             fs::EnvelopeSector newer = b.envelope(Layer::two);
             newer.envelope.generation = 7;
             b.put_envelope({Layer::two, 0, 1}, newer);
             for (const auto copy : {fs::HeaderCopy::a, fs::HeaderCopy::b}) {
                 const std::uint64_t at = fs::EnvelopePlace{Layer::two, 0, 1}.offset(copy);
                 auto page = b.sector(at);
                 page[4040] ^= std::byte{1};
                 b.put(at, page);
             }
         }});
    all.push_back(
        {"envelope-twins", "both slots live, of one generation, with other records", [](Bench& b) {
             fs::EnvelopeSector twin = b.envelope(Layer::two);
             twin.envelope.record.push_back(std::byte{' '});
             b.put_envelope({Layer::two, 0, 1}, twin);
         }});
    all.push_back(
        record("record-empty-object", "authentic, with a record that holds no key", "{}"));
    all.push_back(
        record("record-not-json", "authentic, with a record of noise", std::string(300, '\xff')));
    all.push_back(record("record-full", "authentic, with the longest record there can be",
                         std::string(3936, '[')));
    return all;
}

}  // namespace twofold::damage
