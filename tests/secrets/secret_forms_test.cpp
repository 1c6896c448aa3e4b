#include "tests/secrets/secret_forms.h"

#include <map>
#include <sstream>

#include "base/hex.h"
#include "tests/secrets/aes_schedule.h"
#include "tests/support/matchers.h"

// The searcher itself: it must find what is there, or its silence says nothing.
namespace twofold {
namespace {

constexpr const char* kHex = "000102030405060708090a0b0c0d0e0ffffefdfcfbfaf9f8f7f6f5f4f3f2f1f0";

std::vector<NamedSecret> secrets() {
    std::istringstream lines(
        fmt::format("dek1 {}\nother 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\n", kHex));
    return must(NamedSecret::parse(lines));
}

std::map<std::string, int> found_in(std::string_view text) {
    std::map<std::string, int> out;
    SecretForms(secrets()).find_in(as_bytes(text), [&](const std::string& name, const char* form,
                                                       std::size_t) { ++out[name + " " + form]; });
    return out;
}

using Finds = std::map<std::string, int>;

TEST(SecretForms, AreFoundWhereverTheyBegin) {
    const std::string raw(as_text(must(from_hex(kHex))));
    for (std::size_t before = 0; before < 9; ++before) {
        const std::string text = std::string(before, 'x') + raw;
        EXPECT_EQ(found_in(text), (Finds{{"dek1 raw", 1}}));
        EXPECT_EQ(found_in(text + raw), (Finds{{"dek1 raw", 2}}));
        EXPECT_EQ(found_in(text.substr(0, text.size() - 1)), Finds{});
    }
    EXPECT_EQ(found_in(kHex), (Finds{{"dek1 hex", 1}}));
    EXPECT_EQ(found_in("000102030405060708090A0B0C0D0E0FFFFEFDFCFBFAF9F8F7F6F5F4F3F2F1F0"),
              (Finds{{"dek1 HEX", 1}}));
}

// From `base64` of GNU, of the secret behind no, one and two bytes of something else.
TEST(SecretForms, AreFoundInBase64AtEachOfItsThreePlaces) {
    for (const char* text : {"AAECAwQFBgcICQoLDA0OD//+/fz7+vn49/b19PPy8fA=",
                             "eAABAgMEBQYHCAkKCwwNDg///v38+/r5+Pf29fTz8vHw",
                             "eHgAAQIDBAUGBwgJCgsMDQ4P//79/Pv6+fj39vX08/Lx8A=="})
        EXPECT_EQ(found_in(text), (Finds{{"dek1 base64", 1}})) << text;
    EXPECT_EQ(found_in("AAECAwQFBgcICQoLDA0OD__-_fz7-vn49_b19PPy8fA"),
              (Finds{{"dek1 base64url", 1}}));
}

TEST(SecretForms, RefuseWhatWouldBeFoundByChance) {
    for (const char* bad : {"", "short 0011", "odd 001122334455667788990011223344556", "word zz"}) {
        std::istringstream lines{std::string(bad)};
        EXPECT_THAT(NamedSecret::parse(lines), FailsWith(Errc::invalid)) << bad;
    }
}

// FIPS 197, appendix A.3, and for the inverse cipher its appendix C.3 (rounds of ik_sch).
TEST(AesSchedule, IsThatOfTheStandard) {
    const auto schedule = AesSchedule::of(
        must(from_hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")));
    EXPECT_EQ(to_hex(schedule.encrypting[0]), "603deb1015ca71be2b73aef0857d7781");
    EXPECT_EQ(to_hex(schedule.encrypting[2]), "9ba354118e6925afa51a8b5f2067fcde");
    EXPECT_EQ(to_hex(schedule.encrypting[3]), "a8b09c1a93d194cdbe49846eb75d5b9a");
    EXPECT_EQ(to_hex(schedule.encrypting[14]), "fe4890d1e6188d0b046df344706c631e");
    const auto inverse = AesSchedule::of(
        must(from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")));
    EXPECT_EQ(to_hex(inverse.decrypting[14]), "24fc79ccbf0979e9371ac23c6d68de36");
    EXPECT_EQ(to_hex(inverse.decrypting[13]), "34f1d1ffbfceaa2ffce9e25f2558016e");
    EXPECT_EQ(to_hex(inverse.decrypting[1]), "1a1f181d1e1b1c191217101516131411");
}

}  // namespace
}  // namespace twofold
