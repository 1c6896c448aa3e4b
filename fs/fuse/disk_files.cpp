#include "fs/fuse/disk_files.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <set>

namespace twofold::fs {
namespace {

constexpr std::string_view kSuffix = ".img";
constexpr std::size_t kNameMax = 64;
constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr blksize_t kPreferredIo = 128 << 10;  // what cp and cat read at a time

struct timespec timespec_of(std::int64_t t) {
    return {t / kNanoseconds, t % kNanoseconds};
}

Result<void> check_name(const std::string& name) {
    const bool good = !name.empty() && name.size() <= kNameMax && name[0] != '.' &&
                      std::all_of(name.begin(), name.end(),
                                  [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '/'; });
    if (good) return {};
    return fail(Errc::invalid, "disk name {}: not 1 to {} printable characters", name, kNameMax);
}

}  // namespace

std::int64_t nanoseconds_now() {
    struct timespec t {};
    ::clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * kNanoseconds + t.tv_nsec;
}

DiskFiles::DiskFiles(const MountOptions& options)
    : read_only_(options.read_only),
      uid_(options.uid < 0 ? ::getuid() : static_cast<uid_t>(options.uid)),
      gid_(options.gid < 0 ? ::getgid() : static_cast<gid_t>(options.gid)),
      umask_(options.umask),
      buffers_(kRequestMax) {}

Result<std::unique_ptr<DiskFiles>> DiskFiles::create(std::vector<ServedDisk> disks,
                                                     const MountOptions& options) {
    std::unique_ptr<DiskFiles> files(new DiskFiles(options));
    std::set<std::string> names;
    for (ServedDisk& served : disks) {
        TF_CHECK(served.device != nullptr);
        TF_TRY(check_name(served.name));
        if (!names.insert(served.name).second)
            return fail(Errc::invalid, "disk {}: named twice", served.name);
        auto disk = std::make_unique<Disk>();
        disk->name = served.name.append(kSuffix);
        disk->device = served.device;
        disk->accessed = disk->modified = nanoseconds_now();
        files->disks_.push_back(std::move(disk));
    }
    return files;
}

Result<DiskFiles::Disk*> DiskFiles::disk(Inode inode) const {
    const std::uint64_t index = inode.value() - kRootInode.value() - 1;
    if (index >= disks_.size()) return fail(Errc::not_found, "inode {}", inode.value());
    return disks_[index].get();
}

std::vector<Inode> DiskFiles::inodes() const {
    std::vector<Inode> out;
    for (std::size_t i = 0; i < disks_.size(); ++i)
        out.push_back(Inode{kRootInode.value() + 1 + i});
    return out;
}
const std::string& DiskFiles::name(Inode inode) const {
    return disks_.at(inode.value() - kRootInode.value() - 1)->name;
}
std::uint64_t DiskFiles::size(Inode inode) const {
    return disks_.at(inode.value() - kRootInode.value() - 1)->device->geometry().size();
}

Result<Inode> DiskFiles::lookup(std::string_view name) const {
    for (const Inode inode : inodes())
        if (this->name(inode) == name) return inode;
    return fail(Errc::not_found, "{}", name);
}

Result<struct stat> DiskFiles::attributes(Inode inode) const {
    struct stat st {};
    st.st_ino = inode.value();
    st.st_uid = uid_;
    st.st_gid = gid_;
    if (inode == kRootInode) {
        st.st_mode = S_IFDIR | (0777 & ~umask_);
        st.st_nlink = 2;
        return st;
    }
    TF_ASSIGN(const Disk* d, disk(inode));
    const std::uint64_t bytes = d->device->geometry().size();
    const mode_t permissions = writable(*d) ? 0666 : 0444;
    st.st_mode = S_IFREG | (permissions & ~umask_);
    st.st_nlink = 1;
    st.st_size = static_cast<off_t>(bytes);
    st.st_blocks = static_cast<blkcnt_t>(bytes / 512);
    st.st_blksize = kPreferredIo;
    st.st_atim = timespec_of(d->accessed);
    st.st_mtim = st.st_ctim = timespec_of(d->modified);
    return st;
}

Result<void> DiskFiles::writable(const Disk& disk) const {
    if (!read_only_ && !disk.device->read_only()) return {};
    return fail(Errc::read_only, "{}: read-only", disk.name);
}

Result<Opened> DiskFiles::open(Inode inode, int flags) const {
    TF_ASSIGN(const Disk* d, disk(inode));
    if ((flags & O_ACCMODE) == O_RDONLY) return Opened::for_reading;
    TF_TRY(writable(*d));
    return Opened::for_writing;
}

Result<BufferPool::Loan> DiskFiles::read(Inode inode, std::uint64_t offset, std::size_t size) {
    TF_ASSIGN(Disk* const d, disk(inode));
    const std::uint64_t end = d->device->geometry().size();
    if (size > kRequestMax) return fail(Errc::invalid, "read: {} bytes at once", size);
    const std::size_t inside =
        offset >= end ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(size, end - offset));
    BufferPool::Loan buffer = buffers_.take();
    if (inside > 0) TF_TRY(d->device->read(ByteOffset{offset}, buffer.first(inside)));
    return buffer;
}

Result<Written> DiskFiles::write(Inode inode, std::uint64_t offset, Bytes data, AcrossEnd across) {
    TF_ASSIGN(Disk* const d, disk(inode));
    TF_TRY(writable(*d));
    const std::uint64_t end = d->device->geometry().size();
    const Bytes inside =
        offset >= end ? Bytes{} : data.first(std::min<std::uint64_t>(data.size(), end - offset));
    if (!inside.empty()) {
        if (auto written = d->device->write(ByteOffset{offset}, inside); !written) {
            note_failed_write(written.error());
            return fail(std::move(written).error());
        }
        d->modified = nanoseconds_now();
    }
    if (inside.size() < data.size() && (inside.empty() || across == AcrossEnd::refuse)) {
        const std::lock_guard lock(report_mutex_);
        ++report_.writes_past_end;
        return fail(Errc::too_big, "{}: a write past its end", d->name);
    }
    return Written{inside.size()};
}

void DiskFiles::note_failed_write(const Error& error) {
    const std::lock_guard lock(report_mutex_);
    ++report_.writes_failed;
    if (!report_.first_write_error) report_.first_write_error = error;
}

MountReport DiskFiles::report() const {
    const std::lock_guard lock(report_mutex_);
    return report_;
}

Result<void> DiskFiles::flush(Inode inode, Durability durability) {
    TF_ASSIGN(Disk* const d, disk(inode));
    if (!writable(*d)) return {};
    return d->device->flush(durability);
}

Result<void> DiskFiles::flush_all(Durability durability) {
    Result<void> outcome;
    for (const Inode inode : inodes())  // all of them, whatever one says
        if (auto flushed = flush(inode, durability); !flushed && outcome)
            outcome = fail(std::move(flushed.error()).in(name(inode)));
    return outcome;
}

Result<void> DiskFiles::allocate(Inode inode, int mode, std::uint64_t offset,
                                 std::uint64_t length) {
    TF_ASSIGN(Disk* const d, disk(inode));
    TF_TRY(writable(*d));
    constexpr int kKnown = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
    if ((mode & ~kKnown) != 0) return fail(Errc::unsupported, "fallocate: mode {:#x}", mode);
    const std::uint64_t end = d->device->geometry().size();
    const std::uint64_t inside = offset >= end ? 0 : std::min(length, end - offset);
    // A hole past the end is there already; room past the end is not to be had.
    if ((mode & FALLOC_FL_PUNCH_HOLE) == 0 && inside < length)
        return fail(Errc::too_big, "{}: its size is fixed", d->name);
    // A disk has its size to itself: to allocate inside asks for nothing.
    if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) == 0 || inside == 0) return {};
    d->modified = nanoseconds_now();
    return d->device->zero(ByteOffset{offset}, inside);
}

Result<std::optional<std::uint64_t>> DiskFiles::next_data(Inode inode, std::uint64_t offset) {
    TF_ASSIGN(Disk* const d, disk(inode));
    if (offset >= d->device->geometry().size()) return std::optional<std::uint64_t>();
    TF_ASSIGN(const auto run, d->device->next_data(block_of(ByteOffset{offset})));
    if (!run) return std::optional<std::uint64_t>();
    return std::optional(std::max(offset, offset_of(run->first).value()));
}

// Runs that touch are one stretch of data; the end of the disk counts as a hole.
Result<std::optional<std::uint64_t>> DiskFiles::next_hole(Inode inode, std::uint64_t offset) {
    TF_ASSIGN(Disk* const d, disk(inode));
    const std::uint64_t end = d->device->geometry().size();
    if (offset >= end) return std::optional<std::uint64_t>();
    std::uint64_t hole = offset;
    while (hole < end) {
        TF_ASSIGN(const auto run, d->device->next_data(block_of(ByteOffset{hole})));
        if (!run || offset_of(run->first).value() > hole) break;
        TF_CHECK(run->count > 0);
        hole = offset_of(BlockIndex{run->first.value() + run->count}).value();
    }
    return std::optional(std::min(hole, end));
}

Result<struct stat> DiskFiles::set_attributes(Inode inode, const AttributeChange& change) {
    if (inode == kRootInode) return attributes(inode);
    TF_ASSIGN(Disk* const d, disk(inode));
    if (change.size && *change.size != d->device->geometry().size())
        return fail(Errc::not_permitted, "{}: its size is fixed", d->name);
    if (change.accessed) d->accessed = *change.accessed;
    if (change.modified) d->modified = *change.modified;
    return attributes(inode);
}

struct statvfs DiskFiles::file_system() const {
    struct statvfs out {};
    out.f_bsize = out.f_frsize = kBlockSize;
    for (const auto& d : disks_) out.f_blocks += d->device->geometry().block_count;
    out.f_files = disks_.size() + 1;
    out.f_namemax = kNameMax + kSuffix.size();
    return out;
}

}  // namespace twofold::fs
