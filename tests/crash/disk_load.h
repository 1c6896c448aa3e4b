#pragma once

#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "tests/crash/write_history.h"

namespace twofold::crash {

// How a program writes to a disk.
enum class Manner { buffered, direct, direct_dsync, buffered_dsync, mapped, discarding };
inline constexpr Manner kManners[] = {Manner::buffered,       Manner::direct, Manner::direct_dsync,
                                      Manner::buffered_dsync, Manner::mapped, Manner::discarding,
                                      Manner::direct};

// One writer alone, with all blocks to itself: so many steps, a sync and a close, or until
// something fails.
struct SoloRun {
    WriterLog log;
    std::uint64_t syncs = 0;
    std::string failure;  // empty: all worked
};
SoloRun run_alone(const std::string& file, std::uint64_t blocks, Manner manner, int steps,
                  std::uint64_t seed, Ticks& ticks);

class DiskWriter;

// Programs of every kind at work on one disk file at once, until its daemon dies under them.
class DiskLoad {
public:
    // Starts a thread for each of kManners. The disk's blocks are dealt out to them in stripes.
    // `ticks` goes on from load to load, and gives the stamps too.
    DiskLoad(const std::string& file, std::uint64_t blocks, std::uint64_t seed, Ticks& ticks);
    ~DiskLoad();
    DiskLoad(const DiskLoad&) = delete;
    DiskLoad& operator=(const DiskLoad&) = delete;

    // From now on errors are what the writers wait for.
    void daemon_is_to_die() { dying_ = true; }
    // Waits for all of them; nobody may serve the file any more.
    void join();
    // After join().
    std::vector<const WriterLog*> logs() const;
    std::uint64_t writes() const;
    std::uint64_t syncs() const;
    // What went wrong while the daemon lived; lines for people.
    std::vector<std::string> failures() const;

private:
    std::atomic<bool> dying_{false};
    std::vector<std::unique_ptr<DiskWriter>> writers_;
    std::vector<std::thread> threads_;
};

}  // namespace twofold::crash
