#include "fs/deployment/deployment.h"

#include <nlohmann/json.hpp>

#include "tests/fs/deployment/samples.h"
#include "tests/support/matchers.h"

namespace twofold::fs {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json sample_json() { return json::parse(sample_deployment().to_json(), nullptr, false); }
Result<Deployment> parse(const json& value) { return Deployment::parse(value.dump(), "d"); }

TEST(Deployment, IsReadBackAsItWasWritten) {
    const Deployment deployment = sample_deployment();
    EXPECT_EQ(must(Deployment::parse(deployment.to_json(), "d")), deployment);
    Deployment minimal = deployment;
    minimal.layer2.reset();
    minimal.disks.clear();
    EXPECT_EQ(must(Deployment::parse(minimal.to_json(), "d")), minimal);
}

TEST(Deployment, RefusesEachMemberThatIsMissingUnknownOrOfAnotherType) {
    const json whole = sample_json();
    for (const auto& [name, value] : whole.items()) {
        if (name == "layer1" || name == "layer2") continue;  // may be missing
        json without = sample_json();
        without.erase(name);
        EXPECT_THAT(parse(without), FailsWith(Errc::damaged)) << name;
        json other = sample_json();
        other[name] = nullptr;
        EXPECT_THAT(parse(other), FailsWith(Errc::damaged)) << name;
    }
    json more = sample_json();
    more["noEncryption"] = true;
    EXPECT_THAT(parse(more), FailsWith(Errc::damaged));
    json deeper = sample_json();
    deeper["disks"][0]["plain"] = true;
    EXPECT_THAT(parse(deeper), FailsWith(Errc::damaged));
    json key = sample_json();
    key["layer2"]["secret"] = "x";
    EXPECT_THAT(parse(key), FailsWith(Errc::damaged));
}

TEST(Deployment, RefusesWhatIsNotJsonAndMembersNamedTwice) {
    EXPECT_THAT(Deployment::parse("", "d"), FailsWith(Errc::damaged));
    EXPECT_THAT(Deployment::parse("[]", "d"), FailsWith(Errc::damaged));
    std::string twice = sample_json().dump();
    twice.insert(1, "\"profile\":\"plain\",");
    EXPECT_THAT(Deployment::parse(twice, "d"), FailsWith(Errc::damaged));
}

TEST(Deployment, RefusesWhatFollowsANulByte) {
    std::string longer = sample_deployment().to_json();
    longer += '\0';
    EXPECT_THAT(Deployment::parse(longer, "d"), FailsWith(Errc::damaged));
    longer += "{}";
    EXPECT_THAT(Deployment::parse(longer, "d"), FailsWith(Errc::damaged));
}

TEST(Deployment, ItsErrorsAreShortHoweverLongTheNamesInIt) {
    const std::string name(1 << 16, 'x');
    json more = sample_json();
    more[name] = true;
    const auto unknown = parse(more);
    ASSERT_THAT(unknown, FailsWith(Errc::damaged));
    EXPECT_LT(unknown.error().line().size(), 200u);
    const auto twice = Deployment::parse(fmt::format("{{\"{0}\":1,\"{0}\":2}}", name), "d");
    ASSERT_THAT(twice, FailsWith(Errc::damaged));
    EXPECT_LT(twice.error().line().size(), 200u);
}

TEST(Deployment, RefusesDisksThatCanNotBe) {
    const auto with_disk = [](const char* member, const json& value) {
        json changed = sample_json();
        changed["disks"][0][member] = value;
        return parse(changed);
    };
    EXPECT_THAT(with_disk("name", "../../etc/passwd"), FailsWith(Errc::invalid));
    EXPECT_THAT(with_disk("node", "node7"), FailsWith(Errc::damaged));
    EXPECT_THAT(with_disk("role", "swap"), FailsWith(Errc::damaged));
    EXPECT_THAT(with_disk("size", 0), FailsWith(Errc::damaged));
    EXPECT_THAT(with_disk("size", 4097), FailsWith(Errc::damaged));
    EXPECT_THAT(with_disk("size", -4096), FailsWith(Errc::damaged));
    EXPECT_THAT(with_disk("name", "data0"), FailsWith(Errc::damaged)) << "used twice";
}

TEST(Deployment, AnotherFormatIsUnsupportedNotDamaged) {
    json newer = sample_json();
    newer["format"] = 2;
    newer["more"] = 1;
    const auto refused = parse(newer);
    ASSERT_THAT(refused, FailsWith(Errc::unsupported));
    EXPECT_THAT(refused.error().line(), HasSubstr("format 2"));
}

TEST(Deployment, NamesAreOneTo64LowerCaseLettersDigitsAndHyphens) {
    for (const char* name : {"a", "data-0", "0"}) EXPECT_THAT(check_name("disk", name), Succeeds());
    EXPECT_THAT(check_name("disk", std::string(64, 'a')), Succeeds());
    for (const char* name : {"", "Data", "a.img", "a/b", "..", "a b", "ä", "a_b"})
        EXPECT_THAT(check_name("disk", name), FailsWith(Errc::invalid)) << name;
    EXPECT_THAT(check_name("disk", std::string(65, 'a')), FailsWith(Errc::invalid));
}

TEST(Deployment, AMissingDiskIsToldWithTheOnesThatAreThere) {
    const Deployment deployment = sample_deployment();
    EXPECT_EQ(must(deployment.disk("data0"))->role, Role::data);
    const auto missing = deployment.disk("data9");
    ASSERT_THAT(missing, FailsWith(Errc::not_found));
    EXPECT_THAT(missing.error().line(), HasSubstr("os0, data0"));
    EXPECT_EQ(deployment.disks_of("node0").size(), 2u);
    EXPECT_EQ(deployment.disks_of("node1").size(), 0u);
}

}  // namespace
}  // namespace twofold::fs
