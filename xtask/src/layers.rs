//! Who may know whom. This table and ARCHITECTURE.md say the same; a new arrow needs a page in `docs/adr/`.

use std::collections::{BTreeMap, BTreeSet};

/// A package of the dependency graph with its normal dependencies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Whether it is a crate of this workspace.
    pub is_own: bool,
    /// The names of its normal dependencies.
    pub depends_on: Vec<String>,
}

/// What one of our crates may do.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The crate.
    pub name: &'static str,
    /// Our crates that it may depend on directly.
    pub may_name: &'static [&'static str],
    /// Packages of others that it may depend on directly; `None` where anything kept may be used.
    pub may_use: Option<&'static [&'static str]>,
    /// Packages, ours or not, that it must not reach even through others.
    pub must_not_reach: &'static [&'static str],
}

const TYPES: &str = "outvote-types";
const PROTOCOL: &str = "outvote-protocol";
const CRYPTO: &str = "outvote-crypto";
const REPLICA: &str = "outvote-replica";
const EXECUTION: &str = "outvote-execution";
const SESSION: &str = "outvote-session";
const ADVERSARY: &str = "outvote-adversary";
const STORAGE: &str = "outvote-storage";
const TRANSPORT: &str = "outvote-transport";
const CLIENT: &str = "outvote-client";
const NODE: &str = "outvote-node";
const SIM: &str = "outvote-sim";
const BENCH: &str = "outvote-bench";
const OUTVOTE: &str = "outvote";
const CHAT: &str = "outvote-chat";
const KV: &str = "outvote-kv";
const CHAOS: &str = "outvote-chaos";
const TORTURE: &str = "outvote-torture";
const PEERS: &str = "outvote-peers";
const SCHEDULES: &str = "outvote-schedules";

/// The direction of every arrow.
pub const TABLE: &[Row] = &[
    Row {
        name: TYPES,
        may_name: &[],
        // A pure hash and a codec; nothing that knows a clock, a disk, a socket or a random number.
        may_use: Some(&["borsh", "sha2", "thiserror"]),
        must_not_reach: &[
            "tokio",
            "rand",
            "getrandom",
            "ed25519-zebra",
            "curve25519-dalek",
            "aws-lc-rs",
            "serde_json",
        ],
    },
    Row {
        name: PROTOCOL,
        may_name: &[TYPES],
        // Records on disk are written in the same canonical encoding as messages.
        may_use: Some(&["borsh"]),
        must_not_reach: &["tokio", "rand", "getrandom", "ed25519-zebra", "curve25519-dalek", "aws-lc-rs"],
    },
    Row { name: CRYPTO, may_name: &[TYPES], may_use: None, must_not_reach: &[PROTOCOL, "tokio"] },
    Row {
        name: REPLICA,
        may_name: &[PROTOCOL, CRYPTO, TYPES],
        may_use: None,
        must_not_reach: &[STORAGE, TRANSPORT, EXECUTION, NODE, "tokio", "redb", "rustls"],
    },
    Row { name: EXECUTION, may_name: &[TYPES], may_use: None, must_not_reach: &[PROTOCOL, CRYPTO, "tokio"] },
    Row { name: SESSION, may_name: &[TYPES, CRYPTO], may_use: None, must_not_reach: &[PROTOCOL, "tokio"] },
    Row {
        name: ADVERSARY,
        may_name: &[REPLICA, CRYPTO, TYPES],
        may_use: None,
        must_not_reach: &[STORAGE, TRANSPORT, NODE, "tokio"],
    },
    Row { name: STORAGE, may_name: &[], may_use: None, must_not_reach: &[TYPES, PROTOCOL, "tokio"] },
    Row { name: TRANSPORT, may_name: &[CRYPTO, TYPES], may_use: None, must_not_reach: &[PROTOCOL] },
    Row {
        name: CLIENT,
        may_name: &[SESSION, TRANSPORT, CRYPTO, TYPES],
        may_use: None,
        must_not_reach: &[PROTOCOL, NODE],
    },
    Row {
        name: NODE,
        may_name: &[REPLICA, EXECUTION, SESSION, STORAGE, TRANSPORT, CRYPTO, TYPES, ADVERSARY],
        may_use: None,
        must_not_reach: &[SIM],
    },
    Row {
        name: SIM,
        may_name: &[REPLICA, PROTOCOL, EXECUTION, SESSION, ADVERSARY, CRYPTO, STORAGE, TYPES],
        may_use: None,
        must_not_reach: &["tokio", NODE, TRANSPORT],
    },
    // The applications get their routes into the node, which reaches the protocol; they must not name it themselves.
    Row {
        name: CHAT,
        may_name: &[EXECUTION, SESSION, CLIENT, NODE, CRYPTO, TYPES],
        may_use: None,
        must_not_reach: &[SIM],
    },
    Row {
        name: KV,
        may_name: &[EXECUTION, SESSION, CLIENT, NODE, CRYPTO, TYPES],
        may_use: None,
        must_not_reach: &[SIM],
    },
    // It measures replicas as processes of their own, from outside: through the client, and as attackers through bare links.
    Row {
        name: BENCH,
        may_name: &[CLIENT, SESSION, TRANSPORT, CHAOS, CRYPTO, TYPES, KV],
        may_use: None,
        must_not_reach: &[SIM],
    },
    // A bad network for whoever tests: it knows bytes, and nothing of ours.
    Row { name: CHAOS, may_name: &[], may_use: Some(&["tokio"]), must_not_reach: &[] },
    // Its tests take in sources of the node and the transport by their paths; what it names itself is only what decides who runs.
    Row { name: SCHEDULES, may_name: &[], may_use: Some(&["shuttle", "tokio"]), must_not_reach: &[] },
    // It runs replicas as processes of their own, and sees what any client sees.
    Row {
        name: TORTURE,
        may_name: &[CHAOS, CLIENT, CRYPTO, TYPES, KV, CHAT],
        may_use: None,
        must_not_reach: &[SIM],
    },
    // It runs our program and others' as processes, and draws as the attacks' page does.
    Row { name: PEERS, may_name: &[BENCH], may_use: None, must_not_reach: &[SIM] },
    Row {
        name: OUTVOTE,
        may_name: &[TYPES, CRYPTO, EXECUTION, SESSION, CLIENT, NODE],
        may_use: None,
        must_not_reach: &[SIM],
    },
    Row {
        name: "outvote-cli",
        may_name: &[
            OUTVOTE, TYPES, CRYPTO, SESSION, EXECUTION, NODE, CLIENT, TRANSPORT, SIM, CHAT, KV, STORAGE,
            BENCH,
        ],
        may_use: None,
        must_not_reach: &[],
    },
    // It tries every reader of strangers' bytes, wherever one is; nobody names it but the fuzzer's own program.
    Row {
        name: "outvote-fuzzing",
        may_name: &[
            TYPES, CRYPTO, PROTOCOL, REPLICA, EXECUTION, SESSION, ADVERSARY, STORAGE, TRANSPORT, NODE, SIM,
            CHAT, KV,
        ],
        may_use: None,
        must_not_reach: &[],
    },
    // The gate's own program stands outside: it reads the tree and knows none of it.
    Row { name: "xtask", may_name: &[], may_use: Some(&["serde_json", "toml"]), must_not_reach: &["tokio"] },
];

/// Every arrow of the graph that the table does not allow, in words.
#[must_use]
pub fn violations(table: &[Row], packages: &[Package]) -> Vec<String> {
    let graph: BTreeMap<&str, &Package> =
        packages.iter().map(|package| (package.name.as_str(), package)).collect();
    let mut found = Vec::new();
    for package in packages.iter().filter(|package| package.is_own) {
        match table.iter().find(|row| row.name == package.name) {
            Some(row) => found.extend(violations_of(row, package, &graph)),
            None => found.push(format!("{} has no row in xtask/src/layers.rs; give it one", package.name)),
        }
    }
    for row in table.iter().filter(|row| !graph.contains_key(row.name)) {
        found.push(format!("{} has a row in xtask/src/layers.rs, but there is no such crate", row.name));
    }
    found
}

fn violations_of(row: &Row, package: &Package, graph: &BTreeMap<&str, &Package>) -> Vec<String> {
    let mut found = Vec::new();
    for name in &package.depends_on {
        let is_own = graph.get(name.as_str()).is_some_and(|package| package.is_own);
        let is_allowed = if is_own {
            row.may_name.contains(&name.as_str())
        } else {
            row.may_use.is_none_or(|allowed| allowed.contains(&name.as_str()))
        };
        if !is_allowed {
            found.push(format!("{} names {name}; the table in xtask/src/layers.rs forbids it", row.name));
        }
    }
    for forbidden in row.must_not_reach {
        if let Some(path) = path_to(package, forbidden, graph) {
            found.push(format!("{} must not reach {forbidden}, but does: {}", row.name, path.join(" -> ")));
        }
    }
    found
}

/// A shortest path from a package to the one named, both ends included.
fn path_to<'a>(from: &'a Package, to: &str, graph: &BTreeMap<&'a str, &'a Package>) -> Option<Vec<&'a str>> {
    let mut paths = vec![vec![from.name.as_str()]];
    let mut seen = BTreeSet::new();
    while !paths.is_empty() {
        let mut longer = Vec::new();
        for path in paths {
            let Some(package) = path.last().and_then(|last| graph.get(last)) else { continue };
            for next in &package.depends_on {
                let mut path = path.clone();
                path.push(next);
                if next == to {
                    return Some(path);
                }
                if seen.insert(next.as_str()) {
                    longer.push(path);
                }
            }
        }
        paths = longer;
    }
    None
}
