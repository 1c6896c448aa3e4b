#include "tools/twofold/end_mount.h"

namespace twofold::cli {
namespace {

// A checkpoint of large disks on a slow store; the daemon goes on in any case.
constexpr std::chrono::minutes kPatience{10};

Result<void> how_it_ended(const RuntimePlace& place) {
    TF_ASSIGN(const auto directory, place.open());
    const auto text = directory->read_text(kEndRecord, kRecordMax);
    if (!text) {
        if (text.error().code != Errc::not_found) return fail(text.error());
        return {};  // killed: the next mount recovers what was synced
    }
    const auto ended = EndRecord::parse(*text);
    if (!ended) return fail(fs::error_from_json(*text));
    for (const std::string& warning : ended->warnings) log::warning("{}", warning);
    return {};
}

}  // namespace

std::optional<RuntimePlace> place_of_mountpoint(const Context& context, const std::string& path) {
    for (const RuntimePlace& place : runtime_places(context))
        if (const auto record = read_mount_record(place); record && record->mountpoint == path)
            return place;
    return std::nullopt;
}

Result<void> end_mount(const Context& context, const std::string& path) {
    const auto place = place_of_mountpoint(context, path);
    const auto mounted = mounted_at(path);
    if (!mounted || !mounted->is_twofold()) {
        if (!place || !place->daemon_is_running())
            return fail(Errc::invalid, "{}: no twofold mount", path);
    } else {
        TF_TRY(unmount(path, is_dead_mount(path) ? Unmount::lazy : Unmount::normal));
    }
    if (!place) return {};
    TF_TRY(place->wait_until_gone(kPatience));
    return how_it_ended(*place);
}

}  // namespace twofold::cli
