//! Key files are private, never overwritten, and say what is wrong with them.
#![allow(clippy::unwrap_used)]

use outvote_crypto::{KeyFile, KeyFileError, KeyPair, KeyRole};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::PathBuf;

fn saved() -> (tempfile::TempDir, PathBuf, KeyPair) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consensus.key");
    let pair = KeyPair::generate().unwrap();
    KeyFile::save(&path, KeyRole::Consensus, &pair).unwrap();
    (folder, path, pair)
}

// Faults: O04
#[test]
fn a_saved_key_comes_back_and_its_file_is_private() {
    let (_folder, path, pair) = saved();
    let back = KeyFile::load(&path, KeyRole::Consensus).unwrap();
    assert_eq!(back.public_key(), pair.public_key());
    assert_eq!(back.sign_bytes(b"x"), pair.sign_bytes(b"x"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

// Faults: O04
#[test]
fn a_key_that_others_may_read_is_refused_with_the_cure() {
    let (_folder, path, _) = saved();
    for mode in [0o640, 0o604, 0o660, 0o644, 0o610] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = KeyFile::load(&path, KeyRole::Consensus).unwrap_err();
        assert!(matches!(error, KeyFileError::TooOpen { mode: found, .. } if found == mode));
        assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())), "{error}");
    }
}

#[test]
fn a_key_is_never_overwritten() {
    let (_folder, path, pair) = saved();
    let error = KeyFile::save(&path, KeyRole::Consensus, &KeyPair::generate().unwrap()).unwrap_err();
    assert!(matches!(error, KeyFileError::Exists { .. }));
    assert_eq!(KeyFile::load(&path, KeyRole::Consensus).unwrap().public_key(), pair.public_key());
}

#[test]
fn a_key_for_something_else_is_refused() {
    let (_folder, path, _) = saved();
    let error = KeyFile::load(&path, KeyRole::Link).unwrap_err();
    assert!(
        matches!(&error, KeyFileError::WrongRole { found, expected: "link", .. } if found == "consensus")
    );
}

#[test]
fn missing_and_unreadable_files_name_their_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.key");
    let error = KeyFile::load(&path, KeyRole::Client).unwrap_err();
    assert!(matches!(error, KeyFileError::Missing { .. }));
    assert!(error.to_string().contains("none.key"));
    assert!(matches!(KeyFile::load(folder.path(), KeyRole::Client), Err(KeyFileError::Malformed { .. })));
    let nowhere = folder.path().join("no/such/folder/a.key");
    let error = KeyFile::save(&nowhere, KeyRole::Client, &KeyPair::generate().unwrap()).unwrap_err();
    assert!(matches!(error, KeyFileError::Io { doing: "create", .. }));
}

#[test]
fn a_key_that_belongs_to_somebody_else_is_refused() {
    let (_folder, path, _) = saved();
    let us = fs::metadata(&path).unwrap().uid();
    // Only root can give a file away; everybody else finds one of root's.
    let theirs = match chown(&path, Some(us + 1), None) {
        Ok(()) => path,
        Err(_) => PathBuf::from("/etc/passwd"),
    };
    let error = KeyFile::load(&theirs, KeyRole::Consensus).unwrap_err();
    assert!(matches!(error, KeyFileError::Foreign { us: ours, owner, .. } if ours == us && owner != us));
    assert!(error.to_string().contains(&*theirs.to_string_lossy()), "{error}");
}

#[test]
fn a_key_that_cannot_be_opened_is_named_with_the_systems_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consensus.key");
    // A link to itself: not even root can open it.
    symlink(&path, &path).unwrap();
    let error = KeyFile::load(&path, KeyRole::Consensus).unwrap_err();
    assert!(matches!(error, KeyFileError::Io { doing: "open", .. }), "{error}");
    assert!(error.to_string().contains("consensus.key"), "{error}");
}

// Faults: M14
#[test]
fn a_damaged_file_is_refused_at_whatever_byte_it_is_damaged() {
    let (_folder, path, _) = saved();
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() - 1 {
        let mut bad = good.clone();
        bad[at] ^= 0x11;
        fs::write(&path, &bad).unwrap();
        assert!(KeyFile::load(&path, KeyRole::Consensus).is_err(), "byte {at}");
    }
    for length in 0..good.len() - 1 {
        fs::write(&path, &good[..length]).unwrap();
        assert!(KeyFile::load(&path, KeyRole::Consensus).is_err(), "{length} bytes");
    }
    let mut long = good.clone();
    long.extend([b'\n'; 2000]);
    fs::write(&path, &long).unwrap();
    assert!(KeyFile::load(&path, KeyRole::Consensus).is_err());
    fs::write(&path, &good).unwrap();
    assert!(KeyFile::load(&path, KeyRole::Consensus).is_ok());
}

#[test]
fn no_debug_output_or_error_shows_the_secret() {
    let (_folder, path, pair) = saved();
    let secret = hex::encode(pair.seed().as_ref());
    assert!(!format!("{pair:?}").contains(&secret[..8]));
    fs::write(&path, format!("outvote-key 1 consensus\nsecret {secret}zz\npublic 00\n")).unwrap();
    let error = KeyFile::load(&path, KeyRole::Consensus).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(&secret[..8]));
}
