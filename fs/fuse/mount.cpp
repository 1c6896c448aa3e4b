#include "fs/fuse/mount.h"

#include <fuse3/fuse_lowlevel.h>

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>

#include "base/log.h"
#include "base/unique_fd.h"
#include "fs/fuse/caretaker.h"
#include "fs/fuse/disk_files.h"
#include "fs/fuse/operations.h"

namespace twofold::fs {
namespace {

using Session = std::unique_ptr<fuse_session, FreeWith<fuse_session_destroy>>;
using LoopConfig = std::unique_ptr<fuse_loop_config, FreeWith<fuse_loop_cfg_destroy>>;

// libfuse explains itself in lines of text; the last one of a thread becomes part of our error.
thread_local std::string last_words;

void take_words(fuse_log_level level, const char* format, va_list values) {
    char line[512];
    std::vsnprintf(line, sizeof line, format, values);
    last_words = line;
    while (!last_words.empty() && last_words.back() == '\n') last_words.pop_back();
    log::write(level <= FUSE_LOG_ERR ? log::Level::warning : log::Level::debug, last_words);
}

constexpr int kInterrupt = SIGUSR1;

std::string option_list(const MountOptions& options) {
    std::string list = "default_permissions,subtype=twofold,fsname=" + options.fsname;
    if (options.allow_other) list += ",allow_other";
    if (options.read_only) list += ",ro";
    for (const std::string& flag : options.mount_flags) list += "," + flag;
    return list;
}

Result<Session> new_session(Served& served, const MountOptions& options) {
    if (options.fsname.find_first_of(",\\") != std::string::npos)
        return fail(Errc::invalid, "file system name {}: with a comma or backslash",
                    options.fsname);
    ::fuse_set_log_func(take_words);
    std::string program = "twofold", flag = "-o", list = option_list(options);
    char* argv[] = {program.data(), flag.data(), list.data(), nullptr};
    fuse_args args = FUSE_ARGS_INIT(3, argv);
    Session session(::fuse_session_new(&args, &operations(), sizeof(fuse_lowlevel_ops), &served));
    ::fuse_opt_free_args(&args);
    if (!session) return fail(Errc::failed, "FUSE: {}", last_words);
    return session;
}

Result<void> mount_session(fuse_session* session, const std::string& mountpoint) {
    last_words.clear();
    if (::fuse_session_mount(session, mountpoint.c_str()) == 0) return {};
    return fail(
        Error{Errc::failed,
              fmt::format("mount on {}: {}", mountpoint, last_words),
              "FUSE needs a /dev/fuse that you may open and, unless you are root, fusermount3",
              0,
              {}});
}

}  // namespace

struct Mount::State {
    MountOptions options;
    std::unique_ptr<DiskFiles> files;
    std::unique_ptr<Served> served;
    Session session;
    bool mounted = false;
    std::unique_ptr<Caretaker> caretaker;

    ~State() { close(); }
    void close();
};

// The connection first (unmounting closes its descriptor): whoever still waits for an answer, the
// caretaker included, is then told.
void Mount::State::close() {
    if (!session) return;
    if (caretaker) caretaker->end();
    if (mounted) ::fuse_session_unmount(session.get());
    if (caretaker) caretaker->join();
    session.reset();
}

Mount::Mount(std::unique_ptr<State> state) : state_(std::move(state)) {}
Mount::~Mount() = default;

Result<std::unique_ptr<Mount>> Mount::create(std::vector<ServedDisk> disks, MountOptions options) {
    TF_ASSIGN(options.mountpoint, check_mountpoint(options.mountpoint));
    auto state = std::make_unique<State>();
    TF_ASSIGN(state->files, DiskFiles::create(std::move(disks), options));
    state->served = std::make_unique<Served>(
        Served{*state->files, nullptr, options.writeback_cache && !options.read_only});
    TF_ASSIGN(state->session, new_session(*state->served, options));
    TF_TRY(mount_session(state->session.get(), options.mountpoint));
    state->mounted = true;
    // At most half of the workers may wait for a size, so that the others can do what they wait
    // for.
    state->caretaker = std::make_unique<Caretaker>(state->session.get(), options.mountpoint,
                                                   *state->files, options.threads / 2);
    state->served->caretaker = state->caretaker.get();
    state->options = std::move(options);
    return std::unique_ptr<Mount>(new Mount(std::move(state)));
}

Result<void> Mount::run() {
    const LoopConfig config(::fuse_loop_cfg_create());
    ::fuse_loop_cfg_set_max_threads(config.get(), state_->options.threads);
    ::fuse_loop_cfg_set_idle_threads(config.get(), state_->options.threads);
    ::fuse_loop_cfg_set_clone_fd(config.get(), state_->options.clone_fd ? 1 : 0);
    // libfuse's loop waits on a semaphore, which only a signal interrupts.
    struct sigaction nothing {};
    nothing.sa_handler = [](int) {};
    ::sigaction(kInterrupt, &nothing, nullptr);
    state_->caretaker->start(state_->options.on_ready,
                             [loop = ::pthread_self()] { ::pthread_kill(loop, kInterrupt); });
    const int looped = ::fuse_session_loop_mt(state_->session.get(), config.get());
    state_->close();
    TF_TRY(state_->files->flush_all(Durability::synced));
    // ECONNABORTED: the unmount came while a request was being taken off the queue.
    if (looped < 0 && looped != -ECONNABORTED) return fail_errno(-looped, "FUSE: reading requests");
    return {};
}

void Mount::request_stop() noexcept { state_->caretaker->request_stop(); }
const std::string& Mount::mountpoint() const { return state_->options.mountpoint; }

MountReport Mount::report() const {
    MountReport report = state_->files->report();
    report.detached_busy = state_->caretaker->detached_busy();
    return report;
}

}  // namespace twofold::fs
