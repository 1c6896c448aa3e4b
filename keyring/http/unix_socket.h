#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "keyring/http/http.h"

namespace twofold::http {

// The longest path of a Unix socket, in bytes (sockaddr_un, its final zero aside).
inline constexpr std::size_t kSocketPathMax = 107;

// HTTP on a Unix socket, for this user's own programs. The socket has mode 0600 from its first
// moment; whoever connects as another user is turned away besides. A fixed number of threads serves
// a connection each, and a request must arrive whole within `request_timeout`, so that clients that
// stall cost the others no more than that time.
class UnixServer {
public:
    struct Options {
        unsigned threads = 4;
        std::chrono::milliseconds request_timeout{2000};
    };
    // `path` must not exist: the caller holds the lock of its directory and has removed a socket
    // left behind. Errc::invalid for a path that is too long, Errc::busy if it exists.
    static Result<std::unique_ptr<UnixServer>> listen(const std::string& path, Handler handler,
                                                      Options options);
    static Result<std::unique_ptr<UnixServer>> listen(const std::string& path, Handler handler) {
        return listen(path, std::move(handler), Options());
    }
    // Waits for requests under way. The caller removes the socket from its directory.
    ~UnixServer();
    UnixServer(const UnixServer&) = delete;
    UnixServer& operator=(const UnixServer&) = delete;

private:
    struct State;
    explicit UnixServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// One request. Errc::not_found: nobody listens there. Errc::not_permitted: a program of another
// user does, whose answers are worth nothing. Errc::timed_out. Errc::io.
Result<Response> unix_request(const std::string& path, const Request& request,
                              std::chrono::milliseconds timeout);

}  // namespace twofold::http
