#pragma once

#include <string>

#include "tests/damaged/bench.h"
#include "tests/fs/disk/example_disk.h"
#include "tests/support/fixed_keys.h"
#include "tests/support/memory_image.h"

namespace twofold::damage {

// What the product makes of one malformed image: a line of fixtures/damaged/manifest.
struct Verdict {
    std::string name;
    std::string sha256;  // of the image's size and of each sector that is not zero, with its offset
    std::string opens;   // "refused: corrupt", "opens", "opens, reported; 63 blocks lost"
    std::string message;  // the error's line; empty where it opens
    std::string check;    // "sound", or the first finding: "leaf 0: unauthentic"
    std::string inspect;  // "shown", or the error's code

    std::string line() const;
    bool operator==(const Verdict&) const = default;
};

// Malformed images are made of the worked example of the format, every byte of which is fixed; so
// every byte of theirs is.
class Trial {
public:
    Trial();
    // The example, made malformed.
    MemoryImage image(const Malformed& malformed);
    // Opened read-only, opened to write, checked and inspected. Fails the test at the first byte
    // that any of it writes to an image that it refuses.
    Verdict judge(const Malformed& malformed);
    // The same where nothing is known of the disk from outside: what the image says of itself is
    // believed.
    std::string open_believing(const Malformed& malformed);
    const fs::ExampleDisk& example() const { return example_; }
    InsecureTestKeys& keys() { return keys_; }

private:
    std::string open(const MemoryImage& image, const fs::DiskNote& note, std::string& message);
    void refuse_to_write(const MemoryImage& image, const std::string& opens);

    fs::ExampleDisk example_;
    MemoryImage sound_;
    InsecureTestKeys keys_;
    FixedClock clock_;
};

// The manifest as it is committed, or would be.
std::string manifest_of(const std::vector<Verdict>& verdicts);

}  // namespace twofold::damage
