//! Where a process comes from: those that made it, and those that lead it.
//!
//! A process's ancestors are remembered by the process itself, each as it was when it made the next
//! one. So they last as long as a descendant does, whatever the table of processes has forgotten, and
//! go with the last of them. Children of one process share what they remember.

use std::{
    iter,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{EntityId, Image, Process, entry::Entry};
use crate::event::{ProcessId, Tgid};

/// The nearest ancestors that are always kept, if there is room for any.
const KEPT: usize = 32;

/// A process as its descendants remember it.
#[derive(Debug)]
pub struct Ancestor {
    /// Which one.
    pub id: ProcessId,
    /// Its name across hosts.
    pub entity_id: EntityId,
    /// Its id in its own pid namespace.
    pub namespace_pid: Option<Tgid>,
    /// What it ran.
    pub image: Option<Arc<Image>>,
    /// The one that made it.
    pub maker: Option<Arc<Ancestor>>,
    /// How many are above it.
    depth: usize,
    /// Itself, among all that are remembered.
    _place: Place,
}

/// Where a process comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// The process itself, as its descendants are to remember it; none until they need to, and again
    /// from an exec on.
    own: Option<Arc<Ancestor>>,
    /// The process that made it, which is not its parent under `CLONE_PARENT` or once that ended.
    pub maker: Option<Arc<Ancestor>>,
    /// The leader of its process group; none if it leads itself, or it is not known.
    pub group_leader: Option<Arc<Ancestor>>,
    /// The leader of its session; none if it leads itself, or it is not known.
    pub session_leader: Option<Arc<Ancestor>>,
    /// How it came into the host.
    pub entry: Option<Entry>,
}

/// How many ancestors are remembered, and how many may be.
#[derive(Clone, Debug)]
pub struct Population {
    count: Arc<AtomicUsize>,
    limit: usize,
    cut: u64,
}

/// A place in the population, given back when it is dropped.
#[derive(Debug)]
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Population {
    /// Room for so many.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            count: Arc::default(),
            limit,
            cut: 0,
        }
    }

    /// How many lines of ancestors were cut for want of room.
    #[must_use]
    pub const fn cut(&self) -> u64 {
        self.cut
    }

    /// How many ancestors are remembered.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn place(&self) -> Place {
        self.count.fetch_add(1, Ordering::Relaxed);
        Place(self.count.clone())
    }
}

impl PartialEq for Ancestor {
    fn eq(&self, other: &Self) -> bool {
        self.entity_id == other.entity_id && self.id == other.id && self.image == other.image
    }
}

impl Eq for Ancestor {}

impl Ancestor {
    /// It and those above it, nearest first.
    pub fn line(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |ancestor| ancestor.maker.as_deref())
    }

    /// The same with no more than so many above it.
    fn shortened(&self, above: usize, population: &Population) -> Arc<Self> {
        let maker = match (&self.maker, above.checked_sub(1)) {
            (Some(maker), Some(above)) => Some(maker.shortened(above, population)),
            _ => None,
        };
        let who = (self.id, self.entity_id.clone());
        Self::below(
            maker,
            who,
            self.namespace_pid,
            self.image.clone(),
            population,
        )
    }

    fn below(
        maker: Option<Arc<Self>>,
        (id, entity_id): (ProcessId, EntityId),
        namespace_pid: Option<Tgid>,
        image: Option<Arc<Image>>,
        population: &Population,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            entity_id,
            namespace_pid,
            image,
            depth: maker.as_ref().map_or(0, |maker| maker.depth + 1),
            maker,
            _place: population.place(),
        })
    }
}

impl Lineage {
    /// The ancestors, nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = &Ancestor> {
        self.maker.iter().flat_map(|maker| maker.line())
    }

    /// From now on the process is to be remembered as it is now.
    pub(super) fn renew(&mut self) {
        self.own = None;
    }
}

impl Process {
    /// The process as its descendants are to remember it.
    pub(crate) fn ancestor(&mut self, population: &mut Population) -> Arc<Ancestor> {
        if let Some(own) = &self.lineage.own {
            return own.clone();
        }
        let mut maker = self.lineage.maker.clone();
        if population.count() >= population.limit && maker.is_some() {
            maker = None;
            population.cut += 1;
        } else if let Some(long) = maker.as_ref().filter(|maker| maker.depth + 1 >= 2 * KEPT) {
            maker = Some(long.shortened(KEPT - 1, population));
        }
        let who = (self.id, self.entity_id.clone());
        let image = self.image.clone();
        let own = Ancestor::below(maker, who, self.namespace_pid, image, population);
        self.lineage.own = Some(own.clone());
        own
    }

    /// Where a process that this one makes comes from.
    pub(crate) fn offspring(&mut self, population: &mut Population) -> Lineage {
        let own = self.ancestor(population);
        let itself = Some(self.id.tgid);
        let leader = |leads: Option<Tgid>, known: &Option<Arc<Ancestor>>| {
            if leads == itself {
                Some(own.clone())
            } else {
                known.clone()
            }
        };
        Lineage {
            own: None,
            group_leader: leader(self.process_group, &self.lineage.group_leader),
            session_leader: leader(self.session_id, &self.lineage.session_leader),
            entry: self.lineage.entry.as_ref().map(|entry| entry.below(&own)),
            maker: Some(own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::BootTime, process::BootId};

    fn process(tgid: u32) -> Process {
        Process::unknown(
            BootId::default(),
            ProcessId {
                tgid: Tgid(tgid),
                start: BootTime(u64::from(tgid) * 10_000_000),
            },
        )
    }

    fn child(parent: &mut Process, tgid: u32, population: &mut Population) -> Process {
        let lineage = parent.offspring(population);
        Process {
            lineage,
            ..process(tgid)
        }
    }

    fn line(process: &Process) -> Vec<u32> {
        let ancestors = process.lineage.ancestors();
        ancestors.map(|ancestor| ancestor.id.tgid.0).collect()
    }

    #[test]
    fn ancestors_last_as_long_as_a_descendant() {
        let mut population = Population::new(100);
        let mut first = process(1);
        let mut second = child(&mut first, 2, &mut population);
        let third = child(&mut second, 3, &mut population);
        drop((first, second));
        assert_eq!(line(&third), [2, 1]);
        assert_eq!(population.count(), 2);
        drop(third);
        assert_eq!(population.count(), 0);
    }

    #[test]
    fn a_long_line_keeps_the_nearest() {
        let mut population = Population::new(1_000);
        let mut last = process(1);
        for tgid in 2..500 {
            last = child(&mut last, tgid, &mut population);
            assert!(population.count() <= 4 * KEPT, "{}", population.count());
        }
        let line = line(&last);
        assert!((KEPT..=2 * KEPT).contains(&line.len()), "{}", line.len());
        let expected: Vec<u32> = (1..499).rev().take(line.len()).collect();
        assert_eq!(line, expected);
    }

    #[test]
    fn without_room_a_line_is_cut_and_counted() {
        let mut population = Population::new(2);
        let mut first = process(1);
        let mut second = child(&mut first, 2, &mut population);
        let mut third = child(&mut second, 3, &mut population);
        let fourth = child(&mut third, 4, &mut population);
        assert_eq!(line(&fourth), [3]);
        assert_eq!(population.cut(), 1);
        assert_eq!(population.count(), 3);
    }

    #[test]
    fn children_learn_who_leads_them() {
        let mut population = Population::new(100);
        let mut shell = process(7);
        shell.session_id = Some(Tgid(7));
        shell.process_group = Some(Tgid(9));
        let child = child(&mut shell, 8, &mut population);
        let leader = child.lineage.session_leader.as_ref().unwrap();
        assert_eq!(leader.id, shell.id);
        assert_eq!(child.lineage.group_leader, None);
    }
}
