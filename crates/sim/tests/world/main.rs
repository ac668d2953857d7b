//! Scenarios, and campaigns that a gate has time for, in the simulated world.

mod accountability;
mod at_odds;
mod claims;
mod damaged_logs;
mod disks;
mod growth;
mod liars_and_clients;
mod load;
mod locks;
mod lost_disks;
mod model;
mod mutation;
mod mutations;
mod past_seeds;
mod restarts;
mod sessions;
mod stage;
mod swarm;
mod twins;
mod votes_and_views;
