#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace twofold::keyring {

// Which key of which vault, as Key Vault names it:
//
//     https://HOST/keys/NAME            versionless: whatever version is the newest
//     https://HOST/keys/NAME/VERSION    full: 32 hex digits
//     HOST/NAME/VERSION                 the short form of Kafka's old instructions, e.g.
//                                       myakv.azure.com/KEK1/v1; the first label of HOST is the
//                                       vault, and vN the version with sequence number N
//
// A value. Letters keep the case of first use; identifiers compare without regard to it. Only a
// full identifier is stored with wrapped keys; a `vN` is resolved once, by Vault::get_key.
class KeyId {
public:
    // Errc::usage with the expected form for anything else than the three forms above.
    static Result<KeyId> parse(std::string_view text);
    // The separate form: vault URI, key name, and a version, empty for none (or vN).
    static Result<KeyId> from_parts(std::string_view vault_uri, std::string_view name,
                                    std::string_view version);

    const std::string& host() const { return host_; }  // "contoso-kv.vault.azure.net[:port]"
    const std::string& name() const { return name_; }
    const std::string& version() const { return version_; }  // 32 hex digits, "vN" or empty
    bool full() const { return version_.size() == 32; }
    bool versionless() const { return version_.empty(); }

    std::string vault_uri() const { return "https://" + host_; }
    std::string uri() const;                             // https://HOST/keys/NAME[/VERSION]
    KeyId with_version(std::string_view version) const;  // 32 hex digits, or "" for versionless

    // Of the same vault and key name, whatever the version.
    bool same_key(const KeyId& other) const;
    // True where this reference covers `used`: the same identifier, or versionless and of the same
    // key.
    bool covers(const KeyId& used) const;
    bool operator==(const KeyId& other) const;

private:
    KeyId(std::string host, std::string name, std::string version)
        : host_(std::move(host)), name_(std::move(name)), version_(std::move(version)) {}
    std::string host_, name_, version_;
};

// The authority of `https://HOST[:port][/]`. Errc::usage for anything else.
Result<std::string> parse_vault_uri(std::string_view uri);
// Without regard to case.
bool same_host(std::string_view a, std::string_view b);
// "contoso-kv" of contoso-kv.vault.azure.net and of the two national clouds' hosts; empty where
// HOST is not one of those (then it is a vault reached over HTTPS).
std::string vault_name_of(std::string_view host);
// 1 to 127 of 0-9 a-z A-Z -.
bool valid_key_name(std::string_view name);

}  // namespace twofold::keyring
