//! DNS messages, put together byte by byte as RFC 1035 lays down.

/// An IPv4 address.
pub const A: u16 = 1;
/// The name that is meant.
pub const CNAME: u16 = 5;
/// A host that takes mail.
pub const MX: u16 = 15;
/// Text.
pub const TXT: u16 = 16;
/// An IPv6 address.
pub const AAAA: u16 = 28;
/// Whatever there is.
pub const ANY: u16 = 255;

/// The class of the internet.
const IN: u16 = 1;

/// Where the name of the first question is.
const FIRST_NAME: u8 = 12;

/// A message under construction.
#[derive(Clone, Debug)]
pub struct Message(Vec<u8>);

impl Message {
    /// A header without sections: an id, and the sixteen bits that say what kind of message it is.
    pub fn new(id: u16, bits: u16) -> Self {
        let mut message = Self(Vec::new());
        message.words(&[id, bits, 0, 0, 0, 0]);
        message
    }

    /// Asks about a name.
    pub fn question(self, name: &[u8], kind: u16) -> Self {
        self.question_of_class(name, kind, IN)
    }

    /// Asks about a name in a class.
    pub fn question_of_class(mut self, name: &[u8], kind: u16, class: u16) -> Self {
        self.count(4);
        self.0.extend(name);
        self.words(&[kind, class]);
        self
    }

    /// Answers.
    pub fn answer(mut self, name: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Self {
        self.count(6);
        self.record(name, [kind, IN], ttl, data);
        self
    }

    /// Adds what EDNS has for a header: the upper bits of the response code, and whether signatures
    /// are wanted.
    pub fn edns(mut self, code: u8, signatures: bool) -> Self {
        const OPT: u16 = 41;
        const ROOM: u16 = 1232;
        self.count(10);
        let ttl = u32::from(code) << 24 | u32::from(signatures) << 15;
        self.record(&[0], [OPT, ROOM], ttl, &[]);
        self
    }

    /// Says that there is another question than those that there are.
    pub fn with_missing_question(mut self) -> Self {
        self.count(4);
        self
    }

    /// Adds an answer of text, so that the message has this length, which must leave room for it.
    /// Says what the text is, as a zone file has it.
    pub fn filled(self, length: usize) -> (Self, String) {
        const FIXED: usize = 12; // the bytes of a record without data
        let mut data = Vec::new();
        let mut texts = Vec::new();
        let mut left = length.saturating_sub(self.0.len() + FIXED);
        while left > 0 {
            let text = vec![b't'; (left - 1).min(255)];
            data.push(u8::try_from(text.len()).unwrap_or_default());
            left -= 1 + text.len();
            texts.push(format!("\"{}\"", String::from_utf8_lossy(&text)));
            data.extend(text);
        }
        (self.answer(&same(), TXT, 5, &data), texts.join(" "))
    }

    /// The message.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first bytes of it.
    pub fn cut(mut self, length: usize) -> Self {
        self.0.truncate(length);
        self
    }

    fn record(&mut self, name: &[u8], kind_and_class: [u16; 2], ttl: u32, data: &[u8]) {
        self.0.extend(name);
        self.words(&kind_and_class);
        self.0.extend(ttl.to_be_bytes());
        self.words(&[u16::try_from(data.len()).unwrap_or(u16::MAX)]);
        self.0.extend(data);
    }

    fn words(&mut self, words: &[u16]) {
        for word in words {
            self.0.extend(word.to_be_bytes());
        }
    }

    /// Counts one more entry of the section whose number is there in the header.
    fn count(&mut self, at: usize) {
        if let Some(low) = self.0.get_mut(at + 1) {
            *low += 1;
        }
    }
}

/// A name of these labels.
pub fn name(labels: &[&[u8]]) -> Vec<u8> {
    ending(labels, &[0])
}

/// A name of these labels and what is at that place of the message.
pub fn name_and(labels: &[&[u8]], place: u8) -> Vec<u8> {
    ending(labels, &[0xc0, place])
}

/// The name of the first question, by its place.
pub fn same() -> Vec<u8> {
    name_and(&[], FIRST_NAME)
}

fn ending(labels: &[&[u8]], end: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    for label in labels {
        name.push(u8::try_from(label.len()).unwrap_or_default());
        name.extend(*label);
    }
    name.extend(end);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_as_in_the_rfc() {
        let message = Message::new(0x1234, 0x8180)
            .question(&name(&[b"ab"]), A)
            .answer(&same(), A, 258, &[192, 0, 2, 7]);
        assert_eq!(
            message.bytes(),
            [
                0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, // header
                2, b'a', b'b', 0, 0, 1, 0, 1, // question
                0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 2, 0, 4, 192, 0, 2, 7, // answer
            ]
        );
    }

    #[test]
    fn filled_messages_have_their_length() {
        for length in [40, 136, 137, 287, 288, 289, 290, 1393] {
            let question = Message::new(1, 0x8000).question(&name(&[b"a"]), TXT);
            let (message, _) = question.filled(length);
            assert_eq!(message.bytes().len(), length);
        }
    }
}
