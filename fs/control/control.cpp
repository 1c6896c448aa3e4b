#include "fs/control/control.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/log.h"

namespace twofold::fs {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kReadTimeout{10'000};  // a commit under way may hold the answer back
constexpr int kSysErrnoMax = 4095;            // MAX_ERRNO of Linux

http::Response failed(const Error& error) {
    const bool wrong_request = error.code == Errc::usage || error.code == Errc::invalid;
    return {wrong_request ? 400 : 409, error_to_json(error)};
}

http::Response reply(Result<std::string> body, std::string content_type = "application/json") {
    if (!body) return failed(body.error());
    return {200, std::move(*body), std::move(content_type)};
}

http::Response reply(const Result<void>& done) {
    if (!done) return failed(done.error());
    return {200, "{}"};
}

Errc code_named(std::string_view name) {
    for (int i = 0; i <= static_cast<int>(Errc::timed_out); ++i)
        if (name_of(static_cast<Errc>(i)) == name) return static_cast<Errc>(i);
    return Errc::failed;
}

}  // namespace

http::Response answer(const ControlHandlers& handlers, const http::Request& request) {
    const bool get = request.method == "GET", post = request.method == "POST";
    if (get && request.path == "/status") return reply(handlers.status());
    if (get && request.path == "/alerts") return reply(handlers.alerts());
    if (get && request.path == "/metrics")
        return reply(handlers.metrics(), "text/plain; version=0.0.4");
    if (post && request.path == "/rotate") return reply(handlers.rotate(request.body));
    if (post && request.path == "/commit") return reply(handlers.commit());
    if (post && request.path == "/stop") return reply(handlers.stop());
    for (const char* known : {"/status", "/alerts", "/metrics", "/rotate", "/commit", "/stop"})
        if (request.path == known)
            return {405, error_to_json({Errc::usage, "method not allowed here", {}, 0, {}})};
    return {404, error_to_json({Errc::usage, "no such path", {}, 0, {}})};
}

std::string error_to_json(const Error& error) {
    return to_text(json{{"error",
                         {{"code", name_of(error.code)},
                          {"message", error.what},
                          {"advice", error.advice},
                          {"vaultCode", error.vault_code},
                          {"errno", error.sys_errno}}}});
}

Error error_from_json(std::string_view text) {
    const auto value = parse_json(text, "answer of the daemon");
    const json* object = value ? json_member(*value, "error") : nullptr;
    if (object == nullptr) return {Errc::failed, "daemon: no usable answer", {}, 0, {}};
    Error error;
    error.code = code_named(json_text(*object, "code").value_or(""));
    error.what = json_text(*object, "message").value_or("daemon: failed");
    error.advice = json_text(*object, "advice").value_or("");
    error.vault_code = json_text(*object, "vaultCode").value_or("");
    const auto number = json_integer(*object, "errno").value_or(0);
    if (number > 0 && number <= kSysErrnoMax) error.sys_errno = static_cast<int>(number);
    return error;
}

Result<std::unique_ptr<ControlServer>> ControlServer::open(std::unique_ptr<io::Directory> runtime,
                                                           ControlHandlers handlers) {
    TF_ASSIGN(const bool left, runtime->exists(kControlSocket));
    if (left) TF_TRY(runtime->unlink(kControlSocket));
    TF_ASSIGN(auto server,
              http::UnixServer::listen(runtime->path() + "/" + kControlSocket,
                                       [handlers = std::move(handlers)](const http::Request& r) {
                                           return answer(handlers, r);
                                       }));
    return std::unique_ptr<ControlServer>(new ControlServer(std::move(runtime), std::move(server)));
}

ControlServer::~ControlServer() {
    server_.reset();
    if (auto gone = runtime_->unlink(kControlSocket); !gone)
        log::debug("control socket: {}", gone.error().line());
}

Result<std::string> ControlClient::ask(const http::Request& request, milliseconds timeout) const {
    auto response = http::unix_request(path_, request, timeout);
    if (!response && response.error().code != Errc::not_found)
        return fail(std::move(response).error().in("running mount"));
    if (!response) return fail(std::move(response).error());
    if (response->status != 200) return fail(error_from_json(response->body));
    return std::move(response->body);
}

Result<std::string> ControlClient::get(const std::string& path) const {
    return ask({"GET", path, ""}, kReadTimeout);
}

Result<std::string> ControlClient::post(const std::string& path, const std::string& body,
                                        milliseconds timeout) const {
    return ask({"POST", path, body}, timeout);
}

}  // namespace twofold::fs
