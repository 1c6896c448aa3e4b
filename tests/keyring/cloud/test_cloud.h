#pragma once

#include <string>
#include <vector>

#include "keyring/cloud/cloud.h"
#include "keyring/cloud/identities.h"
#include "keyring/cloud/key_vault.h"
#include "keyring/cloud/vault_registry.h"
#include "tests/support/matchers.h"
#include "tests/support/test_directory.h"

namespace twofold::cloud {

// A cloud directory of the test's own, with the vault contoso-kv, and words to change it.
class TestCloud {
public:
    TestCloud() { add_vault("contoso-kv", true); }

    void add_vault(const std::string& name, bool purge_protection = false) {
        VaultRegistry::New vault;
        vault.name = name;
        vault.purge_protection = purge_protection;
        must(VaultRegistry(cloud).create(vault), "vault");
    }
    Identity add_identity(const std::string& name) {
        return must(Identities(cloud).create({name, Identity::Kind::user_assigned, "", "here"}));
    }
    void grant(const Identity& who, std::vector<std::string> permissions,
               const std::string& vault = "contoso-kv") {
        must(VaultRegistry(cloud).set_policy(vault, who.object_id, std::move(permissions), {}));
    }
    KeyBundle add_key(const std::string& name, const std::string& vault = "contoso-kv") {
        NewKey key;
        key.name = name;
        return must(KeyVault(cloud, vault).create(Caller::creator(), key), "key");
    }
    void change(const std::string& name, const std::string& version, const KeyChange& what) {
        must(keys.update(Caller::creator(), name, version, what), "update");
    }
    void enable(const std::string& name, const std::string& version, bool enabled) {
        KeyChange what;
        what.enabled = enabled;
        change(name, version, what);
    }
    void expire(const std::string& name, const std::string& version) {
        KeyChange what;
        what.exp = cloud.clock().now();
        change(name, version, what);
    }
    void not_yet(const std::string& name, const std::string& version) {
        KeyChange what;
        what.nbf = cloud.clock().now() + 1000;
        change(name, version, what);
    }
    void freeze_clock(UnixSeconds at) {
        must(directory.directory().replace("clock", fmt::format("{{\"frozenAt\": {}}}", at)));
    }
    std::string audit_log(const std::string& vault = "contoso-kv") {
        auto root = must(cloud.open_vault(vault));
        auto text = root->read_text("audit.jsonl", 1 << 24);
        return text ? *text : std::string();
    }
    // Requests that the vault has seen so far.
    long requests(const std::string& vault = "contoso-kv") {
        const std::string log = audit_log(vault);
        return std::count(log.begin(), log.end(), '\n');
    }

    TestDirectory directory;
    Cloud cloud{directory.path()};
    KeyVault keys{cloud, "contoso-kv"};
};

}  // namespace twofold::cloud
