#include "tools/twofold/rotation.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace twofold::cli {
namespace {

using Proof = std::function<Result<void>(const crypto::Envelope&)>;

// A disk's envelopes for the keyring. One that no daemon has open is opened when its turn comes: to
// look, without writing to it; to rewrap, as its writer.
class Holder final : public keyring::EnvelopeHolder {
public:
    Holder(Session& session, keyring::Keyring& keys, const fs::Disk& disk, fs::EncryptedDisk* open)
        : session_(session), keys_(keys), disk_(disk), open_(open) {}

    std::string name() const override { return disk_.node + "/" + disk_.name; }

    Result<crypto::Envelope> envelope(crypto::Layer layer) override {
        if (open_ != nullptr) return open_->envelope(layer);
        fs::OpenOptions options;
        options.observe = true;
        TF_ASSIGN(const auto disk, open_disk(session_, keys_, disk_, options, quiet));
        return disk->envelope(layer);
    }

    Result<void> rewrap(crypto::Layer layer, Bytes record, const Proof& proof) override {
        touched_ = true;
        if (open_ != nullptr) return open_->rewrap(layer, record, proof);
        TF_ASSIGN(const auto disk, open_disk(session_, keys_, disk_, {}, quiet));
        TF_TRY(disk->rewrap(layer, record, proof));
        return disk->close();
    }

    bool touched() const { return touched_; }

private:
    static void quiet(const fs::Disk& disk, const fs::DiskEvent& event) {
        log::warning("{}", to_line(disk, event));
    }
    Session& session_;
    keyring::Keyring& keys_;
    fs::Disk disk_;
    fs::EncryptedDisk* open_;  // a daemon's, or null
    bool touched_ = false;
};

// Every disk of the deployment that has the layer.
std::vector<Holder> holders_of(Session& session, keyring::Keyring& keys, crypto::Layer layer,
                               std::vector<OpenDisk>& open) {
    std::vector<Holder> holders;
    for (const fs::Disk& disk : session.deployment().disks) {
        const auto noted = session.note().disk(disk.name);
        const auto has_layer = [&](const fs::KeysetNote& keyset) {
            return (layer == crypto::Layer::one ? keyset.layer1 : keyset.layer2) != fs::Suite::none;
        };
        if (!noted ||
            !std::any_of((*noted)->note.keysets.begin(), (*noted)->note.keysets.end(), has_layer))
            continue;
        const auto ours = std::find_if(open.begin(), open.end(), [&](const OpenDisk& candidate) {
            return candidate.disk.name == disk.name;
        });
        holders.emplace_back(session, keys, disk,
                             ours == open.end() ? nullptr : ours->device.get());
    }
    return holders;
}

// The intention, before anything is rewrapped: whatever record is then in force is covered by the
// configuration, and its vault by the note.
Result<void> announce(Session& session, const Target& target) {
    fs::TrustNote note = session.note();
    auto& vaults = layer_of(note, target.layer)->vaults;
    const bool known = std::any_of(vaults.begin(), vaults.end(), [&](const auto& host) {
        return keyring::same_host(host, target.key.host());
    });
    if (!known) {
        vaults.push_back(target.key.host());
        TF_TRY(session.save_note(std::move(note)));
    }
    fs::Deployment deployment = session.deployment();
    layer_of(deployment, target.layer)->next_reference = target.key.uri();
    return session.store().update(std::move(deployment));
}

Result<void> complete(Session& session, keyring::Keyring& keys, crypto::Layer layer,
                      const keyring::KeyId& target) {
    fs::Deployment deployment = session.deployment();
    fs::LayerKey& key = *layer_of(deployment, layer);
    key.reference = target.uri();
    key.next_reference.clear();
    TF_TRY(session.store().update(std::move(deployment)));
    fs::TrustNote note = session.note();
    layer_of(note, layer)->vaults = {target.host()};  // the old vault is not asked any more
    keys.configured(layer, target);
    return session.save_note(std::move(note));
}

// A rotation that was cut after its last envelope, before its complete(): that is done now. Else
// the next one would announce another target in its place, and if cut too would leave a record in
// force that no configuration covers.
Result<void> complete_cut_rotation(Session& session, keyring::Keyring& keys, crypto::Layer layer) {
    const fs::Deployment& deployment = session.deployment();
    TF_ASSIGN(const keyring::LayerConfig config, to_config(*layer_of(deployment, layer)));
    TF_TRY(keys.refresh(layer));
    const auto in_use = keys.status(layer).in_use;
    if (!config.next_reference || !in_use || config.reference.covers(*in_use) ||
        !config.next_reference->covers(*in_use))
        return {};
    return complete(session, keys, layer, *config.next_reference);
}

fs::Event failure_event(const Target& target, const Error& error) {
    return {"rotation-failed",
            {{"layer", static_cast<std::uint64_t>(number_of(target.layer))},
             {"to", target.key.uri()},
             {"cause", error.line()}}};
}

Result<keyring::RewrapReport> rotate_under_lock(Session& session, keyring::Keyring& keys,
                                                Target target, std::vector<OpenDisk>& open) {
    TF_ASSIGN(const auto lock, session.lock());
    // The new key first: what can be refused is refused before anything is written.
    keys.allow_vault(target.layer, target.key.host());
    TF_ASSIGN(const keyring::KeyBundle bundle, keys.resolve(target.layer, target.key));
    if (target.stay_versioned || !target.key.versionless()) target.key = bundle.id;

    TF_TRY(complete_cut_rotation(session, keys, target.layer));
    const fs::Deployment before = session.deployment();
    const fs::TrustNote note_before = session.note();
    TF_ASSIGN(const keyring::KeyId now,
              keyring::KeyId::parse(layer_of(before, target.layer)->reference));
    TF_TRY(announce(session, target));
    std::vector<Holder> holders = holders_of(session, keys, target.layer, open);
    std::vector<keyring::EnvelopeHolder*> pointers;
    for (Holder& holder : holders) pointers.push_back(&holder);
    auto report = keys.rewrap(target.layer, target.key, pointers);
    if (report) {
        TF_TRY(complete(session, keys, target.layer, target.key));
        return report;
    }
    const auto in_use = keys.status(target.layer).in_use;
    const bool untouched =
        std::none_of(holders.begin(), holders.end(), [](const auto& h) { return h.touched(); });
    if (untouched && (!in_use || now.covers(*in_use))) {
        TF_TRY(session.store().update(before));
        TF_TRY(session.save_note(note_before));
    }
    return report;
}

}  // namespace

std::string TargetWords::to_json() const {
    return to_text(nlohmann::json{{"layer", layer},
                                  {"keyName", key_name},
                                  {"keyVersion", key_version},
                                  {"vaultUri", vault_uri},
                                  {"keyIdentifier", key_identifier}});
}

Result<TargetWords> TargetWords::parse(std::string_view text) {
    const auto value = parse_json(text.empty() ? "{}" : text, "rotate");
    if (!value || !value->is_object()) return fail(Errc::usage, "rotate: not a JSON object");
    TargetWords words;
    const auto layer = json_integer(*value, "layer").value_or(2);
    if (layer != 1 && layer != 2)
        return fail(Errc::usage, "rotate: layer {}: must be 1 or 2", layer);
    words.layer = static_cast<int>(layer);
    words.key_name = json_text(*value, "keyName").value_or("");
    words.key_version = json_text(*value, "keyVersion").value_or("");
    words.vault_uri = json_text(*value, "vaultUri").value_or("");
    words.key_identifier = json_text(*value, "keyIdentifier").value_or("");
    return words;
}

Result<Target> choose_target(const fs::Deployment& deployment, const TargetWords& words) {
    if (words.layer != 1 && words.layer != 2)
        return fail(Errc::usage, "--layer {}: must be 1 or 2", words.layer);
    const auto layer = words.layer == 1 ? crypto::Layer::one : crypto::Layer::two;
    const auto& configured = layer_of(deployment, layer);
    if (!configured)
        return fail(Errc::refused,
                    "layer {}: this deployment has none; it can't be added after creation",
                    words.layer);
    TF_ASSIGN(const keyring::KeyId now, keyring::KeyId::parse(configured->reference));
    const bool nothing_said = words.key_name.empty() && words.vault_uri.empty() &&
                              words.key_version.empty() && words.key_identifier.empty();
    const auto chosen = [&]() -> Result<keyring::KeyId> {
        const bool in_name = words.key_name.find('/') != std::string::npos;
        const std::string& whole = in_name ? words.key_name : words.key_identifier;
        if (!whole.empty()) {
            if (!words.key_version.empty() || !words.vault_uri.empty() ||
                (!in_name && !words.key_name.empty()))
                return fail(Errc::usage,
                            "key identifier {}: whole, so no vault, key name or version besides",
                            whole);
            return keyring::KeyId::parse(whole);
        }
        if (nothing_said) return now.with_version("");
        return keyring::KeyId::from_parts(
            words.vault_uri.empty() ? now.vault_uri() : words.vault_uri,
            words.key_name.empty() ? now.name() : words.key_name, words.key_version);
    }();
    TF_ASSIGN(keyring::KeyId key, chosen);
    TF_ASSIGN(const fs::Profile* profile, fs::find_profile(deployment.choices.profile));
    const bool stay_versioned = nothing_said && !now.versionless();
    if (layer == crypto::Layer::two && profile->versioned_only && key.versionless() &&
        !stay_versioned)
        return fail(Errc::refused, "profile {}: needs a key version: --encryption-key-version",
                    profile->name);
    return Target{layer, std::move(key), stay_versioned};
}

Result<keyring::RewrapReport> rotate(Session& session, keyring::Keyring& keys, const Target& wanted,
                                     std::vector<OpenDisk>& open) {
    auto report = rotate_under_lock(session, keys, wanted, open);
    if (!report) {
        session.record(failure_event(wanted, report.error()));
        return fail(std::move(report).error().in("rotate"));
    }
    session.record({"rotated",
                    {{"layer", static_cast<std::uint64_t>(number_of(wanted.layer))},
                     {"from", report->from.uri()},
                     {"to", report->to.uri()},
                     {"changed", report->changed ? "yes" : "no"}}});
    return report;
}

std::string to_json(const keyring::RewrapReport& report) {
    return to_text(nlohmann::json{{"from", report.from.uri()},
                                  {"to", report.to.uri()},
                                  {"changed", report.changed},
                                  {"oldVersionFree", report.old_version_free},
                                  {"rewrapped", report.holders}});
}

}  // namespace twofold::cli
