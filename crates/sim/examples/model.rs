//! The model at its full sizes: `cargo run --release -p outvote-sim --example model`.
#![allow(clippy::print_stdout, reason = "the output is what it is for")]

use outvote_sim::model::{Configuration, Mutant, Search, search, walk};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let states_max = std::env::args().nth(1).map_or(Ok(60_000_000), |text| text.parse())?;
    let time_max = Duration::from_secs(3600);
    let plain = |views, blocks| {
        Configuration::honest(4, views, blocks).map(|c| Configuration {
            fast_forward: false,
            restarts: false,
            ..c.free()
        })
    };
    let rows = [
        ("by view: 3 views, 2 blocks", Configuration::honest(4, 3, 2)?),
        ("by view: 2 views, 3 blocks", Configuration::honest(4, 2, 3)?),
        ("2 views, 2 blocks, fast-forward, restarts", Configuration::honest(4, 2, 2)?.free()),
        ("2 views, 3 blocks", plain(2, 3)?),
        ("3 views, 1 block, fast-forward, restarts", Configuration::honest(4, 3, 1)?.free()),
        ("3 views, 2 blocks", plain(3, 2)?),
        ("3 views, 2 blocks, restarts", Configuration { restarts: true, ..plain(3, 2)? }),
        ("2 views, 3 blocks, fast-forward, restarts", Configuration::honest(4, 2, 3)?.free()),
        ("3 views, 2 blocks, fast-forward, restarts", Configuration::honest(4, 3, 2)?.free()),
    ];
    let show = |name: &str, configuration| {
        let found = search(&Search { configuration, states_max, time_max });
        println!(
            "{name}: {} states, depth {}, {}, {:.1} s",
            found.states,
            found.depth,
            if found.fork.is_some() {
                "FORK"
            } else if found.exhausted {
                "exhausted, no fork"
            } else {
                "bound reached, no fork"
            },
            found.wall.as_secs_f64()
        );
    };
    for mutant in Mutant::ALL {
        let (views, blocks) = mutant.size();
        show(&format!("mutant {mutant:?}"), Configuration::honest(4, views, blocks)?.with(mutant));
    }
    for (name, configuration) in rows {
        show(name, configuration);
    }
    let walks = walk(&Configuration::honest(7, 3, 2)?, 1, 2_000_000, 60);
    println!(
        "n = 7: {} steps, {} walks committed, fork: {}",
        walks.steps,
        walks.committed,
        walks.fork.is_some()
    );
    Ok(())
}
