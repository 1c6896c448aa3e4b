#pragma once

#include <cstdint>
#include <vector>

#include "fs/disk/encrypted_disk.h"

namespace twofold::powercut {

// A set of numbers, of which it keeps one value each; flat, as there are millions. 0 is no number.
class NumberMap {
public:
    // The value kept of that number before; `value` where there was none, and it is kept now.
    std::uint64_t insert(std::uint64_t number, std::uint64_t value);
    // True: it was not there.
    bool add(std::uint64_t number) {
        const std::size_t before = size_;
        insert(number, 0);
        return size_ != before;
    }
    std::size_t size() const { return size_; }

private:
    struct Cell {
        std::uint64_t number = 0, value = 0;
    };
    Cell& find(std::uint64_t number);
    std::vector<Cell> cells_ = std::vector<Cell>(1 << 12);
    std::size_t size_ = 0;
};

// Every nonce that a run ever sealed with, in all of its crash states, which are forks of one
// image: none may have sealed two inputs (S2). All disks of a run have the same keys.
class Ledger {
public:
    // `input`: a print of block and contents. Errc::failed: the nonce was used for something else.
    Result<void> note(const crypto::Nonce& nonce, std::uint32_t keyset, std::uint64_t input);
    std::size_t size() const { return seen_.size(); }

private:
    NumberMap seen_;
};

}  // namespace twofold::powercut
