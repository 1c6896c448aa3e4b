#include "tests/damaged/trial.h"

#include <fmt/format.h>

#include "base/hex.h"
#include "fs/disk/check.h"
#include "fs/disk/encrypted_disk.h"
#include "fs/disk/inspect.h"
#include "tests/damaged/unwritable.h"

namespace twofold::damage {

namespace {

constexpr std::uint64_t kBlocks = 256;

std::string sha256_of(const MemoryImage& image) {
    std::vector<std::byte> all;
    const auto add_number = [&](std::uint64_t number) {
        std::array<std::byte, 8> bytes;
        Writer(bytes).u64_le(number);
        all.insert(all.end(), bytes.begin(), bytes.end());
    };
    add_number(image.size());
    const auto file = image.open();
    for (auto at = must(file->next_data(0)); at;
         at = must(file->next_data(*at + fs::kSectorSize))) {
        fs::PageBytes sector;
        image.read(*at, sector);
        if (all_zero(sector)) continue;
        add_number(*at);
        all.insert(all.end(), sector.begin(), sector.end());
    }
    return to_hex(crypto::sha256(all));
}

}  // namespace

std::string Verdict::line() const {
    return fmt::format(
        "{}\n    sha256   {}\n    open     {}\n{}    check    {}\n    inspect  {}\n", name, sha256,
        opens, message.empty() ? "" : fmt::format("    message  {}\n", message), check, inspect);
}

Trial::Trial() : example_(must(fs::ExampleDisk::make())), sound_(example_.size) {
    for (const auto& [offset, sector] : example_.sectors) sound_.write(offset, sector);
}

MemoryImage Trial::image(const Malformed& malformed) {
    MemoryImage image = sound_;
    const auto file = image.open();
    Bench bench(*file, keys_);
    malformed.make(bench);
    return image;
}

Verdict Trial::judge(const Malformed& malformed) {
    const MemoryImage made = image(malformed);
    Verdict verdict;
    verdict.name = malformed.name;
    verdict.sha256 = sha256_of(made);
    verdict.opens = open(made, example_.note, verdict.message);
    refuse_to_write(made, verdict.opens);

    SeededRandom random(1);
    const auto file = unwritable(made.open());
    const auto report = fs::check_disk(*file, keys_, example_.note, random, clock_, {});
    if (!report)
        verdict.check = fmt::format("error: {}", name_of(report.error().code));
    else if (report->sound())
        verdict.check = "sound";
    else
        verdict.check =
            fmt::format("{}: {}", report->findings[0].where, name_of(report->findings[0].code));
    const auto shown = fs::inspect_image(*file);
    verdict.inspect = shown ? "shown" : std::string(name_of(shown.error().code));
    EXPECT_EQ(sha256_of(made), verdict.sha256) << malformed.name << ": was written to";
    return verdict;
}

std::string Trial::open_believing(const Malformed& malformed) {
    const MemoryImage made = image(malformed);
    fs::PageBytes page;
    made.read(0, page);
    const auto facts = fs::StaticSector::parse(page);
    if (!facts) return fmt::format("refused: {}", name_of(facts.error().code));
    std::string message;
    return open(made, facts->note(), message);
}

std::string Trial::open(const MemoryImage& image, const fs::DiskNote& note, std::string& message) {
    SeededRandom random(1);
    fs::OpenOptions options;
    options.read_only = true;
    options.background = false;
    int events = 0;
    options.on_event = [&](const fs::DiskEvent& event) {
        events += event.kind != fs::DiskEvent::Kind::block_error;
    };
    auto disk =
        fs::EncryptedDisk::open(unwritable(image.open()), keys_, note, random, clock_, options);
    if (!disk) {
        message = disk.error().line();
        return fmt::format("refused: {}", name_of(disk.error().code));
    }
    std::uint64_t lost = 0;
    bool same = true;
    fs::PageBytes block;
    for (std::uint64_t b = 0; b < kBlocks; ++b) {
        if (!(*disk)->read(fs::ByteOffset{b * fs::kBlockSize}, block))
            ++lost;
        else
            same = same && (b == fs::kExampleBlock ? equal(block, fs::example_plaintext())
                                                   : all_zero(block));
    }
    return fmt::format("opens{}; {}{}", events != 0 ? ", reported" : "",
                       lost != 0 ? fmt::format("{} blocks lost, ", lost) : "",
                       same ? "same data" : "other data");
}

// What is refused to a reader is refused to a writer, with not a byte written; what is not, opens.
void Trial::refuse_to_write(const MemoryImage& image, const std::string& opens) {
    SeededRandom random(1);
    fs::OpenOptions options;
    options.background = false;
    const bool refused = opens.starts_with("refused");
    MemoryImage copy = image;
    auto file = copy.open();
    const auto disk =
        fs::EncryptedDisk::open(refused ? unwritable(std::move(file)) : std::move(file), keys_,
                                example_.note, random, clock_, options);
    const std::string found =
        disk ? "opens" : fmt::format("refused: {}", name_of(disk.error().code));
    EXPECT_TRUE(opens.starts_with(found)) << opens << " to read, " << found << " to write";
}

std::string manifest_of(const std::vector<Verdict>& verdicts) {
    std::string text;
    for (const Verdict& verdict : verdicts) text += verdict.line();
    return text;
}

}  // namespace twofold::damage
