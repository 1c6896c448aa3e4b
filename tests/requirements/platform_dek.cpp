// Acts as the platform in a test: asks the platform's vault, as its identity, to unwrap a store's
// layer 1 key, and writes the 32 bytes to standard output. Built with the tests alone; the product
// has no such way, and no vault but the one in a directory would answer.
//
//     platform_dek CLOUD STORE
#include <cstdio>

#include "base/io/io.h"
#include "keyring/crypto/secret.h"
#include "keyring/envelope/record_file.h"
#include "keyring/envelope/wrapped_key.h"
#include "keyring/vault/cloud_vaults.h"

namespace twofold {
namespace {

Result<void> write_key(const std::string& cloud, const std::string& store) {
    TF_TRY(crypto::start());
    TF_ASSIGN(auto file, io::open_posix_file(store + "/keyring/layer1", io::Access::read_only,
                                             io::Create::no, io::Lock::none));
    TF_ASSIGN(const auto record, keyring::RecordFile::open(std::move(file)));
    TF_ASSIGN(const auto wrapped, keyring::WrappedKey::parse(record.record()));

    keyring::CloudVaults vaults(cloud);
    TF_ASSIGN(const auto platform, vaults.platform_key());
    TF_ASSIGN(auto vault, vaults.open(wrapped.kid.host(), platform.identity.object_id));
    TF_ASSIGN(const auto dek,
              vault->unwrap(wrapped.kid.name(), wrapped.kid.version(), wrapped.wrapped));
    const Bytes bytes = dek.reveal();
    if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size())
        return fail(Errc::io, "standard output: write failed");
    return {};
}

}  // namespace
}  // namespace twofold

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const auto done = twofold::write_key(argv[1], argv[2]);
    if (done) return 0;
    std::fprintf(stderr, "platform_dek: %s\n", done.error().line().c_str());
    return 1;
}
