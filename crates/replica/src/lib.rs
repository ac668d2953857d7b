//! Ring 2: a whole replica in a jar, bytes in and bytes out.
