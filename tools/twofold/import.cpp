#include "tools/twofold/import.h"

#include <algorithm>
#include <csignal>
#include <vector>

#include "keyring/crypto/secret.h"

namespace twofold::cli {
namespace {

volatile std::sig_atomic_t signal_seen = 0;

void see_signal(int) { signal_seen = 1; }

void on_signals(void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
}

// Plaintext passes through here: wiped when done.
class Buffer {
public:
    explicit Buffer(std::size_t size) : bytes_(size) {}
    ~Buffer() { crypto::wipe(bytes_); }
    MutableBytes first(std::size_t count) { return MutableBytes(bytes_).first(count); }

private:
    std::vector<std::byte> bytes_;
};

// Writes the runs of blocks in `data` that are not all zero.
Result<void> write_data(fs::BlockDevice& to, std::uint64_t offset, Bytes data) {
    std::size_t begin = 0;
    while (begin < data.size()) {
        const auto block = [&](std::size_t at) {
            return data.subspan(at, std::min(fs::kBlockSize, data.size() - at));
        };
        std::size_t end = begin;
        while (end < data.size() && !all_zero(block(end))) end += block(end).size();
        if (end > begin)
            TF_TRY(to.write(fs::ByteOffset{offset + begin}, data.subspan(begin, end - begin)));
        begin = end;
        while (begin < data.size() && all_zero(block(begin))) begin += block(begin).size();
    }
    return {};
}

}  // namespace

Interruptible::Interruptible() {
    signal_seen = 0;
    on_signals(see_signal);
}
Interruptible::~Interruptible() { on_signals(SIG_DFL); }
bool Interruptible::interrupted() { return signal_seen != 0; }

Result<void> copy_in(io::File& from, std::uint64_t size, fs::BlockDevice& to, Progress& progress) {
    Buffer buffer(fs::kRequestMax);
    for (std::uint64_t at = 0; at < size;) {
        if (Interruptible::interrupted()) return fail(Errc::failed, "interrupted");
        TF_ASSIGN(const auto data, from.next_data(at));
        if (!data || *data >= size) break;
        // Whole requests, so that blocks of zeros are found at their boundaries.
        at = *data / fs::kRequestMax * fs::kRequestMax;
        const MutableBytes piece = buffer.first(
            static_cast<std::size_t>(std::min<std::uint64_t>(fs::kRequestMax, size - at)));
        TF_TRY(from.read(at, piece));
        TF_TRY(write_data(to, at, piece));
        at += piece.size();
        progress.at(at);
    }
    return to.flush(fs::Durability::synced);
}

}  // namespace twofold::cli
