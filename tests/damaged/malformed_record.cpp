// Envelopes that are authentic and whose record asks for something else than the disk's key: made
// of the record that is there, so of an image of a real store.
#include <algorithm>

#include "tests/damaged/bench.h"

namespace twofold::damage {

namespace {

using crypto::Layer;

std::string with(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    TF_CHECK(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

Malformed record(std::string name, std::string what,
                 std::function<std::string(std::string)> change) {
    return {"record-" + std::move(name), std::move(what), [change = std::move(change)](Bench& b) {
                fs::EnvelopeSector sector = b.envelope(Layer::two);
                const std::string text = change(std::string(as_text(sector.envelope.record)));
                const Bytes bytes = as_bytes(text);
                sector.envelope.record.assign(bytes.begin(), bytes.end());
                b.put_envelope({Layer::two, 0, 0}, sector);
            }};
}

}  // namespace

std::vector<Malformed> malformed_records() {
    return {
        record("of-rsa1_5", "asks the vault for PKCS #1 v1.5: a padding oracle",
               [](std::string t) { return with(t, "RSA-OAEP-256", "RSA1_5"); }),
        record("of-rsa-oaep-sha1", "asks the vault for OAEP with SHA-1",
               [](std::string t) { return with(t, "RSA-OAEP-256", "RSA-OAEP"); }),
        record(
            "of-a-foreign-vault", "a kid in a vault that nobody allowed",
            [](std::string t) { return with(t, "https://contoso-kv.", "https://attacker-kv."); }),
        record("of-no-https", "a kid that is no address of a vault",
               [](std::string t) { return with(t, "https://contoso-kv.", "http://contoso-kv."); }),
        record("with-a-member-more", "a member that no record has",
               [](std::string t) { return with(t, "{", "{\"check\":false,"); }),
        record("with-a-member-twice", "a second algorithm behind the first",
               [](std::string t) {
                   return with(t, "\"alg\":\"RSA-OAEP-256\"",
                               "\"alg\":\"RSA-OAEP-256\",\"alg\":\"RSA1_5\"");
               }),
        record("nested", "3900 brackets",
               [](const std::string&) { return std::string(3900, '['); }),
        record("of-noise", "no JSON", [](const std::string&) { return std::string(300, '\xff'); }),
        record("cut", "half a record", [](std::string t) { return t.substr(0, t.size() / 2); }),
    };
}

}  // namespace twofold::damage
