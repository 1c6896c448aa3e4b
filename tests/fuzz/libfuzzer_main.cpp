// One target under libFuzzer: TWOFOLD_FUZZ_TARGET says which.
#include "keyring/crypto/secret.h"
#include "tests/fuzz/target.h"
#include "tests/support/matchers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto* const target = [] {
        twofold::must(twofold::crypto::start());
        return twofold::fuzz::find_target(TWOFOLD_FUZZ_TARGET);
    }();
    target->run(std::as_bytes(std::span(data, size)));
    return 0;
}
