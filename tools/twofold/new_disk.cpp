#include "tools/twofold/new_disk.h"

#include "fs/disk/encrypted_disk.h"
#include "tools/twofold/anchors.h"
#include "tools/twofold/import.h"
#include "tools/twofold/output.h"

namespace twofold::cli {
namespace {

constexpr fs::Limits kLimits;  // production's
constexpr std::uint64_t kSizeMin = kLimits.blocks_min * fs::kBlockSize;
constexpr std::uint64_t kSizeMax = kLimits.blocks_max * fs::kBlockSize;

Result<void> check_size(std::uint64_t size) {
    if (size >= kSizeMin && size <= kSizeMax && size % fs::kBlockSize == 0) return {};
    return fail(Errc::invalid, "size {} bytes: must be {} to {}, in whole blocks of 4 KiB", size,
                human_size(kSizeMin), human_size(kSizeMax));
}

Result<void> check_wanted(const fs::Deployment& deployment, const NewDisk& wanted) {
    TF_TRY(fs::check_name("disk", wanted.name));
    TF_TRY(deployment.node(wanted.node));
    if (deployment.find_disk(wanted.name) != nullptr)
        return fail(Errc::exists, "disk {}: exists already", wanted.name);
    if (deployment.disks.size() >= fs::Deployment::kDisksMax)
        return fail(Errc::invalid, "disk {}: a deployment has at most {} disks", wanted.name,
                    fs::Deployment::kDisksMax);
    return {};
}

// One layer alone must be authenticated, so XTS is for the outer of two (format, section 5).
fs::DiskSpec spec_of(const fs::Deployment& deployment, const NewDisk& wanted, fs::Layers layers) {
    fs::DiskSpec spec;
    spec.deployment = deployment.id;
    spec.label = wanted.name;
    spec.role = wanted.role;
    spec.block_count = wanted.size / fs::kBlockSize;
    const bool both = layers.platform && layers.customer;
    spec.layer1 = both              ? fs::Suite::aes_256_xts
                  : layers.platform ? fs::Suite::xaes_256_gcm
                                    : fs::Suite::none;
    spec.layer2 = both              ? fs::Suite::xchacha20_poly1305
                  : layers.customer ? fs::Suite::xaes_256_gcm
                                    : fs::Suite::none;
    return spec;
}

// The image while it is made: under a name that no disk has, removed unless it was kept.
class NewImage {
public:
    static Result<NewImage> begin(const fs::Store& store, const NewDisk& wanted) {
        TF_ASSIGN(auto directory, store.images(wanted.node));
        const std::string name = fs::image_name(wanted.name);
        TF_ASSIGN(const bool exists, directory->exists(name));
        if (exists)
            return fail(Error{Errc::exists,
                              fmt::format("{}/{}: an image that no disk of the deployment owns",
                                          directory->path(), name),
                              "move it away first",
                              0,
                              {}});
        TF_ASSIGN(const bool left, directory->exists(name + kSuffix));
        if (left) TF_TRY(directory->unlink(name + kSuffix));  // of a command that was killed
        return NewImage(std::move(directory), name);
    }
    NewImage(NewImage&&) = default;
    NewImage& operator=(NewImage&&) = delete;
    ~NewImage() {
        if (!directory_) return;
        if (auto gone = directory_->unlink(now_); !gone && gone.error().code != Errc::not_found)
            log::warning("left behind: {}", gone.error().line());
    }
    Result<std::unique_ptr<io::File>> open(io::Create create) {
        return directory_->open_file(now_, io::Access::read_write, create, io::Lock::exclusive);
    }
    // Gives it its name; still removed unless released.
    Result<void> name() {
        TF_TRY(directory_->rename(now_, *directory_, name_));
        now_ = name_;
        return {};
    }
    void release() { directory_.reset(); }

private:
    static constexpr const char* kSuffix = ".new";
    NewImage(std::unique_ptr<io::Directory> directory, std::string name)
        : directory_(std::move(directory)), name_(std::move(name)), now_(name_ + kSuffix) {}
    std::unique_ptr<io::Directory> directory_;
    std::string name_, now_;
};

Result<void> import_into(Session& session, keyring::Keyring& keys, NewImage& image,
                         const fs::DiskNote& note, const fs::AnchorPlace& anchor, io::File& raw,
                         std::uint64_t raw_size) {
    const SystemClock clock;
    TF_ASSIGN(auto file, image.open(io::Create::no));
    fs::OpenOptions options;
    options.anchor = anchor;
    TF_ASSIGN(const auto disk, fs::EncryptedDisk::open(std::move(file), keys, note,
                                                       session.random(), clock, options));
    Progress progress(clock, anchor.disk, raw_size);
    TF_TRY(copy_in(raw, raw_size, *disk, progress));
    return disk->close();
}

// The first anchor of a disk; forgotten again unless the disk was entered.
class NewAnchor {
public:
    explicit NewAnchor(fs::AnchorPlace place) : place_(std::move(place)) {}
    NewAnchor(const NewAnchor&) = delete;
    NewAnchor& operator=(const NewAnchor&) = delete;
    ~NewAnchor() {
        if (!place_) return;
        if (auto gone = place_.store->forget(); !gone)
            log::warning("left behind: {}", gone.error().line());
    }
    void release() { place_.store.reset(); }

private:
    fs::AnchorPlace place_;
};

Result<std::unique_ptr<io::File>> open_raw(const std::string& path) {
    auto raw = io::open_posix_file(path, io::Access::read_only, io::Create::no, io::Lock::none);
    if (!raw) return fail(std::move(raw).error().in("raw image"));
    return raw;
}

// After the image: the note first, so that deployment.json never names a disk that is not noted.
Result<void> enter(Session& session, const fs::Disk& disk, const fs::DiskNote& disk_note,
                   NewImage& image) {
    fs::TrustNote note = session.note();
    std::erase_if(note.disks, [&](const auto& known) { return known.name == disk.name; });
    note.disks.push_back({disk.node, disk.name, disk.role, disk_note});
    const fs::TrustNote before = session.note();
    TF_TRY(session.save_note(std::move(note)));
    fs::Deployment deployment = session.deployment();
    deployment.disks.push_back(disk);
    TF_TRY(image.name());
    auto updated = session.store().update(std::move(deployment));
    if (updated) {
        image.release();
        return {};
    }
    if (auto undone = session.save_note(before); !undone) log::warning("{}", undone.error().line());
    return updated;
}

}  // namespace

Result<fs::Disk> add_disk(Session& session, const NewDisk& asked) {
    NewDisk wanted = asked;
    TF_TRY(check_wanted(session.deployment(), wanted));
    std::unique_ptr<io::File> raw;
    std::uint64_t raw_size = 0;
    if (wanted.import) {
        TF_ASSIGN(raw, open_raw(*wanted.import));
        TF_ASSIGN(raw_size, raw->size());
        wanted.size = (raw_size + fs::kBlockSize - 1) / fs::kBlockSize * fs::kBlockSize;
    }
    TF_TRY(check_size(wanted.size));
    TF_ASSIGN(const fs::Layers layers, fs::layers_of(session.deployment().choices, wanted.role));

    TF_ASSIGN(const auto lock, session.lock());
    TF_TRY(check_wanted(session.deployment(), wanted));  // as it is now
    TF_ASSIGN(const auto keys, session.open_keyring());
    TF_TRY(keys->unlock());

    const Interruptible interruptible;
    const SystemClock clock;
    TF_ASSIGN(NewImage image, NewImage::begin(session.store(), wanted));
    TF_ASSIGN(const auto place, anchor_place(session, wanted.node, wanted.name));
    fs::DiskNote note;
    {
        TF_ASSIGN(const auto file, image.open(io::Create::must_not_exist));
        TF_ASSIGN(note, fs::create_disk(*file, spec_of(session.deployment(), wanted, layers), *keys,
                                        session.random(), clock, kLimits, place));
    }
    NewAnchor anchor(place);  // its last step
    if (raw) TF_TRY(import_into(session, *keys, image, note, place, *raw, raw_size));
    const fs::Disk disk{wanted.name, wanted.node, wanted.role, wanted.size};
    TF_TRY(enter(session, disk, note, image));
    anchor.release();
    session.record({"disk-added",
                    {{"disk", disk.name},
                     {"node", disk.node},
                     {"role", std::string(fs::name_of(disk.role))},
                     {"size", disk.size}}});
    return disk;
}

}  // namespace twofold::cli
