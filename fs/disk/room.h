#pragma once

#include "fs/disk/checkpoint.h"
#include "fs/disk/committer.h"
#include "fs/disk/versions.h"

namespace twofold::fs {

// Finds room for a request: slots of the pool and log pages (format, write step 1). When there is
// none, the writer who needs it makes it, holding nothing: a commit frees slots, a checkpoint log
// pages. If neither would help, others hold it, and leave. Thread-safe.
class Room {
public:
    Room(EngineContext& context, Versions& versions, Committer& committer,
         Checkpointer& checkpointer)
        : context_(context),
          versions_(versions),
          committer_(committer),
          checkpointer_(checkpointer) {}

    // Errc::invalid: more than this disk ever has. Errc::stopped.
    Result<Reservation> reserve(std::uint64_t slots, std::uint64_t records);

private:
    EngineContext& context_;
    Versions& versions_;
    Committer& committer_;
    Checkpointer& checkpointer_;
};

}  // namespace twofold::fs
