#include "fs/disk/room.h"

namespace twofold::fs {

Result<Reservation> Room::reserve(std::uint64_t slots, std::uint64_t records) {
    if (!versions_.can_hold(slots, records))
        return fail(Errc::invalid,
                    "disk: a write of {} blocks: its pool of {} slots and log of {} pages are too "
                    "small to keep it whole",
                    slots, context_.layout.shape().pool_slots, context_.layout.shape().log_pages);
    for (;;) {
        TF_TRY(context_.health.check());
        const std::uint64_t generation = checkpointer_.current().generation;
        Versions::Attempt attempt = versions_.try_reserve(slots, records);
        if (attempt.shortage == Versions::Shortage::none) return std::move(attempt.reservation);
        if (attempt.shortage == Versions::Shortage::log && attempt.settled)
            TF_TRY(checkpointer_.run_after(generation, committer_, versions_));
        else if (attempt.uncommitted)
            TF_TRY(committer_.commit());
        else
            versions_.wait_for_space(attempt.space_version, context_.health);
    }
}

}  // namespace twofold::fs
