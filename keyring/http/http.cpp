#include "keyring/http/http.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace twofold::http {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

Failure malformed(std::string_view why) { return fail(Errc::invalid, "HTTP: {}", why); }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// The head's lines after the first, each "name: value". A repeated Content-Length is refused: two
// readers could take the message for two different ones.
Result<std::optional<std::size_t>> content_length(std::string_view head, std::size_t max) {
    std::optional<std::size_t> length;
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;) {
        const std::size_t begin = at + 2;
        at = head.find("\r\n", begin);
        const std::string_view line = head.substr(begin, at - begin);
        if (line.empty()) continue;
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return malformed("a header line without a colon");
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = trimmed(line.substr(colon + 1));
        if (equal_ignoring_case(name, "transfer-encoding"))
            return malformed("transfer encodings are not spoken here");
        if (!equal_ignoring_case(name, "content-length")) continue;
        std::size_t parsed = 0;
        const char* const end = value.data() + value.size();
        const auto [rest, error] = std::from_chars(value.data(), end, parsed);
        if (length || value.empty() || error != std::errc() || rest != end || parsed > max)
            return malformed("bad content length");
        length = parsed;
    }
    return length;
}

std::size_t head_size(std::string_view text) {
    const std::size_t end = text.substr(0, kHeadMax).find(kHeadEnd);
    return end == std::string_view::npos ? 0 : end + kHeadEnd.size();
}

bool printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string_view reason_of(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 409:
            return "Conflict";
        case 500:
            return "Internal Server Error";
        default:
            return "Status";
    }
}

}  // namespace

Result<std::size_t> request_size(std::string_view received) {
    const std::size_t head = head_size(received);
    if (head == 0) {
        if (received.size() >= kHeadMax) return malformed("the head is too long");
        return std::size_t{0};
    }
    TF_ASSIGN(const auto length, content_length(received.substr(0, head), kRequestBodyMax));
    const std::size_t size = head + length.value_or(0);
    return received.size() >= size ? size : std::size_t{0};
}

Result<Request> parse_request(std::string_view whole) {
    const std::size_t head = head_size(whole);
    if (head == 0) return malformed("no end of the head");
    const std::string_view line = whole.substr(0, whole.find("\r\n"));
    const std::size_t first = line.find(' ');
    const std::size_t second = line.find(' ', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos)
        return malformed("no request line");
    Request request;
    request.method = line.substr(0, first);
    std::string_view target = line.substr(first + 1, second - first - 1);
    if (request.method.empty() || target.empty() || target.front() != '/' || !printable(target) ||
        !printable(request.method) || !line.substr(second + 1).starts_with("HTTP/1."))
        return malformed("bad request line");
    request.path = target.substr(0, target.find('?'));
    request.body = whole.substr(head);
    return request;
}

Result<Response> parse_response(std::string_view whole) {
    const std::size_t head = head_size(whole);
    if (head == 0 || !whole.starts_with("HTTP/1.")) return malformed("no answer");
    Response response;
    const std::string_view line = whole.substr(0, whole.find("\r\n"));
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || line.size() < space + 4)
        return malformed("no status line");
    const char* const digits = line.data() + space + 1;
    const auto [rest, error] = std::from_chars(digits, digits + 3, response.status);
    if (error != std::errc() || rest != digits + 3) return malformed("no status");
    TF_ASSIGN(const auto length, content_length(whole.substr(0, head), kResponseBodyMax));
    if (!length || whole.size() - head != *length) return malformed("the answer is cut short");
    response.body = whole.substr(head);
    return response;
}

std::string to_text(const Request& request) {
    return fmt::format(
        "{} {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        request.method, request.path, request.body.size(), request.body);
}

std::string to_text(const Response& response) {
    return fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        response.status, reason_of(response.status), response.content_type, response.body.size(),
        response.body);
}

}  // namespace twofold::http
