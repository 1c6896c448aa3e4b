#pragma once

#include "keyring/crypto/secret.h"

namespace twofold::crypto::arena {

// The mapping behind secret.h, for the files of this module.
//
// fork: the pages are not copied to a child (MADV_DONTFORK; a secret memory file would be shared
// with it, both ways). In the child every allocation fails, every free is ignored, and the address
// range is closed, so that a child that execs or ends works and one that goes on to use a context
// of OpenSSL made before the fork crashes instead of reading whatever came to lie there.

Result<void> map();   // once
bool mapped();        // false in a forked child
bool lost_in_fork();  // this is a child of the process that called map()

void* allocate(std::size_t size) noexcept;  // zeroed; nullptr when full
void free(void* pointer) noexcept;          // wipes
std::size_t size_of(void* pointer) noexcept;
bool contains(const void* pointer) noexcept;  // also in a forked child, of its parent's arena

}  // namespace twofold::crypto::arena
