#include "keyring/http/unix_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/unique_fd.h"

namespace twofold::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kBacklog = 16;

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() > kSocketPathMax)
        return fail(Errc::invalid, "socket {}: path longer than {} bytes", path, kSocketPathMax);
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

const sockaddr* generic(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

class Deadline {
public:
    explicit Deadline(milliseconds timeout) : end_(steady_clock::now() + timeout) {}
    // Errc::timed_out where `fd` is not ready for `events` in time.
    Result<void> wait(int fd, short events) const {
        for (;;) {
            const auto left = std::chrono::ceil<milliseconds>(end_ - steady_clock::now()).count();
            if (left <= 0) return fail(Errc::timed_out, "no answer in time");
            pollfd entry{fd, events, 0};
            const int ready = ::poll(&entry, 1, static_cast<int>(left));
            if (ready > 0) return {};
            if (ready < 0 && errno != EINTR) return fail_errno(errno, "poll");
        }
    }

private:
    steady_clock::time_point end_;
};

Result<void> send_all(int fd, std::string_view data, const Deadline& deadline) {
    while (!data.empty()) {
        const ssize_t n = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            data.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            TF_TRY(deadline.wait(fd, POLLOUT));
        } else if (errno != EINTR) {
            return fail_errno(errno, "control socket");
        }
    }
    return {};
}

// Adds what has arrived to `received`; false at the end of the stream.
Result<bool> receive_some(int fd, std::string& received, const Deadline& deadline) {
    std::array<char, 16384> piece;
    for (;;) {
        const ssize_t n = ::recv(fd, piece.data(), piece.size(), MSG_DONTWAIT);
        if (n > 0) {
            received.append(piece.data(), static_cast<std::size_t>(n));
            return true;
        }
        if (n == 0) return false;
        if (errno == EAGAIN) {
            TF_TRY(deadline.wait(fd, POLLIN));
        } else if (errno != EINTR) {
            return fail_errno(errno, "control socket");
        }
    }
}

Result<Request> receive_request(int fd, const Deadline& deadline) {
    std::string received;
    for (;;) {
        TF_ASSIGN(const std::size_t size, request_size(received));
        if (size > 0) return parse_request(std::string_view(received).substr(0, size));
        TF_ASSIGN(const bool more, receive_some(fd, received, deadline));
        if (!more) return fail(Errc::invalid, "HTTP: the request is cut short");
    }
}

bool is_our_user(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
    return peer.uid == ::geteuid() || peer.uid == 0;
}

Response handle(const Handler& handler, const Request& request) noexcept try {
    return handler(request);
} catch (...) {  // its text is ours, not the client's
    return {500, R"({"error":{"code":"failed","message":"internal error"}})"};
}

}  // namespace

struct UnixServer::State {
    UniqueFd listener;
    UniqueFd end;  // becomes readable once, for all threads, when the server goes
    Handler handler;
    milliseconds request_timeout{};
    std::vector<std::thread> threads;

    void serve();
    void serve_one(int fd) const;
};

void UnixServer::State::serve_one(int fd) const {
    if (!is_our_user(fd)) return;
    auto request = receive_request(fd, Deadline(request_timeout));
    Response response{400, R"({"error":{"code":"usage","message":"not a request"}})"};
    if (request) response = handle(handler, *request);
    if (auto sent = send_all(fd, to_text(response), Deadline(request_timeout)); !sent)
        log::debug("control socket: an answer was not taken: {}", sent.error().line());
}

void UnixServer::State::serve() {
    for (;;) {
        std::array<pollfd, 2> entries{{{listener.get(), POLLIN, 0}, {end.get(), POLLIN, 0}}};
        if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) return;
        if (entries[1].revents != 0) return;
        if (entries[0].revents == 0) continue;
        // Does not block: another thread may have taken the connection.
        const UniqueFd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (client)
            serve_one(client.get());
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            std::this_thread::sleep_for(milliseconds(100));  // it stays ready: do not spin
    }
}

UnixServer::UnixServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

UnixServer::~UnixServer() {
    ::eventfd_write(state_->end.get(), 1);
    for (std::thread& thread : state_->threads) thread.join();
}

Result<std::unique_ptr<UnixServer>> UnixServer::listen(const std::string& path, Handler handler,
                                                       Options options) {
    TF_ASSIGN(const sockaddr_un address, address_of(path));
    auto state = std::make_unique<State>();
    state->handler = std::move(handler);
    state->request_timeout = options.request_timeout;
    state->end = UniqueFd(::eventfd(0, EFD_CLOEXEC));
    state->listener = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!state->end || !state->listener) return fail_errno(errno, "socket");
    // Linux gives the new name the mode of the socket: there is no moment when it is more open.
    if (::fchmod(state->listener.get(), 0600) != 0) return fail_errno(errno, "socket");
    if (::bind(state->listener.get(), generic(address), sizeof address) != 0) {
        if (errno == EADDRINUSE) return fail(Errc::busy, "socket {}: exists", path);
        return fail_errno(errno, "socket " + path);
    }
    if (::listen(state->listener.get(), kBacklog) != 0) return fail_errno(errno, "socket " + path);
    State* const shared = state.get();
    for (unsigned i = 0; i < options.threads; ++i)
        state->threads.emplace_back([shared] { shared->serve(); });
    return std::unique_ptr<UnixServer>(new UnixServer(std::move(state)));
}

Result<Response> unix_request(const std::string& path, const Request& request,
                              milliseconds timeout) {
    TF_ASSIGN(const sockaddr_un address, address_of(path));
    const Deadline deadline(timeout);
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail_errno(errno, "socket");
    while (::connect(fd.get(), generic(address), sizeof address) != 0) {
        if (errno == ENOENT || errno == ECONNREFUSED)
            return fail(Errc::not_found, "{}: nobody listens there", path);
        if (errno != EAGAIN && errno != EINTR) return fail_errno(errno, path);
        // The queue is full: wait a moment; a socket that does not listen can't be polled.
        TF_TRY(deadline.wait(fd.get(), POLLOUT));
        std::this_thread::sleep_for(milliseconds(10));
    }
    if (!is_our_user(fd.get()))
        return fail(Errc::not_permitted, "{}: another user's program listens there", path);
    TF_TRY(send_all(fd.get(), to_text(request), deadline));
    std::string received;
    for (;;) {
        TF_ASSIGN(const bool more, receive_some(fd.get(), received, deadline));
        if (!more) return parse_response(received);
        if (received.size() > kHeadMax + kResponseBodyMax)
            return fail(Errc::invalid, "HTTP: the answer is too long");
    }
}

}  // namespace twofold::http
