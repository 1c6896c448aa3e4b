#pragma once

#ifdef TWOFOLD_MUTANTS
#include <atomic>
#endif

namespace twofold::fs {

// The rules that keep a disk whole, each named where it is kept, so that a test can break one and
// see that it is missed (a mutant; tests/mutants). What a name says is true of a sound engine;
// section numbers and O1 to O7 are the format's.
//
// In every program that is shipped broken() is evaluated by the compiler, and is false: nothing of
// this is left in it. Only the library twofold_disk_mutants, the same sources compiled once more
// for those tests, can break anything.
enum class Rule {
    none,

    // Writing (section 6)
    blocks_are_locked,
    locks_come_before_the_epoch,
    slot_is_reused_in_its_epoch_only,       // write rule 3(a)
    own_slot_is_written_when_durably_zero,  // write rule 3(b)
    own_slot_is_written_after_its_punch,    // write rule 3(b)
    fresh_slots_are_written_first,          // of a request that has both
    refused_write_gives_slots_back,         // ENOSPC
    discard_gives_slots_back,
    metadata_is_allocated_first,
    nonces_count,
    each_epoch_draws_its_prefix,

    // Committing (section 6)
    pages_follow_data,                  // O1
    sealing_waits_for_writers,          // O1
    failed_epoch_gets_no_pages,         // O1
    pages_come_in_order,                // O2
    acknowledgement_needs_a_sync,       // O2
    page_tells_what_was_synced,         // O2
    ack_page_tells_what_was_synced,     // O2
    sync_covers_what_was_paged_before,  // O2
    replaced_slot_rests,                // O3
    punch_waits_for_acknowledgement,    // O3
    only_zero_blocks_are_punched,       // O3
    log_wraps_behind_a_checkpoint,      // O5
    a_page_stays_free_for_an_ack,
    range_records_come_before_changes,
    soft_epochs_are_bounded,

    // Errors (O6, O7)
    failed_write_stops,
    torn_slot_stops,
    failed_page_stops,
    failed_sync_stops,
    failed_punch_stops,
    failed_checkpoint_stops,
    stop_during_a_sync_is_no_success,
    every_sync_is_the_committers,

    // Checkpoints (section 6)
    superblock_follows_a_sync,  // O4
    superblock_is_synced_before_it_counts,
    checkpoint_is_as_of_its_epoch,
    log_starts_behind_its_epoch,
    pool_table_lists_what_later_epochs_took,
    leaf_goes_to_the_other_copy,
    node_goes_to_the_other_copy,
    segment_table_goes_to_the_other_copy,
    pool_table_goes_to_the_other_copy,
    superblock_has_two_replicas,
    superblocks_alternate,
    superblock_counts_in_one_unit,
    second_writer_is_looked_for,

    // Opening and recovery (section 7)
    recovery_starts_with_a_sync,
    recovery_reads_the_device,
    recovery_syncs_before_its_superblock,  // O4
    recovery_syncs_its_superblock,
    settled_epoch_is_above_all_seen,
    mount_counter_grows,
    log_salt_is_fresh,
    chain_starts_afresh,
    log_starts_above_all_seen,
    recovery_starts_a_new_log,  // the four before, at once
    recovered_discards_are_punched,
    file_is_not_cut_short,
    header_is_not_older_than_the_superblock,
    newest_superblock_is_taken,
    superblock_lies_in_its_pair,

    // Anchor (section 9)
    anchor_opens_before_the_image_is_written,
    anchor_names_the_next_salt,
    anchor_follows_its_superblock,
    anchor_mac,
    anchored_keysets_are_compared,
    header_is_not_older_than_the_anchor,
    older_image_is_rolled_back,
    other_lineage_is_forked,
    log_reaches_to_the_anchor,
    clean_image_has_an_empty_log,
    anchored_epochs_are_not_judged,

    // Following the log (section 7, steps 5 to 8)
    page_has_the_next_sequence,
    page_is_of_this_mount,
    page_has_this_salt,
    page_continues_the_chain,
    pages_of_an_epoch_are_in_order,
    epoch_ends_with_its_commit_page,
    epoch_has_all_its_records,
    records_are_within_the_disk,
    newer_mount_in_the_log_is_history_lost,
    synced_epoch_missing_is_history_lost,
    acknowledgement_counts_past_a_gap,
    synced_epochs_are_not_judged,
    last_epochs_are_verified,
    each_last_epoch_is_verified,
    superseded_version_is_not_judged,
    discarded_version_is_not_judged,
    only_a_prefix_is_kept,
    slots_are_exchanged_with_the_pool,
    read_error_is_no_mismatch,

    // Reading
    tag_is_checked,
    failed_tag_is_looked_at_again,
    cached_page_is_the_one_referred_to,
    failed_page_is_looked_up_again,

    // What vouches for metadata (sections 4 and 5)
    superblock_mac,
    superblock_fields,
    log_page_mac,
    log_page_fields,
    map_page_mac,
    map_page_is_the_one_referred_to,
    map_entries_are_within_the_disk,
    root_mac,
    pool_mac,
    pool_table_is_in_order,
    header_mac,
    header_fields,
    envelope_mac,
    commitment_is_compared,
    note_is_compared,
    layers_have_keys_of_their_own,

    // Headers (section 10)
    copy_b_is_written_first,
    copy_is_synced_before_the_other,
    new_envelope_is_proved,
    retired_envelope_is_overwritten,

    // The end of a mount
    requests_end_before_it_closes,

    count  // of rules, `none` included
};

#ifdef TWOFOLD_MUTANTS
inline std::atomic<Rule> broken_rule{Rule::none};  // set by a test, before it opens a disk
inline bool broken(Rule rule) { return broken_rule.load(std::memory_order_relaxed) == rule; }
#else
consteval bool broken(Rule) { return false; }
#endif

}  // namespace twofold::fs
