//! What this process knows stays in its memory: keys lie there.

use rustix::process::{Resource, Rlimit, setrlimit};

/// From now on no core file is written of this process, and no other process of the same user may read its memory or trace it.
/// Its children begin so, too. Who runs everything on the machine may do as before.
pub(crate) fn keep_private() {
    let nothing = Rlimit { current: Some(0), maximum: Some(0) };
    // Where the system refuses it there is nothing else to be done: the keys are as safe as that system keeps them.
    let _ = setrlimit(Resource::Core, nothing);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
