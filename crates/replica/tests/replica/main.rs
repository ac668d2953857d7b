//! Ring 2: a whole replica without its disk and links, alone and in clusters.

mod chaos;
mod cluster;
mod intake;
mod jar;
mod liars;
