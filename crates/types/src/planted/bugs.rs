//! The bug bank: one line for each mistake, with the rule that it breaks and what it comes to. A rule is one of
//! `docs/protocol.md`, or a row of the catalogue of faults.

macro_rules! bugs {
    ($($name:ident: $rule:literal, $what:literal;)*) => {
        /// One planted mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Bug {
            $(#[doc = concat!($what, " (", $rule, ").")] $name,)*
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

bugs! {
    // Bytes, signatures, quorums, evidence: `crates/types`.
    QuorumOffByOne: "Q1", "A quorum is one vote short";
    RankBySequence: "Q5", "Certificates rank by sequence first";
    VoterCountedTwice: "Q4", "A certificate may hold the same voter twice";
    StrangerCounted: "Q4", "A certificate may hold voters that are no members";
    DomainWithoutCluster: "M2", "What is signed in one cluster holds in another";
    DomainWithoutEpoch: "M2", "What is signed in one epoch holds in another";
    KindUnsigned: "M5", "A signature under one type of message holds for every other";
    AuthorWithoutIndex: "M10", "An author's operation may be moved within its envelope";
    AuthorWithoutNonce: "M10", "An author's operation may be replayed in another envelope";
    PayloadRootUnchecked: "N8", "A header may lie about the root over its operations";
    BatchSizesUnchecked: "N8", "A header may lie about the counts and sizes of its batches";
    LeafLikeNode: "M11", "A leaf of a Merkle tree may pose as an inner node";
    PathLengthUnchecked: "M11", "A Merkle path may have more siblings than its tree has levels";
    BaseNotHighest: "V19", "A view opens on the lowest of the locks that were shown";
    HeadOfItsOwnView: "V16", "A VIEWCHANGE may show a lock of the very view that it enters";
    HeadsOfOtherViews: "V19", "A NEWVIEW may rest on VIEWCHANGEs for other views";
    ViewIgnoredInEvidence: "X3", "Two votes for one sequence convict, whatever their views";
    PhaseIgnoredInEvidence: "X3", "A PREPARE and a COMMIT for two blocks convict";
    EpochUnchecked: "N8", "A header may be of another epoch";
    AnybodyLeads: "N8", "A header may come from a member that does not lead its view";
    EmptyBatchAllowed: "N8", "A header may name empty batches";
    TrailingBytesTaken: "M1", "Bytes behind a message are passed over";
    LengthUnbounded: "M1", "A vector may be longer than its bound";
    // Checking what peers send: `crates/crypto`.
    VerifySaysYes: "M6", "Every signature is good";
    KnownWithoutSignature: "M7", "A message that was good once is good under every signature";
    KnownWithoutKey: "M7", "A signature that was good once is good for everybody";
    PrepareForOtherHeader: "N4", "A PREPARE need not be for the header beside it";
    HeadsUnverified: "V19", "The signatures of the VIEWCHANGEs in a NEWVIEW are not looked at";
    LockUnproven: "V16", "A VIEWCHANGE or NEWVIEW may show the certificate of another block";
    TimeoutOfAnyView: "V12", "Suspicions of one view are the right to enter any other";
    SmallOrderKeyTaken: "M6", "A key for which anybody can sign may be registered";
    MixedOrderMemberTaken: "M6", "A member's key may mix in a part of small order";
    OneRottenRequestSpoilsAll: "row R27", "One bad request in a relay rejects the good ones beside it";
    RangeNoChain: "C5", "A range of blocks need not be a chain";
    HeartbeatOfAnybody: "T3", "Anybody may keep a silent leader alive";
    // The rules of one replica: `crates/protocol`.
    CommitAfterPrepare: "N14", "A quorum of PREPAREs commits";
    LockLostAtRestart: "D21", "The lock is forgotten at a restart";
    EarlierLockForgotten: "D13", "A torn promise takes the lock back to nothing";
    PromiseNotRepeated: "D13", "What is found on the disk is acted upon before it is promised anew";
    TornLockExcuses: "D18", "A torn promise excuses COMMITs above the lock that was taken back";
    LeaseLostAtRestart: "D7", "The lease is forgotten at a restart";
    PrepareBeyondLease: "D3", "PREPAREs leave without a lease";
    SendBeforeDurable: "D1", "Nothing waits for the disk";
    VotesAgainAfterRestart: "D7", "A restarted replica goes on voting where it was";
    NewViewAfterRestart: "V21", "A NEWVIEW counts after a restart in its view";
    LockLoweredByTransfer: "C7", "A state transfer sets the lock to what it brought";
    ViewChangeSentOnce: "T6", "VIEWCHANGE is sent once and never again";
    VotesSentOnce: "T6", "Votes and proposals are never sent again";
    ParentUnchecked: "N6", "A header need not extend what was prepared before";
    TimestampUnchecked: "W2", "Any header's time is timely";
    NeverSuspects: "V1", "A replica that suspects never says so";
    RequestsForgotten: "P7", "Requests of a dropped block do not return to the pool, and are not relayed";
    ReminderShownOnce: "D22", "What an old copy forgot is shown to it once, when its link comes up";
    RollbackUnnoticed: "D18", "A replica takes no notice of its own words that its disk knows nothing of";
    CacheUnbounded: "B1", "Committed blocks stay in memory for ever";
    BatchesAskedForEver: "C9", "Where a header is known its batches alone are asked for, and never the block or its range";
    AbandonedKeepRoom: "B1", "Blocks that nobody has any more keep out those that were agreed on";
    LeaseOffByOne: "D3", "A lease covers one slot more than was written";
    VotesForDifferentBlocksAdd: "Q4", "Votes for different blocks of one slot add up";
    LastVoteCounts: "N16", "The last vote of a signer counts, and the first is forgotten";
    AncestorsNotCommitted: "N14", "A commit certificate commits its block alone";
    CommitBeforeLock: "D1", "COMMIT leaves before the lock that it rests on is durable";
    ViewChangeBeforeLock: "D2", "VIEWCHANGE leaves before the view and the lock that it names are durable";
    LockGoesDown: "Q7", "Any certificate replaces the lock, also one that ranks lower";
    LowerHeadReplaces: "V15", "A VIEWCHANGE with a lower lock replaces the one that is held";
    SuspicionsOfAllViews: "V11", "Suspicions of different views add up";
    ViewNotPromised: "V13", "A view is entered without a promise";
    SitsOutTooShort: "D9", "A certified block below the lease ends the sitting out";
    TimeStandsStill: "W1", "A block may have the time of its parent";
    ProposesOwnClock: "N3", "A leader whose clock stepped back proposes times before the parent's";
    ToleranceNeverWidens: "W4", "The tolerance of time stays the same, however many views fail";
    CheckpointRootsMixed: "C1", "Votes for different states of one checkpoint add up";
    DivergenceUnnoticed: "C4", "A state that others contradict is kept";
    RepliesWhileDiverged: "C4", "A replica whose state is wrong goes on answering";
    DropsWhatLaggardsNeed: "C2", "A stable checkpoint drops all blocks before it";
    EvidenceDroppedAtCheckpoint: "X4", "Evidence is not written again when the log loses its beginning";
    RetirementDroppedAtCheckpoint: "D18", "A retired key votes again once the log has lost its beginning";
    WindowNeverShrinks: "T1", "The view timeout never comes back down";
    WindowNeverGrows: "T1", "The view timeout never grows";
    LifeUnheard: "V1", "A working leader's signs of life do not set the clock back";
    OneSuspicionIsEnough: "V8", "One suspicion brings a replica along, not f + 1";
    ProofForgottenWithDoubt: "V4", "A proof against a leader that is doubted already is given up with the doubt";
    OldSuspicionsDepose: "V11", "SUSPECTs of replicas that no longer suspect the leader depose it";
    OldSuspicionsJoin: "V8", "Who suspected a leader once and no longer does counts for ever";
    SilenceTolerated: "V1", "A silent leader is waited for";
    OpenSlotTolerated: "V3", "A slot that never gets its certificate is waited for";
    EvidenceNotKept: "X4", "Evidence is lost at a restart";
    EvidenceNotPassedOn: "X4", "Whoever has evidence keeps it to itself";
    EquivocationUnnoticed: "X1", "Two proposals for one slot are no evidence";
    OwnDoubleVoteIgnored: "D18", "A key that is used twice goes on voting";
    RelaysToLastLeader: "P1", "Relays go to the leader of the view before";
    BypassTolerated: "V2", "A leader may pass a client over for ever";
    HalfLateTolerated: "P10", "A leader may be late nearly all of the time, if only half of its rounds are late";
    LeaderStretchesItsDebt: "P11", "A proposal that waits for its parent makes its voters look slow";
    BlindNeverJoins: "P11", "A replica that can measure nobody waits for a reason of its own";
    OrderedForgotten: "P6", "What was ordered is taken in and proposed again";
    AnythingMayWait: "P5", "As much may wait for a proposal as the pool holds, however little is ordered";
    GrowthBlind: "N2", "Batches grow although commits have become slow";
    MarkPassesStable: "C6", "The savepoint moves past the stable checkpoint to one that is not stable";
    FlushUnseenByRanges: "E11", "A range of the state is read past what a flush under way writes";
    LogFreedByExecution: "C3", "The log forgets what is executed and not durable yet";
    StabilityNotAwaited: "C6", "A flush leaves a checkpoint behind that may become stable in a moment";
    FlushTrustedEarly: "E11", "A flush of the state counts when it begins and not when it is durable";
    NobodyGivesWay: "P4", "A client with many waiting requests keeps a full pool to itself";
    OwnClientsFirst: "P3", "A leader serves its own clients before relays";
    OneSessionFirst: "P6", "A leader serves one session until it has nothing more";
    InvalidBatchIgnored: "V4", "A leader may sign blocks with requests that no rule allows";
    ExecutionUnbounded: "E10", "A leader proposes on while execution falls behind";
    // What waits for the disk, and what comes in: `crates/replica`.
    GateOffByOne: "D1", "A message leaves one write too early";
    GoneUnheard: "C10", "A peer that has the wanted state no more says so in vain";
    // Execution and state transfer: `crates/execution`.
    DuplicateExecuted: "E4", "A request runs as often as it is ordered";
    HeldOutOfOrder: "E3", "A request that comes early runs at once";
    BucketUnchecked: "C6", "A bucket of a fetched state is taken as it comes";
    CheckpointBytesForgotten: "C1", "The count of bytes since the last checkpoint begins anew at a restart";
    StuckTransferKept: "C11", "A state transfer that nobody can finish is waited for";
    SnapshotDiesWithProcess: "C6", "A restart does not go back to the last stable checkpoint, so nobody has its snapshot any more";
    NonceWindowShort: "E3", "The window of nonces is one short";
    DuplicatesShifted: "E5", "A repeated nonce is compared with its neighbour";
    LastNonceTaken: "E2", "The nonce without a successor is executed";
    HeldNotReleased: "E3", "A request that waited for an earlier one waits for ever";
    HeldStays: "E3", "A request that waited stays among the waiting ones after its turn";
    HeldUnbounded: "E3", "A session may make replicas hold any number of bytes";
    AdmissionUnbounded: "E9", "New sessions are admitted at any rate";
    SessionsNotFlushed: "E8", "A flush leaves the sessions out: after a restart requests run twice";
    RefusalKeepsEffect: "E7", "What a refused operation wrote stays";
    PanicTextAnswered: "E7", "The text of a panic, different on each machine, is part of the answer";
    LeafIndexZero: "E7", "Every operation of an envelope has the first one's leaf";
    AuthorIsSession: "E1", "What somebody else signed counts as the session's own";
    OldValueStaysInSum: "E11", "The digest of the state still counts what was overwritten";
    MarkBeforeState: "E11", "How far execution has come is durable before the state is";
    ExecutedMarkForgotten: "E11", "A flush does not say how far execution has come: blocks run again";
    SnapshotBeforeFlush: "D5", "A checkpoint's snapshot is taken before the state is flushed";
    BytesSinceCheckpointKept: "C1", "The count of bytes since a checkpoint goes on after it";
    TornTransferTrusted: "C6", "A state that is half replaced is executed upon after a restart";
    OldPairsStay: "C6", "What a fetched bucket does not have stays in the state";
    BucketOfOtherIndex: "C6", "A bucket may hold keys of another one";
    ManifestUnchecked: "C6", "A manifest's buckets need not hash to the certified root";
    SlowPeerKept: "C10", "A peer that never delivers is never given up";
    // The client's half: `crates/session`.
    OneWordIsEnough: "R2", "A client takes one replica's word for an answer";
    ReplicaCountsTwice: "R2", "Two answers of one replica are two voices";
    BlocksMixed: "R2", "Answers that rest on different blocks add up";
    ResultPathUnchecked: "R2", "A result need not be under the root that its replica signed";
    AnswerUnchecked: "R2", "An answer need not be the one that its leaf names";
    OtherRequestTaken: "R2", "A result of another request settles this one";
    HeldIsDone: "R6", "A request that is only held counts as done";
    InvalidByOne: "R3", "One replica's word is enough to call a request invalid";
    ReplyUnsigned: "R1", "A REPLY's signature is not looked at";
    WordOfAnother: "R1", "A replica may pass on another one's REPLY as its own";
    StaleAnswerTaken: "R7", "An answer from before what was asked for is fresh enough";
    QuestionUnchecked: "R7", "The answer to another question is taken";
    OneAnswerIsEnough: "R7", "One replica's answer to a question is believed";
    RetriesUnderNewNonce: "R3", "A refused request's nonce is used again although it was used up";
    StandingOfLiars: "R4", "A session goes on at the highest nonce that any one replica claims";
    NeverSpreads: "R4", "A request goes to the first f + 1 replicas only, however long nothing comes";
    PathDirectionIgnored: "R5", "A receipt's path may put its siblings on either side";
    ReceiptOfAnyCluster: "R5", "A receipt of another cluster is good";
    ReceiptChainBroken: "R5", "The headers of a receipt need not follow one another";
    ReceiptPathUnchecked: "R5", "A receipt's operation need not be in its block";
    ReceiptRepliesRepeated: "R6", "One replica's REPLY may fill a receipt";
    ReceiptTooFewReplies: "R6", "A receipt may have fewer than f + 1 REPLYs";
    ReleasedBeforeOrdered: "R6", "A receipt's releasing block may come before the ordering one";
    // Links: `crates/transport`.
    LinkKeyUnpinned: "row N17", "Any key opens a link";
    GreetingWithoutCluster: "row O01", "Members of different clusters link up";
    BothSidesDial: "row N12", "Either member of a pair may dial the other";
    FrameUnbounded: "row X03", "A frame may be of any length";
    FrameEndUnnoticed: "row N14", "A stream that ends inside a frame ended well";
    OutboxUnbounded: "row N13", "What waits for a slow peer grows without end";
    NewestFrameDropped: "row N09", "A full queue drops the newest frames instead of the oldest";
    AddressUncounted: "row X01", "One address may take every client's place";
    PlaceNeverGivenBack: "row X19", "A client that leaves keeps its place";
    OldConnectionKept: "row N15", "A connection that was replaced is served on";
    // What threads wait for each other with: `crates/node` and `crates/transport`.
    EndHeardByOne: "row P12", "The end is told to one of the threads that wait for it";
    WokenTooEarly: "row P12", "A thread is woken for a job before the job is there";
    WokenForGood: "row P12", "A thread that is woken and finds the job gone takes that for the end";
    CommitNotAwaited: "row P12", "Whoever lets the database go does not wait for the commit under way";
    PausedUnseen: "row P12", "A stream pauses although its queue was emptied before anybody could see that";
    MarkClearedEarly: "row P12", "A stream's mark is gone before its queue is short enough";
    WakeNotPassedOn: "row P12", "Whoever takes a part of the frames wakes nobody for the rest";
    FrameAnnouncedEarly: "row P12", "A frame is announced before it is there";
    // The chat: `apps/chat`.
    RemovedMemberPosts: "row K14", "Whoever was put out of a room may go on posting";
    RoomsOpenToAll: "row K14", "An invite-only room lets everybody in";
    AnybodyInvites: "row K14", "Any member may say who is in a room";
    InviteCountsTwice: "row K14", "A second invitation counts the member again";
    RoomIndexShared: "row W10", "Messages get their index from the block, not from their room";
    TextUnbounded: "row K06", "A text may be of any length";
    NameTakenTwice: "row M09", "Two keys may have one name";
    NamesWithControls: "row W11", "A name may hold control characters";
    RoomTakenOver: "row M09", "A room that exists may be opened again by somebody else";
    SecretRoomsListed: "row W10", "Invite-only rooms are listed for everybody";
    HistoryForOutsiders: "row W10", "Anybody may read what was said in an invite-only room";
    MembersForOutsiders: "row W10", "Anybody may list the members of an invite-only room";
    StrangersPost: "row K14", "A key without a name may write";
}
