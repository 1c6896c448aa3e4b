#include "tests/crash/machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace twofold::crash {
namespace {

constexpr const char* kVault = "contoso-kv";

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

// A string of a JSON object that a command printed.
std::string member(const std::string& json, const std::string& name) {
    const std::size_t at = json.find("\"" + name + "\"");
    const std::size_t from = json.find('"', json.find(':', at)) + 1;
    return at == std::string::npos ? "" : json.substr(from, json.find('"', from) - from);
}

std::string made_below(const std::string& parent) {
    std::string path = parent + "/kill-XXXXXX";
    TF_CHECK(::mkdtemp(path.data()) != nullptr);
    return path;
}

std::string target_of(const std::string& link) {
    std::array<char, 4096> buffer;
    const ssize_t size = ::readlink(link.c_str(), buffer.data(), buffer.size());
    return size < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(size));
}

}  // namespace

Process::Process(const std::vector<std::string>& words, int output) {
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    pid_ = ::fork();
    TF_CHECK(pid_ >= 0);
    if (pid_ > 0) return;
    ::dup2(null.get(), STDIN_FILENO);
    ::dup2(output < 0 ? null.get() : output, STDOUT_FILENO);
    ::dup2(output < 0 ? null.get() : output, STDERR_FILENO);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
}

Process::~Process() {
    kill();
    wait();
}
void Process::kill() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
}
bool Process::ended() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        code_ = code_of(status);
    }
    return pid_ < 0;
}
int Process::wait() {
    if (pid_ < 0) return code_;
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    pid_ = -1;
    code_ = code_of(status);
    return code_;
}

Outcome run(const std::vector<std::string>& words) {
    int ends[2];
    TF_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
    const UniqueFd out(ends[0]);
    UniqueFd in(ends[1]);
    Process process(words, in.get());
    in.reset();
    Outcome outcome;
    std::array<char, 4096> buffer;
    for (ssize_t got; (got = ::read(out.get(), buffer.data(), buffer.size())) > 0;)
        outcome.text.append(buffer.data(), static_cast<std::size_t>(got));
    outcome.code = process.wait();
    return outcome;
}

std::string contents_of(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text;
    std::array<char, 4096> buffer;
    ssize_t got = 0;
    while (fd && (got = ::read(fd.get(), buffer.data(), buffer.size())) > 0)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    return text;
}

bool append_line(const std::string& file, const std::string& line) {
    const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    const std::string text = line + "\n";
    return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

void kill_and_wait(pid_t pid) {
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process) return;  // gone already
    ::kill(pid, SIGKILL);
    pollfd ends{process.get(), POLLIN, 0};
    while (::poll(&ends, 1, -1) < 0 && errno == EINTR) continue;
}

Machine::Machine(std::string twofold, const std::string& parent, std::uint64_t disk_size)
    : twofold_(std::move(twofold)), directory_(made_below(parent)) {
    TF_CHECK(::mkdir(mountpoint().c_str(), 0700) == 0);
    must_do({"vault", "create", kVault, "--enable-purge-protection"});
    for (const char* key : {"kek0", "kek1"})
        must_do({"key", "create", "--vault-name", kVault, "--name", key, "--kty", "RSA", "--size",
                 "2048"});
    must_do({"identity", "create", "cluster"});
    const Outcome identity = run_twofold({"identity", "show", "cluster", "--json"});
    must_do({"vault", "set-policy", kVault, "--object-id", member(identity.text, "principalId"),
             "--key-permissions", "get", "wrapKey", "unwrapKey", "--secret-permissions", "get",
             "set", "delete"});
    must_do({"create", store(), "--profile", "hdinsight", "--cluster-type", "kafka",
             "--encryption-vault-uri", fmt::format("https://{}.vault.azure.net", kVault),
             "--encryption-key-name", "kek0", "--assign-identity", "cluster"});
    must_do(
        {"disk", "add", store(), "data0", "--role", "data", "--size", std::to_string(disk_size)});
}

Machine::~Machine() {
    run({"bash", "-c", "source \"$0\" && release_mounts \"$1\"", TWOFOLD_SCRIPTS "/lib.bash",
         directory_});
    run({"rm", "-rf", "--one-file-system", "--", directory_});
}

std::vector<std::string> Machine::command(std::vector<std::string> words) const {
    words.insert(words.begin(), {"env", "TWOFOLD_CLOUD=" + directory_ + "/cloud",
                                 "TWOFOLD_STATE=" + directory_ + "/state", twofold_});
    return words;
}
Outcome Machine::run_twofold(std::vector<std::string> words) const {
    return run(command(std::move(words)));
}
void Machine::must_do(std::vector<std::string> words) const {
    const std::string name = fmt::format("{}", fmt::join(words, " "));
    const Outcome done = run_twofold(std::move(words));
    if (done.code == 0) return;
    std::fprintf(stderr, "twofold %s: exit %d: %s\n", name.c_str(), done.code, done.text.c_str());
    std::exit(2);
}

std::vector<std::string> Machine::rotation(int turn) const {
    return {"rotate", store(), "--encryption-key-name", turn % 2 == 0 ? "kek1" : "kek0"};
}

Outcome Machine::mount() { return run_twofold({"mount", store(), mountpoint()}); }
Outcome Machine::umount() { return run_twofold({"umount", mountpoint()}); }

// The way scripts do it: a process of the program, with the store as an argument of its mount.
std::optional<pid_t> Machine::daemon() const {
    struct CloseDirectory {
        void operator()(DIR* d) const noexcept { ::closedir(d); }
    };
    const std::unique_ptr<DIR, CloseDirectory> all(::opendir("/proc"));
    TF_CHECK(all != nullptr);
    const std::string wanted = std::string("mount") + '\0' + store() + '\0';
    while (const dirent* entry = ::readdir(all.get())) {
        const pid_t pid = std::atoi(entry->d_name);
        if (pid <= 0) continue;
        const std::string proc = std::string("/proc/") + entry->d_name;
        if (!target_of(proc + "/exe").ends_with("/twofold")) continue;
        if (contents_of(proc + "/cmdline").find(wanted) != std::string::npos) return pid;
    }
    return std::nullopt;
}

bool Machine::kill_daemon() const {
    const auto pid = daemon();
    if (pid) kill_and_wait(*pid);
    return pid.has_value();
}

}  // namespace twofold::crash
