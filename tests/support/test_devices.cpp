#include "tests/support/test_devices.h"

#include "fs/block/file_device.h"
#include "tests/support/test_directory.h"

namespace twofold {
namespace {

class RawDevice final : public TestDevice {
public:
    RawDevice(std::unique_ptr<io::File> file, std::uint64_t blocks) {
        must(file->resize(blocks * fs::kBlockSize));
        device_ = must(fs::FileDevice::open(std::move(file), io::Access::read_write));
    }
    fs::BlockDevice& device() override { return *device_; }

private:
    std::unique_ptr<fs::FileDevice> device_;
};

std::unique_ptr<io::File> new_file(const TestDirectory& directory) {
    return must(io::open_posix_file(directory.path("image"), io::Access::read_write,
                                    io::Create::must_not_exist, io::Lock::exclusive));
}

class RawDeviceOnDisk final : public TestDevice {
public:
    explicit RawDeviceOnDisk(std::uint64_t blocks) : raw_(new_file(directory_), blocks) {}
    fs::BlockDevice& device() override { return raw_.device(); }

private:
    TestDirectory directory_;
    RawDevice raw_;
};

class EncryptedDevice final : public TestDevice {
public:
    EncryptedDevice(DiskShape shape, const Layers& layers) : disk_(shape, layers) { disk_.open(); }
    fs::BlockDevice& device() override { return *disk_.disk; }

private:
    TestDisk disk_;
};

class EncryptedDeviceOnDisk final : public TestDevice {
public:
    EncryptedDeviceOnDisk(DiskShape shape, const Layers& layers) {
        fs::OpenOptions options;
        options.limits = fs::Limits::tiny();
        options.soft_commit_every = std::chrono::milliseconds(1);
        options.commit_every = std::chrono::seconds(0);
        auto file = new_file(directory_);
        const auto note = must(
            fs::create_disk(*file, shape.spec(layers), keys_, random_, clock_, options.limits));
        disk_ =
            must(fs::EncryptedDisk::open(std::move(file), keys_, note, random_, clock_, options));
    }
    ~EncryptedDeviceOnDisk() override { EXPECT_THAT(disk_->close(), Succeeds()); }
    fs::BlockDevice& device() override { return *disk_; }

private:
    TestDirectory directory_;
    InsecureTestKeys keys_;
    SeededRandom random_{1};
    SystemClock clock_;
    std::unique_ptr<fs::EncryptedDisk> disk_;
};

}  // namespace

std::unique_ptr<TestDevice> raw_device(std::uint64_t blocks) {
    return std::make_unique<RawDevice>(io::make_memory_file(0), blocks);
}

std::unique_ptr<TestDevice> raw_device_on_disk(std::uint64_t blocks) {
    return std::make_unique<RawDeviceOnDisk>(blocks);
}

std::unique_ptr<TestDevice> encrypted_device(DiskShape shape, const Layers& layers) {
    return std::make_unique<EncryptedDevice>(shape, layers);
}

std::unique_ptr<TestDevice> encrypted_device_on_disk(DiskShape shape, const Layers& layers) {
    return std::make_unique<EncryptedDeviceOnDisk>(shape, layers);
}

}  // namespace twofold
