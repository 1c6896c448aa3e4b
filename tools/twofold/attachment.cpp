#include "tools/twofold/attachment.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tools/twofold/mount_table.h"
#include "tools/twofold/run_program.h"

namespace twofold::cli {
namespace {

using nlohmann::json;

std::string file_of(const Attachment& attachment) {
    return kAttachPrefix + attachment.disk + ".json";
}

// The loop device still holds our image; by now it could be somebody else's.
bool loop_is_ours(const Attachment& attachment) {
    return !attachment.backing.empty() && backing_of(attachment.loop) == attachment.backing;
}

Result<void> unmount_inside(const Attachment& attachment) {
    if (!mounted_at(attachment.mountpoint)) return {};
    auto done = unmount(attachment.mountpoint, Unmount::normal);
    // With the daemon dead there is nothing left to wait for.
    if (!done && (done.error().code != Errc::busy || is_dead_mount(attachment.image)))
        return unmount(attachment.mountpoint, Unmount::lazy);
    return done;
}

}  // namespace

std::string backing_of(const std::string& loop) {
    const auto told = run_program(
        {"losetup", "--noheadings", "--raw", "--output", "BACK-INO,BACK-MAJ:MIN", loop});
    return told ? *told : "";
}

std::string Attachment::to_json() const {
    return to_text(json{{"disk", disk},
                        {"image", image},
                        {"mountpoint", mountpoint},
                        {"loop", loop},
                        {"backing", backing}});
}

std::optional<Attachment> Attachment::parse(std::string_view text) {
    const auto value = parse_json(text, "attachment");
    if (!value) return std::nullopt;
    Attachment attachment{
        json_text(*value, "disk").value_or(""), json_text(*value, "image").value_or(""),
        json_text(*value, "mountpoint").value_or(""), json_text(*value, "loop").value_or(""),
        json_text(*value, "backing").value_or("")};
    if (attachment.disk.empty() || attachment.mountpoint.empty()) return std::nullopt;
    return attachment;
}

Result<void> save(const RuntimePlace& place, const Attachment& attachment) {
    TF_ASSIGN(const auto directory, place.open());
    return directory->replace(file_of(attachment), attachment.to_json());
}

Result<void> forget(const RuntimePlace& place, const Attachment& attachment) {
    TF_ASSIGN(const auto directory, place.open());
    return directory->unlink(file_of(attachment));
}

std::vector<Attachment> attachments_of(const RuntimePlace& place) {
    std::vector<Attachment> found;
    const auto directory = place.open();
    if (!directory) return found;
    const auto entries = (*directory)->list();
    if (!entries) return found;
    for (const io::Entry& entry : *entries) {
        if (!entry.name.starts_with(kAttachPrefix) || !entry.name.ends_with(".json")) continue;
        const auto text = (*directory)->read_text(entry.name, kRecordMax);
        if (!text) continue;
        if (auto attachment = Attachment::parse(*text)) found.push_back(std::move(*attachment));
    }
    return found;
}

Result<void> undo(const RuntimePlace& place, const Attachment& attachment) {
    TF_TRY(unmount_inside(attachment));
    if (!attachment.loop.empty() && loop_is_ours(attachment))
        TF_TRY(run_program({"losetup", "--detach", attachment.loop}));
    return forget(place, attachment);
}

}  // namespace twofold::cli
