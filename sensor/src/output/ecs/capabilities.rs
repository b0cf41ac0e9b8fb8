//! Sets of capabilities, by their names.
//!
//! Root has all of them, so that a set is often longer than the rest of an event. Nearly every set
//! is a few runs of neighbours, and each run is a piece of one text.

use std::sync::LazyLock;

use crate::output::{
    json::{Elements, Object},
    names,
};

/// All capabilities, one after the other.
static ALL: LazyLock<Elements> = LazyLock::new(|| {
    let mut all = Elements::default();
    for capability in names::capabilities(u64::MAX) {
        all.word(&capability.as_text());
    }
    all
});

/// A field with a set.
pub(super) fn capabilities(name: &'static str, set: u64, fields: &mut Object<'_>) {
    fields.array(name, |array| {
        for (first, length) in runs(set) {
            array.elements(&ALL, first..first + length);
        }
    });
}

/// The runs of bits that are set: where each begins and how long it is.
fn runs(set: u64) -> impl Iterator<Item = (usize, usize)> {
    let mut rest = set;
    std::iter::from_fn(move || {
        if rest == 0 {
            return None;
        }
        let first = rest.trailing_zeros();
        let length = (rest >> first).trailing_ones();
        // All bits up to the run's end; there may be 64 of them.
        rest &= u64::MAX.checked_shl(first + length).unwrap_or_default();
        Some((first as usize, length as usize))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::output::json;

    fn written(set: u64) -> String {
        let mut out = Vec::new();
        json::object(&mut out, |fields| capabilities("set", set, fields));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn sets_at_the_ends() {
        assert_eq!(written(0), r#"{"set":[]}"#);
        assert_eq!(written(1), r#"{"set":["CAP_CHOWN"]}"#);
        assert_eq!(written(1 << 63), r#"{"set":["CAP_63"]}"#);
        assert_eq!(runs(u64::MAX).collect::<Vec<_>>(), [(0, 64)]);
    }

    proptest! {
        #[test]
        fn every_name_in_its_place(set: u64) {
            let names: Vec<String> = names::capabilities(set)
                .map(|name| format!("\"{}\"", name.as_text()))
                .collect();
            prop_assert_eq!(written(set), format!("{{\"set\":[{}]}}", names.join(",")));
        }
    }
}
