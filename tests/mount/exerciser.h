#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/unique_fd.h"

// System calls on the file of a mounted disk, beside a model of it in memory.
namespace twofold::fs {

enum class Reach {
    buffered,  // the page cache, and mappings of it; any byte
    direct,    // O_DIRECT; whole blocks
    mixed,     // each call the one or the other, on one file
};
std::optional<Reach> reach_of(std::string_view name);

// One call, or a few that belong together. A line of text such as "write 4096 512 77" is one again.
struct Operation {
    enum class Kind {
        read,
        write,
        punch,
        zero,
        map,        // read through a mapping, change it there, perhaps msync(2)
        seek,       // SEEK_HOLE, SEEK_DATA: what they call a hole is zero
        sync,       // fsync(2) or fdatasync(2)
        forget,     // drop clean pages
        resize,     // ftruncate(2) and O_TRUNC, which are refused
        cross_end,  // a write across the end or behind it
        reopen,
    };
    Kind kind;
    std::uint64_t offset = 0, length = 0;
    std::uint64_t seed = 0;  // of the data, and of what else there is to choose

    std::string text() const;
    static std::optional<Operation> parse(const std::string& line);
};

class Exerciser {
public:
    // `model` is what `file` is to hold, zeros at first, and has its size. Shared memory, so that a
    // parent can look at it afterwards.
    Exerciser(std::string file, Reach reach, MutableBytes model);

    Operation choose(std::mt19937_64& random) const;
    // Errc::failed: what the file does differs from what the model does.
    Result<void> apply(const Operation& operation);
    // Syncs, and reads everything past the page cache.
    Result<void> compare_all();
    // File and model are zeros again.
    Result<void> clear();

private:
    using Range = std::pair<std::uint64_t, std::uint64_t>;  // offset, length
    Range choose_range(std::mt19937_64& random) const;

    Result<void> reopen();
    int fd_for(const Operation& operation) const;
    Result<void> compare(std::uint64_t offset, Bytes found) const;
    Result<void> read(const Operation& operation);
    Result<void> write(const Operation& operation);
    Result<void> zero(const Operation& operation, int mode);
    Result<void> map(const Operation& operation);
    Result<void> seek(const Operation& operation);
    Result<void> sync(const Operation& operation);
    Result<void> refuse_resize(const Operation& operation);
    Result<void> cross_end(const Operation& operation);
    Result<void> check_size() const;

    struct Free {
        void operator()(std::byte* memory) const noexcept;
    };
    const std::string file_;
    const Reach reach_;
    const MutableBytes model_;
    std::unique_ptr<std::byte[], Free> buffer_;
    UniqueFd buffered_, direct_;
};

// The first `count` operations that `seed` makes; none after the first that fails.
struct Exercised {
    std::vector<Operation> operations;  // all that were applied
    std::optional<Error> failure;       // of the last of them, or of the comparison at the end
};
Exercised exercise(Exerciser& exerciser, std::uint64_t seed, std::uint64_t count);

// A shorter list that fails still, each tried from a cleared file; `tries_max` times at most. The
// list itself where it does not fail again.
std::vector<Operation> shrink(Exerciser& exerciser, std::vector<Operation> failing, int tries_max);
// The failure of these operations from a cleared file, or nothing.
std::optional<Error> replay(Exerciser& exerciser, const std::vector<Operation>& operations);

}  // namespace twofold::fs
