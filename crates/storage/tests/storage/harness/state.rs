//! The state database: commits, the mark, and the way back to it.

use super::{SharedDisk, Subject};
use outvote_storage::{Change, DiskFile, StateOptions, StateStore, StorageError};
use std::collections::BTreeMap;
use std::ops::Bound;

const TABLES: [&str; 2] = ["state", "blocks"];
const KEYS: u8 = 3;

/// What can be asked of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// New values for all keys of both tables.
    Put,
    /// A value that takes pages of its own.
    PutLarge,
    /// A key less, and another value for the next one.
    Remove,
    /// What is here now is remembered.
    Mark,
    /// What was remembered comes back.
    GoBack,
    /// The mark is forgotten.
    Unmark,
}

type Content = BTreeMap<(&'static str, Vec<u8>), Vec<u8>>;

/// What the database holds, and what it holds if the step under way was done.
#[derive(Debug, Clone, Default)]
pub struct Model {
    now: (Content, Option<Content>),
    after: Option<(Content, Option<Content>)>,
    /// All states that were committed, the empty one first.
    history: Vec<Content>,
    serial: u8,
}

/// The database in one file of a disk. `WHOLE`: all of it is checked when it is opened, as a small one is; else as a large one,
/// what is damaged is found when it is read.
#[derive(Debug)]
pub struct StateSubject<const WHOLE: bool = true>(StateStore);

impl<const WHOLE: bool> StateSubject<WHOLE> {
    fn commit(&mut self, wanted: &Content, held: &Content) -> Result<(), StorageError> {
        let mut changes: Vec<Change<'_>> = Vec::new();
        for ((table, key), value) in wanted {
            if held.get(&(*table, key.clone())) != Some(value) {
                changes.push(Change { table, key, value: Some(value) });
            }
        }
        for (table, key) in held.keys().filter(|place| !wanted.contains_key(*place)) {
            changes.push(Change { table, key, value: None });
        }
        self.0.commit(changes)
    }

    /// On a disk that lied once: all that was ever committed is a legal whole, since a state that is old is brought up to date
    /// from the log and the others; a mixture or an invention is not.
    pub fn check_on_a_lying_disk(&self, model: &Model) -> Result<(), String> {
        // A damaged page is found at the latest when it is read.
        let Ok(content) = self.content() else { return Ok(()) };
        let is_whole = model.history.contains(&content);
        is_whole.then_some(()).ok_or_else(|| format!("{} keys that were never together", content.len()))
    }

    /// Whether all of it can be read.
    pub fn is_readable(&self) -> bool {
        self.content().is_ok()
    }

    fn content(&self) -> Result<Content, String> {
        let mut content = Content::new();
        for table in TABLES {
            let page = self.0.range(table, Bound::Unbounded, Bound::Unbounded);
            for (key, value) in page.map_err(|error| error.to_string())?.entries {
                let one = self.0.get(table, &key).map_err(|error| error.to_string())?;
                if one.as_ref() != Some(&value) {
                    return Err(format!("key {key:?} reads in two ways"));
                }
                content.insert((table, key), value);
            }
        }
        Ok(content)
    }
}

fn changed(model: &mut Model, step: Step) -> (Content, Option<Content>) {
    model.serial = model.serial.wrapping_add(1);
    let serial = model.serial;
    let (mut content, mut mark) = model.now.clone();
    match step {
        Step::Put => {
            for table in TABLES {
                content.extend((0..KEYS).map(|key| ((table, vec![key]), vec![serial; 40])));
            }
        }
        Step::PutLarge => {
            content.insert((TABLES[1], vec![KEYS]), vec![serial; 9_000]);
        }
        Step::Remove => {
            content.pop_first();
            if let Some(value) = content.values_mut().next() {
                *value = vec![serial; 10];
            }
        }
        Step::Mark => mark = Some(content.clone()),
        Step::GoBack => {
            if let Some(marked) = mark.take() {
                content = marked;
            }
        }
        Step::Unmark => mark = None,
    }
    (content, mark)
}

impl<const WHOLE: bool> Subject for StateSubject<WHOLE> {
    type Step = Step;
    type Model = Model;
    const NAME: &'static str = if WHOLE { "state" } else { "large-state" };
    const STEPS: &'static [Step] =
        &[Step::Put, Step::PutLarge, Step::Remove, Step::Mark, Step::GoBack, Step::Unmark];
    const CRASHES_RECOVERY: bool = false;

    fn base(disk: &SharedDisk) -> Model {
        let mut model = Model { history: vec![Content::new()], ..Model::default() };
        let mut subject = Self::open(disk).unwrap();
        subject.run(&mut model, Step::Put).unwrap();
        model
    }

    fn open(disk: &SharedDisk) -> Result<Self, StorageError> {
        let file = DiskFile::open(disk.0.clone(), "state")?;
        let check_max_bytes = if WHOLE { u64::MAX } else { 0 };
        let options = StateOptions { cache_bytes: 1 << 16, check_max_bytes };
        StateStore::on_backend(file, "state", options).map(Self)
    }

    fn run(&mut self, model: &mut Model, step: Step) -> Result<(), StorageError> {
        let after = changed(model, step);
        model.after.get_or_insert_with(|| after.clone());
        match step {
            Step::Put | Step::PutLarge | Step::Remove => self.commit(&after.0, &model.now.0)?,
            Step::Mark => self.0.mark()?,
            Step::Unmark => self.0.unmark()?,
            Step::GoBack => {
                let had = self.0.go_back()?;
                assert_eq!(had, model.now.1.is_some(), "a mark is there if one was made");
            }
        }
        model.history.push(after.0.clone());
        (model.now, model.after) = (after, None);
        Ok(())
    }

    fn check(&self, model: &mut Model) -> Result<(), String> {
        let content = self.content()?;
        let is_marked = self.0.is_marked().map_err(|error| error.to_string())?;
        let mut legal = [Some(model.now.clone()), model.after.clone()].into_iter().flatten();
        let found = legal.find(|(wanted, mark)| *wanted == content && mark.is_some() == is_marked);
        model.now = found.ok_or_else(|| {
            format!(
                "neither what was committed nor the commit under way: {} keys, mark {is_marked}",
                content.len()
            )
        })?;
        model.after = None;
        Ok(())
    }
}
