//! The lines of a file, none longer than a limit.

use std::io::{self, BufRead};

/// Bytes that are kept of a line: as many as a path can have.
pub(super) const LINE_MAX: usize = 4_096;

/// Calls `each` with every line, without its end, and whether it is whole.
pub(super) fn for_each_line(
    mut reader: impl BufRead,
    mut each: impl FnMut(&[u8], bool),
) -> io::Result<()> {
    let mut line = Vec::new();
    let mut whole = true;
    let mut begun = false;
    loop {
        let buffer = match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if buffer.is_empty() {
            if begun {
                each(&line, whole);
            }
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or(buffer);
        let kept = part.len().min(LINE_MAX - line.len());
        whole &= kept == part.len();
        line.extend(part.iter().take(kept));
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        begun = end.is_none();
        if end.is_some() {
            each(&line, whole);
            line.clear();
            whole = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn as_split_does(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'a'), any::<u8>()], 0..300),
            buffer in 1_usize..20,
        ) {
            let mut expected: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            let mut lines = Vec::new();
            let reader = io::BufReader::with_capacity(buffer, text.as_slice());
            for_each_line(reader, |line, whole| {
                assert!(whole);
                lines.push(line.to_vec());
            }).unwrap();
            prop_assert_eq!(lines, expected);
        }
    }

    #[test]
    fn a_line_is_cut_at_the_limit() {
        let mut text = vec![b'a'; 3 * LINE_MAX];
        text.extend(b"\nb");
        let mut lines = Vec::new();
        for_each_line(text.as_slice(), |line, whole| {
            lines.push((line.len(), whole));
        })
        .unwrap();
        assert_eq!(lines, [(LINE_MAX, false), (1, true)]);
    }
}
