#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fs/disk/header.h"
#include "fs/disk/layout.h"
#include "fs/disk/log_page.h"
#include "fs/disk/map_pages.h"
#include "fs/disk/superblock.h"
#include "keyring/crypto/key_source.h"

namespace twofold::damage {

// Changes an image as only a holder of every key could: whatever is edited gets its check values
// and MACs again, up to the root and the superblock. For images that are malformed inside a sound
// shell. Throws nothing; what can't be done stops the program (must()).
class Bench {
public:
    // An image that opens under these keys. Both must outlive the bench.
    Bench(io::File& image, crypto::KeySource& keys);

    using PageEdit = std::function<void(fs::PageBytes&)>;
    // What is made right again after an edit of a header sector: nothing, the SHA-256 (as anybody
    // can), or the MACs too.
    enum class Checked { nothing, sha, macs };

    // The static sector, in both copies alike; or in one.
    void edit_static(const PageEdit& edit, Checked checked);
    void edit_static(fs::HeaderCopy copy, const PageEdit& edit, Checked checked);
    // Facts as they stand, encoded again and authenticated by the keysets that `facts` names, which
    // are derived from the DEKs.
    void put_facts(const fs::StaticSector& facts);
    // Of layer i's envelope, in slot 0 of both copies.
    void edit_envelope(crypto::Layer layer, const PageEdit& edit, Checked checked);
    void put_envelope(fs::EnvelopePlace place, const fs::EnvelopeSector& envelope);
    fs::EnvelopeSector envelope(crypto::Layer layer);  // as it is in slot 0 of copy A

    void edit_superblock(const std::function<void(fs::Superblock&)>& edit);
    void edit_superblock_bytes(const PageEdit& edit);  // the check value is made right

    // The live page of the map that has block `kBlock`, and all above it.
    void edit_leaf(const PageEdit& edit);
    void edit_node(const PageEdit& edit);
    void edit_segment_table(const std::function<void(MutableBytes)>& edit);
    void edit_pool(const std::function<void(MutableBytes)>& edit);

    // The next page of the log, of one epoch with these records, as a writer would make it.
    fs::LogPage next_page(std::vector<fs::LogRecord> records) const;
    // Writes it behind the last one, `edit`ed under a MAC that fits.
    void append(
        const fs::LogPage& page, const PageEdit& edit = [](fs::PageBytes&) {});
    // An acknowledgement of all appended so far.
    void append_ack();
    // A block sealed into a slot, and its log record.
    fs::BlockRecord sealed(std::uint64_t block, std::uint64_t slot);

    const fs::StaticSector& facts() const { return opened_.header->facts(); }
    const fs::DiskKeys& keys() const { return opened_.keys; }
    const fs::Superblock& superblock() const { return superblock_; }
    const fs::Layout& layout() const { return *layout_; }
    std::vector<fs::Slot> pool() const;
    io::File& file() { return file_; }

    fs::PageBytes sector(std::uint64_t offset);
    void put(std::uint64_t offset, Bytes bytes);

    static constexpr std::size_t kShaAt = 3904, kMacsAt = 3936;  // static sector
    static constexpr std::size_t kEntryAt = fs::kMapPageHeaderSize;
    static constexpr std::uint64_t kBlock = 5;  // has data

private:
    void check_static(fs::PageBytes& page, Checked checked) const;
    void put_superblock();
    void set_table(Bytes table);
    void set_node(fs::PageBytes page);
    std::vector<std::byte> table();
    fs::Reference reference(Bytes page_or_table, std::size_t at) const;
    fs::PageMac remac(fs::PageBytes& page) const;
    crypto::SecretBytes volume_secret(const std::array<crypto::SecretBytes, 2>& wraps,
                                      const fs::KeysetRecord& record) const;

    io::File& file_;
    crypto::KeySource& source_;
    fs::Header::Opened opened_;
    fs::Superblock superblock_;
    std::optional<fs::Layout> layout_;
    std::uint64_t sequence_ = 0, epoch_ = 0;  // the next page's
    fs::ChainValue chain_{};
};

// One malformed image.
struct Malformed {
    std::string name;  // unique: "superblock-generation-zero"
    std::string what;  // one line
    std::function<void(Bench&)> make;
};

// All of them, by what is wrong.
std::vector<Malformed> malformed_files();
std::vector<Malformed> malformed_headers();
std::vector<Malformed> malformed_keysets();
std::vector<Malformed> malformed_envelopes();
std::vector<Malformed> malformed_superblocks();
std::vector<Malformed> malformed_maps();
std::vector<Malformed> malformed_logs();
std::vector<Malformed> all_malformed();
// Of the images of real stores alone: their records are what the keyring reads.
std::vector<Malformed> malformed_records();

// An edit that writes little-endian numbers, or bytes, at an offset of a sector.
Bench::PageEdit set_u8(std::size_t at, std::uint8_t value);
Bench::PageEdit set_u16(std::size_t at, std::uint16_t value);
Bench::PageEdit set_u32(std::size_t at, std::uint32_t value);
Bench::PageEdit set_u64(std::size_t at, std::uint64_t value);
Bench::PageEdit set_bytes(std::size_t at, std::string bytes);
Bench::PageEdit invert(std::size_t at, std::size_t size);

}  // namespace twofold::damage
