//! What a name that is asked for may carry.

/// Fewest characters of a label that may carry data. Encoded data fills labels, of which each may have
/// 63; names that people give are seldom longer than this.
const LABEL_SHORTEST: usize = 16;

/// Fewest bits of a label's entropy per character, in hundredths: 16 random hexadecimal digits have some
/// 320, a date or a run of zeros less.
const ENTROPY_LEAST: u32 = 280;

/// Labels of a registered name under a country's domain that are not what was registered, as in
/// `example.co.uk`. Those that are missing here make one domain of many: their labels count together.
const SECOND_LEVELS: [&str; 14] = [
    "ac", "co", "com", "edu", "go", "gob", "gov", "govt", "mil", "ne", "net", "nom", "or", "org",
];

/// A name that is asked for, as far as it may carry data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Carrier {
    /// The registered domain, in lower case.
    pub(super) domain: String,
    /// The longest label below it, in lower case.
    pub(super) label: String,
    /// Bytes of all labels below it.
    pub(super) bytes: usize,
}

impl Carrier {
    /// From a name as [`crate::event::dns`] writes it; none if it carries nothing.
    pub(super) fn of(name: &str) -> Option<Self> {
        // Most names end here: nothing is allocated for them.
        if name.len() < LABEL_SHORTEST {
            return None;
        }
        let labels: Vec<&str> = labels(name).collect();
        let registered = registered(&labels);
        let below = labels.get(..labels.len().saturating_sub(registered))?;
        let label = below.iter().max_by_key(|label| characters(label))?;
        if characters(label) < LABEL_SHORTEST || entropy(label) < ENTROPY_LEAST {
            return None;
        }
        let domain = labels.get(below.len()..)?.join(".");
        Some(Self {
            domain: domain.to_ascii_lowercase(),
            label: label.to_ascii_lowercase(),
            bytes: below.iter().map(|label| characters(label)).sum(),
        })
    }
}

/// Where a message's question begins: behind the header (RFC 1035, 4.1.1).
const QUESTION: usize = 12;

/// Whether the first name in a message may carry data. It costs next to nothing, and only few
/// messages need to be read further.
pub(super) fn may_carry(message: &[u8]) -> bool {
    let mut rest = message.get(QUESTION..).unwrap_or_default();
    while let Some((&length, behind)) = rest.split_first() {
        match usize::from(length) {
            0 => return false,
            length if length >= LABEL_SHORTEST => return true,
            length => rest = behind.get(length..).unwrap_or_default(),
        }
    }
    false
}

/// The registered domain of a name, in lower case.
pub(super) fn domain(name: &str) -> String {
    let labels: Vec<&str> = labels(name).collect();
    let from = labels.len().saturating_sub(registered(&labels));
    let domain = labels.get(from..).unwrap_or_default().join(".");
    domain.to_ascii_lowercase()
}

/// How many of the last labels are the registered domain.
fn registered(labels: &[&str]) -> usize {
    let [.., second, first] = labels else {
        return 2;
    };
    let second = second.to_ascii_lowercase();
    if first.len() == 2 && SECOND_LEVELS.contains(&&*second) {
        3
    } else {
        2
    }
}

/// The labels of a name. A dot behind a `\` is part of a label.
fn labels(name: &str) -> impl Iterator<Item = &str> {
    let mut is_escaped = false;
    name.split(move |character| {
        let ends = character == '.' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        ends
    })
}

/// How many bytes a label had: a byte that does not print is written as `\` and three digits.
fn characters(label: &str) -> usize {
    let mut bytes = label.bytes();
    let mut count = 0;
    while let Some(byte) = bytes.next() {
        if byte == b'\\' && bytes.next().is_some_and(|next| next.is_ascii_digit()) {
            bytes.nth(1);
        }
        count += 1;
    }
    count
}

/// Bits per character, in hundredths, without regard to case.
fn entropy(label: &str) -> u32 {
    let mut counts = [0_u32; 256];
    for byte in label.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte.to_ascii_lowercase())) {
            *count += 1;
        }
    }
    let total: u32 = counts.iter().sum();
    let bits: f64 = counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let share = f64::from(count) / f64::from(total);
            -share * share.log2()
        })
        .sum();
    // Between 0 and 800.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the entropy of bytes is between 0 and 8"
    )]
    let hundredths = (bits * 100.0) as u32;
    hundredths
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::event::dns::encoder::Encoder;

    fn carrier(name: &str) -> Option<(String, usize)> {
        Carrier::of(name).map(|carrier| (carrier.domain, carrier.bytes))
    }

    #[test]
    fn long_labels_of_much_entropy_may_carry_data() {
        let data = "0a3f9c1e77b2d4a85561";
        let found = |name: String| carrier(&name);
        let of = |domain: &str, bytes| Some((domain.to_owned(), bytes));
        assert_eq!(
            found(format!("{data}.Evil.example")),
            of("evil.example", 20)
        );
        assert_eq!(found(format!("{data}.x.a.co.uk")), of("a.co.uk", 21));
        assert_eq!(found(format!("{data}.co.uk")), None);
        assert_eq!(found(format!("{data}.com")), None);
        assert_eq!(
            found("www.a-company-with-a-long-name.example".to_owned()),
            None
        );
        assert_eq!(found(format!("{}.a.example", "0".repeat(40))), None);
        assert_eq!(found(format!("{}.a.example", "2024-01-01-00-00")), None);
    }

    #[test]
    fn bytes_that_do_not_print_count_once() {
        assert_eq!(characters(r"a\200\.b\\"), 5);
        assert_eq!(
            labels(r"a\.b.c\\.d").collect::<Vec<_>>(),
            [r"a\.b", r"c\\", "d"]
        );
        assert_eq!(domain(r"A\.B.c.Example"), "c.example");
    }

    proptest! {
        #[test]
        fn what_carries_may_carry(labels in vec("[a-z0-9]{1,63}", 1..5)) {
            let wire: Vec<&[u8]> = labels.iter().map(|label| label.as_bytes()).collect();
            let message = Encoder::new(1, 0).question(&wire, 16).bytes();
            let is_long = labels.iter().any(|label| label.len() >= LABEL_SHORTEST);
            prop_assert_eq!(may_carry(&message), is_long);
            if Carrier::of(&labels.join(".")).is_some() {
                prop_assert!(may_carry(&message));
            }
        }

        #[test]
        fn any_message_is_looked_at(message in vec(any::<u8>(), 0..100)) {
            let _ = may_carry(&message);
        }

        #[test]
        fn any_text_is_read(name in any::<String>()) {
            let _ = Carrier::of(&name);
            let _ = domain(&name);
        }

        #[test]
        fn what_is_read_is_of_the_name(name in "[a-z0-9.\\\\]{0,200}") {
            if let Some(carrier) = Carrier::of(&name) {
                prop_assert!(name.ends_with(&carrier.domain));
                prop_assert!(carrier.bytes <= name.len());
                prop_assert!(characters(&carrier.label) >= LABEL_SHORTEST);
            }
        }
    }
}
