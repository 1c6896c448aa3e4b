#include "tools/twofold/node_disks.h"

#include "tools/twofold/anchors.h"

namespace twofold::cli {
namespace {

std::string_view name_of(fs::DiskEvent::Kind kind) {
    switch (kind) {
        case fs::DiskEvent::Kind::header_copy_damaged:
            return "header-copy-damaged";
        case fs::DiskEvent::Kind::envelope_damaged:
            return "envelope-damaged";
        case fs::DiskEvent::Kind::epochs_dropped:
            return "epochs-dropped";
        case fs::DiskEvent::Kind::block_error:
            return "block-error";
        case fs::DiskEvent::Kind::stopped:
            return "disk-stopped";
        case fs::DiskEvent::Kind::repaired:
            return "disk-repaired";
        case fs::DiskEvent::Kind::anchor_behind:
            return "anchor-behind";
        case fs::DiskEvent::Kind::anchor_restored:
            return "anchor-restored";
    }
    return "disk-event";
}

Error of_disk(Error error, const fs::Disk& disk) {
    if (error.code == Errc::not_an_image) error.code = Errc::damaged;
    if (error.code == Errc::busy)
        error = Error{Errc::busy, "in use: mounted, or another command works on it", {}, 0, {}};
    return std::move(error).in("disk " + disk.name);
}

}  // namespace

std::string to_line(const fs::Disk& disk, const fs::DiskEvent& event) {
    return fmt::format("disk {}: {}", disk.name, event.text);
}

fs::Event to_event(const fs::Disk& disk, const fs::DiskEvent& event) {
    fs::Event result{std::string(name_of(event.kind)), {{"disk", disk.name}, {"node", disk.node}}};
    if (event.block) result.fields.emplace_back("block", event.block->value());
    if (event.layer)
        result.fields.emplace_back("layer", static_cast<std::uint64_t>(number_of(*event.layer)));
    result.fields.emplace_back("text", event.text);
    return result;
}

Result<std::unique_ptr<fs::EncryptedDisk>> open_disk(Session& session, keyring::Keyring& keys,
                                                     const fs::Disk& disk, fs::OpenOptions options,
                                                     const DiskReport& report) {
    static const SystemClock clock;
    TF_ASSIGN(const fs::TrustedDisk* noted, session.note().disk(disk.name));
    const bool writes = !options.read_only && !options.observe;
    auto file = session.store().image(disk, writes ? io::Access::read_write : io::Access::read_only,
                                      options.observe ? io::Lock::none : io::Lock::exclusive);
    if (!file) return fail(of_disk(std::move(file).error(), disk));
    if (!options.anchor) {
        TF_ASSIGN(options.anchor, anchor_place(session, disk.node, disk.name));
    }
    options.on_event = [disk, report](const fs::DiskEvent& event) { report(disk, event); };
    auto opened = fs::EncryptedDisk::open(std::move(*file), keys, noted->note, session.random(),
                                          clock, std::move(options));
    if (!opened) return fail(of_disk(std::move(opened).error(), disk));
    if ((*opened)->geometry().size() != disk.size)
        return fail(Errc::substituted, "disk {}: {} bytes, where deployment.json says {}",
                    disk.name, (*opened)->geometry().size(), disk.size);
    return opened;
}

Result<std::vector<OpenDisk>> open_node(Session& session, keyring::Keyring& keys,
                                        const std::string& node, const fs::OpenOptions& options,
                                        const DiskReport& report) {
    std::vector<OpenDisk> disks;
    for (const fs::Disk* disk : session.deployment().disks_of(node)) {
        TF_ASSIGN(auto device, open_disk(session, keys, *disk, options, report));
        disks.push_back({*disk, std::move(device)});
    }
    return disks;
}

Result<void> close_all(std::vector<OpenDisk>& disks) {
    Result<void> first;
    for (OpenDisk& open : disks) {
        auto closed = open.device->close();
        if (!closed && first) first = fail(std::move(closed).error().in("disk " + open.disk.name));
    }
    return first;
}

}  // namespace twofold::cli
