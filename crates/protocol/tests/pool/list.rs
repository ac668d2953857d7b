//! Each waiting request once, in one list; all else is worked out from it.

use crate::limits::{NONCES_REMEMBERED, RELAY_PLACES, REQUESTS_PER_SESSION, SESSIONS_REMEMBERED};
use crate::pool::{Admission, Name, Source};
use outvote_types::{Digest, Instant, Nonce, PublicKey, Request};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

struct Entry {
    digest: Digest,
    bytes: usize,
    source: Source,
    since: Instant,
    taken: bool,
}

/// What a pool must hold.
#[derive(Default)]
pub(crate) struct List {
    waiting: BTreeMap<Name, Entry>,
    ordered: BTreeMap<PublicKey, BTreeMap<Nonce, Digest>>,
    ordered_since: VecDeque<PublicKey>,
    last_session: BTreeMap<Source, PublicKey>,
    last_source: Option<Source>,
}

impl List {
    fn free(&self) -> impl Iterator<Item = (&Name, &Entry)> {
        self.waiting.iter().filter(|(_, entry)| !entry.taken)
    }

    fn owned(&self) -> impl Iterator<Item = (&Name, &Entry)> {
        self.waiting.iter().filter(|(_, entry)| entry.source == Source::Own)
    }

    fn own_of(&self, session: &PublicKey) -> usize {
        self.owned().filter(|(name, _)| name.0 == *session).count()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn untaken(&self) -> usize {
        self.free().count()
    }

    pub(crate) fn untaken_bytes(&self) -> usize {
        self.free().map(|(_, entry)| entry.bytes).sum()
    }

    pub(crate) fn oldest_untaken(&self) -> Option<Instant> {
        self.free().map(|(_, entry)| entry.since).min()
    }

    /// How many, and their bytes.
    pub(crate) fn own(&self) -> (usize, usize) {
        (self.owned().count(), self.owned().map(|(_, entry)| entry.bytes).sum())
    }

    pub(crate) fn own_of_one(&self) -> usize {
        let mut counts: BTreeMap<PublicKey, usize> = BTreeMap::new();
        self.owned().for_each(|(name, _)| *counts.entry(name.0).or_default() += 1);
        counts.into_values().max().unwrap_or_default()
    }

    /// P3: a place is held from the relay to the proposal.
    fn places_of(&self, source: Source) -> usize {
        self.free().filter(|(_, entry)| entry.source == source).count()
    }

    pub(crate) fn relayed_of_one(&self) -> usize {
        let peers: BTreeSet<Source> = self
            .waiting
            .values()
            .map(|entry| entry.source)
            .filter(|s| matches!(s, Source::Peer(_)))
            .collect();
        peers.into_iter().map(|source| self.places_of(source)).max().unwrap_or_default()
    }

    pub(crate) fn sessions_remembered(&self) -> usize {
        self.ordered.len()
    }

    pub(crate) fn has_room(&self, bytes: usize, requests_max: usize, bytes_max: usize) -> bool {
        let (count, held) = self.own();
        count < requests_max && held + bytes <= bytes_max
    }

    /// P4: of the sessions with the most, the last; of its free requests, the newest.
    pub(crate) fn give_way(&mut self, session: &PublicKey) -> Option<Name> {
        let most = self.own_of_one();
        if most == 0 || most <= self.own_of(session) + 1 {
            return None;
        }
        let keys: BTreeSet<PublicKey> = self.owned().map(|(name, _)| name.0).collect();
        let key = keys.into_iter().rfind(|key| self.own_of(key) == most)?;
        let name = *self.owned().filter(|(name, entry)| name.0 == key && !entry.taken).last()?.0;
        self.waiting.remove(&name);
        Some(name)
    }

    pub(crate) fn offer(&mut self, request: &Request, source: Source, now: Instant) -> Admission {
        let name = (request.body.session, request.body.nonce);
        let digest = request.digest();
        let was_ordered = self.ordered.get(&name.0).and_then(|nonces| nonces.get(&name.1));
        if was_ordered == Some(&digest) || self.waiting.contains_key(&name) {
            return Admission::Known;
        }
        let is_full = match source {
            Source::Own => self.own_of(&name.0) >= REQUESTS_PER_SESSION,
            Source::Peer(_) => self.places_of(source) >= RELAY_PLACES,
            Source::Returned => false,
        };
        if is_full {
            return Admission::Full;
        }
        let bytes = request.encoded_bytes();
        self.waiting.insert(name, Entry { digest, bytes, source, since: now, taken: false });
        Admission::Added
    }

    /// Each session's lowest free request.
    pub(crate) fn lowest_free(&self) -> impl Iterator<Item = Name> {
        let mut lowest: BTreeMap<PublicKey, Nonce> = BTreeMap::new();
        for (name, _) in self.free() {
            lowest.entry(name.0).or_insert(name.1);
        }
        lowest.into_iter()
    }

    /// P3, P6, P7: what was returned first; else sources in turn, and of each its sessions in turn.
    pub(crate) fn take(&mut self, count_max: usize, bytes_max: usize) -> Vec<Name> {
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while taken.len() < count_max {
            let mut ready: BTreeMap<Source, BTreeSet<Name>> = BTreeMap::new();
            for name in self.lowest_free() {
                ready.entry(self.waiting[&name].source).or_default().insert(name);
            }
            let is_next = |source: &&Source| self.last_source.is_none_or(|last| **source > last);
            let returned = ready.get_key_value(&Source::Returned).map(|(source, _)| source);
            let turn = returned.or_else(|| ready.keys().find(is_next)).or_else(|| ready.keys().next());
            let Some(source) = turn.copied() else { break };
            let last = self.last_session.get(&source);
            let names = &ready[&source];
            let after = names.iter().find(|name| last.is_some_and(|last| name.0 > *last));
            let Some(name) = after.or_else(|| names.first()).copied() else { break };
            let entry = self.waiting.get_mut(&name).unwrap();
            if !taken.is_empty() && bytes + entry.bytes > bytes_max {
                break;
            }
            bytes += entry.bytes;
            entry.taken = true;
            taken.push(name);
            self.last_source = Some(source);
            self.last_session.insert(source, name.0);
        }
        taken
    }

    pub(crate) fn mark_taken(&mut self, name: &Name) {
        if let Some(entry) = self.waiting.get_mut(name) {
            entry.taken = true;
        }
    }

    /// P7: relays stay with whoever leads; what was taken is free again.
    pub(crate) fn release_all(&mut self, keeps_relays: bool) {
        self.waiting.retain(|_, entry| keeps_relays || !matches!(entry.source, Source::Peer(_)));
        self.waiting.values_mut().for_each(|entry| entry.taken = false);
    }

    pub(crate) fn remove(&mut self, name: &Name) -> bool {
        self.waiting.remove(name).is_some()
    }

    pub(crate) fn commit(&mut self, name: &Name, digest: Digest) {
        self.remove(name);
        if !self.ordered.contains_key(&name.0) {
            self.ordered_since.push_back(name.0);
            if self.ordered_since.len() > SESSIONS_REMEMBERED {
                self.ordered.remove(&self.ordered_since.pop_front().unwrap());
            }
        }
        let nonces = self.ordered.entry(name.0).or_default();
        nonces.insert(name.1, digest);
        while nonces.len() > NONCES_REMEMBERED {
            nonces.pop_first();
        }
    }

    /// One that a proposal holds, if there are any.
    pub(crate) fn any_taken(&self, number: u64) -> Option<(Name, Digest)> {
        let taken: Vec<_> = self.waiting.iter().filter(|(_, entry)| entry.taken).collect();
        let place = usize::try_from(number).unwrap().checked_rem(taken.len())?;
        Some((*taken[place].0, taken[place].1.digest))
    }

    pub(crate) fn since(&self, name: &Name) -> Option<Instant> {
        self.waiting.get(name).map(|entry| entry.since)
    }

    pub(crate) fn is_nonce_ordered(&self, name: &Name) -> bool {
        self.ordered.get(&name.0).is_some_and(|nonces| nonces.contains_key(&name.1))
    }

    /// P2: its session's lowest free request, from our own side.
    pub(crate) fn relayable(&self, name: &Name) -> bool {
        let is_lowest = self.lowest_free().any(|lowest| lowest == *name);
        is_lowest && !matches!(self.waiting[name].source, Source::Peer(_))
    }
}
