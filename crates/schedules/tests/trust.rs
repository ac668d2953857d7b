//! A connection whose signatures are judged a few first and then more, under every order of turns that is drawn (row P12).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod common;

#[path = "../../node/src/gateway/trust.rs"]
mod trust;
#[path = "../../node/src/workers.rs"]
#[allow(dead_code, reason = "what the core asks of the workers")]
mod workers;

use common::{Judge, check, error, threads, watch};
use outvote_schedules::{explore, sync};
use shuttle::future;
use sync::mpsc::channel;
use threads::join;
use trust::Trust;
use watch::Watch;
use workers::Workers;

/// Signatures of the connection's requests, one after the other.
const REQUESTS: [usize; 4] = [1, 3, 1, 1];

/// As whoever reads a connection: the first ones are waited for, the rest is handed out with the places for it. Waits for all
/// verdicts; the number of those that were.
async fn read(trust: &Trust, workers: &Workers) -> usize {
    let (told, verdicts) = channel();
    let mut judged = 0;
    for count in REQUESTS {
        let checks = vec![check(true); count];
        let Ok((good, places)) = trust.judge_first(&checks, workers).await else { break };
        judged += good;
        let told = told.clone();
        let on_verdicts = move |found: Vec<bool>| {
            places.were_good();
            told.send(found.len()).unwrap();
        };
        workers.verify(checks[good..].to_vec(), Box::new(on_verdicts));
    }
    drop(told);
    judged + verdicts.iter().sum::<usize>()
}

// Faults: P12
#[test]
fn places_that_good_signatures_earned_are_there_for_the_next_ones() {
    explore(|| {
        let (watch, trust) = (Watch::default(), Trust::none());
        let workers = Workers::start(&Judge::shared(), 2, &watch).unwrap();
        let all = future::block_on(read(&trust, &workers));
        assert_eq!(all, REQUESTS.iter().sum());
        // None of them need be judged before the others.
        let next = vec![check(true); 1 + all];
        let Ok((first, _places)) = future::block_on(trust.judge_first(&next, &workers)) else { panic!() };
        assert_eq!(first, 0, "each good one has earned a place");
        drop(workers);
        assert_eq!(join(&watch), 2);
    });
}

// Faults: P12
#[test]
fn a_connection_that_waits_for_verdicts_ends_when_the_workers_do() {
    explore(|| {
        let watch = Watch::default();
        let workers = Workers::start(&Judge::shared(), 1, &watch).unwrap();
        let reading = {
            let workers = workers.clone();
            future::spawn(async move { read(&Trust::none(), &workers).await })
        };
        workers.end();
        assert_eq!(join(&watch), 1);
        assert!(future::block_on(reading).unwrap() <= REQUESTS.iter().sum());
    });
}
