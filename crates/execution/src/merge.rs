//! Ranges over layers: what was written lately, over what lies below.

use crate::backend::{BackendError, Value};
use crate::layout;

/// Pairs that are read from the layer below at a time.
const PAGE_PAIRS: usize = 64;

/// Pairs in ascending order of their keys.
pub(crate) type Pairs = Vec<(Vec<u8>, Value)>;

/// Where a range ends.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) limit: usize,
    /// It ends early, behind the pair that exceeds this many bytes.
    pub(crate) bytes_max: usize,
}

/// Collects pairs up to a count and a size.
struct Page {
    pairs: Pairs,
    limit: usize,
    bytes: usize,
    bytes_max: usize,
}

impl Page {
    fn push(&mut self, key: &[u8], value: &Value) {
        self.bytes += key.len() + value.len();
        self.pairs.push((key.to_vec(), value.clone()));
    }

    fn is_full(&self) -> bool {
        self.pairs.len() >= self.limit || self.bytes > self.bytes_max
    }
}

/// The first pairs of a range that begins at `from`. `written` has the upper layer's keys of the whole range, in order, with their values or
/// nothing where a key was deleted; `below` reads up to so many pairs of the layer below from a key on.
pub(crate) fn merge<'w>(
    written: impl Iterator<Item = (&'w [u8], Option<&'w Value>)>,
    below: impl Fn(&[u8], usize) -> Result<Pairs, BackendError>,
    from: &[u8],
    extent: Extent,
) -> Result<Pairs, BackendError> {
    let Extent { limit, bytes_max } = extent;
    let mut page = Page { pairs: Vec::new(), limit, bytes: 0, bytes_max };
    if limit == 0 {
        return Ok(page.pairs);
    }
    let mut written = written.peekable();
    let mut next = from.to_vec();
    loop {
        let stored = below(&next, limit.min(PAGE_PAIRS))?;
        let is_end = stored.len() < limit.min(PAGE_PAIRS);
        for (key, value) in &stored {
            // What was written below this stored key comes first.
            while let Some((above, value)) = written.next_if(|(written, _)| *written < &key[..]) {
                value.into_iter().for_each(|value| page.push(above, value));
                if page.is_full() {
                    return Ok(page.pairs);
                }
            }
            match written.next_if(|(written, _)| *written == &key[..]) {
                Some((_, written)) => written.into_iter().for_each(|value| page.push(key, value)),
                None => page.push(key, value),
            }
            if page.is_full() {
                return Ok(page.pairs);
            }
        }
        match stored.last() {
            Some((last, _)) if !is_end => next = layout::just_above(last),
            _ => break,
        }
    }
    for (key, value) in written {
        value.into_iter().for_each(|value| page.push(key, value));
        if page.is_full() {
            break;
        }
    }
    Ok(page.pairs)
}
