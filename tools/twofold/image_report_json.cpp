// The same as JSON, for scripts.
#include <nlohmann/json.hpp>

#include "keyring/envelope/wrapped_key.h"
#include "tools/twofold/image_report.h"

namespace twofold::cli {

namespace {

using crypto::Layer;
using fs::sanitised;
using nlohmann::json;

json json_of(const fs::EnvelopeReport& report) {
    json out{{"layer", static_cast<int>(report.place.layer)},
             {"bank", report.place.bank},
             {"slot", report.place.slot}};
    if (!report.problem.empty()) out["problem"] = report.problem;
    if (!report.sector) return out;
    const crypto::Envelope& envelope = report.sector->envelope;
    out["generation"] = envelope.generation;
    out["dekId"] = envelope.dek.id.hex();
    if (const auto record = keyring::WrappedKey::parse(envelope.record)) {
        out["kid"] = sanitised(record->kid.uri());
        out["alg"] = keyring::kWrapAlgorithm;
        out["created"] = record->created;
    } else {
        out["record"] = sanitised(as_text(Bytes(envelope.record)));
    }
    return out;
}

json json_of(const fs::HeaderReport& report) {
    json out{{"copy", report.copy == fs::HeaderCopy::a ? "A" : "B"},
             {"sound", report.problem.empty()},
             {"envelopes", json::array()}};
    if (!report.problem.empty()) out["problem"] = report.problem;
    if (report.facts) out["generation"] = report.facts->generation;
    for (const fs::EnvelopeReport& envelope : report.envelopes)
        if (!envelope.empty()) out["envelopes"].push_back(json_of(envelope));
    return out;
}

json json_of(const fs::KeysetRecord& record) {
    json out{{"id", record.id}, {"state", fs::name_of(record.state)}, {"layers", json::array()}};
    for (const Layer layer : {Layer::one, Layer::two})
        if (record.has(layer)) {
            const auto& key = record.layer(layer);
            out["layers"].push_back({{"layer", static_cast<int>(layer)},
                                     {"algorithm", fs::name_of(key.suite)},
                                     {"dekId", key.dek.id.hex()},
                                     {"dekGeneration", key.dek.generation},
                                     {"commitment", to_hex(key.commitment)},
                                     {"bank", key.bank}});
        }
    return out;
}

json json_of(const fs::StaticSector& facts) {
    json out{{"generation", facts.generation},
             {"disk", facts.disk.hex()},
             {"deployment", facts.deployment.hex()},
             {"salt", to_hex(facts.salt)},
             {"label", sanitised(facts.label)},
             {"role", static_cast<int>(facts.role)},
             {"policy", facts.policy},
             {"poolSlots", facts.shape.pool_slots},
             {"logPages", facts.shape.log_pages},
             {"segmentsMax", facts.shape.segments_max},
             {"keysets", json::array()}};
    for (const fs::KeysetRecord& record : facts.keysets)
        if (record.state != fs::KeysetRecord::State::none)
            out["keysets"].push_back(json_of(record));
    return out;
}

json json_of(const fs::SuperblockReport& report) {
    json out{{"offset", report.offset}};
    if (!report.problem.empty()) out["problem"] = report.problem;
    if (!report.superblock) return out;
    const fs::Superblock& s = *report.superblock;
    out.update({{"generation", s.generation},
                {"state", s.state == fs::Superblock::State::clean ? "CLEAN" : "OPEN"},
                {"blocks", s.block_count},
                {"segments", s.segment_count},
                {"mountCounter", s.mount_counter},
                {"settledEpoch", s.settled_epoch},
                {"minHeaderGeneration", s.min_header_generation},
                {"logStart", s.log_start},
                {"logSalt", to_hex(s.log_salt)},
                {"root", to_hex(s.root)},
                {"time", s.wall_clock}});
    return out;
}

json json_of(const BlockPlace& place) {
    json out{{"block", place.block.value()}, {"zero", place.view.zero}};
    if (place.problem) out["problem"] = place.problem->what;
    if (place.view.zero) return out;
    out.update({{"slot", place.view.slot},
                {"imageOffset", place.view.file_offset},
                {"keyset", place.view.keyset},
                {"nonce", to_hex(place.view.nonce)},
                {"tag1", to_hex(place.view.outer_tag)},
                {"tag2", to_hex(place.view.inner_tag)}});
    return out;
}

}  // namespace

json json_of(const fs::ImageReport& report) {
    json out{{"imageSize", report.file_size},
             {"header", json_of(*report.facts())},
             {"copies", json::array()},
             {"superblocks", json::array()},
             {"log",
              {{"pages", report.log.pages},
               {"written", report.log.written},
               {"current", report.log.current}}},
             {"map",
              {{"segments", report.map.segments},
               {"nodesWritten", report.map.nodes_written},
               {"leavesWritten", report.map.leaves_written}}}};
    for (const fs::HeaderReport& header : report.headers) out["copies"].push_back(json_of(header));
    for (const fs::SuperblockReport& s : report.superblocks)
        out["superblocks"].push_back(json_of(s));
    if (report.layout) out["blocks"] = report.layout->block_count();
    return out;
}

json json_of(const RangeView& range) {
    json out{{"offset", range.offset},
             {"length", range.length},
             {"blocks", json::array()},
             {"views", json::array()}};
    for (const BlockPlace& place : range.blocks) out["blocks"].push_back(json_of(place));
    for (const LayerView& view : range.views)
        out["views"].push_back({{"layer", view.layer},
                                {"viewer", view.viewer},
                                {"entropy", view.entropy},
                                {"bytes", to_hex(view.bytes)}});
    if (range.views.size() == 1) out["bytes"] = out["views"][0]["bytes"];
    return out;
}

}  // namespace twofold::cli
