#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/io/io.h"
#include "base/result.h"
#include "keyring/http/http.h"
#include "keyring/http/unix_socket.h"

namespace twofold::fs {

// What a running mount can be asked, over HTTP on the socket `control` in its runtime directory:
//
//     GET  /status, /alerts   JSON
//     GET  /metrics           Prometheus' text format
//     POST /rotate            JSON in and out: rewrap the data key now
//     POST /commit            everything written so far is on disk (before reading the images)
//     POST /stop              unmount and end; answered before it happens
//
// A failure is an error's JSON, {"error": {code, message, advice, vaultCode, errno}}, from which
// the client makes the same Error again.
struct ControlHandlers {
    std::function<Result<std::string>()> status, alerts, metrics;
    std::function<Result<std::string>(const std::string& body)> rotate;
    std::function<Result<void>()> commit, stop;
};

// What the server answers to a request, whoever read it.
http::Response answer(const ControlHandlers& handlers, const http::Request& request);

inline constexpr const char* kControlSocket = "control";

class ControlServer {
public:
    // The caller holds the lock of `runtime`, so a socket that lies there was left behind by a
    // daemon that was killed: it is removed. Handlers are called from several threads at once.
    static Result<std::unique_ptr<ControlServer>> open(std::unique_ptr<io::Directory> runtime,
                                                       ControlHandlers handlers);
    ~ControlServer();  // waits for handlers, removes the socket

private:
    ControlServer(std::unique_ptr<io::Directory> runtime, std::unique_ptr<http::UnixServer> server)
        : runtime_(std::move(runtime)), server_(std::move(server)) {}
    std::unique_ptr<io::Directory> runtime_;
    std::unique_ptr<http::UnixServer> server_;
};

// The other end, for commands. A value; each call is one connection.
class ControlClient {
public:
    explicit ControlClient(const std::string& runtime_directory)
        : path_(runtime_directory + "/" + kControlSocket) {}

    // The answer's body. Errc::not_found: nothing is mounted there. Otherwise the daemon's Error.
    Result<std::string> get(const std::string& path) const;
    Result<std::string> post(const std::string& path, const std::string& body,
                             std::chrono::milliseconds timeout) const;

private:
    Result<std::string> ask(const http::Request& request, std::chrono::milliseconds timeout) const;
    std::string path_;
};

// For the wire, and for --json.
std::string error_to_json(const Error& error);
Error error_from_json(std::string_view text);  // Errc::failed where it is none

}  // namespace twofold::fs
