//! What arrived, compared with a witness: a file that the same sensor writes.
//!
//! - [`Witness`] reads the file: which documents there are, in what order, and what the sensor says of
//!   itself in them.
//! - [`Arrivals`] are what a receiver got. [`Arrivals::judge`] says whether that is right.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::document::{self, Shape};
use crate::receiver::{Guarantee, Receiver};
use crate::tail::Tail;

/// What the sensor has seen.
pub struct Witness {
    tail: Tail,
    told: Told,
}

/// What its file says.
#[derive(Debug, Default)]
struct Told {
    /// Where each document is, counted from 0.
    positions: HashMap<Box<str>, usize>,
    /// The text of each.
    digests: HashMap<Box<str>, u64>,
    /// Those that have a `|` in them.
    piped: HashSet<Box<str>>,
    /// How often a program of each name was started.
    execs: HashMap<Box<str>, u64>,
    /// How many documents there are of each `event.code`.
    codes: HashMap<Box<str>, usize>,
    /// Where the sensor was killed, and where its next run begins: what comes between was still in the
    /// witness's spool.
    kills: Vec<(usize, usize)>,
    /// The last number and agent.
    last: Option<(String, u64)>,
    lost: Vec<String>,
    twice: u64,
}

/// What a receiver got.
#[derive(Debug)]
pub struct Arrivals {
    shape: Shape,
    guarantee: Guarantee,
    /// In the order of their first arrival.
    order: Vec<Box<str>>,
    times: HashMap<Box<str>, u32>,
    /// Their texts, where they can be compared.
    digests: Vec<(Box<str>, u64)>,
    duplicates: u64,
    /// The first documents that were not as they should be.
    odd: Vec<String>,
    odd_count: u64,
}

/// What may be otherwise than it should.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowance {
    /// Documents may come twice.
    pub duplicates: bool,
    /// Documents may come in another order: the receiver took a part of a batch only.
    pub disorder: bool,
    /// The receiver was killed.
    pub killed: bool,
    /// The receiver drops what has a `|` in it (Tenzir 6.20 takes one in the extension of CEF, where
    /// the standard has it as it is, for one of the header).
    pub no_pipes: bool,
}

/// How many of the last documents before the sensor was killed a sink may not have: what was still on
/// the way to its spool when the witness had it.
const ON_THE_WAY: usize = 4_096;

/// A receiver that is killed may leave a line half written, which it had not answered for.
const KILLS_MAX: u64 = 5;

impl Witness {
    /// Of this file, which need not be there yet.
    pub fn new(file: &Path) -> Self {
        Self {
            tail: Tail::new(file),
            told: Told::default(),
        }
    }

    /// Reads what is new.
    pub fn read(&mut self) -> Result<()> {
        let Self { tail, told } = self;
        tail.read(&mut |document| told.take(document))
    }

    /// Forgets everything so far: what comes next is what counts.
    pub fn forget(&mut self) -> Result<()> {
        self.read()?;
        self.told = Told::default();
        Ok(())
    }

    /// How many documents there are.
    pub fn count(&self) -> usize {
        self.told.positions.len()
    }

    /// How often a sensor has said that it watches.
    pub fn starts(&self) -> usize {
        self.codes("sensor_start")
    }

    /// How many documents have this `event.code`.
    pub fn codes(&self, code: &str) -> usize {
        self.told.codes.get(code).copied().unwrap_or_default()
    }

    /// How often a program of that name was started.
    pub fn execs(&self, name: &str) -> u64 {
        self.told.execs.get(name).copied().unwrap_or_default()
    }

    /// The sensor was killed: the run that follows begins where the last one ended.
    pub fn note_kill(&mut self) {
        self.told.kills.push((self.count(), usize::MAX));
    }

    /// Fails if the sensor says that it lost something.
    pub fn ensure_nothing_lost(&self) -> Result<()> {
        ensure!(
            self.told.lost.is_empty(),
            "the sensor lost events: {}",
            self.told.lost.join(", ")
        );
        Ok(())
    }
}

impl Told {
    fn take(&mut self, document: &[u8]) -> Result<()> {
        let shown = || {
            String::from_utf8_lossy(document)
                .chars()
                .take(200)
                .collect::<String>()
        };
        let digest = document::digest(document);
        let is_piped = document.contains(&b'|');
        let document: Value = serde_json::from_slice(document)
            .with_context(|| format!("the witness has a line that is no JSON: {}", shown()))?;
        let text = |pointer| document.pointer(pointer).and_then(Value::as_str);
        let id = text("/event/id").context("the witness has a document without an id")?;
        let agent = text("/agent/id").unwrap_or_default();
        let sequence = document.pointer("/event/sequence").and_then(Value::as_u64);
        let position = self.positions.len();
        if self.positions.insert(id.into(), position).is_some() {
            self.twice += 1;
            self.positions.insert(id.into(), position.saturating_sub(1));
            return Ok(());
        }
        self.digests.insert(id.into(), digest);
        if is_piped {
            self.piped.insert(id.into());
        }
        if let Some(sequence) = sequence {
            if let Some((last_agent, last)) = &self.last
                && last_agent == agent
            {
                ensure!(
                    *last < sequence,
                    "event.sequence {sequence} comes after {last} in the witness"
                );
            }
            self.last = Some((agent.to_owned(), sequence));
        }
        let code = text("/event/code").unwrap_or_default();
        *self.codes.entry(code.into()).or_default() += 1;
        match code {
            "sensor_start" => self.end_kill(position),
            "exec" => {
                let name = text("/process/name").unwrap_or_default();
                *self.execs.entry(name.into()).or_default() += 1;
            }
            "sensor_stop" => self.lost.extend(lost(&document)),
            _ => (),
        }
        Ok(())
    }
}

/// What the sensor's last words say was lost.
fn lost(document: &Value) -> Vec<String> {
    let kinds = document.pointer("/sensor/totals/kinds");
    let kinds = kinds.and_then(Value::as_array).into_iter().flatten();
    let mut lost = Vec::new();
    for kind in kinds {
        let code = kind.get("code").and_then(Value::as_str).unwrap_or("?");
        let reasons = kind.get("lost").and_then(Value::as_object);
        for (reason, count) in reasons.into_iter().flatten() {
            if count.as_u64() != Some(0) {
                lost.push(format!("{count} {code} ({reason})"));
            }
        }
    }
    lost
}

impl Arrivals {
    /// Nothing yet.
    pub fn new(receiver: &Receiver) -> Self {
        Self::of(receiver.shape, receiver.guarantee)
    }

    fn of(shape: Shape, guarantee: Guarantee) -> Self {
        Self {
            shape,
            guarantee,
            order: Vec::new(),
            times: HashMap::new(),
            digests: Vec::new(),
            duplicates: 0,
            odd: Vec::new(),
            odd_count: 0,
        }
    }

    /// Reads what is new.
    pub fn read(&mut self, receiver: &mut Receiver) -> Result<()> {
        receiver.read(&mut |document| {
            self.take(document);
            Ok(())
        })
    }

    /// How many different documents arrived.
    pub const fn count(&self) -> usize {
        self.order.len()
    }

    /// The ids, in the order of their first arrival.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(|id| &**id)
    }

    /// Fails if a document was not as it should be.
    pub fn ensure_none_odd(&self) -> Result<()> {
        ensure!(
            self.odd_count == 0,
            "{} documents are not as they should be: {}",
            self.odd_count,
            self.odd.join("; ")
        );
        Ok(())
    }

    fn take(&mut self, document: &[u8]) {
        match document::identity(self.shape, document) {
            Ok(identity) => {
                let id: Box<str> = identity.id.into();
                if let Some(digest) = identity.digest {
                    self.digests.push((id.clone(), digest));
                }
                let times = self.times.entry(id.clone()).or_default();
                *times += 1;
                if *times == 1 {
                    self.order.push(id);
                } else {
                    self.duplicates += 1;
                }
            }
            Err(error) => {
                self.odd_count += 1;
                if self.odd.len() < 3 {
                    self.odd.push(format!("{error:#}"));
                }
            }
        }
    }

    /// Whether everything that the witness has arrived, in its order, and nothing else.
    pub fn judge(&self, witness: &Witness, allowance: Allowance) -> Result<String> {
        let told = &witness.told;
        // What it cannot read it hands on as something empty.
        let is_torn_only = allowance.killed && self.odd_count <= KILLS_MAX;
        if !allowance.no_pipes && !is_torn_only {
            self.ensure_none_odd()?;
        }
        let missing = told
            .positions
            .iter()
            .filter(|(id, _)| !self.times.contains_key(*id));
        let (dropped, missing): (Vec<_>, Vec<_>) =
            missing.partition(|(id, _)| allowance.no_pipes && told.piped.contains(*id));
        let missing: Vec<usize> = missing.into_iter().map(|(_, position)| *position).collect();
        let (on_the_way, lost): (Vec<usize>, Vec<usize>) = missing
            .iter()
            .partition(|position| told.is_on_the_way(**position));
        let may_be_lost = self.may_be_lost(told.positions.len(), allowance);
        ensure!(
            lost.len() <= may_be_lost,
            "{} of {} documents did not arrive, the first is the {}. ({} arrived)",
            lost.len(),
            told.positions.len(),
            lost.iter().min().map_or(0, |position| position + 1),
            self.count(),
        );
        let unknown = self
            .order
            .iter()
            .filter(|id| !told.positions.contains_key(*id))
            .count();
        ensure!(
            unknown <= told.kills.len() * ON_THE_WAY,
            "{unknown} documents arrived that the witness does not have"
        );
        let is_altered = |(id, digest): &&(Box<str>, u64)| {
            told.digests
                .get(id)
                .is_some_and(|original| original != digest)
        };
        let altered = self.digests.iter().filter(is_altered).count();
        ensure!(
            altered == 0,
            "{altered} documents are not what the witness has"
        );
        let disorder = self.disorder(told);
        ensure!(
            disorder == 0 || allowance.disorder || self.guarantee == Guarantee::Datagrams,
            "{disorder} documents arrived after later ones"
        );
        ensure!(
            self.duplicates == 0 || allowance.duplicates,
            "{} documents came twice, though nothing went wrong",
            self.duplicates
        );
        let mut seen = format!("{} documents", self.count());
        for (count, what) in [
            (self.duplicates, "came twice"),
            (lost.len() as u64, "lost by the receiver"),
            (dropped.len() as u64, "dropped by it for a | in them"),
            (on_the_way.len() as u64, "on the way to the spool at a kill"),
            (unknown as u64, "only here, of a kill"),
            (disorder as u64, "out of order"),
        ] {
            if count > 0 {
                seen.push_str(&format!(", {count} {what}"));
            }
        }
        Ok(seen)
    }

    /// What the receiver may lose by itself.
    const fn may_be_lost(&self, count: usize, allowance: Allowance) -> usize {
        match self.guarantee {
            Guarantee::Stored => 0,
            Guarantee::Received | Guarantee::Streamed if allowance.killed => count / 20,
            Guarantee::Received | Guarantee::Streamed => 0,
            Guarantee::Datagrams => count / 20,
        }
    }

    /// How many first arrivals came after one that is later in the witness.
    fn disorder(&self, told: &Told) -> usize {
        let mut latest = 0;
        let mut disorder = 0;
        for id in &self.order {
            if let Some(position) = told.positions.get(id) {
                if *position < latest {
                    disorder += 1;
                }
                latest = latest.max(*position);
            }
        }
        disorder
    }
}

impl Told {
    fn end_kill(&mut self, position: usize) {
        if let Some((_, next)) = self.kills.last_mut()
            && *next == usize::MAX
        {
            *next = position;
        }
    }

    fn is_on_the_way(&self, position: usize) -> bool {
        self.kills
            .iter()
            .any(|(killed, next)| position < *next && position + ON_THE_WAY >= *killed)
    }
}

#[cfg(test)]
mod tests;
