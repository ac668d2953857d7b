//! Ring 3: the process: config, links, timers, client gateway, HTTP, metrics.
