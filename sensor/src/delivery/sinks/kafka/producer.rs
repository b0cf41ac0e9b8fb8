//! The numbers of what is produced, by which a broker recognises what it has already.

use super::{batch::Sequence, messages::ProducerId};
use crate::delivery::entry::Entry;

/// A producer, which numbers the records of one partition.
#[derive(Debug)]
pub struct Producer {
    id: ProducerId,
    partition: i32,
    /// The number of the next record.
    next: i32,
    /// What was sent with that number and not answered, by the places of its entries: it may be
    /// stored or not.
    doubt: Vec<u64>,
}

/// What is to be sent is not what is in doubt.
#[derive(Debug, PartialEq, Eq)]
pub struct Other;

impl Producer {
    /// One that has produced nothing yet.
    #[must_use]
    pub const fn new(id: ProducerId, partition: i32) -> Self {
        Self {
            id,
            partition,
            next: 0,
            doubt: Vec::new(),
        }
    }

    /// Whether it has numbers left for so many more records of a partition.
    #[must_use]
    pub fn fits(&self, partition: i32, records: usize) -> bool {
        let last = i32::try_from(records)
            .ok()
            .and_then(|records| self.next.checked_add(records));
        self.partition == partition && last.is_some()
    }

    /// How many of the entries, from the first, are in doubt: they must be sent as one batch.
    ///
    /// # Errors
    ///
    /// If something is in doubt that the entries do not begin with.
    pub fn in_doubt(&self, entries: &[Entry]) -> Result<usize, Other> {
        let begun = entries.get(..self.doubt.len()).ok_or(Other)?;
        if begun
            .iter()
            .map(|entry| entry.place)
            .eq(self.doubt.iter().copied())
        {
            Ok(self.doubt.len())
        } else {
            Err(Other)
        }
    }

    /// A batch is sent: from now it is in doubt. Says its numbers.
    pub fn begin(&mut self, batch: &[&Entry]) -> Sequence {
        self.doubt = batch.iter().map(|entry| entry.place).collect();
        Sequence {
            producer: self.id.id,
            epoch: self.id.epoch,
            first: self.next,
        }
    }

    /// It is known now whether the batch, of so many records, is stored.
    pub fn settle(&mut self, is_stored: bool, records: usize) {
        self.doubt.clear();
        if is_stored {
            let records = i32::try_from(records).unwrap_or(i32::MAX);
            self.next = self.next.saturating_add(records);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        clock::WallTime, delivery::entry::Facts, detect::severity::Severity, output::subject::Topic,
    };

    fn entries(places: std::ops::Range<u64>) -> Vec<Entry> {
        let facts = Arc::new(Facts {
            id: "1-a".into(),
            time: WallTime(0),
            topic: Topic::Sensor("sensor_start"),
            severity: Severity::Low,
        });
        places
            .map(|place| Entry {
                place,
                facts: Arc::clone(&facts),
                document: "{}".into(),
            })
            .collect()
    }

    #[test]
    fn numbers_go_on_only_when_a_batch_is_stored() {
        let mut producer = Producer::new(ProducerId { id: 7, epoch: 1 }, 3);
        let batch = entries(1..4);
        let given: Vec<&Entry> = batch.iter().collect();
        assert_eq!(producer.in_doubt(&batch), Ok(0));
        assert_eq!(producer.begin(&given).first, 0);
        // Not answered: the same again, or more with the same beginning.
        assert_eq!(producer.in_doubt(&batch), Ok(3));
        assert_eq!(producer.in_doubt(&entries(1..9)), Ok(3));
        assert_eq!(producer.in_doubt(&entries(1..3)), Err(Other));
        assert_eq!(producer.in_doubt(&entries(2..9)), Err(Other));
        assert_eq!(producer.begin(&given).first, 0);
        producer.settle(false, 3);
        assert_eq!(producer.begin(&given).first, 0);
        producer.settle(true, 3);
        assert_eq!(producer.in_doubt(&entries(2..9)), Ok(0));
        let sequence = producer.begin(&given);
        assert_eq!(
            (sequence.producer, sequence.epoch, sequence.first),
            (7, 1, 3)
        );
    }

    #[test]
    fn numbers_end() {
        let mut producer = Producer::new(ProducerId { id: 7, epoch: 1 }, 3);
        assert!(producer.fits(3, 5));
        assert!(!producer.fits(4, 5));
        producer.settle(true, usize::try_from(i32::MAX).unwrap() - 4);
        assert!(producer.fits(3, 4));
        assert!(!producer.fits(3, 5));
    }
}
