#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fs/block/block_device.h"
#include "tests/powercut/trace.h"

namespace twofold::powercut {

// Byte `offset` of what version `version` writes: version and place are in each 16 bytes, so that a
// mixture, or what belongs elsewhere, is seen and can be named.
void make_contents(std::uint64_t version, std::uint64_t offset, MutableBytes out);
// "version 12", "zeros", "a mixture: version 12, then version 9 from byte 512 on", "foreign bytes".
std::string describe_block(std::uint64_t block, Bytes contents);

// Which states of a history may be found: [from, to].
struct Window {
    std::size_t from = 0, to = 0;
};

// All states that a disk went through, one for each change. A change is one write, or one run of
// zeros: what is in or out as a whole.
class History {
public:
    explicit History(std::uint64_t blocks);
    // A history that goes on from the contents of a disk.
    static History from(Bytes contents);

    // The newest contents.
    Bytes contents() const { return contents_; }
    std::uint64_t blocks() const { return contents_.size() / fs::kBlockSize; }
    std::size_t newest() const { return states_.size() - 1; }

    // Each appends a state and returns its number.
    std::size_t write(std::uint64_t offset, Bytes data);
    std::size_t zero(std::uint64_t offset, std::uint64_t length);
    std::size_t becomes(Bytes contents);

    // Prints of each block of contents as they were read; for explain().
    using Prints = std::vector<std::uint64_t>;
    static Prints prints_of(Bytes contents);
    // The newest state of the window that has these contents; nothing: no state has.
    std::optional<std::size_t> explain(const Prints& prints, Window window) const;
    // Whether the block had these contents in some state of the window.
    bool held(std::uint64_t block, Bytes contents, Window window) const;
    // Why nothing explains it: a block that no state of the window has, or that it is no prefix.
    std::string why_not(Bytes contents, Window window) const;

    // What may be found of a trace of this history of which so many operations were issued: after a
    // power cut, and after a mere kill.
    static Window after_power_cut(std::span<const Operation> operations);
    static Window after_kill(std::span<const Operation> operations);

private:
    std::size_t append(std::uint64_t first_block, std::uint64_t end_block);
    std::vector<std::byte> contents_;
    std::vector<Prints> states_;
    std::vector<std::uint64_t> sums_;  // of all prints of a state
};

}  // namespace twofold::powercut
