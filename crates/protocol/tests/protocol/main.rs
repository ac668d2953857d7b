//! Ring 1: the rules, on clusters of the real replica in one thread and virtual time.

mod catch_up;
mod certificates;
mod checkpoints;
mod clocks;
mod cluster;
mod disk;
mod growth;
mod liars;
mod normal_case;
mod requests;
mod rollback;
mod suspicions;
mod tenure;
mod view_changes;
