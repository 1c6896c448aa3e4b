#include "base/bytes.h"

#include <limits>

#include "base/clock.h"
#include "base/hex.h"
#include "base/utf8.h"
#include "tests/support/matchers.h"

namespace twofold {
namespace {

TEST(Writer, IsReadBackByReader) {
    std::array<std::byte, 29> buffer;
    Writer w(buffer);
    w.u8(1);
    w.u16_le(0x2345);
    w.u32_le(0x6789abcd);
    w.u48_le(0x010203040506);
    w.u64_le(0xfedcba9876543210);
    w.bytes(as_bytes("text"));
    w.zeros(4);
    EXPECT_EQ(w.offset(), buffer.size());
    EXPECT_EQ(to_hex(buffer), "014523cdab8967060504030201" "1032547698badcfe" "74657874" "00000000");

    Reader r(buffer);
    EXPECT_EQ(r.u8(), 1);
    EXPECT_EQ(r.u16_le(), 0x2345);
    EXPECT_EQ(r.u32_le(), 0x6789abcdU);
    EXPECT_EQ(r.u48_le(), 0x010203040506U);
    EXPECT_EQ(r.u64_le(), 0xfedcba9876543210U);
    EXPECT_EQ(as_text(r.bytes(4)), "text");
    EXPECT_TRUE(r.zeros(4));
    EXPECT_EQ(r.left(), 0U);
}

TEST(Hex, RefusesWhatIsNotHex) {
    EXPECT_THAT(from_hex("abc"), FailsWith(Errc::invalid));
    EXPECT_THAT(from_hex("zz"), FailsWith(Errc::invalid));
    EXPECT_THAT(Uuid::parse("00"), FailsWith(Errc::invalid));
    EXPECT_EQ(must(Uuid::parse("000102030405060708090A0b0c0d0e0f")).hex(),
              "000102030405060708090a0b0c0d0e0f");
}

TEST(Utf8, IsWellFormedOrIsNot) {
    for (const char* good : {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                             "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
                             "\xf4\x8f\xbf\xbf", "a\xc3\xa9z"})
        EXPECT_TRUE(is_utf8(good)) << to_hex(as_bytes(good));
    // Lone and missing continuations, overlong forms, surrogates, past the last character.
    for (const char* bad :
         {"\x80", "\xbf", "\xc2", "\xc2z", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xe2\x82",
          "\xe2\x82z", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x94",
          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xfe"})
        EXPECT_FALSE(is_utf8(bad)) << to_hex(as_bytes(bad));
}

TEST(Error, IsOneLineWithReasonCodeAndAdvice) {
    Error e{Errc::key_revoked, "key kek1", "recover it", EACCES, "Forbidden"};
    EXPECT_EQ(std::move(e).in("vault v").line(),
              "vault v: key kek1: Permission denied (Forbidden); recover it");
    EXPECT_EQ((Error{Errc::failed, "a\nb", {}, 0, {}}).line(), "a?b");
}

TEST(Errc, HasTheDocumentedExitCodes) {
    EXPECT_EQ(exit_code(Errc::usage), 2);
    EXPECT_EQ(exit_code(Errc::key_blocked), 3);
    EXPECT_EQ(exit_code(Errc::substituted), 4);
    EXPECT_EQ(exit_code(Errc::busy), 5);
    EXPECT_EQ(exit_code(Errc::refused), 6);
    EXPECT_EQ(exit_code(Errc::timed_out), 7);
}

TEST(Iso8601, IsUtc) { EXPECT_EQ(iso8601(1767225599), "2025-12-31T23:59:59Z"); }
TEST(Iso8601, KnowsNoYearBeyond9999) {  // a date in a hostile file must not throw
    EXPECT_EQ(iso8601(std::numeric_limits<UnixSeconds>::max()), "9999-12-31T23:59:59Z");
    EXPECT_EQ(iso8601(std::numeric_limits<UnixSeconds>::min()), "0001-01-01T00:00:00Z");
}

}  // namespace
}  // namespace twofold
