#include "tests/mount/exerciser.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace twofold::fs {
namespace {

using Kind = Operation::Kind;

constexpr std::uint64_t kBlock = 4096;
constexpr std::uint64_t kLengthMax = 1 << 18;
constexpr std::uint64_t kCrossing = 65536 + kBlock;  // bytes of a write across the end

constexpr std::array<std::pair<Kind, const char*>, 11> kNames{{{Kind::read, "read"},
                                                               {Kind::write, "write"},
                                                               {Kind::punch, "punch"},
                                                               {Kind::zero, "zero"},
                                                               {Kind::map, "map"},
                                                               {Kind::seek, "seek"},
                                                               {Kind::sync, "sync"},
                                                               {Kind::forget, "forget"},
                                                               {Kind::resize, "resize"},
                                                               {Kind::cross_end, "cross_end"},
                                                               {Kind::reopen, "reopen"}}};

// In a hundred.
constexpr std::array<std::pair<Kind, int>, 11> kShares{{{Kind::write, 34},
                                                        {Kind::read, 28},
                                                        {Kind::punch, 5},
                                                        {Kind::zero, 5},
                                                        {Kind::map, 12},
                                                        {Kind::seek, 2},
                                                        {Kind::sync, 4},
                                                        {Kind::forget, 4},
                                                        {Kind::resize, 2},
                                                        {Kind::cross_end, 1},
                                                        {Kind::reopen, 3}}};

void fill(MutableBytes out, std::uint64_t seed) {
    std::uint64_t word = seed;
    for (std::size_t i = 0; i < out.size(); i += 8) {
        word = word * 6364136223846793005 + 1442695040888963407;  // Knuth's MMIX
        const std::uint64_t mixed = word ^ word >> 29;
        std::memcpy(out.data() + i, &mixed, std::min<std::size_t>(8, out.size() - i));
    }
}

off_t signed_of(std::uint64_t offset) { return static_cast<off_t>(offset); }
Failure system_failed(const char* what) {
    return fail(Errc::failed, "{}: {}", what, ::strerror(errno));
}

}  // namespace

std::optional<Reach> reach_of(std::string_view name) {
    if (name == "buffered") return Reach::buffered;
    if (name == "direct") return Reach::direct;
    if (name == "mixed") return Reach::mixed;
    return std::nullopt;
}

std::string Operation::text() const {
    const auto* const name = std::find_if(kNames.begin(), kNames.end(),
                                          [this](const auto& n) { return n.first == kind; });
    return fmt::format("{} {} {} {}", name->second, offset, length, seed);
}

std::optional<Operation> Operation::parse(const std::string& line) {
    std::array<char, 16> word{};
    unsigned long long offset = 0, length = 0, seed = 0;
    if (std::sscanf(line.c_str(), "%15s %llu %llu %llu", word.data(), &offset, &length, &seed) != 4)
        return std::nullopt;
    for (const auto& [kind, name] : kNames)
        if (std::string_view(word.data()) == name) return Operation{kind, offset, length, seed};
    return std::nullopt;
}

void Exerciser::Free::operator()(std::byte* memory) const noexcept { std::free(memory); }

Exerciser::Exerciser(std::string file, Reach reach, MutableBytes model)
    : file_(std::move(file)),
      reach_(reach),
      model_(model),
      buffer_(static_cast<std::byte*>(std::aligned_alloc(kBlock, kLengthMax))) {
    TF_CHECK(buffer_ != nullptr && model_.size() >= 2 * kLengthMax && model_.size() % kBlock == 0);
}

// ---- What to do ----

Operation Exerciser::choose(std::mt19937_64& random) const {
    auto dice = static_cast<int>(random() % 100);
    Operation operation{Kind::reopen, 0, 0, 0};
    for (const auto& [kind, share] : kShares) {
        if (dice >= share) {
            dice -= share;
            continue;
        }
        operation.kind = kind;
        break;
    }
    if (operation.kind == Kind::map && reach_ == Reach::direct) operation.kind = Kind::read;
    std::tie(operation.offset, operation.length) = choose_range(random);
    if (operation.kind == Kind::cross_end)
        operation.offset = model_.size() - 65536 + random() % 32 * kBlock;
    operation.seed = random();
    return operation;
}

// Small and large, often with an edge at or beside one of a block or of the disk.
Exerciser::Range Exerciser::choose_range(std::mt19937_64& random) const {
    const bool whole_blocks = reach_ == Reach::direct || random() % 3 == 0;
    std::uint64_t length = 1 + random() % (std::uint64_t{1} << random() % 19);
    std::uint64_t offset = random() % model_.size();
    if (random() % 8 == 0) offset = model_.size() - std::min(model_.size(), length + random() % 3);
    if (random() % 4 == 0) offset = offset / kBlock * kBlock + kBlock - 1 + random() % 3;
    if (random() % 4 == 0) length = length / kBlock * kBlock + kBlock - 1 + random() % 3;
    if (whole_blocks) {
        offset = offset / kBlock * kBlock;
        length = (length + kBlock - 1) / kBlock * kBlock;
    }
    length = std::min(length, kLengthMax);
    return {std::min(offset, model_.size() - length), length};
}

Result<void> Exerciser::apply(const Operation& operation) {
    if (!buffered_) TF_TRY(reopen());
    switch (operation.kind) {
        case Kind::read:
            return read(operation);
        case Kind::write:
            return write(operation);
        case Kind::punch:
            return zero(operation, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
        case Kind::zero:
            return zero(operation, FALLOC_FL_ZERO_RANGE);
        case Kind::map:
            return map(operation);
        case Kind::seek:
            return seek(operation);
        case Kind::sync:
            return sync(operation);
        case Kind::forget:
            ::posix_fadvise(buffered_.get(), 0, 0, POSIX_FADV_DONTNEED);
            return {};
        case Kind::resize:
            return refuse_resize(operation);
        case Kind::cross_end:
            return cross_end(operation);
        case Kind::reopen:
            return reopen();
    }
    return {};
}

// ---- How ----

Result<void> Exerciser::reopen() {
    if (buffered_ && ::close(buffered_.release()) != 0) return system_failed("close");
    if (direct_ && ::close(direct_.release()) != 0) return system_failed("close");
    buffered_ = UniqueFd(::open(file_.c_str(), O_RDWR | O_CLOEXEC));
    direct_ = UniqueFd(::open(file_.c_str(), O_RDWR | O_CLOEXEC | O_DIRECT));
    if (!buffered_ || !direct_) return system_failed("open");
    return {};
}

int Exerciser::fd_for(const Operation& operation) const {
    const bool possible = operation.offset % kBlock == 0 && operation.length % kBlock == 0;
    const bool wanted =
        reach_ == Reach::direct || (reach_ == Reach::mixed && operation.seed % 2 == 0);
    return possible && wanted ? direct_.get() : buffered_.get();
}

Result<void> Exerciser::compare(std::uint64_t offset, Bytes found) const {
    const Bytes expected = model_.subspan(offset, found.size());
    if (equal(found, expected)) return {};
    const auto first = std::mismatch(found.begin(), found.end(), expected.begin()).first;
    const std::uint64_t at = offset + static_cast<std::uint64_t>(first - found.begin());
    std::uint64_t wrong = 0;
    for (std::size_t i = 0; i < found.size(); ++i) wrong += found[i] != expected[i] ? 1 : 0;
    return fail(Errc::failed, "byte {} (block {} + {}) is {:#04x}, not {:#04x}; {} bytes are wrong",
                at, at / kBlock, at % kBlock, std::to_integer<int>(*first),
                std::to_integer<int>(model_[at]), wrong);
}

Result<void> Exerciser::read(const Operation& operation) {
    const MutableBytes out{buffer_.get(), operation.length};
    const ssize_t got =
        ::pread(fd_for(operation), out.data(), out.size(), signed_of(operation.offset));
    if (got < 0) return system_failed("read");
    if (static_cast<std::size_t>(got) != out.size())
        return fail(Errc::failed, "read: {} bytes of {}", got, out.size());
    return compare(operation.offset, out);
}

Result<void> Exerciser::write(const Operation& operation) {
    const MutableBytes data{buffer_.get(), operation.length};
    fill(data, operation.seed);
    const int flags = operation.seed % 16 == 5 ? RWF_DSYNC : 0;
    const iovec part{data.data(), data.size()};
    const ssize_t written =
        ::pwritev2(fd_for(operation), &part, 1, signed_of(operation.offset), flags);
    if (written < 0) return system_failed("write");
    if (static_cast<std::size_t>(written) != data.size())
        return fail(Errc::failed, "write: {} bytes of {}", written, data.size());
    std::copy(data.begin(), data.end(), model_.begin() + signed_of(operation.offset));
    return {};
}

Result<void> Exerciser::zero(const Operation& operation, int mode) {
    if (::fallocate(fd_for(operation), mode, signed_of(operation.offset),
                    signed_of(operation.length)) != 0)
        return system_failed("fallocate");
    const MutableBytes zeroed = model_.subspan(operation.offset, operation.length);
    std::fill(zeroed.begin(), zeroed.end(), std::byte{0});
    return {};
}

Result<void> Exerciser::map(const Operation& operation) {
    const std::uint64_t start = operation.offset / kBlock * kBlock;
    const std::size_t size = operation.offset - start + operation.length;
    void* const mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, buffered_.get(),
                                signed_of(start));
    if (mapped == MAP_FAILED) return system_failed("mmap");
    const MutableBytes bytes{static_cast<std::byte*>(mapped) + (operation.offset - start),
                             operation.length};
    auto result = compare(operation.offset, bytes);
    if (result) {
        fill(bytes, operation.seed);
        fill(model_.subspan(operation.offset, operation.length), operation.seed);
        if (operation.seed % 4 == 1 && ::msync(mapped, size, MS_SYNC) != 0)
            result = system_failed("msync");
    }
    if (::munmap(mapped, size) != 0 && result) result = system_failed("munmap");
    return result;
}

Result<void> Exerciser::seek(const Operation& operation) {
    const off_t size = signed_of(model_.size());
    off_t at = signed_of(operation.offset);
    for (int i = 0; i < 8 && at < size; ++i) {
        const off_t hole = ::lseek(buffered_.get(), at, SEEK_HOLE);
        if (hole < at || hole > size) return fail(Errc::failed, "SEEK_HOLE at {}: {}", at, hole);
        if (hole == size) return {};
        const off_t data = ::lseek(buffered_.get(), hole, SEEK_DATA);
        if (data < 0 && errno != ENXIO) return system_failed("SEEK_DATA");
        at = data < 0 ? size : data;
        if (at < hole) return fail(Errc::failed, "SEEK_DATA at {}: {}", hole, at);
        const auto of_hole =
            model_.subspan(static_cast<std::uint64_t>(hole), static_cast<std::uint64_t>(at - hole));
        if (!all_zero(of_hole)) return fail(Errc::failed, "hole {} to {} holds data", hole, at);
    }
    return {};
}

Result<void> Exerciser::sync(const Operation& operation) {
    const int fd = fd_for(operation);
    if ((operation.seed % 2 == 0 ? ::fsync(fd) : ::fdatasync(fd)) != 0)
        return system_failed("sync");
    return {};
}

Result<void> Exerciser::refuse_resize(const Operation& operation) {
    const std::uint64_t size =
        operation.seed % 4 == 0 ? model_.size() + 1 + operation.offset : operation.offset;
    if (::ftruncate(buffered_.get(), signed_of(size)) == 0 || errno != EPERM)
        return fail(Errc::failed, "ftruncate to {} was not refused", size);
    const UniqueFd truncating(::open(file_.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    if (truncating || errno != EPERM) return fail(Errc::failed, "O_TRUNC was not refused");
    return check_size();
}

// What is inside counts, and somebody says EFBIG: write(2), or with a write-back cache fsync(2).
Result<void> Exerciser::cross_end(const Operation& operation) {
    const MutableBytes data{buffer_.get(), kCrossing};
    fill(data, operation.seed);
    const int fd = reach_ == Reach::direct ? direct_.get() : buffered_.get();
    const ssize_t written = ::pwrite(fd, data.data(), data.size(), signed_of(operation.offset));
    if (written < 0 && errno != EFBIG) return system_failed("write across the end");
    const bool whole = written == static_cast<ssize_t>(data.size());
    bool failed = false;
    for (const int open_file : {buffered_.get(), direct_.get()}) {  // each is told once
        if (::fsync(open_file) == 0) continue;
        if (errno != EFBIG) return system_failed("fsync of a write across the end");
        failed = true;
    }
    if (whole && !failed) return fail(Errc::failed, "a write across the end was taken");
    if (operation.offset < model_.size()) {
        const MutableBytes inside = model_.subspan(operation.offset);
        std::copy_n(data.begin(), std::min(inside.size(), data.size()), inside.begin());
    }
    return check_size();
}

Result<void> Exerciser::check_size() const {
    struct stat st {};
    if (::stat(file_.c_str(), &st) != 0) return system_failed("stat");
    if (st.st_size != signed_of(model_.size()))
        return fail(Errc::failed, "the size is {}, not {}", st.st_size, model_.size());
    return {};
}

Result<void> Exerciser::compare_all() {
    TF_TRY(reopen());
    if (::fsync(buffered_.get()) != 0) return system_failed("fsync");
    for (std::uint64_t at = 0; at < model_.size(); at += kLengthMax) {
        const MutableBytes out{buffer_.get(), std::min(kLengthMax, model_.size() - at)};
        if (::pread(direct_.get(), out.data(), out.size(), signed_of(at)) !=
            static_cast<ssize_t>(out.size()))
            return system_failed("read");
        TF_TRY(compare(at, out));
    }
    return {};
}

Result<void> Exerciser::clear() {
    TF_TRY(reopen());
    TF_TRY(zero({Kind::zero, 0, model_.size(), 0}, FALLOC_FL_ZERO_RANGE));
    return sync({});
}

// ---- Whole runs ----

Exercised exercise(Exerciser& exerciser, std::uint64_t seed, std::uint64_t count) {
    std::mt19937_64 random(seed);
    Exercised run;
    const auto note = [&run](Result<void> result) {
        if (!result) run.failure = std::move(result).error();
        return !run.failure;
    };
    for (std::uint64_t i = 0; i < count; ++i) {
        run.operations.push_back(exerciser.choose(random));
        if (!note(exerciser.apply(run.operations.back()))) return run;
    }
    note(exerciser.compare_all());
    return run;
}

std::optional<Error> replay(Exerciser& exerciser, const std::vector<Operation>& operations) {
    auto result = exerciser.clear();
    for (const Operation& operation : operations)
        if (result) result = exerciser.apply(operation);
    if (result) result = exerciser.compare_all();
    if (result) return std::nullopt;
    return std::move(result).error();
}

// By leaving out ever smaller parts (delta debugging without complements).
std::vector<Operation> shrink(Exerciser& exerciser, std::vector<Operation> failing, int tries_max) {
    if (tries_max-- <= 0 || !replay(exerciser, failing)) return failing;
    for (std::size_t part = std::max<std::size_t>(1, failing.size() / 2);; part /= 2) {
        for (std::size_t at = 0; at < failing.size();) {
            if (tries_max-- <= 0) return failing;
            std::vector<Operation> shorter = failing;
            const auto from = shorter.begin() + static_cast<std::ptrdiff_t>(at);
            shorter.erase(from,
                          from + static_cast<std::ptrdiff_t>(std::min(part, failing.size() - at)));
            if (replay(exerciser, shorter))
                failing = std::move(shorter);
            else
                at += part;
        }
        if (part <= 1) return failing;
    }
}

}  // namespace twofold::fs
