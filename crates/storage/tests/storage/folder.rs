//! One process at a time in a data folder, and never an older program in a newer one.

use outvote_storage::{
    Crash, DATA_VERSION, DataFolder, Disk, Fault, SimDisk, StorageError, check_owner, check_version,
};

#[test]
fn a_data_folder_is_made_and_found_again() {
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(home.path().join("node")).unwrap();
    assert!(folder.path().ends_with("node/data"));
    let mut disk = folder.log_disk().unwrap();
    disk.create("a").unwrap();
    assert!(folder.snapshot_disk().unwrap().list().unwrap().is_empty());
    assert!(folder.state_path().starts_with(folder.path()));
    drop(folder);
    let folder = DataFolder::open(home.path().join("node")).unwrap();
    assert_eq!(folder.log_disk().unwrap().list().unwrap(), ["a"]);
}

// Faults: O02
#[test]
fn a_second_process_on_one_home_is_refused_and_told_which_one_is_there() {
    let home = tempfile::tempdir().unwrap();
    let first = DataFolder::open(home.path()).unwrap();
    let error = DataFolder::open(home.path()).unwrap_err();
    assert!(matches!(error, StorageError::Locked { .. }));
    let text = error.to_string();
    assert!(text.contains(&format!("process {}", std::process::id())) && text.contains("stop it"), "{text}");
    drop(first);
    DataFolder::open(home.path()).unwrap();
}

// Faults: O02
#[test]
fn another_process_holds_the_lock_until_it_ends() {
    let home = tempfile::tempdir().unwrap();
    drop(DataFolder::open(home.path()).unwrap());
    let lock = std::fs::File::open(home.path().join("data/LOCK")).unwrap();
    lock.lock().unwrap();
    // A child that inherits the lock keeps it after this process let go of it, until it is killed.
    let mut child = std::process::Command::new("sleep").arg("60").stdin(lock).spawn().unwrap();
    let refused = DataFolder::open(home.path());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(matches!(refused, Err(StorageError::Locked { .. })));
    DataFolder::open(home.path()).unwrap();
}

// Faults: O08
#[test]
fn a_newer_data_folder_is_refused() {
    let home = tempfile::tempdir().unwrap();
    drop(DataFolder::open(home.path()).unwrap());
    std::fs::write(home.path().join("data/VERSION"), format!("outvote data {}\n", DATA_VERSION + 1)).unwrap();
    let error = DataFolder::open(home.path()).unwrap_err();
    assert!(matches!(error, StorageError::Newer { found, .. } if found == DATA_VERSION + 1));
    assert!(error.to_string().contains("VERSION") && error.to_string().contains("newer program"), "{error}");
}

#[test]
fn a_version_file_that_says_nothing_is_refused() {
    for content in
        ["", "outvote data", "outvote data x\n", "outvote data 0\n", "something else\n", "outvote data 1"]
    {
        let mut disk = SimDisk::new();
        disk.plant("VERSION", content.as_bytes());
        let error = check_version(&mut disk, "home").unwrap_err();
        assert!(matches!(error, StorageError::Damaged { .. }), "{content:?}");
        assert!(error.to_string().contains("home/VERSION"), "{error}");
    }
}

// Faults: S19, S28
#[test]
fn a_crash_at_any_point_leaves_a_whole_version_file_or_none() {
    for stop_after in 0..8 {
        for seed in 0..40 {
            let mut disk = SimDisk::new();
            disk.fail_at(stop_after, Fault::Stop);
            let is_done = check_version(&mut disk, "home").is_ok();
            disk.clear_faults();
            disk.crash(Crash::Random(seed));
            let was_there = disk.list().unwrap().iter().any(|name| name == "VERSION");
            assert!(was_there || !is_done);
            check_version(&mut disk, "home").unwrap();
            disk.crash(Crash::LoseAll);
            assert!(disk.list().unwrap().iter().any(|name| name == "VERSION"));
            check_version(&mut disk, "home").unwrap();
        }
    }
}

// Faults: S13
#[test]
fn a_folder_that_was_claimed_is_refused_to_every_other_owner() {
    let home = tempfile::tempdir().unwrap();
    DataFolder::open(home.path()).unwrap().check_owner("bb22").unwrap();
    DataFolder::open(home.path()).unwrap().claim("aa11").unwrap();
    assert!(DataFolder::open(home.path()).unwrap().check_owner("bb22").is_err());
    DataFolder::open(home.path()).unwrap().check_owner("aa11").unwrap();
    let folder = DataFolder::open(home.path()).unwrap();
    folder.claim("aa11").unwrap();
    let error = folder.claim("bb22").unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StorageError::OtherOwner { .. }));
    assert!(["data", "aa11", "bb22", "committee file"].iter().all(|word| text.contains(word)), "{text}");
    folder.claim("aa11").unwrap();
    folder.claim_anew("bb22").unwrap();
    folder.claim("bb22").unwrap();
    assert!(folder.claim("aa11").is_err());
}

// Faults: M10
#[test]
fn an_owner_that_is_cut_off_or_goes_on_is_damage_and_nobody_is_sent_away() {
    for content in ["", "aa1", "aa11", "aa1\n", "aa11\nmore", "aa11\n\n", "a/11\n"] {
        let mut disk = SimDisk::new();
        disk.plant("CLUSTER", content.as_bytes());
        let error = check_owner(&mut disk, "home", "aa11").unwrap_err();
        assert!(matches!(error, StorageError::Damaged { .. }), "{content:?}");
        let text = error.to_string();
        assert!(text.contains("home/CLUSTER") && text.contains("remove this file"), "{text}");
    }
}

// Faults: S19, S28
#[test]
fn a_crash_at_any_point_leaves_a_whole_owner_or_none() {
    for stop_after in 0..8 {
        for seed in 0..40 {
            let mut disk = SimDisk::new();
            disk.fail_at(stop_after, Fault::Stop);
            let is_done = check_owner(&mut disk, "home", "aa11").is_ok();
            disk.clear_faults();
            disk.crash(Crash::Random(seed));
            assert!(!is_done || check_owner(&mut disk, "home", "bb22").is_err(), "the claim was durable");
            let was_there = disk.list().unwrap().iter().any(|name| name == "CLUSTER");
            let now = if was_there { "aa11" } else { "bb22" };
            check_owner(&mut disk, "home", now).unwrap();
        }
    }
}
