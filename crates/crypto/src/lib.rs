//! Keys, signatures and the only production maker of verified messages.
