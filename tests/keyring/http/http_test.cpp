#include "keyring/http/http.h"

#include "tests/support/matchers.h"

namespace twofold::http {
namespace {

TEST(Http, ARequestIsReadBackAsItWasWritten) {
    const std::string text = to_text(Request{"POST", "/rotate", "{\"layer\":2}"});
    EXPECT_EQ(must(request_size(text)), text.size());
    const Request request = must(parse_request(text));
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/rotate");
    EXPECT_EQ(request.body, "{\"layer\":2}");
}

TEST(Http, ARequestIsWholeOnlyWithItsLastByte) {
    const std::string text = to_text(Request{"POST", "/rotate", "body"});
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_EQ(must(request_size(std::string_view(text).substr(0, size))), 0u) << size;
}

TEST(Http, TheQueryIsNotPartOfThePath) {
    EXPECT_EQ(must(parse_request("GET /status?x=1 HTTP/1.1\r\n\r\n")).path, "/status");
}

TEST(Http, WhatIsTooLongIsRefusedBeforeItIsThere) {
    EXPECT_THAT(request_size(std::string(kHeadMax, 'a')), FailsWith(Errc::invalid));
    const auto announcing = [](std::string_view length) {
        return request_size(fmt::format("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", length));
    };
    EXPECT_THAT(announcing(std::to_string(kRequestBodyMax)), Succeeds());
    for (const char* length : {"65537", "18446744073709551616", "-1", "1x", "", "0x10"})
        EXPECT_THAT(announcing(length), FailsWith(Errc::invalid)) << length;
}

TEST(Http, AmbiguousLengthsAreRefused) {
    EXPECT_THAT(request_size("POST / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 2\r\n\r\nab"),
                FailsWith(Errc::invalid));
    EXPECT_THAT(request_size("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                FailsWith(Errc::invalid));
}

TEST(Http, MalformedRequestLinesAreRefused) {
    for (const char* line : {"GET", "GET /", "GET status HTTP/1.1", " / HTTP/1.1", "GET / HTTP/2",
                             "GET /\x01 HTTP/1.1", "\r\n"})
        EXPECT_THAT(parse_request(std::string(line) + "\r\n\r\n"), FailsWith(Errc::invalid))
            << line;
}

TEST(Http, AnAnswerIsReadBackAndNeverCutShort) {
    const std::string text = to_text(Response{409, "{}"});
    const Response response = must(parse_response(text));
    EXPECT_EQ(response.status, 409);
    EXPECT_EQ(response.body, "{}");
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_THAT(parse_response(std::string_view(text).substr(0, size)),
                    FailsWith(Errc::invalid));
}

}  // namespace
}  // namespace twofold::http
