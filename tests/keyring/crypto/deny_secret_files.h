#pragma once

namespace twofold::crypto {

// From now on memfd_secret(2) fails in this process with ENOSYS, as on older kernels (seccomp).
void deny_secret_files();

}  // namespace twofold::crypto
