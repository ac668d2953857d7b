//! The cluster as a whole: who answers, who lags, whose state differs, who was caught.

use super::Finding;
use crate::commands::status;
use outvote::CommitteeFile;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Blocks behind the others that are a finding.
const LAG_MAX: u64 = 256;
/// How long a page may take to answer.
const PAGE_TIMEOUT: Duration = Duration::from_secs(2);
/// Clocks further apart than this are a finding, seconds. (The agreed time is safe anyway; timestamps look odd.)
const SKEW_MAX_S: u64 = 5;

/// Asks every replica and compares what they say.
pub(super) async fn examine(file: CommitteeFile, findings: &mut Vec<Finding>) {
    let pages = file.http.clone();
    let report = match status::gather(file).await {
        Ok(report) => report,
        Err(failure) => {
            findings.push(Finding::ill("cluster", failure.to_string(), "see the message"));
            return;
        }
    };
    let replicas: Vec<Value> = report["replicas"].as_array().cloned().unwrap_or_default();
    let top = replicas.iter().filter_map(|replica| replica["executed"].as_u64()).max().unwrap_or(0);
    for replica in &replicas {
        findings.push(one(replica, top));
    }
    findings.extend(replicas.iter().filter_map(|replica| cut_off(replica, &replicas)));
    findings.extend(replicas.iter().filter_map(runs_twice));
    let away = replicas.iter().filter(|replica| replica["reachable"] != true).count() as u64;
    let f = report["f"].as_u64().unwrap_or(0);
    findings.push(if away <= f {
        Finding::well(
            "quorum",
            format!(
                "{} of {} replicas answer, {} are needed",
                report["n"].as_u64().unwrap_or(0) - away,
                report["n"],
                report["quorum"]
            ),
        )
    } else {
        Finding::ill(
            "quorum",
            format!("{away} replicas are away, and at most {f} may be"),
            "start replicas until a quorum runs; nothing is lost meanwhile",
        )
    });
    divergence(&replicas, findings);
    for evidence in report["evidence"].as_array().into_iter().flatten() {
        findings.push(Finding::ill(
            format!("replica {}", evidence["accused"]),
            format!("it was caught: {} (view {})", evidence["rule"].as_str().unwrap_or_default(), evidence["view"]),
            "find out who controls it; `outvote evidence show` prints the proof. The others outvote it meanwhile",
        ));
    }
    for (id, page) in pages.iter().enumerate().filter(|(_, page)| !page.is_empty()) {
        findings.extend(clock(id, page).await);
    }
}

fn one(replica: &Value, top: u64) -> Finding {
    let about = format!("replica {}", replica["id"]);
    let address = replica["address"].as_str().unwrap_or_default();
    let behind = top.saturating_sub(replica["executed"].as_u64().unwrap_or(0));
    let behaviour = replica["behaviour"].as_str().unwrap_or_default();
    if replica["reachable"] != true {
        let cure = format!("start it, see its log, or check that {address} is its address");
        return Finding::ill(about, format!("it does not answer at {address}"), cure);
    }
    if replica["observer"] == true {
        let found = "it follows, and may never vote with its key again: its disk lost promises that it made, or the key signed \
             what excludes each other (see its log)";
        return Finding::ill(
            about,
            found,
            "put its own latest disk back if it was a mix-up; otherwise replace the replica with a fresh key",
        );
    }
    if replica["disk_stuck"] == true {
        let found =
            "its disk hangs: a write has not come to its end for seconds, and it votes for nothing new";
        return Finding::ill(
            about,
            found,
            "check the disk or the volume under its data/, and the system's log",
        );
    }
    if replica["repairing"] == true {
        let found = "its state was outvoted; it stopped answering and repairs itself";
        return Finding::ill(about, found, "wait; if it comes again, check its memory and its disk");
    }
    if !behaviour.is_empty() && behaviour != "honest" {
        let cure = format!("`outvote traitor {} honest` ends it", replica["id"]);
        return Finding::ill(about, format!("it was told to lie: {behaviour}"), cure);
    }
    if behind > LAG_MAX {
        let found = format!("it is {behind} blocks behind");
        return Finding::ill(
            about,
            found,
            "wait while it catches up; if it does not, check its network and its disk",
        );
    }
    let role = match (replica["leader"] == true, replica["sitting_out"] == true) {
        (true, _) => "it leads",
        (_, true) => "it follows, and sits this view out after its restart",
        _ => "it follows",
    };
    Finding::well(
        about,
        format!("{role}, executed up to {} in view {}", replica["executed"], replica["view"]),
    )
}

/// Who answers here and yet cannot be reached by this replica: something stands between the two.
fn cut_off(replica: &Value, all: &[Value]) -> Option<Finding> {
    let answers = |id: &&Value| all.iter().any(|other| other["id"] == **id && other["reachable"] == true);
    let missed: Vec<&Value> = replica["cannot_reach"].as_array()?.iter().filter(answers).collect();
    let names: Vec<String> = missed.iter().map(|id| id.to_string()).collect();
    (!names.is_empty()).then(|| {
        let id = &replica["id"];
        Finding::ill(
            format!("replica {id}: links"),
            format!("replica {id} has no link to replica {}, which answers here", names.join(" and ")),
            "look for a firewall between the two, perhaps in one direction only: of each pair the one with the lower number \
             dials",
        )
    })
}

/// A second process with a replica's keys was met: the later one has ended, and was not meant to run.
fn runs_twice(replica: &Value) -> Option<Finding> {
    let met: Vec<String> = replica["twin_met_by"].as_array()?.iter().map(|id| id.to_string()).collect();
    (!met.is_empty()).then(|| {
        let id = &replica["id"];
        Finding::ill(
            format!("replica {id}: keys"),
            format!("a second process with the keys of replica {id} was met by replica {}", met.join(" and ")),
            "the one that was started later has ended by itself. Find it and leave one home with these keys; if nobody here \
             started it, the keys were copied: replace the replica with a fresh key",
        )
    })
}

/// Equal places must have equal digests.
fn divergence(replicas: &[Value], findings: &mut Vec<Finding>) {
    let mut at: BTreeMap<u64, BTreeMap<&str, Vec<u64>>> = BTreeMap::new();
    for replica in replicas {
        let digest = replica["state_digest"].as_str().unwrap_or_default();
        if let (Some(sequence), Some(id), false) =
            (replica["state_digest_at"].as_u64(), replica["id"].as_u64(), digest.is_empty())
        {
            at.entry(sequence).or_default().entry(digest).or_default().push(id);
        }
    }
    let split = at.iter().find(|(_, digests)| digests.len() > 1);
    findings.push(match split {
        None => Finding::well("state", "no two replicas differ at the same place"),
        Some((sequence, digests)) => Finding::ill(
            "state",
            format!("at {sequence} the replicas differ: {:?}", digests.values().collect::<Vec<_>>()),
            "the smaller side lies or is damaged and repairs itself; if it does not, compare their versions and disks",
        ),
    });
}

/// A replica's clock, from the `Date` of its page; nothing if its page does not answer, which is another finding's matter.
async fn clock(id: usize, page: &str) -> Option<Finding> {
    let text = tokio::time::timeout(PAGE_TIMEOUT, head(page)).await.ok()?.ok()?;
    let date =
        text.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("date: ").map(str::to_owned))?;
    let theirs = seconds_of(&date)?;
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    let skew = ours.abs_diff(theirs);
    let about = format!("replica {id}: clock");
    Some(if skew <= SKEW_MAX_S {
        Finding::well(about, "it agrees with this machine's")
    } else {
        Finding::ill(about, format!("it is {skew} s off this machine's"), "set both clocks (NTP)")
    })
}

async fn head(page: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(page).await?;
    stream
        .write_all(format!("GET /livez HTTP/1.1\r\nHost: {page}\r\nConnection: close\r\n\r\n").as_bytes())
        .await?;
    let mut bytes = Vec::new();
    stream.take(4096).read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Seconds since the Unix epoch of `mon, 23 nov 2026 07:14:29 gmt`.
fn seconds_of(date: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let mut words = date.split_whitespace().skip(1);
    let day: u64 = words.next()?.parse().ok()?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let year: u64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(str::parse::<u64>);
    let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
    // Days from the civil calendar, with March as the first month (Hinnant).
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * month + 2) / 5 + day.checked_sub(1)?;
    let days = (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year).checked_sub(719_468)?;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}
