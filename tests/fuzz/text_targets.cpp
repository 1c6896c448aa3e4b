// What comes as text: key identifiers, and the requests and answers of the control socket.
#include "fs/control/control.h"
#include "keyring/envelope/key_id.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"

namespace twofold::fuzz {

using keyring::KeyId;

namespace {

void check_id(const Result<KeyId>& id) {
    if (!id) return;
    const std::string uri = id->uri();
    TF_CHECK(keyring::valid_key_name(id->name()));
    TF_CHECK(id->same_key(*id) && id->covers(*id));
    for (const char c : uri) TF_CHECK(c > 0x20 && c < 0x7f);
    if (id->full() || id->versionless()) {  // "vN" has no URI: it is resolved once
        const auto again = KeyId::parse(uri);
        TF_CHECK(again && *again == *id);
    }
    const auto parts = KeyId::from_parts(id->vault_uri(), id->name(), id->version());
    TF_CHECK(parts && *parts == *id);
    (void)keyring::vault_name_of(id->host());
    (void)id->with_version("");
}

}  // namespace

void fuzz_key_id(Bytes bytes) {
    const std::string_view text = as_text(bytes);
    check_id(KeyId::parse(text));
    // "URI NAME VERSION"
    const std::size_t one = text.find(' ');
    if (one == std::string_view::npos) return;
    const std::string_view rest = text.substr(one + 1);
    const std::size_t two = std::min(rest.find(' '), rest.size());
    check_id(KeyId::from_parts(text.substr(0, one), rest.substr(0, two),
                               rest.substr(std::min(two + 1, rest.size()))));
    (void)keyring::parse_vault_uri(text);
}

// As UnixServer reads it: until a request is whole or refused. Then the answer, as a client reads
// it.
void fuzz_control(Bytes bytes) {
    const std::string_view text = as_text(bytes);
    (void)fs::error_from_json(text);
    (void)http::parse_response(text);
    const auto size = http::request_size(text);
    if (!size || *size == 0) return;
    TF_CHECK(*size <= text.size());
    TF_CHECK(*size <= http::kHeadMax + http::kRequestBodyMax);
    const auto request = http::parse_request(text.substr(0, *size));
    if (!request) return;
    const auto echo = [&]() -> Result<std::string> { return request->path; };
    const auto refuse = []() -> Result<void> { return fail(Errc::refused, "no"); };
    const fs::ControlHandlers handlers{
        echo,   echo,  echo, [](const std::string& body) -> Result<std::string> { return body; },
        refuse, refuse};
    const http::Response response = fs::answer(handlers, *request);
    const auto read = http::parse_response(http::to_text(response));
    TF_CHECK(read && read->status == response.status && read->body == response.body);
    if (response.status == 409) TF_CHECK(fs::error_from_json(read->body).code == Errc::refused);
}

}  // namespace twofold::fuzz
