#include "tests/crash/disk_load.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstring>

namespace twofold::crash {
namespace {

constexpr std::uint64_t kStripe = 256;  // blocks, 1 MiB: the longest write that is whole or not

// A page of a file whose daemon is dead: SIGBUS, which ends the writer's last operation.
thread_local sigjmp_buf* page_gone = nullptr;
void on_sigbus(int) {
    if (page_gone != nullptr) ::siglongjmp(*page_gone, 1);
    std::_Exit(3);
}
void catch_sigbus() {
    struct sigaction action {};
    action.sa_handler = on_sigbus;
    action.sa_flags = SA_NODEFER;
    ::sigaction(SIGBUS, &action, nullptr);
}

struct Unmap {
    std::size_t size = 0;
    void operator()(std::byte* at) const noexcept { ::munmap(at, size); }
};
using Mapping = std::unique_ptr<std::byte[], Unmap>;

const char* name_of(Manner manner) {
    switch (manner) {
        case Manner::buffered:
            return "buffered";
        case Manner::direct:
            return "direct";
        case Manner::direct_dsync:
            return "direct, O_DSYNC";
        case Manner::buffered_dsync:
            return "buffered, O_DSYNC";
        case Manner::mapped:
            return "mapped";
        case Manner::discarding:
            return "discarding";
    }
    return "";
}

int flags_of(Manner manner) {
    switch (manner) {
        case Manner::direct:
        case Manner::discarding:
            return O_DIRECT;
        case Manner::direct_dsync:
            return O_DIRECT | O_DSYNC;
        case Manner::buffered_dsync:
            return O_DSYNC;
        case Manner::buffered:
        case Manner::mapped:
            return 0;
    }
    return 0;
}

}  // namespace

// One thread: writes in its manner until something fails.
class DiskWriter {
public:
    DiskWriter(std::string file, Manner manner, std::vector<std::uint64_t> stripes,
               std::uint64_t blocks, std::uint64_t seed, Ticks& ticks)
        : file_(std::move(file)),
          manner_(manner),
          stripes_(std::move(stripes)),
          blocks_(blocks),
          ticks_(ticks),
          random_(seed),
          log_(ticks),
          buffer_(map_memory()) {}

    void run(const std::atomic<bool>& dying) {
        step_until_failure();
        if (!dying)
            failure_ =
                fmt::format("{} writer: {}: {}", name_of(manner_), doing_, std::strerror(error_));
        mapping_.reset();
        fd_.reset();
    }

    void run_alone(int steps) {
        bool going = reopen();
        for (int i = 0; going && i < steps; ++i) going = step();
        if (going && sync() && close_and_reopen()) return;
        failure_ = fmt::format("{}: {}", doing_, std::strerror(error_));
    }

    const WriterLog& log() const { return log_; }
    std::uint64_t syncs() const { return syncs_; }
    const std::string& failure() const { return failure_; }

private:
    static Mapping map_memory() {
        constexpr std::size_t size = kStripe * fs::kBlockSize;
        void* const at =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        TF_CHECK(at != MAP_FAILED);
        return Mapping(static_cast<std::byte*>(at), Unmap{size});
    }
    std::uint64_t below(std::uint64_t end) { return random_() % end; }
    bool ok(bool worked, const char* what) {
        if (!worked) error_ = errno, doing_ = what;
        return worked;
    }

    void step_until_failure() {
        sigjmp_buf here;
        if (::sigsetjmp(here, 0) == 0) {
            page_gone = &here;
            if (reopen())
                while (step()) continue;
        } else {
            errno = EFAULT;
            ok(false, "a page of the mapped file");
        }
        page_gone = nullptr;
    }

    bool step() {
        if (below(manner_ == Manner::direct ? 24 : 10) == 0)
            return below(4) == 0 ? close_and_reopen() : sync();
        if (manner_ == Manner::discarding && below(2) == 0) return discard();
        if (manner_ == Manner::mapped) return change_pages();
        return write();
    }

    // A run of blocks of one stripe of ours.
    std::pair<std::uint64_t, std::uint64_t> run_of_blocks(std::uint64_t longest) {
        const std::uint64_t stripe = stripes_[below(stripes_.size())];
        const std::uint64_t end = std::min(blocks_, (stripe + 1) * kStripe) - stripe * kStripe;
        const std::uint64_t count = 1 + below(std::min(longest, end));
        return {stripe * kStripe + below(end - count + 1), count};
    }
    std::uint64_t some_length() { return std::uint64_t{1} << below(9); }

    bool write() {
        const auto [first, count] = run_of_blocks(some_length());
        const Stamp stamp = ticks_.next();
        fill_blocks(buffer_.get(), first, count, stamp);
        const bool cached = manner_ == Manner::buffered || manner_ == Manner::buffered_dsync;
        log_.begin(first, count, stamp, cached ? Path::cached : Path::direct);
        const std::size_t size = count * fs::kBlockSize;
        const ssize_t written = ::pwrite(fd_.get(), buffer_.get(), size, position(first));
        if (written >= 0 && written < static_cast<ssize_t>(size)) errno = EIO;
        if (!ok(written == static_cast<ssize_t>(size), "write")) return false;
        log_.end();
        if (manner_ == Manner::direct_dsync || manner_ == Manner::buffered_dsync) note_safe();
        return true;
    }
    bool discard() {
        const auto [first, count] = run_of_blocks(some_length());
        const int mode = below(2) == 0 ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
                                       : FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
        log_.begin(first, count, 0, Path::pieces);
        if (!ok(::fallocate(fd_.get(), mode, position(first),
                            static_cast<off_t>(count * fs::kBlockSize)) == 0,
                "fallocate"))
            return false;
        log_.end();
        return true;
    }
    bool change_pages() {
        const auto [first, count] = run_of_blocks(8);
        const Stamp stamp = ticks_.next();
        log_.begin(first, count, stamp, Path::cached);
        fill_blocks(mapping_.get() + first * fs::kBlockSize, first, count, stamp);
        log_.end();
        return true;
    }
    bool sync() {
        if (manner_ == Manner::mapped) {
            if (!ok(::msync(mapping_.get(), blocks_ * fs::kBlockSize, MS_SYNC) == 0, "msync"))
                return false;
        } else if (!ok((below(2) == 0 ? ::fsync(fd_.get()) : ::fdatasync(fd_.get())) == 0,
                       "sync")) {
            return false;
        }
        note_safe();
        return true;
    }
    // What was written before a close(2) that succeeds survives the death of the daemon (not a
    // power cut). Of mapped pages close(2) promises nothing.
    bool close_and_reopen() {
        if (manner_ == Manner::mapped) return true;
        if (!ok(::close(fd_.release()) == 0, "close")) return false;
        note_safe();
        return reopen();
    }
    bool reopen() {
        fd_ = UniqueFd(::open(file_.c_str(), O_RDWR | O_CLOEXEC | flags_of(manner_)));
        if (!ok(static_cast<bool>(fd_), "open")) return false;
        if (manner_ != Manner::mapped) return true;
        const std::size_t size = blocks_ * fs::kBlockSize;
        void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
        if (!ok(at != MAP_FAILED, "mmap")) return false;
        mapping_ = Mapping(static_cast<std::byte*>(at), Unmap{size});
        return true;
    }
    void note_safe() {
        log_.all_safe();
        ++syncs_;
    }

    static void fill_blocks(std::byte* to, std::uint64_t first, std::uint64_t count, Stamp stamp) {
        auto* const words = reinterpret_cast<std::uint64_t*>(to);
        for (std::uint64_t i = 0; i < count; ++i)
            fill(Words(words + i * fs::kBlockSize / 8, fs::kBlockSize / 8), first + i, stamp);
    }
    static off_t position(std::uint64_t block) {
        return static_cast<off_t>(block * fs::kBlockSize);
    }

    const std::string file_;
    const Manner manner_;
    const std::vector<std::uint64_t> stripes_;
    const std::uint64_t blocks_;
    Ticks& ticks_;
    std::mt19937_64 random_;
    WriterLog log_;
    Mapping buffer_, mapping_;
    UniqueFd fd_;
    std::uint64_t syncs_ = 0;
    int error_ = 0;
    const char* doing_ = "";
    std::string failure_;
};

SoloRun run_alone(const std::string& file, std::uint64_t blocks, Manner manner, int steps,
                  std::uint64_t seed, Ticks& ticks) {
    TF_CHECK(manner != Manner::mapped);  // whose pages need a handler of SIGBUS
    std::vector<std::uint64_t> stripes;
    for (std::uint64_t i = 0; i * kStripe < blocks; ++i) stripes.push_back(i);
    DiskWriter writer(file, manner, std::move(stripes), blocks, seed, ticks);
    writer.run_alone(steps);
    return {writer.log(), writer.syncs(), writer.failure()};
}

DiskLoad::DiskLoad(const std::string& file, std::uint64_t blocks, std::uint64_t seed,
                   Ticks& ticks) {
    catch_sigbus();
    std::vector<std::vector<std::uint64_t>> stripes(std::size(kManners));
    for (std::uint64_t i = 0; i * kStripe < blocks; ++i) stripes[i % stripes.size()].push_back(i);
    TF_CHECK(!stripes.back().empty());
    std::mt19937_64 seeds(seed);
    for (std::size_t i = 0; i < stripes.size(); ++i)
        writers_.push_back(std::make_unique<DiskWriter>(file, kManners[i], std::move(stripes[i]),
                                                        blocks, seeds(), ticks));
    for (const auto& writer : writers_)
        threads_.emplace_back([&dying = dying_, w = writer.get()] { w->run(dying); });
}

DiskLoad::~DiskLoad() { join(); }

void DiskLoad::join() {
    for (std::thread& thread : threads_)
        if (thread.joinable()) thread.join();
}

std::vector<const WriterLog*> DiskLoad::logs() const {
    std::vector<const WriterLog*> logs;
    for (const auto& writer : writers_) logs.push_back(&writer->log());
    return logs;
}
std::uint64_t DiskLoad::writes() const {
    std::uint64_t sum = 0;
    for (const auto& writer : writers_) sum += writer->log().writes().size();
    return sum;
}
std::uint64_t DiskLoad::syncs() const {
    std::uint64_t sum = 0;
    for (const auto& writer : writers_) sum += writer->syncs();
    return sum;
}
std::vector<std::string> DiskLoad::failures() const {
    std::vector<std::string> lines;
    for (const auto& writer : writers_)
        if (!writer->failure().empty()) lines.push_back(writer->failure());
    return lines;
}

}  // namespace twofold::crash
