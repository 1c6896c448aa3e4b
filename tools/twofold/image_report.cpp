// As text, for people: each field, its value, and what it is for.
#include "tools/twofold/image_report.h"

#include "base/clock.h"
#include "fs/profile/profile.h"
#include "keyring/envelope/wrapped_key.h"
#include "tools/twofold/disk_facts.h"
#include "tools/twofold/hex_view.h"
#include "tools/twofold/output.h"

namespace twofold::cli {

namespace {

using crypto::Layer;
using fs::sanitised;

std::string_view letter(fs::HeaderCopy copy) { return copy == fs::HeaderCopy::a ? "A" : "B"; }

std::string policy_text(std::uint32_t policy) {
    std::string out;
    const auto add = [&](std::uint32_t bit, const char* text) {
        if ((policy & bit) != 0) out += (out.empty() ? "" : ", ") + std::string(text);
    };
    add(fs::StaticSector::layer2_required, "layer 2 required");
    add(fs::StaticSector::discard_reaches_store, "discard reaches the store");
    add(fs::StaticSector::zeros_stored, "zeros are stored");
    return out.empty() ? "-" : out;
}

std::string state_of(const fs::ImageReport& report) {
    std::string out;
    for (const fs::HeaderReport& header : report.headers)
        if (!header.problem.empty())
            out += fmt::format("{}copy {} {}", out.empty() ? "" : "; ", letter(header.copy),
                               header.problem);
    return out.empty() ? "both copies sound" : out;
}

std::string header_text(const fs::ImageReport& report) {
    const fs::StaticSector& f = *report.facts();
    Table table({"HEADER", "", ""});
    const auto row = [&](const char* name, std::string value, const char* meaning) {
        table.row({std::string("  ") + name, std::move(value), meaning});
    };
    row("state", state_of(report), "");
    row("format", "1", "number of this layout of the file");
    row("generation", fmt::format("{}", f.generation), "grows with each change of the fixed part");
    row("disk", f.disk.hex(), "random; inside every key and page");
    row("deployment", f.deployment.hex(), "whose data keys open it");
    row("salt", to_hex(f.salt), "keys are derived with it; its loss ends the disk");
    row("label", sanitised(f.label), "the disk's name when it was made");
    row("role", std::string(fs::name_of(f.role)), "decides the layers");
    row("policy", policy_text(f.policy), "");
    row("pool", fmt::format("{} slots", f.shape.pool_slots), "spare, for new versions of blocks");
    row("log", fmt::format("{} pages", f.shape.log_pages), "ring of commits");
    row("segments", fmt::format("{} at most", f.shape.segments_max), "32 MiB each; room to grow");
    return table.text();
}

std::string keysets_text(const fs::StaticSector& facts) {
    Table table({"KEYSET", "STATE", "LAYER", "ALGORITHM", "DATA KEY", "GEN", "COMMITMENT"});
    for (const fs::KeysetRecord& record : facts.keysets) {
        if (record.state == fs::KeysetRecord::State::none) continue;
        for (const Layer layer : {Layer::one, Layer::two})
            if (record.has(layer)) {
                const auto& key = record.layer(layer);
                table.row({fmt::format("{}", record.id), std::string(fs::name_of(record.state)),
                           fmt::format("{}", static_cast<int>(layer)),
                           std::string(fs::name_of(key.suite)), key.dek.id.hex(),
                           fmt::format("{}", key.dek.generation), to_hex(key.commitment)});
            }
    }
    return table.text();
}

std::string envelopes_text(const fs::ImageReport& report) {
    Table table({"ENVELOPE", "COPY", "SLOT", "GEN", "OPENED BY"});
    for (const fs::HeaderReport& header : report.headers)
        for (const fs::EnvelopeReport& envelope : header.envelopes) {
            if (envelope.empty()) continue;
            const std::string layer =
                fmt::format("layer {}", static_cast<int>(envelope.place.layer));
            const std::string slot = fmt::format("{}.{}", envelope.place.bank, envelope.place.slot);
            if (!envelope.sector) {
                table.row({layer, std::string(letter(header.copy)), slot, "-", envelope.problem});
                continue;
            }
            const crypto::Envelope& sealed = envelope.sector->envelope;
            const auto record = keyring::WrappedKey::parse(sealed.record);
            table.row(
                {layer, std::string(letter(header.copy)), slot,
                 fmt::format("{}", sealed.generation),
                 record ? sanitised(record->kid.uri()) : sanitised(as_text(Bytes(sealed.record)))});
        }
    return table.text();
}

std::string superblocks_text(const fs::ImageReport& report) {
    Table table({"SUPERBLOCK", "AT", "STATE", "BLOCKS", "MOUNTS", "EPOCH", "LOG FROM", "TIME"});
    for (const fs::SuperblockReport& found : report.superblocks) {
        const std::string at = fmt::format("{} KiB", found.offset / 1024);
        if (!found.superblock) {
            table.row({"-", at, found.problem});
            continue;
        }
        const fs::Superblock& s = *found.superblock;
        table.row({fmt::format("{}", s.generation), at,
                   s.state == fs::Superblock::State::clean ? "CLEAN" : "OPEN",
                   fmt::format("{}", s.block_count), fmt::format("{}", s.mount_counter),
                   fmt::format("{}", s.settled_epoch), fmt::format("{}", s.log_start),
                   iso8601(s.wall_clock)});
    }
    return table.text();
}

std::string contents_text(const fs::ImageReport& report) {
    std::string out;
    const auto line = [&](std::string text) { out += std::move(text) + '\n'; };
    line(fmt::format("image     {} bytes", report.file_size));
    if (!report.layout) {
        line("disk      of unknown size: no superblock can be decoded");
        return out;
    }
    line(fmt::format("disk      {} blocks of 4 KiB, {}", report.layout->block_count(),
                     human_size(report.layout->block_count() * fs::kBlockSize)));
    if (report.file_size < report.layout->file_size())
        line(fmt::format("          damaged: the image is cut short, it had {} bytes",
                         report.layout->file_size()));
    line(fmt::format("map       {} of {} segments written, {} leaves", report.map.nodes_written,
                     report.map.segments, report.map.leaves_written));
    line(fmt::format("log       {} of {} pages written; {} not yet in the map", report.log.written,
                     report.log.pages, report.log.current));
    return out;
}

std::string block_text(const BlockPlace& place) {
    const fs::BlockView& view = place.view;
    std::string out = fmt::format("block {}: ", place.block.value());
    if (view.zero)
        out += "zero, nothing of it is stored";
    else
        out += fmt::format("slot {}, at byte {} of the image; keyset {}, nonce {}", view.slot,
                           view.file_offset, view.keyset, to_hex(view.nonce));
    if (place.problem) out += fmt::format("; {}", place.problem->what);
    return out + '\n';
}

}  // namespace

std::string text_of(const fs::ImageReport& report) {
    return contents_text(report) + '\n' + header_text(report) + '\n' +
           keysets_text(*report.facts()) + '\n' + envelopes_text(report) + '\n' +
           superblocks_text(report);
}

std::string text_of(const RangeView& range) {
    std::string out;
    for (const BlockPlace& place : range.blocks) out += block_text(place);
    for (const LayerView& view : range.views) {
        out += fmt::format("\nlayer {}, as {} sees it ({:.2f} bits of entropy a byte)\n",
                           view.layer, view.viewer, view.entropy);
        out += hex_dump(view.bytes, range.offset);
    }
    return out;
}

}  // namespace twofold::cli
