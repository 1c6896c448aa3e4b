#include "keyring/envelope/key_id.h"

#include <algorithm>
#include <array>
#include <vector>

namespace twofold::keyring {
namespace {

constexpr std::string_view kScheme = "https://";
constexpr std::size_t kHostMax = 253 + 6;  // a DNS name and a port
constexpr std::size_t kTextMax = 1024;     // longer than any identifier
constexpr std::array<std::string_view, 3> kVaultSuffixes = {".vault.azure.net", ".vault.azure.cn",
                                                            ".vault.usgovcloudapi.net"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }
bool is_alnum(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'); }

bool same(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string lowered(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

bool valid_port(std::string_view port) {
    return !port.empty() && port.size() <= 5 && std::ranges::all_of(port, is_digit);
}

// Letters, digits, hyphens and dots, no empty label; with an optional port.
bool valid_host(std::string_view host) {
    if (const auto colon = host.find(':'); colon != std::string_view::npos) {
        if (!valid_port(host.substr(colon + 1))) return false;
        host = host.substr(0, colon);
    }
    if (host.empty() || host.size() > kHostMax || host.front() == '.' || host.back() == '.')
        return false;
    if (host.find("..") != std::string_view::npos) return false;
    return std::ranges::all_of(host, [](char c) { return is_alnum(c) || c == '-' || c == '.'; });
}

bool valid_full_version(std::string_view version) {
    return version.size() == 32 && std::ranges::all_of(version, is_hex);
}

// vN: the version with sequence number N.
bool valid_sequence(std::string_view version) {
    return version.size() >= 2 && version.size() <= 10 && lower(version[0]) == 'v' &&
           version[1] != '0' && std::ranges::all_of(version.substr(1), is_digit);
}

// The text on one line, cut: it came from a command line or a file.
std::string shown(std::string_view text) {
    std::string out(text.substr(0, 120));
    std::ranges::replace_if(
        out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
    return out;
}

Failure bad_identifier(std::string_view text, std::string_view why) {
    Error error{Errc::usage, fmt::format("key identifier {}: {}", shown(text), why), {}, 0, {}};
    return fail(std::move(error).advise(
        "write https://VAULT.vault.azure.net/keys/NAME or .../keys/NAME/VERSION (32 hex digits)"));
}

Failure bad_uri(std::string_view uri, std::string_view why) {
    Error error{Errc::usage, fmt::format("vault URI {}: {}", shown(uri), why), {}, 0, {}};
    return fail(std::move(error).advise("write https://VAULT.vault.azure.net"));
}

// The segments between slashes; one trailing slash is tolerated.
std::vector<std::string_view> segments_of(std::string_view path) {
    if (path.ends_with('/')) path.remove_suffix(1);
    std::vector<std::string_view> out;
    for (;;) {
        const auto slash = path.find('/');
        out.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return out;
        path.remove_prefix(slash + 1);
    }
}

bool starts_with_scheme(std::string_view text) {
    return text.size() > kScheme.size() && same(text.substr(0, kScheme.size()), kScheme);
}

}  // namespace

Result<KeyId> KeyId::parse(std::string_view text) {
    if (text.size() > kTextMax) return bad_identifier(text, "too long");
    if (!starts_with_scheme(text)) {
        if (text.find("://") != std::string_view::npos)
            return bad_identifier(text, "the scheme must be https");
        const auto parts = segments_of(text);
        if (parts.size() != 3) return bad_identifier(text, "not an identifier");
        const std::string_view vault = parts[0].substr(0, parts[0].find('.'));
        if (!valid_host(parts[0]) || parts[0].find(':') != std::string_view::npos)
            return bad_identifier(text, "bad vault name");
        if (!valid_key_name(parts[1])) return bad_identifier(text, "bad key name");
        if (!valid_full_version(parts[2]) && !valid_sequence(parts[2]))
            return bad_identifier(text, "the version must be 32 hex digits, or v1, v2, ...");
        return KeyId(fmt::format("{}.vault.azure.net", vault), std::string(parts[1]),
                     lowered(parts[2]));
    }
    if (text.find_first_of("?#") != std::string_view::npos)
        return bad_identifier(text, "must not have a query or a fragment");
    const auto parts = segments_of(text.substr(kScheme.size()));
    if (!valid_host(parts[0])) return bad_identifier(text, "bad host");
    if (parts.size() < 3 || parts.size() > 4 || !same(parts[1], "keys"))
        return bad_identifier(text, "the path must be /keys/NAME or /keys/NAME/VERSION");
    if (!valid_key_name(parts[2]))
        return bad_identifier(text, "a key name is 1 to 127 letters, digits and hyphens");
    if (parts.size() == 4 && !valid_full_version(parts[3]))
        return bad_identifier(text, "a version is 32 hex digits");
    return KeyId(std::string(parts[0]), std::string(parts[2]),
                 parts.size() == 4 ? lowered(parts[3]) : std::string());
}

Result<KeyId> KeyId::from_parts(std::string_view vault_uri, std::string_view name,
                                std::string_view version) {
    TF_ASSIGN(std::string host, parse_vault_uri(vault_uri));
    if (!valid_key_name(name))
        return fail(Errc::usage, "key name \"{}\": must be 1 to 127 letters, digits and hyphens",
                    shown(name));
    if (!version.empty() && !valid_full_version(version) && !valid_sequence(version))
        return fail(Errc::usage, "key version \"{}\": must be 32 hex digits", shown(version));
    return KeyId(std::move(host), std::string(name), lowered(version));
}

std::string KeyId::uri() const {
    std::string text = fmt::format("{}{}/keys/{}", kScheme, host_, name_);
    if (!version_.empty()) text += "/" + version_;
    return text;
}

KeyId KeyId::with_version(std::string_view version) const {
    TF_CHECK(version.empty() || valid_full_version(version));
    return KeyId(host_, name_, lowered(version));
}

bool KeyId::same_key(const KeyId& other) const {
    return same(host_, other.host_) && same(name_, other.name_);
}

bool KeyId::covers(const KeyId& used) const {
    return same_key(used) && (versionless() || same(version_, used.version_));
}

bool KeyId::operator==(const KeyId& other) const {
    return same_key(other) && same(version_, other.version_);
}

Result<std::string> parse_vault_uri(std::string_view uri) {
    if (uri.size() > kTextMax) return bad_uri(uri, "too long");
    if (!starts_with_scheme(uri)) return bad_uri(uri, "must begin with https://");
    std::string_view host = uri.substr(kScheme.size());
    if (host.ends_with('/')) host.remove_suffix(1);
    if (!valid_host(host)) return bad_uri(uri, "bad host");
    return std::string(host);
}

bool same_host(std::string_view a, std::string_view b) { return same(a, b); }

std::string vault_name_of(std::string_view host) {
    for (const std::string_view suffix : kVaultSuffixes) {
        if (host.size() <= suffix.size()) continue;
        const std::string_view name = host.substr(0, host.size() - suffix.size());
        if (same(host.substr(name.size()), suffix) && name.find('.') == std::string_view::npos)
            return std::string(name);
    }
    return {};
}

bool valid_key_name(std::string_view name) {
    return !name.empty() && name.size() <= 127 &&
           std::ranges::all_of(name, [](char c) { return is_alnum(c) || c == '-'; });
}

}  // namespace twofold::keyring
