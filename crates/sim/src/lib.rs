//! Virtual network, clock and disk, checkers and the abstract model.
