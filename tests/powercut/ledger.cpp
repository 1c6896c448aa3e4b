#include "tests/powercut/ledger.h"

#include "base/hex.h"
#include "tests/powercut/medium.h"

namespace twofold::powercut {

NumberMap::Cell& NumberMap::find(std::uint64_t number) {
    std::size_t at = mix(number, 0) & (cells_.size() - 1);
    while (cells_[at].number != 0 && cells_[at].number != number)
        at = (at + 1) & (cells_.size() - 1);
    return cells_[at];
}

std::uint64_t NumberMap::insert(std::uint64_t number, std::uint64_t value) {
    number = number == 0 ? 1 : number;
    if (2 * (size_ + 1) > cells_.size()) {
        std::vector<Cell> old(2 * cells_.size());
        std::swap(old, cells_);
        for (const Cell& cell : old)
            if (cell.number != 0) find(cell.number) = cell;
    }
    Cell& cell = find(number);
    if (cell.number == 0) {
        cell = {number, value};
        ++size_;
    }
    return cell.value;
}

Result<void> Ledger::note(const crypto::Nonce& nonce, std::uint32_t keyset, std::uint64_t input) {
    if (seen_.insert(fingerprint(nonce, keyset), input) == input) return {};
    return fail(Errc::failed, "nonce {}: sealed two inputs", to_hex(nonce));
}

}  // namespace twofold::powercut
