//! Files that people write or copy: committee, configuration, keys.

use super::{choice, chosen};
use outvote_crypto::{KeyFile, KeyPair, KeyRole};
use outvote_node::NodeConfig;
use outvote_session::CommitteeFile;
use std::path::Path;

/// What is said of an error names no more of a hostile file than fits on a page.
const ERROR_CHARACTERS_MAX: usize = 2048;

fn is_fit_to_print(error: &dyn std::error::Error) {
    let text = error.to_string();
    assert!(text.len() <= ERROR_CHARACTERS_MAX, "{} characters of an error", text.len());
}

pub(crate) fn run(input: &[u8]) {
    let Some((choice, bytes)) = choice(input, 3) else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match choice {
        0 => match CommitteeFile::parse(text) {
            Ok(file) => {
                let again = CommitteeFile::parse(&file.to_toml());
                assert!(again.is_ok_and(|again| again.committee == file.committee), "written and read again");
            }
            Err(error) => is_fit_to_print(&error),
        },
        1 => {
            if let Err(error) = NodeConfig::parse(text, Path::new("config.toml")) {
                is_fit_to_print(&error);
            }
        }
        _ => {
            for role in [KeyRole::Consensus, KeyRole::Link] {
                if let Err(error) = KeyFile::parse(Path::new("a.key"), text, role) {
                    is_fit_to_print(&error);
                }
            }
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let committee = include_bytes!("../../../../docs/receipt-example-committee.toml").to_vec();
    let config =
        b"[network]\nlisten = \"127.0.0.1:4000\"\nhttp = \"127.0.0.1:4001\"\nhttp_hosts = [\"a\"]\n\n\
        [batch]\ncount_max = 4096\nbytes_max = 4194304\n\n[timeouts]\nview_ms = 500\n\n\
        [limits]\nclient_connections = 10\nretain_blocks = 5\n\n[log]\nlevel = \"info\"\nformat = \"json\"\n";
    let seed = [3; 32];
    let public = KeyPair::from_seed(seed).public_key().to_hex();
    let key = format!("outvote-key 1 consensus\nsecret {}\npublic {public}\n", hex::encode(seed));
    vec![chosen(0, committee), chosen(1, config.to_vec()), chosen(2, key.into_bytes())]
}
