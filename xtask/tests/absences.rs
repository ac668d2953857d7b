//! What is never there: packages that would bring in what no replica does.
#![allow(clippy::expect_used, reason = "a helper of tests may panic like a test")]

/// The packages of the whole tree, those of tests included.
fn packages() -> Vec<String> {
    let lock = xtask::Tree::own().read("Cargo.lock").expect("Cargo.lock");
    let names = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let names: Vec<String> = names.map(str::to_owned).collect();
    assert!(names.iter().any(|name| name == "outvote-node"), "the list is read");
    names
}

fn among(unwanted: &[&str]) -> Vec<String> {
    packages().into_iter().filter(|name| unwanted.iter().any(|part| name.starts_with(part))).collect()
}

// Nothing on the wire is compressed, so nothing that is small can unfold into something large.
// Faults: M08
#[test]
fn no_package_unpacks_anything() {
    let unpackers = [
        "flate2",
        "miniz",
        "zstd",
        "brotli",
        "lz4",
        "snap",
        "async-compression",
        "libz",
        "zlib",
        "bzip2",
        "xz2",
    ];
    assert_eq!(among(&unpackers), Vec::<String>::new());
}

// A replica fetches nothing for anybody: there is nothing in it that could ask another web server.
// Faults: W09
#[test]
fn no_package_asks_web_servers() {
    let askers = [
        "reqwest",
        "ureq",
        "isahc",
        "curl",
        "attohttpc",
        "surf",
        "hyper-tls",
        "hyper-rustls",
        "hyper-client",
        "minreq",
    ];
    assert_eq!(among(&askers), Vec::<String>::new());
    let manifest = xtask::Tree::own().read("Cargo.toml").expect("Cargo.toml");
    let hyper = manifest.lines().find(|line| line.starts_with("hyper = ")).expect("hyper");
    assert!(!hyper.contains("client"), "{hyper}");
}
