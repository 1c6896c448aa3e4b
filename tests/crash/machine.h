#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace twofold::crash {

struct Outcome {
    int code = 0;  // 128 + signal for one that was killed
    std::string text;
};

// A program that runs beside us; killed with us.
class Process {
public:
    // Found in PATH, without a shell; both output streams go to `output`, or nowhere.
    explicit Process(const std::vector<std::string>& words, int output = -1);
    ~Process();  // kills it if it runs
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    pid_t pid() const { return pid_; }
    void kill();
    bool ended();  // without waiting
    int wait();    // as Outcome::code

private:
    pid_t pid_ = -1;
    int code_ = 0;
};

// Runs it to its end.
Outcome run(const std::vector<std::string>& words);

// A deployment with a cloud, one disk of two layers and a mount point, all below one directory, and
// the `twofold` daemon that serves it. Whatever happens, its destructor leaves no mount behind.
class Machine {
public:
    // Makes a directory of its own below `parent`. Ends the program where anything fails.
    Machine(std::string twofold, const std::string& parent, std::uint64_t disk_size);
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    const std::string& directory() const { return directory_; }
    std::string store() const { return directory_ + "/store"; }
    std::string mountpoint() const { return directory_ + "/mnt"; }
    std::string file() const { return mountpoint() + "/data0.img"; }
    std::string image() const { return store() + "/disks/node0/data0.img"; }

    Outcome run_twofold(std::vector<std::string> words) const;
    // The words of a command line, for a Process.
    std::vector<std::string> command(std::vector<std::string> words) const;
    // The two keys that the disk can be rotated to, by turns.
    std::vector<std::string> rotation(int turn) const;

    Outcome mount();
    Outcome umount();
    // SIGKILL for the daemon, and waits until it is dead. What serves the store now if `pid` is not
    // given; false if nobody does.
    bool kill_daemon() const;
    std::optional<pid_t> daemon() const;

private:
    void must_do(std::vector<std::string> words) const;

    const std::string twofold_, directory_;
};

std::string contents_of(const std::string& path);  // empty where it cannot be read
// False where it cannot be written.
bool append_line(const std::string& file, const std::string& line);

// SIGKILL, and waits until it is dead, whoever its parent is.
void kill_and_wait(pid_t pid);

}  // namespace twofold::crash
