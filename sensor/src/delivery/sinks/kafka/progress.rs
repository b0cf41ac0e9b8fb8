//! What became of the entries of a call, and what is still to be sent.

use std::collections::VecDeque;

use crate::delivery::sink::{Again, Failure, Receipt, Refused};

/// What is known of the entries of a call.
pub struct Progress {
    stored: usize,
    /// Where the last batch that was stored begins.
    offset: Option<i64>,
    refused: Vec<Refused>,
    /// Batches still to be stored, by the indexes of their entries.
    batches: VecDeque<Vec<usize>>,
}

impl Progress {
    /// Nothing is stored yet of batches, which are the indexes of their entries.
    #[must_use]
    pub const fn new(batches: VecDeque<Vec<usize>>) -> Self {
        Self {
            stored: 0,
            offset: None,
            refused: Vec::new(),
            batches,
        }
    }

    /// The indexes of the entries that are sent next; none if all is done.
    #[must_use]
    pub fn next(&self) -> Option<&[usize]> {
        self.batches.front().map(Vec::as_slice)
    }

    /// The first batch is stored.
    pub fn store(&mut self, offset: i64) {
        self.stored += self.batches.pop_front().map_or(0, |batch| batch.len());
        self.offset = Some(offset);
    }

    /// The first batch was not taken, for a reason that may be one of its entries only: each half is
    /// tried, and one that is alone is refused.
    pub fn divide(&mut self, why: String) {
        let Some(mut first) = self.batches.pop_front() else {
            return;
        };
        if let [index] = first.as_slice() {
            self.refused.push(Refused { index: *index, why });
            return;
        }
        let second = first.split_off(first.len() / 2);
        self.batches.push_front(second);
        self.batches.push_front(first);
    }

    /// The first batch was not taken, because of some entries, by their place in it.
    pub fn refuse(&mut self, mut places: Vec<(usize, String)>, why: String) {
        places.sort_by_key(|(place, _)| *place);
        places.dedup_by_key(|(place, _)| *place);
        if places.is_empty() {
            self.divide(why);
            return;
        }
        let Some(batch) = self.batches.pop_front() else {
            return;
        };
        let is_named = |place: usize| places.iter().any(|(named, _)| *named == place);
        let rest: Vec<usize> = batch
            .iter()
            .enumerate()
            .filter_map(|(place, index)| (!is_named(place)).then_some(*index))
            .collect();
        for (place, why) in places {
            if let Some(index) = batch.get(place) {
                self.refused.push(Refused { index: *index, why });
            }
        }
        if !rest.is_empty() {
            self.batches.push_front(rest);
        }
    }

    /// What is said of the call, which ended because of a problem or because all is done.
    ///
    /// # Errors
    ///
    /// If nothing was stored or refused.
    pub fn receipt(self, topic: &str, problem: Option<String>) -> Result<Receipt, Failure> {
        let answer = match self.offset {
            Some(offset) => format!(
                "topic {topic} has {}, the last batch at offset {offset}",
                self.stored
            ),
            None => "nothing was stored".to_owned(),
        };
        let Some(why) = problem else {
            return Ok(Receipt {
                answer,
                refused: self.refused,
                ..Receipt::default()
            });
        };
        if self.stored == 0 && self.refused.is_empty() {
            return Err(Failure::again(why));
        }
        Ok(Receipt {
            answer,
            refused: self.refused,
            again: self.batches.into_iter().flatten().collect(),
            delay: Some(Again { why, after: None }),
        })
    }
}
