#pragma once

#include <memory>

#include "fs/block/block_device.h"
#include "tests/support/test_disks.h"

namespace twofold {

// A device, with what it stands on.
class TestDevice {
public:
    virtual ~TestDevice() = default;
    virtual fs::BlockDevice& device() = 0;
};

std::unique_ptr<TestDevice> raw_device(std::uint64_t blocks);
std::unique_ptr<TestDevice> raw_device_on_disk(std::uint64_t blocks);
std::unique_ptr<TestDevice> encrypted_device(DiskShape shape, const Layers& layers);
// With a file of its own, and a disk that does by itself what is due.
std::unique_ptr<TestDevice> encrypted_device_on_disk(DiskShape shape, const Layers& layers);

}  // namespace twofold
