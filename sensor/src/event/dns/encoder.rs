//! Encodes messages by hand, so that the parser is held against the format, not against the encoder
//! of its own library. For tests.

/// A message under construction.
pub(crate) struct Encoder(Vec<u8>);

/// Where the header counts a section's entries.
const QUESTIONS: usize = 4;
const ANSWERS: usize = 6;
const ADDITIONAL: usize = 10;

const IN: u16 = 1;
const OPT: u16 = 41;

impl Encoder {
    /// With a header, and no section yet.
    pub(crate) fn new(id: u16, flags: u16) -> Self {
        let mut bytes = Vec::new();
        for word in [id, flags, 0, 0, 0, 0] {
            bytes.extend(word.to_be_bytes());
        }
        Self(bytes)
    }

    /// Adds a question about a name, by its labels.
    pub(crate) fn question(mut self, name: &[&[u8]], kind: u16) -> Self {
        self.count(QUESTIONS);
        self.name(name);
        self.words(&[kind, IN]);
        self
    }

    /// Adds an answer.
    pub(crate) fn answer(mut self, name: &[&[u8]], kind: u16, ttl: u32, data: &[u8]) -> Self {
        self.name(name);
        self.record(ANSWERS, kind, IN, ttl, data)
    }

    /// Adds an answer whose name is that of the question.
    pub(crate) fn answer_to_question(mut self, kind: u16, ttl: u32, data: &[u8]) -> Self {
        self.0.extend([0xc0, 12]);
        self.record(ANSWERS, kind, IN, ttl, data)
    }

    /// Adds EDNS's record.
    pub(crate) fn edns(mut self, extended_code: u8, dnssec_ok: bool) -> Self {
        self.name(&[]);
        let flags = u32::from(extended_code) << 24 | u32::from(dnssec_ok) << 15;
        self.record(ADDITIONAL, OPT, 1232, flags, &[])
    }

    fn record(mut self, count: usize, kind: u16, class: u16, ttl: u32, data: &[u8]) -> Self {
        self.count(count);
        self.words(&[kind, class]);
        self.0.extend(ttl.to_be_bytes());
        self.words(&[u16::try_from(data.len()).unwrap()]);
        self.0.extend(data);
        self
    }

    fn name(&mut self, labels: &[&[u8]]) {
        for label in labels {
            self.0.push(u8::try_from(label.len()).unwrap());
            self.0.extend(*label);
        }
        self.0.push(0);
    }

    fn words(&mut self, words: &[u16]) {
        for word in words {
            self.0.extend(word.to_be_bytes());
        }
    }

    fn count(&mut self, at: usize) {
        self.0[at + 1] += 1;
    }

    /// How many bytes it has by now.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The message.
    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0
    }
}
