#include "tools/twofold/mounted_node.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tools/twofold/status.h"

namespace twofold::cli {
namespace {

using nlohmann::json;

std::string subject_of(crypto::Layer layer) { return fmt::format("layer {}", number_of(layer)); }

}  // namespace

MountedNode::MountedNode(std::unique_ptr<Session> session, const ServeOptions& options)
    : session_(std::move(session)),
      node_(options.node),
      read_only_(options.mount.read_only),
      tells_user_(options.log_to_file),
      alerts_(session_->clock(), [this](const fs::Event& event) { session_->record(event); }) {}

MountedNode::~MountedNode() { stop_upkeep(); }

Result<std::unique_ptr<MountedNode>> MountedNode::open(std::unique_ptr<Session> session,
                                                       const ServeOptions& options) {
    std::unique_ptr<MountedNode> node(new MountedNode(std::move(session), options));
    TF_ASSIGN(node->opening_, node->session_->lock());
    TF_ASSIGN(node->keys_, node->session_->open_keyring());
    for (const std::string& finding : node->keys_->findings()) node->tell(finding);
    for (const std::string& left : node->keys_->left_overs()) node->tell(left);
    TF_TRY(node->keys_->unlock());
    fs::OpenOptions disk_options;
    disk_options.read_only = options.mount.read_only;
    disk_options.libraries = options.libraries;
    disk_options.anchor_every_flush = options.anchor_every_sync;
    MountedNode* const self = node.get();
    TF_ASSIGN(node->disks_, open_node(*node->session_, *node->keys_, options.node, disk_options,
                                      [self](const fs::Disk& disk, const fs::DiskEvent& event) {
                                          self->on_disk_event(disk, event);
                                      }));
    node->keys_->forget();
    node->describe_anew();
    return node;
}

Result<void> MountedNode::close() { return close_all(disks_); }

std::vector<std::string> MountedNode::left_undone() const {
    std::vector<std::string> lines;
    for (const OpenDisk& open : disks_)
        if (const auto trouble = open.device->info().anchor_trouble)
            lines.push_back(fmt::format("disk {}: its anchor is behind since {}: {}",
                                        open.disk.name, iso8601(trouble->since), trouble->text));
    return lines;
}

void MountedNode::tell(const std::string& line) {
    log::warning("{}", line);
    if (tells_user_ && !up_) std::fprintf(stderr, "twofold: warning: %s\n", line.c_str());
}

void MountedNode::on_disk_event(const fs::Disk& disk, const fs::DiskEvent& event) {
    tell(to_line(disk, event));
    session_->record(to_event(disk, event));
    const std::string subject = "disk " + disk.name;
    if (event.kind == fs::DiskEvent::Kind::block_error)
        alerts_.raise("block-error", subject, event.text);
    if (event.kind == fs::DiskEvent::Kind::stopped)
        alerts_.raise("disk-stopped", subject, event.text);
    if (event.kind == fs::DiskEvent::Kind::anchor_behind)
        alerts_.raise("anchor-behind", subject, event.text);
    if (event.kind == fs::DiskEvent::Kind::anchor_restored) alerts_.clear("anchor-behind", subject);
}

void MountedNode::is_mounted() {
    since_ = session_->now();
    up_ = true;
    session_->record({"mounted", {{"node", node_}, {"mountpoint", mountpoint_}}});
}

void MountedNode::is_unmounted(const Result<void>& how) {
    fs::Event event{"unmounted", {{"node", node_}, {"mountpoint", mountpoint_}}};
    if (!how) event.fields.emplace_back("error", how.error().line());
    session_->record(event);
}

// ---- Keys ----

void MountedNode::start_upkeep(std::chrono::milliseconds every) {
    upkeep_every_ = every;
    upkeep_thread_ = std::thread([this] { upkeep(); });
}

void MountedNode::stop_upkeep() {
    {
        const std::lock_guard lock(upkeep_mutex_);
        upkeep_ends_ = true;
    }
    upkeep_wake_.notify_all();
    if (upkeep_thread_.joinable()) upkeep_thread_.join();
}

void MountedNode::upkeep() {
    std::unique_lock lock(upkeep_mutex_);
    while (!upkeep_wake_.wait_for(lock, upkeep_every_, [this] { return upkeep_ends_; })) {
        lock.unlock();
        for (const crypto::Layer layer : kLayers) {
            if (!keys_->has(layer)) continue;
            check_key(layer);
            if (!read_only_) follow_newest(layer);
        }
        lock.lock();
    }
}

void MountedNode::check_key(crypto::Layer layer) {
    const auto proved = keys_->check(layer);
    if (proved) {
        alerts_.clear("key-unavailable", subject_of(layer));
    } else {
        log::warning("{}: {}", subject_of(layer), proved.error().line());
        alerts_.raise("key-unavailable", subject_of(layer), proved.error().line());
    }
}

void MountedNode::follow_newest(crypto::Layer layer) {
    auto newer = keys_->newer_version(layer);
    if (newer && !*newer) {
        alerts_.clear("rotation-failed", subject_of(layer));
        return;
    }
    if (newer) {
        const auto reference = keys_->status(layer).reference;
        auto report = rotate_now({layer, reference, false});
        if (report) {
            alerts_.clear("rotation-failed", subject_of(layer));
            return;
        }
        if (report.error().code == Errc::busy) return;  // a command works; next time
        newer = fail(std::move(report).error());
    }
    // Without any access the other alert says so already.
    if (keys_->status(layer).state == keyring::KeyState::degraded) return;
    alerts_.raise("rotation-failed", subject_of(layer), newer.error().line());
}

Result<keyring::RewrapReport> MountedNode::rotate_now(const Target& target) {
    const std::lock_guard lock(rotating_);
    if (read_only_) return fail(Errc::read_only, "rotate: mounted read-only");
    auto report = rotate(*session_, *keys_, target, disks_);
    keys_->forget();
    describe_anew();
    return report;
}

// ---- Answers ----

Result<void> MountedNode::commit() {
    for (OpenDisk& open : disks_) {
        if (open.device->read_only()) continue;
        auto done = open.device->flush(fs::Durability::synced);
        if (!done) return fail(std::move(done).error().in("disk " + open.disk.name));
    }
    return {};
}

fs::ControlHandlers MountedNode::handlers(std::function<void()> stop) {
    return {.status = [this]() -> Result<std::string> { return status(); },
            .alerts = [this]() -> Result<std::string> { return alerts(); },
            .metrics = [this]() -> Result<std::string> { return metrics(); },
            .rotate = [this](const std::string& body) -> Result<std::string> {
                TF_ASSIGN(const TargetWords words, TargetWords::parse(body));
                Result<Target> target = [&] {
                    const std::lock_guard lock(rotating_);
                    return choose_target(session_->deployment(), words);
                }();
                if (!target) return fail(std::move(target).error());
                TF_ASSIGN(const keyring::RewrapReport report, rotate_now(*target));
                check_key(target->layer);
                return to_json(report);
            },
            .commit = [this] { return commit(); },
            .stop = [stop = std::move(stop)]() -> Result<void> {
                stop();
                return {};
            }};
}

void MountedNode::describe_anew() {
    const std::string text = to_text(
        describe(session_->deployment(), session_->note(), session_->store().path(), *keys_));
    const std::lock_guard lock(described_);
    description_ = text;
}

std::string MountedNode::status() const {
    json value;
    {
        const std::lock_guard lock(described_);
        value = json::parse(description_, nullptr, false);
    }
    value["mounted"] = true;
    for (json& node : value["nodes"]) {
        if (node["name"] != node_) continue;
        node["mounted"] = true;
        node["mountpoint"] = mountpoint_;
        node["since"] = iso8601(since_);
        node["readOnly"] = read_only_;
    }
    for (const OpenDisk& open : disks_) {
        const fs::DiskStats stats = open.device->stats();
        for (json& disk : value["disks"]) {
            if (disk["name"] != open.disk.name) continue;
            disk["state"] = stats.stopped ? "stopped" : "mounted";
            disk["syncs"] = stats.syncs;
            disk["commits"] = stats.commits;
            if (const auto trouble = open.device->info().anchor_trouble) {
                disk["anchorBehindSince"] = iso8601(trouble->since);
                disk["anchorTrouble"] = trouble->text;
            }
        }
    }
    value["keys"] = json::array();
    for (const crypto::Layer layer : kLayers)
        if (keys_->has(layer)) value["keys"].push_back(describe_key(keys_->status(layer), true));
    value["alerts"] = json::parse(alerts(), nullptr, false);
    return to_text(value);
}

std::string MountedNode::alerts() const {
    json all = json::array();
    for (const Alerts::Alert& alert : alerts_.current())
        all.push_back({{"alert", alert.name},
                       {"subject", alert.subject},
                       {"text", alert.text},
                       {"since", iso8601(alert.since)}});
    return to_text(all);
}

std::string MountedNode::metrics() const {
    std::string text =
        "# HELP twofold_key_available Whether the last proof of access to a layer's key held.\n"
        "# TYPE twofold_key_available gauge\n";
    for (const crypto::Layer layer : kLayers)
        if (keys_->has(layer))
            text += fmt::format("twofold_key_available{{layer=\"{}\"}} {}\n", number_of(layer),
                                keys_->status(layer).state == keyring::KeyState::unlocked ? 1 : 0);
    text +=
        fmt::format("# TYPE twofold_alerts gauge\ntwofold_alerts {}\n", alerts_.current().size());
    const auto family = [&](const char* name, const char* type, auto value_of) {
        text += fmt::format("# TYPE twofold_{} {}\n", name, type);
        for (const OpenDisk& open : disks_)
            text += fmt::format("twofold_{}{{disk=\"{}\"}} {}\n", name, open.disk.name,
                                value_of(open.device->stats()));
    };
    using Stats = fs::DiskStats;
    family("blocks_read_total", "counter", [](const Stats& s) { return s.blocks_read; });
    family("blocks_written_total", "counter", [](const Stats& s) { return s.blocks_written; });
    family("syncs_total", "counter", [](const Stats& s) { return s.syncs; });
    family("commits_total", "counter", [](const Stats& s) { return s.commits; });
    family("checkpoints_total", "counter", [](const Stats& s) { return s.checkpoints; });
    family("pool_free_slots", "gauge", [](const Stats& s) { return s.pool_free; });
    family("stopped", "gauge", [](const Stats& s) { return s.stopped ? 1 : 0; });
    return text;
}

}  // namespace twofold::cli
