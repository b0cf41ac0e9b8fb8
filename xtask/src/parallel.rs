//! Doing the same for several things, some at a time.

use std::sync::Mutex;
use std::thread;

use anyhow::{Result, ensure};

/// How many machines run at the same time: each has two CPUs, but spends half of its time waiting.
pub(crate) fn usual_jobs() -> usize {
    thread::available_parallelism().map_or(1, |cpus| (cpus.get() / 2).max(2))
}

/// Calls `work` for each item, at most `jobs` at a time, and returns what it returned, in order.
pub(crate) fn map<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Result<Vec<R>> {
    let waiting = Mutex::new(items.iter().enumerate());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                while let Some((place, item)) = take(&waiting) {
                    let result = work(item);
                    if let Ok(done) = &mut done.lock() {
                        done.push((place, result));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    ensure!(done.len() == items.len(), "a thread died");
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

fn take<T>(waiting: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    waiting.lock().ok()?.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..20).collect();
        let squares = map(&items, 3, |item| item * item).unwrap();
        assert_eq!(squares[19], 361);
        assert!(squares.is_sorted());
        assert!(map(&[0_u8; 0], 3, |item| *item).unwrap().is_empty());
    }
}
