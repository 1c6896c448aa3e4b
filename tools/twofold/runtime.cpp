#include "tools/twofold/runtime.h"

#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "base/json.h"

namespace twofold::cli {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kPoll{20};
constexpr milliseconds kCommitTimeout{60'000};

// /tmp is for everybody: a directory there that is not ours is not ours to use.
Result<void> check_owner(const std::string& path) {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0) return fail_errno(errno, path);
    if (st.st_uid == ::geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
    return fail(Errc::not_permitted, "runtime directory {}: belongs to another user", path);
}

}  // namespace

Result<std::unique_ptr<io::Directory>> RuntimePlace::make() const {
    TF_ASSIGN(auto directory, io::make_posix_directory(path_));
    const std::string deployment = path_.substr(0, path_.rfind('/'));
    TF_TRY(check_owner(deployment.substr(0, deployment.rfind('/'))));
    TF_TRY(check_owner(deployment));
    TF_TRY(check_owner(path_));
    return directory;
}

Result<std::unique_ptr<io::Directory>> RuntimePlace::open() const {
    return io::open_posix_directory(path_);
}

bool RuntimePlace::daemon_is_running() const {
    const auto directory = open();
    if (!directory) return false;
    const auto lock = (*directory)->lock(kRuntimeLock, false);
    return !lock && lock.error().code == Errc::busy;
}

Result<void> RuntimePlace::wait_until_gone(milliseconds timeout) const {
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (daemon_is_running()) {
        if (std::chrono::steady_clock::now() >= end)
            return fail(Errc::timed_out, "{}: the daemon has not finished in time", path_);
        std::this_thread::sleep_for(kPoll);
    }
    return {};
}

std::string MountRecord::to_json() const {
    return to_text(json{
        {"store", store}, {"node", node}, {"mountpoint", mountpoint}, {"byAttach", by_attach}});
}

std::optional<MountRecord> MountRecord::parse(std::string_view text) {
    const auto value = parse_json(text, kMountRecord);
    if (!value) return std::nullopt;
    MountRecord record;
    record.store = json_text(*value, "store").value_or("");
    record.node = json_text(*value, "node").value_or("");
    record.mountpoint = json_text(*value, "mountpoint").value_or("");
    record.by_attach = json_bool(*value, "byAttach").value_or(false);
    if (record.mountpoint.empty()) return std::nullopt;
    return record;
}

std::string EndRecord::to_json() const { return to_text(json{{"warnings", warnings}}); }

std::optional<EndRecord> EndRecord::parse(std::string_view text) {
    const auto value = parse_json(text, kEndRecord);
    const json* lines = value ? json_member(*value, "warnings") : nullptr;
    if (lines == nullptr || !lines->is_array()) return std::nullopt;
    EndRecord record;
    for (const json& line : *lines)
        if (const auto* warning = line.get_ptr<const std::string*>())
            record.warnings.push_back(*warning);
    return record;
}

std::optional<MountRecord> read_mount_record(const RuntimePlace& place) {
    const auto directory = place.open();
    if (!directory) return std::nullopt;
    const auto text = (*directory)->read_text(kMountRecord, kRecordMax);
    return text ? MountRecord::parse(*text) : std::nullopt;
}

std::vector<RuntimePlace> runtime_places(const Context& context) {
    std::vector<RuntimePlace> places;
    const auto root = io::open_posix_directory(context.runtime_directory());
    if (!root) return places;
    const auto list_of = [](io::Directory& directory) {
        auto entries = directory.list();
        return entries ? std::move(*entries) : std::vector<io::Entry>();
    };
    for (const io::Entry& deployment : list_of(**root)) {
        const auto nodes = (*root)->open_directory(deployment.name);
        if (!nodes) continue;
        for (const io::Entry& node : list_of(**nodes))
            if (node.is_directory) places.emplace_back((*nodes)->path() + "/" + node.name);
    }
    return places;
}

Result<void> commit_if_mounted(const Context& context, const Uuid& deployment,
                               const std::string& node) {
    const RuntimePlace place(context, deployment, node);
    auto done = place.control().post("/commit", "", kCommitTimeout);
    if (!done && done.error().code != Errc::not_found) return fail(std::move(done).error());
    return {};
}

}  // namespace twofold::cli
