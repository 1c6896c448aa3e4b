#include "tests/mutants/mutants.h"

#include <fmt/format.h>

#include <cctype>
#include <sstream>

namespace twofold {

using fs::Rule;

namespace {

// "0 soft 1 sync": a number writes that block, "zero:0+2" discards two blocks from 0 on, the rest
// are the simulator's words; "during:" before one of these puts it in the middle of the next sync.
std::string script(const std::string& text) {
    std::string out;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        if (!out.empty()) out += "; ";
        if (word.starts_with("during:")) {
            out += "during sync: ";
            word.erase(0, 7);
        }
        std::uint64_t first = 0, count = 0;
        char plus = 0;
        if (word.starts_with("zero:")) {
            std::istringstream(word.substr(5)) >> first >> plus >> count;
            out += fmt::format("zero {} {}", first * 4096, count * 4096);
        } else if (word.starts_with("pass:")) {
            out += "pass " + word.substr(5);
        } else if (std::isdigit(static_cast<unsigned char>(word[0]))) {
            out += fmt::format("write {} 4096", std::stoull(word) * 4096);
        } else {
            out += word;
        }
    }
    return out;
}

}  // namespace

const std::vector<Hunt>& hunts() {
    static const std::vector<Hunt> all{
        {"Mixed", "mixed", "1"},
        {"TheLogWraps", "6,4,6",
         script(
             "0 sync 1 sync 2 sync 0 sync 1 sync 2 sync 0 sync 1 sync 2 sync 0 sync 1 sync 2 sync "
             "0 sync 1 sync")},
        {"SoftCommitsWait", "8,8,16",
         script("0 sync 0 soft 1 0 soft 2 soft 0 soft sync 1 soft 0 soft 3 sync 3 soft")},
        {"DiscardsAndRewrites", "8,8,16",
         script("0 1 2 sync zero:0+3 0 1 soft 2 3 soft zero:2+1 soft sync 4")},
        {"SoftCommitsDuringSyncs", "8,8,16",
         script(
             "0 during:1 during:soft sync pass:200 tick during:2 during:soft during:0 sync 3 soft "
             "pass:200 tick")},
        {"CheckpointsWhileSoftCommitsWait", "8,8,6",
         script("0 sync 1 sync 0 sync 2 sync 0 soft 1 soft tick 3 soft 2 sync 0 sync 1 soft tick 0 "
                "sync")},
        {"TheLogIsReusedBeforeASync", "6,4,6",
         script("0 sync 1 sync 2 sync 0 sync tick 1 soft 2 soft 0 soft 1 soft 2 soft sync")},
        {"MountsThatDie", "8,8,8",
         script(
             "0 soft kill 0 soft 1 soft kill 0 sync 1 soft kill 2 soft kill zero:0+1 soft kill 0 "
             "sync")},
    };
    return all;
}

const std::vector<Mutant>& mutants() {
    static const std::vector<Mutant> all{
        // Writing
        {Rule::blocks_are_locked, "WriteStep2_TwoWritesToPartsOfABlockUndoEachOther",
         "EngineRace.WritesToPartsOfOneBlockDoNotUndoEachOther", ""},
        {Rule::locks_come_before_the_epoch, "WriteStep2_AWriterEntersTheEpochBeforeItLocksItsBlock",
         "EngineRace.TheLaterOfTwoWritersAroundASealedEpochIsTheOneFound", ""},
        {Rule::slot_is_reused_in_its_epoch_only, "Rule3a_ASlotIsWrittenAgainInALaterEpoch",
         "OrderingRules.RuleA_ABlockWrittenTwiceInAnEpochKeepsItsNewSlot", "Mixed"},
        {Rule::own_slot_is_written_when_durably_zero,
         "Rule3b_ASlotDiscardedInAnEpochThatIsNotSyncedIsWritten",
         "OrderingRules.O3_ASlotThatWasDiscardedAndReplacedIsNotPunched", "Mixed"},
        {Rule::own_slot_is_written_after_its_punch, "Rule3b_ASlotIsWrittenBeforeItsPunch",
         "EngineRace.AWriteDuringThePunchOfItsBlockGoesElsewhere", ""},
        {Rule::fresh_slots_are_written_first, "Rule3_AFullStoreIsMetAfterOldDataWasOverwritten",
         "EngineRace.AWriteThatFindsNoSpaceHasNotTouchedWhatTheEpochHas", ""},
        {Rule::refused_write_gives_slots_back, "WriteStep4_AWriteWithoutSpaceKeepsItsSlots",
         "EngineFault.AFullStoreCostsTheFirstWriteOnly", ""},
        {Rule::discard_gives_slots_back, "ADiscardKeepsTheSlotsOfItsEpoch",
         "OrderingRules.RuleC_ADiscardGivesTheSlotOfTheSameEpochBack", ""},
        {Rule::metadata_is_allocated_first, "ASegmentHasNoSpaceForItsMetadata",
         "OrderingRules.ASegmentsMetadataIsAllocatedBeforeItsFirstWrite", ""},
        {Rule::nonces_count, "S2_TheNonceCounterStandsStill", "EngineLog.NoNonceIsSeenTwice",
         "Mixed"},
        {Rule::each_epoch_draws_its_prefix, "S2_TheNonceCounterStartsAgainWithoutAFreshPrefix",
         "EngineLog.NoNonceIsSeenTwice", "Mixed"},

        // Committing
        {Rule::pages_follow_data, "O1_AWriteOfTheEpochEndsAfterTheSync",
         "EngineRace.O1_ASyncThatReturnsWhileAWriteIsOnItsWayIsAPromiseAllTheSame", ""},
        {Rule::sealing_waits_for_writers, "O1_AnEpochIsCommittedWithAWriterInside",
         "EngineRace.O1_ASyncThatReturnsWhileAWriteIsOnItsWayIsAPromiseAllTheSame", ""},
        {Rule::failed_epoch_gets_no_pages, "O1_AnEpochIsCommittedThoughAWriteOfItFailed",
         "EngineRace.O1_AnEpochOneOfWhoseWritesFailedGetsNoPages", ""},
        {Rule::pages_come_in_order, "O2_TwoEpochsWriteTheirPagesAtOnce",
         "EngineRace.O2_PagesAreWrittenOneEpochAfterAnother", ""},
        {Rule::acknowledgement_needs_a_sync, "O2_AnEpochIsAcknowledgedWithoutASync",
         "OrderingRules.ASyncIsOneFdatasyncAndNothingIsNone", "Mixed"},
        {Rule::page_tells_what_was_synced, "O2_APageClaimsTheEpochBeforeItBeforeItsSync",
         "AllLayers/EngineAttack.AnUnsyncedEpochThatIsNotWholeIsDroppedAndReported/*",
         "SoftCommitsWait"},
        {Rule::ack_page_tells_what_was_synced, "O2_AnAckPageClaimsAnEpochBeforeItsSync",
         "EngineRace.O2_AnAckPageTellsOnlyWhatWasSynced", "SoftCommitsDuringSyncs"},
        {Rule::sync_covers_what_was_paged_before, "O2_ASyncAcknowledgesWhatWasPagedWhileItRan",
         "OrderingRules.O2_ASyncAcknowledgesOnlyWhatWasPagedBeforeItBegan",
         "SoftCommitsDuringSyncs"},
        {Rule::replaced_slot_rests, "O3_AReplacedSlotIsReusedBeforeTheAcknowledgement",
         "OrderingRules.O3_AReplacedSlotRestsUntilItsReplacementIsSynced", "Mixed"},
        {Rule::punch_waits_for_acknowledgement,
         "O3_ADiscardedSlotIsPunchedBeforeTheAcknowledgement",
         "OrderingRules.O3_WhatIsDueByTheClockDoesNotPunchBeforeTheSync", "Mixed"},
        {Rule::only_zero_blocks_are_punched, "O3_ASlotDiscardedAndReplacedIsPunched",
         "OrderingRules.O3_ASlotThatWasDiscardedAndReplacedIsNotPunched", "Mixed"},
        {Rule::log_wraps_behind_a_checkpoint, "O5_TheLogWrapsWithoutACheckpoint",
         "OrderingRules.O5_TheLogWrapsOnlyBehindACheckpoint", "TheLogWraps"},
        {Rule::a_page_stays_free_for_an_ack, "AnAckFindsTheLogFull",
         "OrderingRules.EpochsNeverFillTheLogSoThatAnAckPageFits", ""},
        {Rule::range_records_come_before_changes, "ARangeRecordFollowsTheChangesInsideIt",
         "EngineLog.ARewriteOfADiscardedBlockOutlivesTheDiscard", "DiscardsAndRewrites"},
        {Rule::soft_epochs_are_bounded, "MoreThan64SoftEpochsWait",
         "OrderingRules.AtMostSixtyFourSoftEpochsWait", ""},

        // Errors
        {Rule::failed_write_stops, "O6_AFailedWriteIsForgotten",
         "EngineFault.O6_AFailedDataWriteStopsAndIsNeverCommitted", ""},
        {Rule::torn_slot_stops, "O6_AHalfOverwrittenSlotIsForgotten",
         "EngineFault.AFullStoreInRuleAStops", ""},
        {Rule::failed_page_stops, "O6_AFailedLogPageIsForgotten",
         "EngineFault.O6_AFailedLogPageStops", ""},
        {Rule::failed_sync_stops, "O6_AFailedSyncIsTriedAgain",
         "EngineFault.O6_AFailedSyncStopsTheMountForGood", ""},
        {Rule::failed_punch_stops, "O6_AFailedPunchIsForgotten", "EngineFault.O6_AFailedPunchStops",
         ""},
        {Rule::failed_checkpoint_stops, "O6_AFailedCheckpointIsForgotten",
         "EngineFault.O6_AFailedCheckpointStops", ""},
        {Rule::stop_during_a_sync_is_no_success, "O7_AFailureDuringASyncIsCalledASuccess",
         "EngineRace.O7_AFailureDuringASyncIsNoSuccess", ""},
        {Rule::every_sync_is_the_committers, "O7_ASecondCallerOfFdatasyncTakesTheError",
         "EngineRace.O7_TheSyncOfAHeaderRewriteThatFailsStopsTheDisk", ""},

        // Checkpoints
        {Rule::superblock_follows_a_sync, "O4_ASuperblockIsWrittenWithoutTheSyncBeforeIt",
         "OrderingRules.O4_ASuperblockFollowsTheSyncOfWhatItRefersTo", "TheLogWraps"},
        {Rule::superblock_is_synced_before_it_counts,
         "O5_TheLogIsReusedBeforeTheSuperblockIsSynced",
         "OrderingRules.O4_ASuperblockFollowsTheSyncOfWhatItRefersTo", "TheLogIsReusedBeforeASync"},
        {Rule::checkpoint_is_as_of_its_epoch, "ACheckpointHoldsWhatIsNewerThanItsEpoch",
         "RecoveryOnDisk.ACheckpointIsAsOfWhatWasSynced", "CheckpointsWhileSoftCommitsWait"},
        {Rule::log_starts_behind_its_epoch, "TheLogStartsAtTheHeadWhileSoftEpochsWait",
         "RecoveryOnDisk.ACheckpointIsAsOfWhatWasSynced", "CheckpointsWhileSoftCommitsWait"},
        {Rule::pool_table_lists_what_later_epochs_took, "ThePoolTableLacksWhatLaterEpochsTook",
         "RecoveryOnDisk.ACheckpointIsAsOfWhatWasSynced", "CheckpointsWhileSoftCommitsWait"},
        {Rule::leaf_goes_to_the_other_copy, "ALeafIsWrittenOverTheOneInUse",
         "OrderingRules.O4_ACheckpointWritesTheOtherCopies", "TheLogWraps"},
        {Rule::node_goes_to_the_other_copy, "ANodeIsWrittenOverTheOneInUse",
         "OrderingRules.O4_ACheckpointWritesTheOtherCopies", "TheLogWraps"},
        {Rule::segment_table_goes_to_the_other_copy, "TheSegmentTableIsWrittenOverTheOneInUse",
         "OrderingRules.O4_ACheckpointWritesTheOtherCopies", "TheLogWraps"},
        {Rule::pool_table_goes_to_the_other_copy, "ThePoolTableIsWrittenOverTheOneInUse",
         "OrderingRules.O4_ACheckpointWritesTheOtherCopies", "TheLogWraps"},
        {Rule::superblock_has_two_replicas, "ASuperblockHasOneReplica",
         "OrderingRules.O4_ASuperblockFollowsTheSyncOfWhatItRefersTo", ""},
        {Rule::superblocks_alternate, "ASuperblockIsWrittenOverTheOneInUse",
         "OrderingRules.O4_ACheckpointWritesTheOtherCopies", "TheLogWraps"},
        {Rule::superblock_counts_in_one_unit, "TheCheckOfASuperblockCoversItsWholeSector",
         "RecoveryOnDisk.TwoTornTriesAtOneGenerationDoNotMakeOneWhole", ""},
        {Rule::second_writer_is_looked_for, "ASecondWriterIsOverwritten",
         "OrderingRules.O4_TheSecondWriterIsFoundOutBeforeASuperblockIsWritten", ""},

        // Opening and recovery
        {Rule::recovery_starts_with_a_sync, "RecoveryRestsOnWhatOnlyTheCacheHas",
         "PowerCutInRecovery.RestsOnNothingThatOnlyTheCacheHas", ""},
        {Rule::recovery_reads_the_device, "RecoveryBelievesWhatAFailedSyncLeftInTheCache",
         "Recovery.DoesNotRestOnWhatAFailedSyncLeftInTheCache", ""},
        {Rule::recovery_syncs_before_its_superblock, "O4_ARecoveryDoesNotSyncBeforeItsSuperblock",
         "OrderingRules.O4_ARecoverySyncsBeforeAndAfterItsSuperblock", "MountsThatDie"},
        {Rule::recovery_syncs_its_superblock, "ARecoveryWritesOnBeforeItsSuperblockIsSynced",
         "OrderingRules.O4_ARecoverySyncsBeforeAndAfterItsSuperblock", "MountsThatDie"},
        {Rule::settled_epoch_is_above_all_seen, "TheNumberOfADroppedEpochIsUsedAgain",
         "EngineLog.EachMountStartsALogThatNoOldPageFits", ""},
        {Rule::mount_counter_grows, "ARecoveryKeepsTheMountCounter",
         "EngineLog.EachMountStartsALogThatNoOldPageFits", ""},
        {Rule::log_salt_is_fresh, "ARecoveryKeepsTheLogSalt",
         "EngineLog.EachMountStartsALogThatNoOldPageFits", ""},
        {Rule::chain_starts_afresh, "ARecoveryKeepsTheChain",
         "EngineLog.EachMountStartsALogThatNoOldPageFits", ""},
        {Rule::log_starts_above_all_seen, "ARecoveryUsesSequencesAgain",
         "EngineLog.EachMountStartsALogThatNoOldPageFits", ""},
        {Rule::recovery_starts_a_new_log, "ARecoveryGoesOnInTheOldLogAtTheDroppedEpoch",
         "RecoveryOnDisk.ADroppedPageDoesNotComeBack", ""},
        {Rule::recovered_discards_are_punched, "DiscardsOfAMountThatDiedAreNotPunched",
         "RecoveryOnDisk.DiscardsThatAreRecoveredArePunched", ""},
        {Rule::file_is_not_cut_short, "AFileThatWasCutShortIsOpened",
         "AllLayers/EngineAttack.AFileCutShortIsRefused/*", ""},
        {Rule::header_is_not_older_than_the_superblock, "AnOlderHeaderIsBelieved",
         "RecoveryOnDisk.AHeaderOlderThanTheSuperblockKnowsIsRolledBack", ""},
        {Rule::newest_superblock_is_taken, "TheOlderSuperblockIsTaken",
         "RecoveryOnDisk.TakesTheNewestSuperblock", "Mixed"},
        {Rule::superblock_lies_in_its_pair, "ASuperblockIsBelievedInTheOtherPair",
         "RecoveryOnDisk.ASuperblockInTheOtherGenerationsPlaceIsNoReplica", ""},

        // Anchor
        {Rule::anchor_opens_before_the_image_is_written, "TheAnchorOpensAfterTheImageIsWritten",
         "AnchorCut.IsNeverAheadOfTheImage", ""},
        {Rule::anchor_names_the_next_salt, "TheAnchorDoesNotKnowTheLineageToCome",
         "AnchorCut.IsNeverAheadOfTheImage", ""},
        {Rule::anchor_follows_its_superblock, "TheAnchorIsKeptBeforeItsSuperblock",
         "AnchorCut.IsNeverAheadOfTheImage", ""},
        {Rule::anchor_mac, "TheMacOfAnAnchorIsNotChecked",
         "AnchorRecord.WithAnyBitAlteredIsRefused", ""},
        {Rule::anchored_keysets_are_compared, "OtherKeysThanAnchoredAreUsed",
         "AnchorAttack.HJ_OtherLayersOrKeysAreRefusedByTheAnchorEvenWhereTheNoteAgrees", ""},
        {Rule::header_is_not_older_than_the_anchor, "AHeaderOlderThanItsAnchorIsBelieved",
         "AnchorRules.OfTheSuperblockAndTheHeader", ""},
        {Rule::older_image_is_rolled_back, "AnImageOlderThanItsAnchorIsOpened",
         "EngineRollback.X10_EveryOlderStateIsRefusedBackToTheLastAnchor", ""},
        {Rule::other_lineage_is_forked, "AnImageOfAnotherLineageIsOpened",
         "AnchorRules.OfTheSuperblockAndTheHeader", ""},
        {Rule::log_reaches_to_the_anchor, "ALogThatWasCutIsNotNoticed",
         "AnchorAttack.F_ALogWhoseTailWasCutIsRefusedBackToTheAnchor", ""},
        {Rule::clean_image_has_an_empty_log, "AnImageThatWasWrittenToAfterItsUnmountIsOpened",
         "AnchorRules.OfTheLog", ""},
        {Rule::anchored_epochs_are_not_judged, "AnEpochThatTheAnchorKnowsIsDropped",
         "AnchorAttack.G_ADamagedSlotOfTheLastEpochDropsNothingThatTheAnchorKnows", ""},

        // Following the log
        {Rule::page_has_the_next_sequence, "APageOfAnotherSequenceIsFollowed",
         "EngineLog.APageOfAnotherSequenceEndsTheLog", ""},
        {Rule::page_is_of_this_mount, "APageOfAnotherMountIsFollowed",
         "EngineLog.APageOfAnotherMountEndsTheLog", ""},
        {Rule::page_has_this_salt, "APageOfAnotherSaltIsFollowed",
         "EngineLog.APageOfAnotherSaltEndsTheLog", ""},
        {Rule::page_continues_the_chain, "APageThatFollowsAnotherIsFollowed",
         "Forks.OfOneMountDoNotContinueEachOther", ""},
        {Rule::pages_of_an_epoch_are_in_order, "APageOfALaterEpochIsTakenForTheNext",
         "EngineLog.APageOfALaterEpochThanTheNextIsABug", ""},
        {Rule::epoch_ends_with_its_commit_page, "AnEpochWithoutItsCommitPageCounts",
         "LongEpochs.WithoutTheirCommitPageAreNothing", ""},
        {Rule::epoch_has_all_its_records, "AnEpochCountsWithFewerRecordsThanItHad",
         "LongEpochs.OfFewerRecordsThanTheirCommitPageSaysAreABug", ""},
        {Rule::records_are_within_the_disk, "ARecordPastTheEndIsBelieved",
         "EngineLog.ARangePastTheEndIsABug", ""},
        {Rule::newer_mount_in_the_log_is_history_lost, "ALostSuperblockIsNotNoticed",
         "EngineLog.APageOfANewerMountMeansThatASuperblockIsMissing", ""},
        {Rule::synced_epoch_missing_is_history_lost, "ALostSyncedPageIsNotNoticed",
         "AllLayers/EngineAttack.TheSyncedLogMayNotLoseItsMiddle/*", ""},
        {Rule::acknowledgement_counts_past_a_gap, "AnAcknowledgementPastAGapIsIgnored",
         "AllLayers/EngineAttack.TheSyncedLogMayNotLoseItsMiddle/*", ""},
        {Rule::synced_epochs_are_not_judged, "ADamagedSlotOfASyncedEpochDropsTheEpoch",
         "AllLayers/EngineAttack.G_ADamagedSlotOfASyncedEpochDropsNothing/*", ""},
        {Rule::last_epochs_are_verified, "TheLastEpochsAreNotVerifiedByTheirTags",
         "AllLayers/EngineAttack.AnUnsyncedEpochThatIsNotWholeIsDroppedAndReported/*",
         "SoftCommitsWait"},
        {Rule::each_last_epoch_is_verified, "OnlyTheLastSoftEpochIsVerified",
         "AllLayers/EngineAttack.AnUnsyncedEpochThatIsNotWholeIsDroppedAndReported/*",
         "SoftCommitsWait"},
        {Rule::superseded_version_is_not_judged, "SupersededRecordsAreVerifiedToo",
         "RecoveryOnDisk.ASyncedVersionThatASyncedOneReplacedMayBeGone", ""},
        {Rule::discarded_version_is_not_judged, "DiscardedRecordsAreVerifiedToo",
         "RecoveryOnDisk.ASyncedVersionThatASyncedDiscardReplacedMayBeGone", ""},
        {Rule::only_a_prefix_is_kept, "ALaterGoodSoftEpochIsKeptAfterABadOne",
         "AllLayers/EngineAttack.AnUnsyncedEpochThatIsNotWholeIsDroppedAndReported/*",
         "SoftCommitsWait"},
        {Rule::slots_are_exchanged_with_the_pool, "ASlotThatIsNotThePoolsIsTaken",
         "EngineLog.ASlotThatIsNotThePoolsIsABug", ""},
        {Rule::read_error_is_no_mismatch, "AReadErrorInRecoveryDropsAnEpoch",
         "EngineFault.AReadErrorInRecoveryIsNotAMismatch", ""},

        // Reading
        {Rule::tag_is_checked, "X2_ABlockIsReturnedWhoseTagFailed",
         "AllLayers/EngineAttack.X2_AFlippedBitIsAnErrorThatNamesBlockAndLayer/*", ""},
        {Rule::failed_tag_is_looked_at_again, "AReadThatWasOvertakenIsAnError",
         "EngineRace.AReadWhoseSlotIsReusedMeanwhileFindsTheNewVersion", ""},
        {Rule::cached_page_is_the_one_referred_to, "AnOldPageOfTheMapStaysInTheCache",
         "EngineRace.AnOldPageIsNotFoundUnderANewReference", ""},
        {Rule::failed_page_is_looked_up_again, "AMapReadThatWasOvertakenIsAnError",
         "EngineRace.AReadOvertakenByCheckpointsLooksItsPageUpAgain", ""},

        // What vouches for metadata
        {Rule::superblock_mac, "TheMacOfASuperblockIsNotChecked",
         "Superblocks.EveryBitOfTheFirst512BytesCountsAndNoOther", ""},
        {Rule::superblock_fields, "AnImpossibleSuperblockIsBelieved",
         "Superblocks.AnImpossibleFieldIsCorrupt", ""},
        {Rule::log_page_mac, "TheMacOfALogPageIsNotChecked", "LogPages.EveryBitCounts", "Mixed"},
        {Rule::log_page_fields, "AnImpossibleLogPageIsBelieved",
         "LogPages.AnAuthenticPageWithAnImpossibleFieldIsCorrupt", ""},
        {Rule::map_page_mac, "TheMacOfALeafIsNotChecked", "Pages.EveryBitOfALeafCounts", ""},
        {Rule::map_page_is_the_one_referred_to, "AnOldLeafPutBackIsBelieved",
         "AllLayers/EngineAttack.E_AnOldLeafPutBackIsRefused/*", ""},
        {Rule::map_entries_are_within_the_disk, "AMapEntryPastTheEndIsBelieved",
         "Pages.AnAuthenticLeafWithAnImpossibleFieldIsCorrupt", ""},
        {Rule::root_mac, "TheRootIsNotChecked", "Pages.TheSegmentTableIsTheOneOfTheRoot", ""},
        {Rule::pool_mac, "TheMacOfThePoolTableIsNotChecked", "Pages.ThePoolTableIsTheOneOfItsMac",
         ""},
        {Rule::pool_table_is_in_order, "APoolTableNamesASlotTwice",
         "Pages.AnAuthenticPoolTableMustAscendWithinTheDisk", ""},
        {Rule::header_mac, "TheMacsOfAHeaderAreNotChecked",
         "HeaderTest.NoBitOfTheStaticSectorCanChangeUnseen", ""},
        {Rule::header_fields, "AnImpossibleHeaderIsBelieved",
         "HeaderTest.EachFieldAlteredHasItsOneError", ""},
        {Rule::envelope_mac, "TheMacOfAnEnvelopeIsNotChecked",
         "EnvelopeChoice.AnUnauthenticOneGivesWayToTheOlder", ""},
        {Rule::commitment_is_compared, "S5_AKeyIsUsedBeforeItsCommitment",
         "HeaderTest.AForeignKeyInAnEnvelopeIsSubstituted", ""},
        {Rule::note_is_compared, "AnotherDiskThanNotedIsOpened",
         "HeaderTest.AnotherDiskThanNotedIsSubstituted", ""},
        {Rule::layers_have_keys_of_their_own, "OneKeyOpensBothLayers",
         "HeaderTest.OneKeyForBothLayersIsRefused", ""},

        // Headers
        {Rule::copy_b_is_written_first, "AHeaderIsWrittenCopyAFirst",
         "Rewrap.WritesBeforeItSyncsAndCopyBFirst", ""},
        {Rule::copy_is_synced_before_the_other, "BothCopiesOfAHeaderAreOnTheirWayAtOnce",
         "Rewrap.WritesBeforeItSyncsAndCopyBFirst", ""},
        {Rule::new_envelope_is_proved, "S1_AnEnvelopeIsGivenUpBeforeItsSuccessorIsProved",
         "Rewrap.AnUnprovenEnvelopeIsTakenBack", ""},
        {Rule::retired_envelope_is_overwritten, "ARetiredEnvelopeSurvives",
         "Rewrap.LeavesOnlyTheNewEnvelope", ""},

        // The end of a mount
        {Rule::requests_end_before_it_closes, "AMountClosesUnderARequest",
         "EngineRace.ClosingWaitsForAReadUnderWay", ""},
    };
    return all;
}

}  // namespace twofold
