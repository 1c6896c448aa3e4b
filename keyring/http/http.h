#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace twofold::http {

// One request and one answer of HTTP/1.1 (RFC 9112), the connection closed after it. Bodies are
// whole: Content-Length or nothing, no chunks.
struct Request {
    std::string method;  // "GET"
    std::string path;    // "/status", without the query
    std::string body;
};

struct Response {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
};

// Called from several threads at once. What it throws becomes 500 with a constant text.
using Handler = std::function<Response(const Request&)>;

// Bounds on what a peer may send, in bytes.
inline constexpr std::size_t kHeadMax = 8 * 1024;
inline constexpr std::size_t kRequestBodyMax = 64 * 1024;
inline constexpr std::size_t kResponseBodyMax = 4 << 20;

// How much of `received` the first message takes once it is whole, or 0 if more is needed.
// Errc::invalid: not HTTP/1.x, a head or a body that is too long, an encoding that is not spoken
// here.
Result<std::size_t> request_size(std::string_view received);
Result<Request> parse_request(std::string_view whole);
Result<Response> parse_response(std::string_view whole);  // the whole of what came until the end
std::string to_text(const Request& request);
std::string to_text(const Response& response);

}  // namespace twofold::http
