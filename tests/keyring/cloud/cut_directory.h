#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/io/io.h"

// A process that dies at a chosen step: for tests that kill it at each in turn.
namespace twofold {

// How many steps that change the directory may still happen before the process dies.
struct Fuse {
    int left = 1 << 20;
    int burnt = 0;
    bool step() {
        ++burnt;
        return left-- > 0;
    }
};

// Hand calls on until the fuse is burnt; from then on nothing happens any more.
class CutFile final : public io::ForwardingFile {
public:
    CutFile(std::unique_ptr<io::File> inner, Fuse& fuse)
        : ForwardingFile(std::move(inner)), fuse_(fuse) {}
    using ForwardingFile::write;
    Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override {
        if (!fuse_.step()) return fail(Errc::io, "killed");
        return ForwardingFile::write(offset, parts);
    }
    Result<void> sync() override {
        if (!fuse_.step()) return fail(Errc::io, "killed");
        return ForwardingFile::sync();
    }

private:
    Fuse& fuse_;
};

class CutDirectory final : public io::Directory {
public:
    CutDirectory(std::unique_ptr<io::Directory> inner, Fuse& fuse)
        : inner_(std::move(inner)), fuse_(fuse) {}

    std::string path() const override { return inner_->path(); }
    Result<std::vector<io::Entry>> list() override { return inner_->list(); }
    Result<bool> exists(const std::string& name) override { return inner_->exists(name); }
    Result<std::vector<std::byte>> read(const std::string& name, std::size_t size_max) override {
        return inner_->read(name, size_max);
    }
    Result<void> replace(const std::string& name, Bytes content) override {
        TF_TRY(burn());
        return inner_->replace(name, content);
    }
    Result<void> append(const std::string& name, Bytes content) override {
        TF_TRY(burn());
        return inner_->append(name, content);
    }
    Result<void> make_directory(const std::string& name) override {
        TF_TRY(burn());
        return inner_->make_directory(name);
    }
    Result<std::unique_ptr<io::Directory>> open_directory(const std::string& name) override {
        TF_ASSIGN(auto inner, inner_->open_directory(name));
        return std::unique_ptr<io::Directory>(
            std::make_unique<CutDirectory>(std::move(inner), fuse_));
    }
    Result<void> rename(const std::string& from, io::Directory& to_directory,
                        const std::string& to) override {
        TF_TRY(burn());
        return inner_->rename(from, *dynamic_cast<CutDirectory&>(to_directory).inner_, to);
    }
    Result<void> unlink(const std::string& name) override {
        TF_TRY(burn());
        return inner_->unlink(name);
    }
    Result<void> remove_tree(const std::string& name) override {
        TF_ASSIGN(const auto directory, open_directory(name));  // step by step
        TF_ASSIGN(const auto entries, directory->list());
        for (const io::Entry& entry : entries)
            TF_TRY(entry.is_directory ? directory->remove_tree(entry.name)
                                      : directory->unlink(entry.name));
        TF_TRY(burn());
        return inner_->remove_tree(name);
    }
    Result<std::unique_ptr<io::HeldLock>> lock(const std::string& name, bool wait) override {
        return inner_->lock(name, wait);
    }
    Result<std::unique_ptr<io::File>> open_file(const std::string& name, io::Access access,
                                                io::Create create, io::Lock lock) override {
        if (create != io::Create::no) TF_TRY(burn());
        TF_ASSIGN(auto file, inner_->open_file(name, access, create, lock));
        return std::unique_ptr<io::File>(std::make_unique<CutFile>(std::move(file), fuse_));
    }

private:
    Result<void> burn() {
        if (fuse_.step()) return {};
        return fail(Errc::io, "killed");
    }
    std::unique_ptr<io::Directory> inner_;
    Fuse& fuse_;
};

}  // namespace twofold
