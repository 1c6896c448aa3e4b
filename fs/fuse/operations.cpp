#include "fs/fuse/operations.h"

#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <string.h>

#include <algorithm>
#include <atomic>
#include <concepts>
#include <new>
#include <vector>

// The edge to libfuse: each callback is a line that says what to compute; serve() computes it,
// replies once, and lets nothing be thrown into C.
namespace twofold::fs {
namespace {

// Only we change attributes and names, so the kernel may keep them as long as it likes, in seconds.
constexpr double kValid = 86400;
constexpr unsigned kBackgroundMax = 64;  // asynchronous requests under way, in place of 12

struct Attributes {
    struct stat st;
    double valid;
};
struct Entry {
    Inode inode;
    Attributes attributes;
};
struct Opening {
    fuse_file_info info;
};
struct Directory {
    std::vector<char> bytes;
};
struct Position {
    std::optional<std::uint64_t> offset;
};
struct Done {};

void send(fuse_req_t req, const Error& error) { fuse_reply_err(req, errno_of(error)); }
void send(fuse_req_t req, Done) { fuse_reply_err(req, 0); }
void send(fuse_req_t req, const Attributes& a) { fuse_reply_attr(req, &a.st, a.valid); }
void send(fuse_req_t req, const Entry& e) {
    fuse_entry_param entry{};
    entry.ino = e.inode.value();
    entry.attr = e.attributes.st;
    entry.attr_timeout = e.attributes.valid;
    entry.entry_timeout = kValid;
    fuse_reply_entry(req, &entry);
}
void send(fuse_req_t req, const Opening& o) { fuse_reply_open(req, &o.info); }
void send(fuse_req_t req, const BufferPool::Loan& loan) {
    fuse_reply_buf(req, reinterpret_cast<const char*>(loan.used().data()), loan.used().size());
}
void send(fuse_req_t req, Written written) { fuse_reply_write(req, written.size); }
void send(fuse_req_t req, const Directory& d) {
    fuse_reply_buf(req, d.bytes.data(), d.bytes.size());
}
void send(fuse_req_t req, Position position) {
    position.offset ? fuse_reply_lseek(req, static_cast<off_t>(*position.offset))
                    : fuse_reply_err(req, ENXIO);
}
void send(fuse_req_t req, const struct statvfs& st) { fuse_reply_statfs(req, &st); }

Served& served(fuse_req_t req) { return *static_cast<Served*>(fuse_req_userdata(req)); }

template <std::invocable<Served&> Body>
void serve(fuse_req_t req, Body body) noexcept try {
    auto result = body(served(req));
    result ? send(req, *result) : send(req, result.error());
} catch (const std::bad_alloc&) {
    fuse_reply_err(req, ENOMEM);
} catch (...) {
    fuse_reply_err(req, EIO);
}

Result<Done> done(Result<void> result) {
    TF_TRY(std::move(result));
    return Done{};
}

Result<Attributes> attributes(Served& s, Inode inode) {
    TF_ASSIGN(const struct stat st, s.files.attributes(inode));
    return Attributes{st, s.caretaker->size_in_doubt(inode) ? 0 : kValid};
}

// ---- Names and attributes ----

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
    serve(req, [=](Served& s) -> Result<Entry> {
        if (Inode{parent} != kRootInode) return fail(Errc::not_found, "{}", name);
        TF_ASSIGN(const Inode inode, s.files.lookup(name));
        TF_ASSIGN(const Attributes found, attributes(s, inode));
        return Entry{inode, found};
    });
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
    Caretaker::Asker asker{fuse_req_ctx(req)->pid, std::nullopt};
    if (info != nullptr) asker.open_file = info->fh;
    serve(req, [=](Served& s) {
        s.caretaker->await_size(Inode{ino}, asker);
        return attributes(s, Inode{ino});
    });
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat* wanted, int to_set, fuse_file_info*) {
    const auto nanoseconds = [](const struct timespec& t) {
        return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
    };
    AttributeChange change;
    if ((to_set & FUSE_SET_ATTR_SIZE) != 0)
        change.size = static_cast<std::uint64_t>(wanted->st_size);
    if ((to_set & FUSE_SET_ATTR_ATIME) != 0) change.accessed = nanoseconds(wanted->st_atim);
    if ((to_set & FUSE_SET_ATTR_MTIME) != 0) change.modified = nanoseconds(wanted->st_mtim);
    if ((to_set & FUSE_SET_ATTR_ATIME_NOW) != 0) change.accessed = nanoseconds_now();
    if ((to_set & FUSE_SET_ATTR_MTIME_NOW) != 0) change.modified = nanoseconds_now();
    serve(req, [=](Served& s) -> Result<Attributes> {
        TF_TRY(s.files.set_attributes(Inode{ino}, change));
        return attributes(s, Inode{ino});
    });
}

void op_statfs(fuse_req_t req, fuse_ino_t) {
    serve(
        req, [](Served & s) -> Result<struct statvfs> { return s.files.file_system(); });
}

// ---- Files ----

// An open file's handle: a number of its own, and what it was opened for in the lowest bit.
std::uint64_t new_handle(Opened opened) {
    static std::atomic<std::uint64_t> last{0};
    return ++last << 1 | static_cast<std::uint64_t>(opened);
}
Opened opened_for(std::uint64_t handle) { return static_cast<Opened>(handle & 1); }

void op_open(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
    serve(req, [=](Served& s) -> Result<Opening> {
        TF_ASSIGN(const Opened opened, s.files.open(Inode{ino}, info->flags));
        Opening answer{*info};
        answer.info.fh = new_handle(opened);
        answer.info.keep_cache = 1;
        return answer;
    });
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, fuse_file_info*) {
    serve(req, [=](Served& s) {
        return s.files.read(Inode{ino}, static_cast<std::uint64_t>(offset), size);
    });
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char* data, size_t size, off_t offset,
              fuse_file_info* info) {
    // The kernel passes a shorter count on to write(2); not so for pages it wrote back, where it
    // does not look, and for O_DIRECT, where it would make an EIO of it.
    const auto across =
        info->writepage || (info->flags & O_DIRECT) != 0 ? AcrossEnd::refuse : AcrossEnd::shorten;
    serve(req, [=](Served& s) -> Result<Written> {
        auto written = s.files.write(Inode{ino}, static_cast<std::uint64_t>(offset),
                                     as_bytes({data, size}), across);
        if (!written && written.error().code == Errc::too_big && s.writeback_cache)
            s.caretaker->size_moved(Inode{ino});
        return written;
    });
}

Result<Done> flush(Served& s, Inode inode, std::uint64_t open_file, Durability durability) {
    TF_TRY(s.files.flush(inode, durability));
    if (s.caretaker->take_overtaken(open_file))
        return fail(Errc::too_big, "{}: a write past its end", s.files.name(inode));
    return Done{};
}

// close(2) of a descriptor; what a reader closes promises nothing about writes.
void op_flush(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
    const std::uint64_t file = info->fh;
    serve(req, [=](Served& s) {
        return opened_for(file) == Opened::for_writing
                   ? flush(s, Inode{ino}, file, Durability::committed)
                   : Result<Done>(Done{});
    });
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int, fuse_file_info* info) {
    const std::uint64_t file = info->fh;
    serve(req, [=](Served& s) { return flush(s, Inode{ino}, file, Durability::synced); });
}

void op_release(fuse_req_t req, fuse_ino_t, fuse_file_info* info) {
    const std::uint64_t file = info->fh;
    serve(req, [=](Served& s) {
        s.caretaker->take_overtaken(file);
        return Result<Done>(Done{});
    });
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                  fuse_file_info*) {
    serve(req, [=](Served& s) {
        return done(s.files.allocate(Inode{ino}, mode, static_cast<std::uint64_t>(offset),
                                     static_cast<std::uint64_t>(length)));
    });
}

// The kernel asks without writing its dirty pages first, so that with the write-back cache our
// holes may hold data. ENOSYS lets it answer for itself, for good: all is data.
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, fuse_file_info*) {
    if (served(req).writeback_cache) return void(fuse_reply_err(req, ENOSYS));
    serve(req, [=](Served& s) -> Result<Position> {
        const auto from = static_cast<std::uint64_t>(offset);
        if (whence != SEEK_DATA && whence != SEEK_HOLE)
            return fail(Errc::invalid, "seek: whence {}", whence);
        TF_ASSIGN(const auto at, whence == SEEK_DATA ? s.files.next_data(Inode{ino}, from)
                                                     : s.files.next_hole(Inode{ino}, from));
        return Position{at};
    });
}

// ---- The directory ----

void op_opendir(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
    serve(req, [=](Served&) -> Result<Opening> {
        if (Inode{ino} != kRootInode) return fail(Errc::invalid, "not a directory");
        Opening answer{*info};
        answer.info.keep_cache = answer.info.cache_readdir = 1;
        return answer;
    });
}

// Offsets count entries: 0 ".", 1 "..", then the disks in order.
template <class Add>
Result<Directory> list(Served& s, std::size_t size, off_t offset, Add add) {
    std::vector<std::pair<std::string, Inode>> entries{{".", kRootInode}, {"..", kRootInode}};
    for (const Inode inode : s.files.inodes()) entries.emplace_back(s.files.name(inode), inode);
    Directory answer{std::vector<char>(std::min(size, kRequestMax))};
    std::size_t used = 0;
    for (auto i = static_cast<std::size_t>(offset); i < entries.size(); ++i) {
        TF_ASSIGN(const Attributes found, attributes(s, entries[i].second));
        const std::size_t room = answer.bytes.size() - used;
        const std::size_t need = add(answer.bytes.data() + used, room, entries[i].first.c_str(),
                                     Entry{entries[i].second, found}, static_cast<off_t>(i + 1));
        if (need > room) break;
        used += need;
    }
    answer.bytes.resize(used);
    return answer;
}

void op_readdir(fuse_req_t req, fuse_ino_t, size_t size, off_t offset, fuse_file_info*) {
    serve(req, [=](Served& s) {
        return list(s, size, offset,
                    [=](char* to, size_t room, const char* name, const Entry& e, off_t next) {
                        return fuse_add_direntry(req, to, room, name, &e.attributes.st, next);
                    });
    });
}

void op_readdirplus(fuse_req_t req, fuse_ino_t, size_t size, off_t offset, fuse_file_info*) {
    serve(req, [=](Served& s) {
        return list(s, size, offset,
                    [=](char* to, size_t room, const char* name, const Entry& e, off_t next) {
                        fuse_entry_param entry{};
                        entry.ino = e.inode.value();
                        entry.attr = e.attributes.st;
                        entry.attr_timeout = e.attributes.valid;
                        entry.entry_timeout = kValid;
                        return fuse_add_direntry_plus(req, to, room, name, &entry, next);
                    });
    });
}

// An fsync(2) of the directory is one of everything: what `sync MOUNTPOINT` can reach.
void op_fsyncdir(fuse_req_t req, fuse_ino_t, int, fuse_file_info*) {
    serve(req, [](Served& s) { return done(s.files.flush_all(Durability::synced)); });
}

// ---- What is not done here: files come and go with the disks of the deployment ----

void not_permitted(fuse_req_t req) { fuse_reply_err(req, EPERM); }
void op_mknod(fuse_req_t req, fuse_ino_t, const char*, mode_t, dev_t) { not_permitted(req); }
void op_mkdir(fuse_req_t req, fuse_ino_t, const char*, mode_t) { not_permitted(req); }
void op_remove(fuse_req_t req, fuse_ino_t, const char*) { not_permitted(req); }
void op_symlink(fuse_req_t req, const char*, fuse_ino_t, const char*) { not_permitted(req); }
void op_rename(fuse_req_t req, fuse_ino_t, const char*, fuse_ino_t, const char*, unsigned) {
    not_permitted(req);
}
void op_link(fuse_req_t req, fuse_ino_t, fuse_ino_t, const char*) { not_permitted(req); }
void op_create(fuse_req_t req, fuse_ino_t, const char*, mode_t, fuse_file_info*) {
    not_permitted(req);
}

// ---- The session ----

void op_init(void* data, fuse_conn_info* conn) {
    const auto want = [conn](unsigned capability, bool on) {
        conn->want = on ? conn->want | (conn->capable & capability) : conn->want & ~capability;
    };
    want(FUSE_CAP_WRITEBACK_CACHE, static_cast<Served*>(data)->writeback_cache);
    // A truncation is to come as a SETATTR of its own, which is refused; not as a flag of open.
    want(FUSE_CAP_ATOMIC_O_TRUNC, false);
    // Nobody changes a disk behind the kernel's back: its pages never go stale.
    want(FUSE_CAP_AUTO_INVAL_DATA, false);
    want(FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO | FUSE_CAP_PARALLEL_DIROPS, true);
    want(FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO, true);
    // Data passes through the ciphers in memory: splicing it would only add a pipe.
    want(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE, false);
    conn->max_write = kRequestMax;
    conn->max_readahead = kRequestMax;  // the kernel lowers it to its own bound
    conn->max_background = kBackgroundMax;
    conn->congestion_threshold = kBackgroundMax * 3 / 4;
    conn->time_gran = 1;
}

fuse_lowlevel_ops make_operations() {
    fuse_lowlevel_ops ops{};
    ops.init = op_init;
    ops.lookup = op_lookup;
    ops.getattr = op_getattr;
    ops.setattr = op_setattr;
    ops.statfs = op_statfs;
    ops.open = op_open;
    ops.read = op_read;
    ops.write = op_write;
    ops.flush = op_flush;
    ops.fsync = op_fsync;
    ops.release = op_release;
    ops.fallocate = op_fallocate;
    ops.lseek = op_lseek;
    ops.opendir = op_opendir;
    ops.readdir = op_readdir;
    ops.readdirplus = op_readdirplus;
    ops.fsyncdir = op_fsyncdir;
    ops.mknod = op_mknod;
    ops.mkdir = op_mkdir;
    ops.unlink = ops.rmdir = op_remove;
    ops.symlink = op_symlink;
    ops.rename = op_rename;
    ops.link = op_link;
    ops.create = op_create;
    return ops;
}

}  // namespace

const fuse_lowlevel_ops& operations() {
    static const fuse_lowlevel_ops ops = make_operations();
    return ops;
}

}  // namespace twofold::fs
