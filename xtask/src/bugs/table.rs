//! What must catch which mistake.

/// What catches a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catcher {
    /// A campaign of the simulator, within so many seeds from the first one.
    Campaign(u64),
    /// A test that passes without the mistake fails with it: its crate's folder, its program, its name.
    Test(&'static str, &'static str, &'static str),
    /// A test of the simulator that plants the mistake itself and fails when nobody notices.
    Stage(&'static str),
}

/// A mistake and its catcher.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The mistake.
    pub bug: &'static str,
    /// What must catch it.
    pub catcher: Catcher,
    /// Whether it takes more than some seconds, so that the gate leaves it to `cargo xtask bugs`.
    pub is_slow: bool,
}

/// The program of hunts, and its one test.
pub(super) const HUNT: (&str, &str) = ("sim", "hunt");
pub(super) const HUNT_TEST: &str = "a_campaign_finds_the_planted_bug";
/// The program of stages.
pub(super) const STAGES: (&str, &str) = ("sim", "planted");

const fn campaign(bug: &'static str, seeds: u64) -> Row {
    Row { bug, catcher: Catcher::Campaign(seeds), is_slow: false }
}

const fn slow_campaign(bug: &'static str, seeds: u64) -> Row {
    Row { bug, catcher: Catcher::Campaign(seeds), is_slow: true }
}

const fn stage(bug: &'static str, test: &'static str) -> Row {
    Row { bug, catcher: Catcher::Stage(test), is_slow: false }
}

const fn test(bug: &'static str, package: &'static str, program: &'static str, test: &'static str) -> Row {
    Row { bug, catcher: Catcher::Test(package, program, test), is_slow: false }
}

const fn slow_test(
    bug: &'static str,
    package: &'static str,
    program: &'static str,
    test: &'static str,
) -> Row {
    Row { bug, catcher: Catcher::Test(package, program, test), is_slow: true }
}

/// Every mistake of the bank.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    campaign("QuorumOffByOne", 60),
    stage("RankBySequence", "ranking_by_sequence_first_is_caught"),
    test("VoterCountedTwice", "types", "messages", "a_certificate_needs_a_quorum_of_distinct_members"),
    test("StrangerCounted", "types", "messages", "a_certificate_needs_a_quorum_of_distinct_members"),
    test("DomainWithoutCluster", "types", "messages", "every_part_of_the_domain_changes_the_signed_bytes"),
    test("DomainWithoutEpoch", "types", "messages", "every_part_of_the_domain_changes_the_signed_bytes"),
    test("KindUnsigned", "types", "messages", "every_part_of_the_domain_changes_the_signed_bytes"),
    test("AuthorWithoutIndex", "types", "messages", "an_authors_bytes_are_bound_to_session_nonce_and_index"),
    test("AuthorWithoutNonce", "types", "messages", "an_authors_bytes_are_bound_to_session_nonce_and_index"),
    test("PayloadRootUnchecked", "protocol", "catch_up", "a_wrong_payload_root_is_never_prepared"),
    test("BatchSizesUnchecked", "types", "judgements", "a_block_is_consistent_only_with_true_names_of_its_batches"),
    test("LeafLikeNode", "types", "judgements", "merkle_leaves_and_paths_cannot_be_mistaken"),
    test("PathLengthUnchecked", "types", "judgements", "merkle_leaves_and_paths_cannot_be_mistaken"),
    test("BaseNotHighest", "protocol", "catch_up", "a_prepared_block_survives_a_view_change"),
    test("HeadOfItsOwnView", "types", "judgements", "a_head_shows_a_lock_from_below_its_view"),
    test("HeadsOfOtherViews", "types", "judgements", "an_opening_rests_on_a_quorum_of_heads_of_its_view"),
    test("ViewIgnoredInEvidence", "types", "judgements", "votes_convict_only_when_nothing_honest_explains_them"),
    test("PhaseIgnoredInEvidence", "types", "messages", "evidence_convicts_only_of_what_no_correct_replica_does"),
    test("EpochUnchecked", "types", "messages", "a_header_is_judged_by_its_bytes_alone"),
    test("AnybodyLeads", "types", "messages", "a_header_is_judged_by_its_bytes_alone"),
    test("EmptyBatchAllowed", "types", "judgements", "a_header_is_allowed_up_to_its_bounds_and_not_beyond"),
    test("TrailingBytesTaken", "execution", "damage", "a_damaged_row_that_every_start_reads_is_named_and_nothing_is_changed"),
    test("LengthUnbounded", "types", "encoding", "a_blob_at_its_bound_decodes_and_one_byte_more_does_not"),
    // Faults: R08
    campaign("VerifySaysYes", 400),
    test("KnownWithoutSignature", "replica", "intake", "a_flipped_bit_is_never_believed"),
    test("KnownWithoutKey", "crypto", "checker", "what_is_remembered_is_bounded_and_never_a_bad_signature"),
    test("PrepareForOtherHeader", "crypto", "checker", "a_proposal_and_its_parts_fit_together"),
    test("HeadsUnverified", "crypto", "checker", "a_view_change_shows_exactly_what_its_head_claims"),
    test("LockUnproven", "crypto", "checker", "a_view_change_shows_exactly_what_its_head_claims"),
    test("TimeoutOfAnyView", "crypto", "checker", "a_view_change_shows_exactly_what_its_head_claims"),
    test("SmallOrderKeyTaken", "crypto", "zip215", "small_order_and_non_canonical_keys_are_no_ones_keys"),
    test("MixedOrderMemberTaken", "crypto", "zip215", "small_order_and_non_canonical_keys_are_no_ones_keys"),
    test("OneRottenRequestSpoilsAll", "replica", "liars", "a_bad_request_inside_a_proposal_is_the_leaders_fault"),
    test("RangeNoChain", "crypto", "checker", "a_range_is_a_chain_with_its_own_batches_under_its_own_certificate"),
    test("HeartbeatOfAnybody", "crypto", "checker", "the_index_in_the_body_decides_whose_key_counts"),
    campaign("CommitAfterPrepare", 60),
    campaign("LockLostAtRestart", 60),
    slow_campaign("LeaseLostAtRestart", 400),
    campaign("PrepareBeyondLease", 60),
    // Faults: P15
    campaign("SendBeforeDurable", 60),
    campaign("VotesAgainAfterRestart", 60),
    slow_campaign("NewViewAfterRestart", 400),
    stage("LockLoweredByTransfer", "a_lock_lowered_by_state_transfer_is_caught"),
    stage("ViewChangeSentOnce", "a_view_change_sent_once_is_caught"),
    stage("VotesSentOnce", "votes_sent_once_are_caught"),
    stage("ParentUnchecked", "an_unchecked_parent_is_caught"),
    campaign("TimestampUnchecked", 60),
    campaign("NeverSuspects", 60),
    campaign("RequestsForgotten", 60),
    campaign("RollbackUnnoticed", 60),
    campaign("CacheUnbounded", 60),
    test("BatchesAskedForEver", "protocol", "catch_up", "headers_without_batches_do_not_hold_a_laggard_back"),
    test("AbandonedKeepRoom", "protocol", "catch_up", "blocks_that_nobody_has_take_no_room_from_agreed_ones"),
    campaign("LeaseOffByOne", 60),
    test("VotesForDifferentBlocksAdd", "protocol", "liars", "an_equivocating_leader_is_accused_and_deposed_at_once"),
    test("LastVoteCounts", "protocol", "liars", "two_votes_for_one_slot_are_evidence"),
    campaign("AncestorsNotCommitted", 60),
    campaign("CommitBeforeLock", 60),
    campaign("ViewChangeBeforeLock", 60),
    campaign("LockGoesDown", 60),
    test("LowerHeadReplaces", "protocol", "view_changes", "a_leader_replaces_a_head_only_by_a_higher_one"),
    test("SuspicionsOfAllViews", "protocol", "clocks", "suspicions_of_different_views_do_not_add_up"),
    campaign("ViewNotPromised", 60),
    slow_campaign("SitsOutTooShort", 400),
    test("TimeStandsStill", "protocol", "clocks", "a_header_with_its_parents_time_is_not_prepared"),
    campaign("ProposesOwnClock", 60),
    test("ToleranceNeverWidens", "protocol", "clocks", "failed_views_widen_the_tolerance_of_time_until_a_commit"),
    test("CheckpointRootsMixed", "protocol", "checkpoints", "a_diverged_replica_repairs_itself"),
    test("DivergenceUnnoticed", "protocol", "checkpoints", "a_diverged_replica_repairs_itself"),
    test("RepliesWhileDiverged", "protocol", "checkpoints", "a_diverged_replica_repairs_itself"),
    test("DropsWhatLaggardsNeed", "protocol", "checkpoints", "checkpoints_become_stable"),
    test("EvidenceDroppedAtCheckpoint", "protocol", "liars", "evidence_outlives_restarts_and_the_beginning_of_the_log"),
    test("RetirementDroppedAtCheckpoint", "protocol", "rollback", "what_was_found_out_outlives_a_restart"),
    test("WindowNeverShrinks", "protocol", "clocks", "the_window_grows_and_shrinks_back"),
    test("WindowNeverGrows", "protocol", "clocks", "the_window_grows_and_shrinks_back"),
    test("LifeUnheard", "protocol", "catch_up", "a_laggard_fetches_no_further_than_execution_may_lag"),
    test("OneSuspicionIsEnough", "protocol", "suspicions", "f_suspicions_and_idleness_and_leading_are_each_no_reason_to_join"),
    test("SilenceTolerated", "protocol", "suspicions", "a_leader_that_was_silent_for_two_seconds_gets_100_ms"),
    campaign("OpenSlotTolerated", 60),
    test("EvidenceNotKept", "protocol", "liars", "evidence_outlives_restarts_and_the_beginning_of_the_log"),
    test("EvidenceNotPassedOn", "replica", "liars", "a_header_that_no_rule_allows_is_proof_by_itself"),
    test("EquivocationUnnoticed", "protocol", "liars", "an_equivocating_leader_is_accused_and_deposed_at_once"),
    test("OwnDoubleVoteIgnored", "protocol", "normal_case", "only_headers_of_the_current_open_view_are_prepared"),
    campaign("RelaysToLastLeader", 60),
    test("BypassTolerated", "protocol", "requests", "a_censor_is_deposed"),
    test("OrderedForgotten", "protocol", "requests", "an_ordered_request_is_not_proposed_again"),
    test("AnythingMayWait", "protocol", "requests", "no_more_waits_than_is_ordered_in_half_a_window"),
    test("GrowthBlind", "protocol", "requests", "batches_grow_only_while_commits_are_quick"),
    test("MarkPassesStable", "execution", "checkpoints", "the_mark_does_not_pass_the_last_stable_checkpoint"),
    test("FlushUnseenByRanges", "execution", "flushes", "what_is_under_way_is_read_like_anything_else"),
    test("LogFreedByExecution", "execution", "flushes", "a_flush_that_is_under_way_counts_for_nothing"),
    test(
        "StabilityNotAwaited",
        "execution",
        "flushes",
        "a_checkpoint_that_may_become_stable_yet_is_waited_for_and_marked",
    ),
    test("FlushTrustedEarly", "execution", "flushes", "a_flush_that_is_under_way_counts_for_nothing"),
    test("NobodyGivesWay", "protocol", "requests", "a_full_pool_gives_way_fairly"),
    test("OwnClientsFirst", "protocol", "requests", "overload_deposes_nobody"),
    test("OneSessionFirst", "protocol", "requests", "batches_take_clients_in_turn"),
    test("InvalidBatchIgnored", "protocol", "catch_up", "a_wrong_payload_root_is_never_prepared"),
    test("ExecutionUnbounded", "protocol", "catch_up", "a_laggard_fetches_no_further_than_execution_may_lag"),
    campaign("GateOffByOne", 60),
    campaign("DuplicateExecuted", 60),
    campaign("HeldOutOfOrder", 60),
    stage("BucketUnchecked", "an_unchecked_bucket_is_caught"),
    campaign("CheckpointBytesForgotten", 60),
    stage("StuckTransferKept", "a_transfer_that_is_waited_for_in_vain_is_caught"),
    stage("SnapshotDiesWithProcess", "a_snapshot_that_dies_with_its_process_is_caught"),
    test("NonceWindowShort", "execution", "sessions", "the_window_has_exact_edges"),
    test("DuplicatesShifted", "execution", "sessions", "a_request_ahead_is_held_and_released_in_the_block_of_the_one_it_waits_for"),
    test("LastNonceTaken", "execution", "sessions", "the_smallest_and_the_largest_nonce_are_refused"),
    campaign("HeldNotReleased", 60),
    test("HeldStays", "execution", "sessions", "a_request_that_waited_leaves_no_trace_of_it"),
    test("HeldUnbounded", "execution", "sessions", "held_bytes_are_bounded_per_session"),
    test("AdmissionUnbounded", "execution", "sessions", "new_sessions_are_admitted_at_an_agreed_rate"),
    campaign("SessionsNotFlushed", 60),
    test("RefusalKeepsEffect", "execution", "sessions", "each_operation_of_an_envelope_has_its_own_result"),
    test("PanicTextAnswered", "execution", "operations", "a_panic_is_a_refusal_without_effect_and_the_log_goes_on"),
    test("LeafIndexZero", "execution", "sessions", "each_operation_of_an_envelope_has_its_own_result"),
    test("AuthorIsSession", "execution", "sessions", "an_operation_is_its_authors_and_not_its_sessions"),
    campaign("OldValueStaysInSum", 60),
    test("MarkBeforeState", "execution", "digest", "a_failing_database_stops_execution_and_a_restart_goes_on"),
    campaign("ExecutedMarkForgotten", 60),
    campaign("SnapshotBeforeFlush", 60),
    campaign("BytesSinceCheckpointKept", 60),
    test("TornTransferTrusted", "execution", "transfers", "a_crash_in_the_middle_continues_without_fetching_anything_twice"),
    test("OldPairsStay", "execution", "transfers", "a_replica_that_went_astray_goes_back_to_the_checkpoint"),
    test("BucketOfOtherIndex", "execution", "transfers", "each_kind_of_lie_is_named_at_once_and_the_honest_peers_suffice"),
    test("ManifestUnchecked", "execution", "transfers", "a_bent_manifest_is_blamed"),
    test("SlowPeerKept", "execution", "transfers", "a_checkpoint_that_is_gone_is_replaced_by_a_later_one"),
    campaign("OneWordIsEnough", 60),
    test("ReplicaCountsTwice", "session", "outcomes", "two_equal_signed_results_commit_and_one_does_not"),
    test("BlocksMixed", "session", "outcomes", "words_on_different_blocks_or_roots_do_not_add_up"),
    test("ResultPathUnchecked", "session", "outcomes", "a_result_that_the_signed_root_does_not_cover_is_distrusted"),
    test("AnswerUnchecked", "session", "outcomes", "an_answer_that_does_not_match_its_digest_is_distrusted"),
    test("OtherRequestTaken", "session", "outcomes", "a_reused_nonce_is_a_rejection_and_never_another_requests_answer"),
    test("HeldIsDone", "session", "outcomes", "a_held_result_is_waited_out_and_a_duplicate_asks_for_the_original"),
    test("InvalidByOne", "session", "outcomes", "invalid_takes_two_voices_and_gives_the_nonce_back"),
    test("ReplyUnsigned", "session", "outcomes", "a_reply_in_the_name_of_another_or_with_a_bad_signature_is_distrusted"),
    test("WordOfAnother", "session", "outcomes", "a_liar_cannot_make_a_false_commit_or_change_an_answer"),
    test("StaleAnswerTaken", "session", "pools", "two_equal_signed_answers_new_enough_settle_a_question"),
    test("QuestionUnchecked", "session", "pools", "answers_to_another_question_settle_nothing"),
    test("OneAnswerIsEnough", "session", "pools", "a_question_without_agreement_is_ordered"),
    campaign("RetriesUnderNewNonce", 60),
    test("StandingOfLiars", "session", "patience", "a_session_stands_where_an_honest_replica_says"),
    test("NeverSpreads", "session", "patience", "a_request_goes_to_all_no_earlier_than_a_grown_window"),
    test("PathDirectionIgnored", "session", "pools", "a_receipt_is_built_from_two_matching_parts_and_not_from_a_liars"),
    test("ReceiptOfAnyCluster", "session", "receipt_checks", "every_hexadecimal_digit_matters"),
    test("ReceiptChainBroken", "session", "receipt_checks", "every_hexadecimal_digit_matters"),
    test("ReceiptPathUnchecked", "session", "receipt_checks", "every_hexadecimal_digit_matters"),
    test("ReceiptRepliesRepeated", "session", "receipt_checks", "one_signature_more_or_less_is_refused"),
    test("ReceiptTooFewReplies", "session", "receipt_checks", "one_signature_more_or_less_is_refused"),
    test("ReleasedBeforeOrdered", "session", "receipt_checks", "a_held_operations_receipt_shows_the_block_that_released_it"),
    test("LinkKeyUnpinned", "transport", "clients", "a_client_refuses_a_member_with_another_key"),
    test("GreetingWithoutCluster", "transport", "hellos", "every_changed_byte_of_version_class_and_cluster_is_refused_with_its_reason"),
    test("BothSidesDial", "transport", "hellos", "an_answer_that_is_none_is_an_error_and_a_pair_has_one_side_that_dials"),
    test("FrameUnbounded", "transport", "frames", "a_length_above_the_bound_is_refused_before_its_bytes_come"),
    test("FrameEndUnnoticed", "transport", "frames", "a_stream_that_ends_inside_a_frame_is_broken_and_between_frames_is_done"),
    test("OutboxUnbounded", "transport", "frames", "an_outbox_drops_its_oldest_frames_and_never_outgrows_its_bound"),
    test("NewestFrameDropped", "transport", "frames", "an_outbox_drops_its_oldest_frames_and_never_outgrows_its_bound"),
    test("AddressUncounted", "transport", "clients", "clients_have_a_bound_in_total_and_for_each_address"),
    test("PlaceNeverGivenBack", "transport", "clients", "clients_have_a_bound_in_total_and_for_each_address"),
    slow_test("OldConnectionKept", "transport", "members", "a_newer_connection_of_a_member_ends_the_older_one"),
    test("RemovedMemberPosts", "chat", "memberships", "a_removed_member_posts_and_reads_no_more"),
    test("RoomsOpenToAll", "chat", "memberships", "an_invite_only_room_is_for_its_members"),
    test("AnybodyInvites", "chat", "memberships", "only_the_owner_invites_and_removes"),
    test("InviteCountsTwice", "chat", "memberships", "members_are_counted_once"),
    test("RoomIndexShared", "chat", "damage", "a_damaged_row_of_any_kind_is_a_refusal_with_a_cure_and_the_rest_stands"),
    test("TextUnbounded", "chat", "messages", "a_text_has_1_to_16384_bytes"),
    test("NameTakenTwice", "chat", "identities", "a_name_belongs_to_who_came_first"),
    test("NamesWithControls", "chat", "identities", "names_have_1_to_64_bytes_and_show_something"),
    test("RoomTakenOver", "chat", "memberships", "a_room_is_opened_once_under_a_good_name"),
    test("SecretRoomsListed", "chat", "identities", "only_people_with_a_name_do_anything"),
    test("HistoryForOutsiders", "chat", "memberships", "invite_only_history_is_shown_to_members_alone"),
    test("MembersForOutsiders", "chat", "memberships", "invite_only_history_is_shown_to_members_alone"),
    test("StrangersPost", "chat", "identities", "only_people_with_a_name_do_anything"),
    test("AddressUnsealed", "storage", "log_misdirected", "a_sector_in_a_wrong_place_says_no_more_than_a_rotten_one"),
    test("ChecksumIgnored", "storage", "log_damage", "damage_in_the_middle_is_named_and_the_rest_stays_readable"),
    test("SegmentNumberUnchecked", "storage", "log_misdirected", "a_segment_under_the_name_of_another_says_no_more_than_a_rotten_one"),
    test("IdentityUnchecked", "storage", "log_damage", "a_log_of_another_identity_is_refused"),
    test("DirectoryUnsynced", "storage", "log_crash", "every_crash_of_the_first_promise_leaves_it_whole_or_lost"),
    test("SyncSkipped", "storage", "disk", "a_failed_sync_is_never_tried_again"),
    test("SyncTriedAgain", "storage", "disk", "a_failed_sync_is_never_tried_again"),
    test("SyncErrorSwallowed", "storage", "disk", "a_failed_sync_is_never_tried_again"),
    test("TailNotRewritten", "storage", "disk", "what_a_failed_sync_left_in_the_cache_is_durable_before_it_is_believed"),
    test("OnePromiseCopy", "storage", "promises", "a_bad_pair_before_the_tail_is_a_lost_disk"),
    test("CopiesSideBySide", "storage", "promises", "a_promise_lies_in_two_sectors_of_one_write"),
    test("SegmentWithoutPromise", "storage", "log_crash", "a_log_survives_crash_after_crash"),
    test("FirstPromiseTaken", "storage", "promises", "a_counter_never_goes_back_or_is_given_twice"),
    test("LostPromiseUnnoticed", "storage", "promises", "a_bad_pair_before_the_tail_is_a_lost_disk"),
    test("LostDiskPromises", "storage", "promises", "a_bad_pair_before_the_tail_is_a_lost_disk"),
    test("OldCopyUnnoticed", "storage", "promises", "a_counter_that_others_have_seen_makes_an_old_copy_a_lost_disk"),
    test("DamageCutAway", "storage", "log_damage", "a_torn_tail_is_dropped_at_every_cut_point"),
    test("TornTailKept", "storage", "disk", "a_log_whose_disk_was_full_goes_on_once_there_is_room"),
    test("StaleChunk", "storage", "log_damage", "a_torn_tail_is_dropped_at_every_cut_point"),
    test("DroppedTooSoon", "storage", "disk", "a_real_folder_holds_a_log"),
    test("OwnerUnchecked", "storage", "folder", "a_crash_at_any_point_leaves_a_whole_owner_or_none"),
    test("NewerDataTaken", "storage", "folder", "a_newer_data_folder_is_refused"),
    test("DraftUnsynced", "storage", "folder", "a_crash_at_any_point_leaves_a_whole_owner_or_none"),
    test("LockNotTaken", "storage", "folder", "a_second_process_on_one_home_is_refused_and_told_which_one_is_there"),
];
