//! Which documents of a batch can be said in lines.

use crate::delivery::{
    entry::Entry,
    sink::{Receipt, Refused},
};

/// A batch without the documents that would be taken for something else: a line end within one would
/// make two of it, and what the receiver says of each would be said of another.
#[derive(Debug)]
pub(crate) struct Screened<'a> {
    /// What can be sent, with its index in the batch.
    pub(crate) sound: Vec<(usize, &'a Entry)>,
    refused: Vec<Refused>,
}

impl<'a> Screened<'a> {
    /// Documents on one line each.
    pub(crate) fn lines(entries: &'a [Entry]) -> Self {
        Self::new(entries, |document| {
            let ends = document.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
            ends.then_some("it has an end of line within it")
        })
    }

    /// JSON objects on one line each.
    pub(crate) fn objects(entries: &'a [Entry]) -> Self {
        Self::new(entries, |document| {
            if !document.starts_with(b"{") {
                Some("it is no JSON object")
            } else if document.contains(&b'\n') {
                Some("it has an end of line within it")
            } else {
                None
            }
        })
    }

    fn new(entries: &'a [Entry], fault: impl Fn(&[u8]) -> Option<&'static str>) -> Self {
        let mut screened = Self {
            sound: Vec::with_capacity(entries.len()),
            refused: Vec::new(),
        };
        for (index, entry) in entries.iter().enumerate() {
            match fault(&entry.document) {
                None => screened.sound.push((index, entry)),
                Some(why) => screened.refused.push(Refused {
                    index,
                    why: format!("not sent: {why}"),
                }),
            }
        }
        screened
    }

    /// Bytes of what can be sent, without what is around it.
    pub(crate) fn length(&self) -> usize {
        let lengths = self.sound.iter().map(|(_, entry)| entry.document.len());
        lengths.sum()
    }

    /// A receipt with what is refused already. The receiver has the rest, if it says no more.
    pub(crate) fn receipt(self) -> Receipt {
        Receipt {
            refused: self.refused,
            ..Receipt::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::doubles::entry;

    #[test]
    fn what_would_be_two_lines_is_refused_and_the_rest_keeps_its_index() {
        let entries = [
            entry(1, "{}"),
            entry(2, "{\n}"),
            entry(3, "plain"),
            entry(4, "{\r}"),
        ];
        let found = |screened: Screened<'_>| -> (Vec<usize>, Vec<usize>) {
            let sound = screened.sound.iter().map(|(index, _)| *index).collect();
            let refused = screened.receipt().refused;
            (sound, refused.iter().map(|refused| refused.index).collect())
        };
        assert_eq!(found(Screened::lines(&entries)), (vec![0, 2], vec![1, 3]));
        assert_eq!(found(Screened::objects(&entries)), (vec![0, 3], vec![1, 2]));
        assert_eq!(Screened::objects(&entries).length(), 5);
    }
}
