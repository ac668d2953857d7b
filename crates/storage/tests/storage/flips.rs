//! Every byte of a small log, of a small database and of what says whose they are is flipped: an error that names it, or the
//! right data.

use crate::harness::Failure;
use crate::harness::flips::{
    Flips, all_bits, flip, judge_log, judge_state, log_sample, quieten_the_database, state_sample,
    telling_bits,
};
use outvote_storage::{Disk, SimDisk, StorageError, check_owner, check_version};

/// The beginning of a state's file, and that of the library's own.
const STATE_HEADS: [std::ops::Range<u64>; 2] = [0..40, 2 * 4096..2 * 4096 + 320];

fn right(done: Result<Flips, Failure>) -> Flips {
    done.unwrap_or_else(|failure| panic!("{}", failure.0))
}

// Faults: S07, S11, S20
#[test]
fn no_flipped_byte_of_any_segment_is_believed_or_passed_over() {
    let sample = log_sample();
    let files = sample.0.list().unwrap();
    assert!(files.len() > 2, "{files:?}");
    for file in files {
        let bits = all_bits(&sample.0, &file).step_by(8).map(|bit| bit + bit / 8 % 8);
        let flips = right(flip(&sample, &file, bits, judge_log));
        println!("{file}: {flips:?}");
        assert_eq!(flips.tried, sample.0.length(&file).unwrap());
        assert!(flips.refused == 0 && flips.named > 500, "{flips:?}");
    }
}

// Faults: S08, S11, S20
#[test]
fn no_flipped_byte_of_a_database_gives_what_was_never_there() {
    quieten_the_database();
    let sample = state_sample();
    let bits = telling_bits(&sample.0, "state", &STATE_HEADS, 3);
    let flips = right(flip(&sample, "state", bits.into_iter(), judge_state::<true>));
    println!("{flips:?}");
    assert!(flips.tried > 3_000 && flips.refused > 100, "{flips:?}");
}

/// A large database is not read as a whole when it is opened.
// Faults: S08, S11, S20
#[test]
fn no_flipped_byte_of_a_large_database_gives_what_was_never_there() {
    quieten_the_database();
    let sample = state_sample();
    let bits = telling_bits(&sample.0, "state", &STATE_HEADS, 3);
    let flips = right(flip(&sample, "state", bits.into_iter(), judge_state::<false>));
    println!("{flips:?}");
    assert!(flips.tried > 3_000 && flips.refused > 100 && flips.named > 100, "{flips:?}");
}

// Faults: S11, S13, S20
#[test]
fn no_flipped_byte_lets_a_folder_pass_for_another_one() {
    let mut disk = SimDisk::new();
    let owner = "00aa11bb22cc33dd44ee55ff66aa77bb88cc99dd00ee11ff22aa33bb44cc55dd";
    check_version(&mut disk, "home").unwrap();
    check_owner(&mut disk, "home", owner).unwrap();
    for (file, what) in [("VERSION", "VERSION"), ("CLUSTER", "home")] {
        for bit in all_bits(&disk, file) {
            let mut flipped = disk.clone();
            flipped.flip(file, bit / 8, 1 << (bit % 8));
            let before = flipped.content(file).unwrap().to_vec();
            let checked =
                check_version(&mut flipped, "home").and_then(|()| check_owner(&mut flipped, "home", owner));
            let error = checked.unwrap_err();
            let is_named = matches!(
                error,
                StorageError::Damaged { .. } | StorageError::Newer { .. } | StorageError::OtherOwner { .. }
            );
            assert!(is_named && error.to_string().contains(what), "{file} bit {bit}: {error}");
            assert_eq!(flipped.content(file).unwrap(), before, "it stays as it was");
        }
    }
}
