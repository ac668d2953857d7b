//! Disks that are wiped, restored, damaged, full or read-only. The other replicas go on in every case.

use crate::skipped::cannot_be_done_here;
use crate::support::{Counter, count_up, in_the_end, leader, own, submit, until, until_level};
use outvote::{Cluster, CommitteeFile, Home, Node, NodeConfig, ReplicaId};
use outvote_client::MemberEntry;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LAST: ReplicaId = ReplicaId(3);

fn data(cluster: &Cluster) -> PathBuf {
    cluster.home(LAST).unwrap().join("data")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a folder").map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("copied");
        }
    }
}

// Faults: S12
// D16, D17: the key alone never votes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_whose_disk_was_wiped_follows_and_serves_but_never_votes() {
    let mut cluster = Cluster::of(4).checkpoint_interval(8).start(Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    for expected in 1..=20 {
        assert_eq!(count_up(&client).await, expected);
    }
    cluster.stop_replica(LAST).await.expect("stopped");
    std::fs::remove_dir_all(data(&cluster)).expect("wiped");
    cluster.start_replica(LAST).await.expect("it starts all the same");
    for expected in 21..=40 {
        assert_eq!(count_up(&client).await, expected);
    }
    until_level(&cluster, LAST, ReplicaId(0)).await;
    until("it is an observer", || own(&cluster, LAST).observer).await;
    // It gives no vote: with one of the others gone there is no quorum, however long one waits.
    cluster.stop_replica(ReplicaId(2)).await.expect("stopped");
    let submission = tokio::time::timeout(Duration::from_secs(2), count_up(&client)).await;
    assert!(submission.is_err(), "committed with an observer's vote");
    cluster.start_replica(ReplicaId(2)).await.expect("started");
    let count = count_up(&client).await;
    assert!(count == 42, "the one that waited, then this one: {count}");
    until_level(&cluster, LAST, ReplicaId(0)).await;
    cluster.stop_replica(LAST).await.expect("stopped");
    cluster.start_replica(LAST).await.expect("started");
    until("it is an observer after another restart", || own(&cluster, LAST).observer).await;
    cluster.stop().await;
}

// Faults: S14, O06
// D18, D22: a restored copy is found out by what the others remember.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_with_an_old_copy_of_its_disk_becomes_an_observer() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    for expected in 1..=5 {
        assert_eq!(count_up(&client).await, expected);
    }
    cluster.stop_replica(LAST).await.expect("stopped");
    let backup = cluster.home(LAST).unwrap().join("backup");
    copy(&data(&cluster), &backup);
    cluster.start_replica(LAST).await.expect("started");
    // It votes in later views now, which its old copy knows nothing of.
    for expected in 6..=8 {
        let old = leader(&cluster);
        let victim = if old == LAST { ReplicaId(0) } else { old };
        cluster.stop_replica(victim).await.expect("stopped");
        assert_eq!(count_up(&client).await, expected);
        cluster.start_replica(victim).await.expect("started");
    }
    until_level(&cluster, LAST, ReplicaId(0)).await;
    cluster.stop_replica(LAST).await.expect("stopped");
    std::fs::remove_dir_all(data(&cluster)).expect("removed");
    copy(&backup, &data(&cluster));
    cluster.start_replica(LAST).await.expect("started");
    for expected in 9..=15 {
        assert_eq!(count_up(&client).await, expected);
    }
    until("the old copy is noticed", || own(&cluster, LAST).observer).await;
    until_level(&cluster, LAST, ReplicaId(0)).await;
    // Its log says so from now on: nobody needs to show it anything again.
    cluster.stop_replica(LAST).await.expect("stopped");
    for other in 0..3 {
        cluster.stop_replica(ReplicaId(other)).await.expect("stopped");
    }
    cluster.start_replica(LAST).await.expect("started");
    until("it is an observer after a restart", || own(&cluster, LAST).observer).await;
    cluster.stop().await;
}

// D18: a copy that was made while the replica ran and wrote is an old copy like any other, whatever it caught half done.
// Faults: O13, S14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_running_replicas_data_never_votes_on() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    let backup = cluster.home(LAST).unwrap().join("backup");
    let (from, to) = (data(&cluster), backup.clone());
    let copying = tokio::task::spawn_blocking(move || copy(&from, &to));
    let mut count = 0;
    while !copying.is_finished() || count < 10 {
        count += 1;
        assert_eq!(count_up(&client).await, count);
    }
    copying.await.expect("copied");
    for _ in 0..3 {
        let old = leader(&cluster);
        let victim = if old == LAST { ReplicaId(0) } else { old };
        cluster.stop_replica(victim).await.expect("stopped");
        count += 1;
        assert_eq!(count_up(&client).await, count);
        cluster.start_replica(victim).await.expect("started");
    }
    until_level(&cluster, LAST, ReplicaId(0)).await;
    cluster.stop_replica(LAST).await.expect("stopped");
    std::fs::remove_dir_all(data(&cluster)).expect("removed");
    copy(&backup, &data(&cluster));
    cluster.start_replica(LAST).await.expect("it starts");
    for _ in 0..5 {
        count += 1;
        assert_eq!(count_up(&client).await, count);
    }
    until("the copy is noticed", || own(&cluster, LAST).observer).await;
    until_level(&cluster, LAST, ReplicaId(0)).await;
    cluster.stop().await;
}

// Faults: S07
// D23: damage in the middle of the log is not cut away; what is missing comes from the peers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_damaged_in_the_middle_is_mended_from_the_others() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    for expected in 1..=30 {
        assert_eq!(submit(&client, &[b'x'; 20_000]).await, expected);
    }
    cluster.stop_replica(LAST).await.expect("stopped");
    let files =
        std::fs::read_dir(data(&cluster).join("log")).expect("a folder").map(|file| file.unwrap().path());
    let file = files.max_by_key(|file| file.metadata().unwrap().len()).expect("a log file");
    let mut bytes = std::fs::read(&file).expect("read");
    let used = bytes.iter().rposition(|byte| *byte != 0).expect("written to");
    bytes[used / 2..used / 2 + 600].fill(0x5A);
    std::fs::write(&file, &bytes).expect("damaged");
    cluster.start_replica(LAST).await.expect("it starts");
    for expected in 31..=40 {
        assert_eq!(count_up(&client).await, expected);
    }
    until_level(&cluster, LAST, ReplicaId(0)).await;
    cluster.stop().await;
}

// Faults: S08
// E11, D11, C6: a database that rots is set aside whole, and a new one is filled from the others; the log keeps the promises.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_state_database_is_set_aside_and_filled_anew_from_the_others() {
    let mut cluster = Cluster::of(4).checkpoint_interval(8).start(Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    for expected in 1..=20 {
        assert_eq!(count_up(&client).await, expected);
    }
    until_level(&cluster, LAST, ReplicaId(0)).await;
    let (file, aside) = (data(&cluster).join("state.redb"), data(&cluster).join("state.redb.damaged"));
    cluster.stop_replica(LAST).await.expect("stopped");
    let damaged = rot(&file);
    cluster.start_replica(LAST).await.expect("it starts");
    assert!(std::fs::read(&aside).expect("set aside") == damaged, "not a byte is lost");
    for expected in 21..=30 {
        assert_eq!(count_up(&client).await, expected);
    }
    until_level(&cluster, LAST, ReplicaId(0)).await;
    assert!(!own(&cluster, LAST).observer, "its promises are in the log");
    // It happens once without a person; a second time is one too many.
    cluster.stop_replica(LAST).await.expect("stopped");
    let damaged = rot(&file);
    let text = cluster.start_replica(LAST).await.expect_err("damaged again").to_string();
    assert!(text.contains("state.redb") && text.contains("move the file away"), "{text}");
    assert!(std::fs::read(&file).unwrap() == damaged, "it stays as it was");
    assert_eq!(count_up(&client).await, 31, "the others go on");
    std::fs::remove_file(&file).expect("removed");
    cluster.start_replica(LAST).await.expect("starts without a state");
    until_level(&cluster, LAST, ReplicaId(0)).await;
    assert!(!own(&cluster, LAST).observer);
    cluster.stop().await;
}

/// Damages the pages of a database that hold anything; its new content.
fn rot(file: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(file).expect("read");
    let pages = bytes.chunks_mut(4096).skip(1).filter(|page| page.iter().any(|byte| *byte != 0));
    pages.for_each(|page| page[40..60].fill(0x5A));
    std::fs::write(file, &bytes).expect("damaged");
    bytes
}

// What was agreed in one cluster is nothing in another, even if the keys are the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_data_of_another_cluster_is_refused_and_the_right_committee_file_brings_it_back() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    for expected in 1..=3 {
        assert_eq!(count_up(&client).await, expected);
    }
    until_level(&cluster, LAST, ReplicaId(0)).await;
    cluster.stop_replica(LAST).await.expect("stopped");
    let ours = cluster.committee();
    let members = ours.committee.members.iter().zip(&ours.addresses);
    let members =
        members.map(|(member, address)| MemberEntry { member: *member, address: address.clone() }).collect();
    let other = CommitteeFile::create(members, [7; 32], true, outvote_types::Parameters::default())
        .expect("a committee");
    let installed = Home::new(cluster.home(LAST).unwrap()).committee();
    std::fs::write(&installed, other.to_toml()).expect("installed");
    let text = cluster.start_replica(LAST).await.expect_err("of another cluster").to_string();
    let (found, expected) = (ours_id(&cluster), other.committee.cluster_id().to_hex());
    assert!(
        text.contains(&format!("holds the data of cluster {found}")) && text.contains(&expected),
        "{text}"
    );
    // Where nothing says whose data it is, as in a copy that somebody made of parts, the state itself says so.
    std::fs::remove_file(data(&cluster).join("CLUSTER")).expect("removed");
    let text = cluster.start_replica(LAST).await.expect_err("of another cluster").to_string();
    assert!(text.contains("another cluster") || text.contains("other cluster"), "{text}");
    assert_eq!(count_up(&client).await, 4, "the others go on");
    std::fs::write(&installed, cluster.committee().to_toml()).expect("installed");
    cluster.start_replica(LAST).await.expect("its own cluster's file");
    until_level(&cluster, LAST, ReplicaId(0)).await;
    cluster.stop().await;
}

fn ours_id(cluster: &Cluster) -> String {
    cluster.committee().committee.cluster_id().to_hex()
}

// Faults: S13
// Whose log it is stands in every sector of it, so two that were swapped are refused, and nothing is written to them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_folders_that_were_swapped_are_refused_and_once_put_back_are_their_own_again() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    for expected in 1..=5 {
        assert_eq!(count_up(&client).await, expected);
    }
    let pair = [ReplicaId(2), LAST];
    for id in pair {
        cluster.stop_replica(id).await.expect("stopped");
    }
    let folders = pair.map(|id| cluster.home(id).unwrap().join("data"));
    let swap = || {
        let between = folders[0].with_file_name("data-between");
        std::fs::rename(&folders[0], &between).expect("renamed");
        std::fs::rename(&folders[1], &folders[0]).expect("renamed");
        std::fs::rename(&between, &folders[1]).expect("renamed");
    };
    swap();
    for id in pair {
        let text = cluster.start_replica(id).await.expect_err("another's data").to_string();
        assert!(text.contains("belongs to another replica") && text.contains("swapped"), "{text}");
    }
    swap();
    for id in pair {
        cluster.start_replica(id).await.expect("its own data");
    }
    assert_eq!(count_up(&client).await, 6);
    until_level(&cluster, LAST, ReplicaId(0)).await;
    assert!(pair.into_iter().all(|id| !own(&cluster, id).observer));
    cluster.stop().await;
}

// Faults: O02, O13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_on_one_home_is_refused() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let mut config = NodeConfig::default();
    config.network.listen = "127.0.0.1:0".parse().unwrap();
    config.network.http = "127.0.0.1:0".parse().unwrap();
    let home = Home::new(cluster.home(LAST).unwrap());
    let error = Node::with_config(home, config, Counter::default()).start().await.expect_err("in use");
    let text = error.to_string();
    assert!(text.contains("data is in use by process") && text.contains("stop it first"), "{text}");
    assert_eq!(count_up(&cluster.client().await.expect("connected")).await, 1);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_in_use_is_named_with_its_key() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    cluster.stop_replica(LAST).await.expect("stopped");
    let address = cluster.http(LAST).unwrap();
    let _taken = std::net::TcpListener::bind(address).expect("free now");
    let text = cluster.start_replica(LAST).await.expect_err("in use").to_string();
    assert!(text.contains(&address.to_string()) && text.contains("network.http"), "{text}");
    assert_eq!(count_up(&cluster.client().await.expect("connected")).await, 1);
    cluster.stop().await;
}

/// A small file system in memory; gone when dropped.
struct Tiny(PathBuf);

impl Tiny {
    /// `None` where this user may not mount.
    fn mount(at: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(at).ok()?;
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).output().ok()?;
        done.status.success().then(|| Self(at.to_path_buf()))
    }

    fn remount(&self, how: &str) -> bool {
        let how = format!("remount,{how}");
        let done = Command::new("mount").args(["-o", &how]).arg(&self.0).output();
        done.is_ok_and(|done| done.status.success())
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

// Faults: S02, S18
// D20: a write that fails stops the replica, with the cause and the cure; the others go on, and it comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_and_a_read_only_one_stop_the_replica_and_are_named() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    cluster.stop_replica(LAST).await.expect("stopped");
    let aside = cluster.home(LAST).unwrap().join("aside");
    copy(&data(&cluster), &aside);
    let Some(tiny) = Tiny::mount(&data(&cluster), "size=24m") else {
        let test = "disks::a_full_disk_and_a_read_only_one_stop_the_replica_and_are_named";
        return cannot_be_done_here(test, "the right to mount a tmpfs");
    };
    copy(&aside, &data(&cluster));
    cluster.start_replica(LAST).await.expect("started on the small disk");
    for expected in 1..=5 {
        assert_eq!(count_up(&client).await, expected);
    }
    // Somebody else fills the disk.
    let filler = data(&cluster).join("filler");
    let _ = std::fs::write(&filler, vec![1u8; 64 << 20]);
    let mut expected = 5;
    let error = loop {
        expected += 1;
        assert_eq!(submit(&client, &[b'x'; 60_000]).await, expected, "the others go on");
        let failed = tokio::time::timeout(Duration::from_millis(20), cluster.failure(LAST)).await;
        if let Ok(error) = failed {
            break error.expect("running").to_string();
        }
        assert!(expected < 600, "the disk is full and nobody noticed");
    };
    assert!(error.contains("the disk is full; free some space and start again"), "{error}");
    cluster.stop_replica(LAST).await.expect("stopped");
    let links: SocketAddr = cluster.committee().address(LAST).expect("a member").parse().expect("an address");
    for port in [links, cluster.http(LAST).expect("there")] {
        let free = TcpListener::bind(port);
        assert!(free.is_ok(), "{port} is listened on by a replica that failed and was stopped: {free:?}");
    }
    std::fs::remove_file(&filler).expect("freed");
    cluster.start_replica(LAST).await.expect("started again");
    expected += 1;
    assert_eq!(count_up(&client).await, expected);
    until_level(&cluster, LAST, ReplicaId(0)).await;
    assert!(!own(&cluster, LAST).observer);

    cluster.stop_replica(LAST).await.expect("stopped");
    assert!(tiny.remount("ro"), "may mount but not remount");
    let error = cluster.start_replica(LAST).await.expect_err("read-only").to_string();
    assert!(error.contains("read-only"), "{error}");
    drop(tiny);
    cluster.stop().await;
}

// Faults: S27
// D20: room for bytes, and none for one more file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_without_room_for_another_file_stops_the_replica_and_is_named() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    assert_eq!(count_up(&client).await, 1);
    cluster.stop_replica(LAST).await.expect("stopped");
    let aside = cluster.home(LAST).unwrap().join("aside");
    copy(&data(&cluster), &aside);
    let Some(tiny) = Tiny::mount(&data(&cluster), "size=64m,nr_inodes=64") else {
        let test = "disks::a_disk_without_room_for_another_file_stops_the_replica_and_is_named";
        return cannot_be_done_here(test, "the right to mount a tmpfs");
    };
    copy(&aside, &data(&cluster));
    let mut fillers = Vec::new();
    while let Ok(file) = std::fs::File::create(data(&cluster).join(format!("filler-{}", fillers.len()))) {
        fillers.push(file);
    }
    // The first write after a start goes into a new file of the log.
    let text = match cluster.start_replica(LAST).await {
        Err(error) => error.to_string(),
        Ok(()) => {
            assert_eq!(count_up(&client).await, 2, "the others go on");
            let text = cluster.failure(LAST).await.expect("running").to_string();
            cluster.stop_replica(LAST).await.expect("stopped");
            text
        }
    };
    assert!(text.contains("the disk is full; free some space and start again"), "{text}");
    // A file that somebody holds open keeps its place.
    let count = fillers.len();
    drop(fillers);
    for number in 0..count {
        std::fs::remove_file(data(&cluster).join(format!("filler-{number}"))).expect("freed");
    }
    cluster.start_replica(LAST).await.expect("started again");
    until_level(&cluster, LAST, ReplicaId(0)).await;
    assert!(!own(&cluster, LAST).observer);
    cluster.stop().await;
    drop(tiny);
}

// Faults: S26
// D20: all stop with the cure when all disks are full, and all come back with everything that was answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disks_that_are_full_everywhere_lose_nothing_that_was_answered() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let all: Vec<ReplicaId> = (0..4).map(ReplicaId).collect();
    let mut disks = Vec::new();
    for id in &all {
        cluster.stop_replica(*id).await.expect("stopped");
        let (data, aside) =
            (cluster.home(*id).unwrap().join("data"), cluster.home(*id).unwrap().join("aside"));
        copy(&data, &aside);
        let Some(tiny) = Tiny::mount(&data, "size=24m") else {
            let test = "disks::disks_that_are_full_everywhere_lose_nothing_that_was_answered";
            return cannot_be_done_here(test, "the right to mount a tmpfs");
        };
        copy(&aside, &data);
        disks.push(tiny);
    }
    for id in &all {
        cluster.start_replica(*id).await.expect("started on the small disk");
    }
    let client = cluster.client().await.expect("connected");
    assert_eq!(count_up(&client).await, 1);
    for id in &all {
        let _ = std::fs::write(cluster.home(*id).unwrap().join("data/filler"), vec![1u8; 64 << 20]);
    }
    let mut answered = 1;
    // Two that are left agree on nothing more, so that the last question has no answer.
    let payload = [b'x'; 60_000];
    while let Ok(count) = tokio::time::timeout(Duration::from_secs(3), submit(&client, &payload)).await {
        answered = count;
        assert!(answered < 600, "the disks are full and nobody noticed");
    }
    for id in &all {
        if let Ok(error) = tokio::time::timeout(Duration::from_millis(200), cluster.failure(*id)).await {
            let text = error.expect("running").to_string();
            assert!(text.contains("the disk is full; free some space and start again"), "{text}");
        }
        cluster.stop_replica(*id).await.expect("stopped");
        std::fs::remove_file(cluster.home(*id).unwrap().join("data/filler")).expect("freed");
    }
    for id in &all {
        cluster.start_replica(*id).await.expect("started again");
    }
    // Four replicas start at once and the client finds them again: that may take longer than its deadline.
    let finished = client.submit_bytes(b"up".to_vec()).await.expect("submitted");
    let count = in_the_end(&client, finished).await;
    // What had no answer may have been agreed on all the same.
    assert!(count > answered && count <= answered + 2, "{count} after {answered}");
    for id in &all[1..] {
        until_level(&cluster, *id, all[0]).await;
    }
    assert!(all.iter().all(|id| !own(&cluster, *id).observer));
    cluster.stop().await;
    drop(disks);
}
