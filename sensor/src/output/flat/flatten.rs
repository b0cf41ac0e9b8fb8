//! One pass over the bytes of a JSON object, which gives its fields the names of all objects around
//! them.
//!
//! The object has to be as `json` writes it: in one line, without white space between its parts.
//! Nothing is decoded: names and values are copied as they are escaped.

use crate::output::scan;

/// Flattens objects.
#[derive(Debug, Default)]
pub(super) struct Flattener {
    /// The names of the objects around, each with a dot behind it.
    prefix: Vec<u8>,
    /// How long that was before each of them.
    lengths: Vec<usize>,
}

impl Flattener {
    /// Appends a flat object and the end of the line. None if the document is not an object; what is
    /// appended means nothing then.
    pub(super) fn flatten(&mut self, document: &[u8], out: &mut Vec<u8>) -> Option<()> {
        self.prefix.clear();
        self.lengths.clear();
        out.reserve(document.len() * 2);
        out.push(b'{');
        let mut rest = document.strip_prefix(b"{")?;
        loop {
            rest = match rest.split_first()? {
                (b'"', rest) => {
                    let (name, rest) = rest.split_at_checked(string_end(rest)?)?;
                    self.field(name, rest.strip_prefix(b"\":")?, out)?
                }
                (b',', rest) => rest,
                (b'}', rest) => match self.lengths.pop() {
                    Some(length) => {
                        self.prefix.truncate(length);
                        rest
                    }
                    None if matches!(rest, [] | [b'\n']) => break,
                    None => return None,
                },
                _ => return None,
            };
        }
        // Every field ends with a comma; the last one's gives way to the end.
        match out.last_mut() {
            Some(last) if *last == b',' => *last = b'}',
            _ => out.push(b'}'),
        }
        out.push(b'\n');
        Some(())
    }

    /// A field: goes into its value if that is an object, else writes it. Gives what comes after.
    fn field<'a>(&mut self, name: &[u8], value: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
        match value {
            [b'{', fields @ ..] if fields.first() != Some(&b'}') => {
                self.lengths.push(self.prefix.len());
                self.prefix.extend_from_slice(name);
                self.prefix.push(b'.');
                Some(fields)
            }
            _ => {
                let (value, rest) = value.split_at_checked(value_end(value)?)?;
                out.push(b'"');
                out.extend_from_slice(&self.prefix);
                out.extend_from_slice(name);
                out.extend_from_slice(b"\":");
                out.extend_from_slice(value);
                out.push(b',');
                Some(rest)
            }
        }
    }
}

/// Where the quote is that ends a string, of what follows its first one.
fn string_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..)?;
        at += scan::first(rest, |word| {
            scan::equal(word, b'"') | scan::equal(word, b'\\')
        })?;
        match bytes.get(at)? {
            b'"' => return Some(at),
            // It, and what it escapes.
            _ => at += 2,
        }
    }
}

/// How long a value is.
fn value_end(value: &[u8]) -> Option<usize> {
    match value.split_first()? {
        (b'"', rest) => Some(string_end(rest)? + 2),
        (b'[' | b'{', rest) => Some(nested_end(rest)? + 1),
        _ => value.iter().position(|byte| matches!(byte, b',' | b'}')),
    }
}

/// How far it is from behind a bracket to behind the one that belongs to it.
fn nested_end(bytes: &[u8]) -> Option<usize> {
    let mut depth = 1_usize;
    let mut at = 0;
    while depth > 0 {
        match bytes.get(at)? {
            b'"' => at += string_end(bytes.get(at + 1..)?)? + 1,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    Some(at)
}
