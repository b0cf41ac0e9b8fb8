//! Messages of RFC 5424 and frames of RFC 6587, taken apart as these say.

use jiff::Timestamp;

/// An element of structured data: its SD-ID, and its parameters.
pub(super) type Element = (String, Vec<(String, String)>);

#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) priority: u32,
    pub(super) time: Timestamp,
    /// HOSTNAME, APP-NAME, PROCID, MSGID.
    pub(super) header: Vec<String>,
    pub(super) elements: Vec<Element>,
    pub(super) message: Vec<u8>,
}

/// A message; none if it is not one to the letter.
pub(super) fn parse(message: &[u8]) -> Option<Parsed> {
    let mut rest = message.strip_prefix(b"<")?;
    let priority = until(&mut rest, b'>')?;
    if priority.len() > 3 || (priority.len() > 1 && priority.starts_with(b"0")) {
        return None;
    }
    let priority: u32 = text(priority)?.parse().ok().filter(|value| *value <= 191)?;
    if until(&mut rest, b' ')? != b"1" {
        return None;
    }
    let time = text(until(&mut rest, b' ')?)?;
    // TIME-SECFRAC has six digits at most.
    let (_, fraction) = time.split_once('.')?;
    if !(2..=7).contains(&fraction.len()) || !time.ends_with('Z') || time.as_bytes()[10] != b'T' {
        return None;
    }
    let time = time.parse().ok()?;
    let mut header = Vec::new();
    for length_max in [255, 48, 128, 32] {
        let field = until(&mut rest, b' ')?;
        let visible = field.iter().all(|byte| (33..=126).contains(byte));
        if field.is_empty() || field.len() > length_max || !visible {
            return None;
        }
        header.push(text(field)?);
    }
    let mut elements = Vec::new();
    while let Some(tail) = rest.strip_prefix(b"[") {
        rest = tail;
        elements.push(element(&mut rest)?);
    }
    Some(Parsed {
        priority,
        time,
        header,
        elements,
        message: rest.strip_prefix(b" ")?.to_vec(),
    })
}

fn element(rest: &mut &[u8]) -> Option<Element> {
    let name = |bytes: &[u8]| {
        let fits = |byte: &u8| (33..=126).contains(byte) && !b"= ]\"".contains(byte);
        let valid = (1..=32).contains(&bytes.len()) && bytes.iter().all(fits);
        valid.then(|| text(bytes)).flatten()
    };
    let end = rest.iter().position(|byte| b" ]".contains(byte))?;
    let id = name(&rest[..end])?;
    *rest = &rest[end..];
    let mut parameters = Vec::new();
    while let Some(mut tail) = rest.strip_prefix(b" ") {
        let key = name(until(&mut tail, b'=')?)?;
        tail = tail.strip_prefix(b"\"")?;
        let mut value = Vec::new();
        loop {
            let (byte, more) = tail.split_first()?;
            tail = more;
            match byte {
                b'"' => break,
                b']' => return None,
                b'\\' if tail.first().is_some_and(|byte| b"\"\\]".contains(byte)) => {
                    value.push(tail[0]);
                    tail = &tail[1..];
                }
                byte => value.push(*byte),
            }
        }
        parameters.push((key, text(&value)?));
        *rest = tail;
    }
    *rest = rest.strip_prefix(b"]")?;
    Some((id, parameters))
}

fn until<'a>(rest: &mut &'a [u8], end: u8) -> Option<&'a [u8]> {
    let at = rest.iter().position(|byte| *byte == end)?;
    let found = &rest[..at];
    *rest = &rest[at + 1..];
    Some(found)
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

/// Takes the first frame whose octets are counted off; none if it is not all there.
pub(super) fn frame(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let blank = bytes.iter().position(|byte| *byte == b' ')?;
    let length = std::str::from_utf8(&bytes[..blank]).unwrap();
    assert!(!length.starts_with('0'), "{length}");
    let length: usize = length.parse().unwrap();
    let end = blank + 1 + length;
    if bytes.len() < end {
        return None;
    }
    let frame = bytes[blank + 1..end].to_vec();
    bytes.drain(..end);
    Some(frame)
}
