#include "keyring/ring/discover.h"

#include "keyring/envelope/record_file.h"
#include "keyring/envelope/wrapped_key.h"

namespace twofold::keyring {

Result<FoundLayer> discover(io::Directory& directory, const Uuid& deployment, crypto::Layer layer,
                            Vaults& vaults, const std::string& identity) {
    const std::string name = fmt::format("layer{}", static_cast<int>(layer));
    TF_ASSIGN(auto file,
              directory.open_file(name, io::Access::read_only, io::Create::no, io::Lock::none));
    TF_ASSIGN(const RecordFile slots, RecordFile::open(std::move(file)));
    TF_ASSIGN(const WrappedKey record, WrappedKey::parse(slots.record()));
    if (record.layer != layer)
        return fail(Errc::substituted, "{}/{}: the record of another layer", directory.path(),
                    name);
    TF_ASSIGN(const auto vault, vaults.open(record.kid.host(), identity));
    TF_ASSIGN(const auto dek,
              vault->unwrap(record.kid.name(), record.kid.version(), record.wrapped));
    LayerNote note{record.dek, {}, {record.kid.host()}};
    TF_ASSIGN(note.commitment,
              crypto::deployment_commitment(deployment, layer, record.dek.id, dek.reveal()));
    if (!equal(Bytes(note.commitment).first(WrappedKey::kKeyCheckSize), record.key_check))
        return fail(Errc::wrong_key, "layer {}: {} opens to another data key than the record says",
                    static_cast<int>(layer), record.kid.uri());
    return FoundLayer{std::move(note), record.kid};
}

}  // namespace twofold::keyring
