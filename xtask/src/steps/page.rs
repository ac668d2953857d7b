//! The page: its types, its build, the freshness of what is committed, and its tests in a real browser.

use crate::process::{Finished, cargo, is_ci, run as run_program, run_with};
use crate::report::Report;
use crate::results::{self, page_results, spec_results};
use crate::tree::Tree;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// The page's source.
const SOURCE: &str = "web";
/// Its built form, committed: whoever builds the crate needs no Node.
const BUILT: &str = "apps/chat/dist";
/// The names under which systems install Chromium.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
/// Debian's package of it.
const BROWSER_PACKAGE: &str = "chromium";
/// Tells the browser's tests where to write what became of each.
const RESULTS_VARIABLE: &str = "OUTVOTE_PAGE_RESULTS";
/// Where that is, below the target folder.
const RESULTS: &str = "xtask-page.json";
/// Tells the tests which browser to start, so that they download none.
const BROWSER_VARIABLE: &str = "PLAYWRIGHT_CHROMIUM_EXECUTABLE_PATH";

pub(crate) fn run(tree: &Tree) -> Report {
    if !tree.path(SOURCE).join("package.json").is_file() {
        return Report::one_failed(format!("{SOURCE}/package.json is missing: there is no page"));
    }
    let mut report = Report::default();
    for (arguments, cure) in [
        (&["ci", "--no-audit", "--no-fund"][..], "make package-lock.json match package.json: `npm install`"),
        (&["run", "check"][..], "see `npm run check`"),
    ] {
        report.add(npm(tree, arguments, cure));
        if !report.is_good() {
            return report;
        }
    }
    report.add(freshness(tree));
    if report.is_good() {
        report.add(browser_tests(tree));
    }
    report
}

fn npm(tree: &Tree, arguments: &[&str], cure: &str) -> Report {
    // The system's browser is used; an installation that fetched one of its own would need another host.
    let environment = [("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")];
    let outcome = run_with(&tree.path(SOURCE), "npm", arguments, &environment);
    judge(outcome, &format!("npm {}", arguments.join(" ")), cure)
}

fn judge(outcome: io::Result<Finished>, what: &str, cure: &str) -> Report {
    match outcome {
        Ok(finished) if finished.success => Report::one_passed(),
        Ok(finished) => Report::one_failed(format!("{what} in {SOURCE}/ fails; {cure}\n{}", finished.tail())),
        Err(error) => Report::one_failed(format!("{what} cannot be started: {error}; install Node and npm")),
    }
}

/// Builds the page and compares what came of it with what was there before, byte for byte.
fn freshness(tree: &Tree) -> Report {
    let times = modified(&tree.path(BUILT));
    let before = contents(&tree.path(BUILT));
    let mut report = npm(tree, &["run", "build"], "see `npm run build`");
    let after = contents(&tree.path(BUILT));
    for (name, time) in times.iter().filter(|(name, _)| before.get(*name) == after.get(*name)) {
        // Nothing changed: the program that holds the page need not be built again. Where that cannot be said, it is.
        let file = File::options().write(true).open(tree.path(BUILT).join(name));
        let _ = file.and_then(|file| file.set_modified(*time));
    }
    if !report.is_good() {
        return report;
    }
    let names = before.keys().chain(after.keys());
    let mut stale: Vec<String> = names
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| format!("{BUILT}/{name}"))
        .collect();
    stale.sort();
    stale.dedup();
    if after.is_empty() {
        report.failures.push(format!("the build leaves nothing in {BUILT}; set its output folder"));
    }
    report.check(
        stale
            .iter()
            .map(|name| format!("{name} is not what {SOURCE}/ builds; run `npm run build` there and commit"))
            .collect(),
    );
    report
}

/// Every file below a folder, by its path in it.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    each_file(folder, |path| fs::read(path))
}

/// When every file below a folder was written.
fn modified(folder: &Path) -> BTreeMap<String, SystemTime> {
    each_file(folder, |path| fs::metadata(path)?.modified())
}

fn each_file<T>(folder: &Path, look: impl Fn(&Path) -> io::Result<T>) -> BTreeMap<String, T> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let (Ok(name), Ok(seen)) = (path.strip_prefix(folder), look(&path)) {
                found.insert(name.to_string_lossy().into_owned(), seen);
            }
        }
    }
    found
}

fn browser_tests(tree: &Tree) -> Report {
    let browser = match browser(tree) {
        Ok(browser) => browser,
        Err(why) if is_ci() => return Report::one_failed(why),
        Err(why) => return Report::one_skipped(why),
    };
    // The tests start the real program. It is built as in the step `tests`, so that nothing is built twice.
    let built = run_program(tree.root(), &cargo(), &["build", "--quiet", "--release", "--workspace"]);
    let mut report = match built {
        Ok(finished) if finished.success => Report::default(),
        Ok(finished) => return Report::one_failed(format!("the binary does not build\n{}", finished.tail())),
        Err(error) => return Report::one_failed(format!("cargo cannot be started: {error}")),
    };
    let program = tree.target().join("release").join("outvote");
    let list = tree.target().join(RESULTS);
    // What an earlier run left there; that there was none is fine.
    let _ = fs::remove_file(&list);
    let environment = [
        (BROWSER_VARIABLE, browser.as_str()),
        ("OUTVOTE_BINARY", &program.to_string_lossy()),
        (RESULTS_VARIABLE, &list.to_string_lossy()),
    ];
    let outcome = run_with(&tree.path(SOURCE), "npm", &["test"], &environment);
    if let Ok(finished) = &outcome {
        let mut tests = spec_results(&finished.stdout);
        tests.extend(page_results(&fs::read_to_string(&list).unwrap_or_default()));
        if let Err(error) = results::keep(tree, "page", &tests) {
            report.warnings.push(format!("what became of each test cannot be kept: {error}"));
        }
    }
    report.add(judge(outcome, "npm test", "see `npm test`"));
    report
}

/// The system's Chromium; where it is missing and this process may, it is installed.
fn browser(tree: &Tree) -> Result<String, String> {
    if let Some(found) = installed_browser(tree) {
        return Ok(found);
    }
    let is_root = run_program(tree.root(), "id", &["-u"]).is_ok_and(|finished| finished.stdout.trim() == "0");
    if !is_root {
        return Err(format!("the browser tests need Chromium: `apt-get install {BROWSER_PACKAGE}` as root"));
    }
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends", BROWSER_PACKAGE][..]]
    {
        let environment = [("DEBIAN_FRONTEND", "noninteractive")];
        match run_with(tree.root(), "apt-get", arguments, &environment) {
            Ok(finished) if finished.success => {}
            Ok(finished) => return Err(format!("apt-get {} fails\n{}", arguments[0], finished.tail())),
            Err(error) => {
                return Err(format!("apt-get cannot be started: {error}; install Chromium by hand"));
            }
        }
    }
    installed_browser(tree).ok_or_else(|| "Chromium was installed but cannot be found".to_owned())
}

fn installed_browser(tree: &Tree) -> Option<String> {
    BROWSERS.iter().find_map(|name| {
        let found = run_program(tree.root(), "which", &[name]).ok()?;
        found.success.then(|| found.stdout.trim().to_owned())
    })
}
