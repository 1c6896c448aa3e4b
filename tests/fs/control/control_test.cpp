#include "fs/control/control.h"

#include "tests/support/matchers.h"
#include "tests/support/test_directory.h"

namespace twofold::fs {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr auto kPatience = seconds(20);

class Control : public testing::Test {
protected:
    void open(ControlHandlers handlers) {
        server_ = must(ControlServer::open(must(io::open_posix_directory(directory_.path())),
                                           std::move(handlers)));
    }
    static ControlHandlers handlers() {
        return {[] { return Result<std::string>(R"({"mounted":true})"); },
                [] { return Result<std::string>("[]"); },
                [] { return Result<std::string>("twofold_up 1\n"); },
                [](const std::string& body) { return Result<std::string>("got " + body); },
                [] { return Result<void>(); },
                [] { return Result<void>(); }};
    }
    ControlClient client() const { return ControlClient(directory_.path()); }

    TestDirectory directory_;
    std::unique_ptr<ControlServer> server_;
};

TEST_F(Control, EachPathReachesItsHandler) {
    open(handlers());
    EXPECT_EQ(must(client().get("/status")), R"({"mounted":true})");
    EXPECT_EQ(must(client().get("/alerts")), "[]");
    EXPECT_EQ(must(client().get("/metrics")), "twofold_up 1\n");
    EXPECT_EQ(must(client().post("/rotate", "{}", kPatience)), "got {}");
    EXPECT_THAT(client().post("/commit", "", kPatience), Succeeds());
    EXPECT_THAT(client().post("/stop", "", kPatience), Succeeds());
}

TEST_F(Control, WhatIsNotThereIsRefused) {
    open(handlers());
    EXPECT_THAT(client().get("/secrets"), FailsWith(Errc::usage));
    EXPECT_THAT(client().get("/rotate"), FailsWith(Errc::usage)) << "reading never rotates";
    EXPECT_THAT(client().post("/status", "", kPatience), FailsWith(Errc::usage));
}

TEST_F(Control, AnErrorCrossesTheSocketWhole) {
    const Error sent{Errc::key_revoked, "key kek1: disabled", "enable it", 5, "Forbidden"};
    ControlHandlers failing = handlers();
    failing.rotate = [&](const std::string&) -> Result<std::string> { return fail(sent); };
    open(failing);
    const auto received = client().post("/rotate", "", kPatience);
    ASSERT_THAT(received, FailsWith(Errc::key_revoked));
    EXPECT_EQ(received.error().line(), sent.line());
    EXPECT_EQ(received.error().vault_code, "Forbidden");
}

TEST_F(Control, EveryCodeCrossesTheSocket) {
    for (int i = 0; i <= static_cast<int>(Errc::timed_out); ++i) {
        const auto code = static_cast<Errc>(i);
        EXPECT_EQ(error_from_json(error_to_json({code, "what", {}, 0, {}})).code, code);
    }
    for (const char* text : {"", "{}", "[]", R"({"error":1})", "not json"})
        EXPECT_EQ(error_from_json(text).code, Errc::failed) << text;
}

TEST_F(Control, WithoutAMountNothingIsFound) {
    EXPECT_THAT(client().get("/status"), FailsWith(Errc::not_found));
    open(handlers());
    server_.reset();
    EXPECT_THAT(client().get("/status"), FailsWith(Errc::not_found));
    EXPECT_FALSE(must(directory_.directory().exists(kControlSocket)));
}

TEST_F(Control, ASocketLeftBehindByAKilledDaemonIsReplaced) {
    { const auto left = must(http::UnixServer::listen(directory_.path(kControlSocket), nullptr)); }
    ASSERT_TRUE(must(directory_.directory().exists(kControlSocket)));
    open(handlers());
    EXPECT_THAT(client().get("/status"), Succeeds());
}

}  // namespace
}  // namespace twofold::fs
