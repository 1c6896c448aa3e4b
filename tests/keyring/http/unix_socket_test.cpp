#include "keyring/http/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "base/unique_fd.h"
#include "tests/support/matchers.h"
#include "tests/support/test_directory.h"

namespace twofold::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kPatience = seconds(20);

Response echo(const Request& request) {
    return {200, request.method + request.path + request.body};
}

UniqueFd connect_to(const std::string& path) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    TF_CHECK(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return fd;
}

TEST(UnixSocket, AnswersRequests) {
    TestDirectory directory;
    const std::string path = directory.path("s");
    const auto server = must(UnixServer::listen(path, echo));
    EXPECT_EQ(must(unix_request(path, {"GET", "/a", "b"}, kPatience)).body, "GET/ab");
}

TEST(UnixSocket, IsForItsOwnerAlone) {
    TestDirectory directory;
    const mode_t before = ::umask(0);
    const auto server = must(UnixServer::listen(directory.path("s"), echo));
    ::umask(before);
    struct stat st {};
    ASSERT_EQ(::stat(directory.path("s").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST(UnixSocket, ServesManyAtOnce) {
    TestDirectory directory;
    const std::string path = directory.path("s");
    const auto server = must(UnixServer::listen(path, echo));
    std::atomic<int> answered{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i)
        clients.emplace_back([&] {
            for (int j = 0; j < 20; ++j)
                if (unix_request(path, {"GET", "/", ""}, kPatience)) ++answered;
        });
    for (auto& client : clients) client.join();
    EXPECT_EQ(answered, 160);
}

TEST(UnixSocket, ClientsThatStallDoNotBlockTheOthersForever) {
    TestDirectory directory;
    const std::string path = directory.path("s");
    const auto server = must(UnixServer::listen(path, echo, {2, milliseconds(50)}));
    std::vector<UniqueFd> stalled;
    for (int i = 0; i < 6; ++i) {
        stalled.push_back(connect_to(path));
        TF_CHECK(::send(stalled.back().get(), "GET /", 5, MSG_NOSIGNAL) == 5);
    }
    EXPECT_THAT(unix_request(path, {"GET", "/", ""}, kPatience), Succeeds());
}

TEST(UnixSocket, WhatAHandlerThrowsStaysInside) {
    TestDirectory directory;
    const std::string path = directory.path("s");
    const auto server = must(UnixServer::listen(
        path, [](const Request&) -> Response { throw std::runtime_error("the secret"); }));
    const Response response = must(unix_request(path, {"GET", "/", ""}, kPatience));
    EXPECT_EQ(response.status, 500);
    EXPECT_THAT(response.body, testing::Not(testing::HasSubstr("secret")));
}

TEST(UnixSocket, WhatIsNoRequestIsAnsweredWith400) {
    TestDirectory directory;
    const std::string path = directory.path("s");
    const auto server = must(UnixServer::listen(path, echo));
    EXPECT_EQ(must(unix_request(path, {"GET", "no-slash", ""}, kPatience)).status, 400);
    EXPECT_EQ(
        must(unix_request(path, {"GET", "/", std::string(kRequestBodyMax, 'a')}, kPatience)).status,
        200);
}

TEST(UnixSocket, NobodyListeningIsNotFound) {
    TestDirectory directory;
    const std::string path = directory.path("s");
    EXPECT_THAT(unix_request(path, {"GET", "/", ""}, kPatience), FailsWith(Errc::not_found));
    { const auto server = must(UnixServer::listen(path, echo)); }
    EXPECT_THAT(unix_request(path, {"GET", "/", ""}, kPatience), FailsWith(Errc::not_found))
        << "a socket left behind";
    EXPECT_THAT(UnixServer::listen(path, echo), FailsWith(Errc::busy));
}

TEST(UnixSocket, AnotherUsersServerIsNotAsked) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to act as another user";
    TestDirectory directory;
    constexpr uid_t kOther = 65534;
    ASSERT_EQ(::chown(directory.path().c_str(), kOther, static_cast<gid_t>(-1)), 0);
    const std::string path = directory.path("s");
    const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(::seteuid(kOther), 0);
    const int bound = ::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    const int listening = ::listen(listener.get(), 1);  // whose user the client sees
    ASSERT_EQ(::seteuid(0), 0);
    ASSERT_EQ(bound, 0);
    ASSERT_EQ(listening, 0);
    EXPECT_THAT(unix_request(path, {"POST", "/rotate", ""}, kPatience),
                FailsWith(Errc::not_permitted));
}

TEST(UnixSocket, APathThatIsTooLongIsRefused) {
    EXPECT_THAT(UnixServer::listen("/tmp/" + std::string(kSocketPathMax, 'a'), echo),
                FailsWith(Errc::invalid));
}

TEST(UnixSocket, AClientThatGetsNoAnswerGivesUp) {
    TestDirectory directory;
    const std::string path = directory.path("s");
    std::atomic<bool> release{false};
    const auto server = must(UnixServer::listen(path, [&](const Request&) {
        while (!release) std::this_thread::yield();
        return Response{};
    }));
    EXPECT_THAT(unix_request(path, {"GET", "/", ""}, milliseconds(20)), FailsWith(Errc::timed_out));
    release = true;
}

}  // namespace
}  // namespace twofold::http
