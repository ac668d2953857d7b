//! Ring 1: the rules of one replica, pure.
