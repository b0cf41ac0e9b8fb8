//! A key of a selection, as `CommandLine|contains|all`: the field and the modifiers after it.

use super::super::rule::{MomentPart, Position, Relation};

/// The modifiers of a field, which go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Modifiers {
    /// `all`.
    pub(super) all: bool,
    /// `neq`.
    pub(super) negated: bool,
    /// `cased`.
    pub(super) cased: bool,
    /// `expand`.
    pub(super) expand: bool,
    /// What is made of the values, in this order.
    pub(super) transformations: Vec<Transformation>,
    /// `contains` and the like.
    pub(super) position: Option<Position>,
    /// What the values are.
    pub(super) sort: Sort,
}

/// What a value is changed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transformation {
    /// `windash`.
    Windash,
    /// `utf16le` or `wide`.
    Utf16Le,
    /// `utf16be`.
    Utf16Be,
    /// `utf16`: with a byte order mark.
    Utf16,
    /// `base64`.
    Base64,
    /// `base64offset`.
    Base64Offset,
}

/// What values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Text, numbers, `null`.
    Text,
    /// `re` and its flags.
    Regex(Flags),
    /// `cidr`.
    Network,
    /// `lt` and the like.
    Number(Relation),
    /// `fieldref`.
    Field,
    /// `exists`.
    Exists,
    /// `hour` and the like, and how the part of the moment compares if it is not to be equal.
    Moment(MomentPart, Option<Relation>),
}

/// `i`, `m` and `s` after `re`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) insensitive: bool,
    pub(super) multiline: bool,
    pub(super) dot_all: bool,
}

/// The field and the modifiers of a key.
///
/// # Errors
///
/// A modifier that is unknown or does not go with another, for people.
pub(super) fn read(key: &str) -> Result<(&str, Modifiers), String> {
    let mut words = key.split('|');
    let field = words.next().unwrap_or_default();
    let mut modifiers = Modifiers {
        all: false,
        negated: false,
        cased: false,
        expand: false,
        transformations: Vec::new(),
        position: None,
        sort: Sort::Text,
    };
    let mut seen = Vec::new();
    for word in words {
        if seen.contains(&word) && !matches!(word, "base64") {
            return Err(format!("the modifier `{word}` is written twice"));
        }
        modifiers.add(word)?;
        seen.push(word);
    }
    modifiers.must_go_together()?;
    Ok((field, modifiers))
}

impl Modifiers {
    fn add(&mut self, word: &str) -> Result<(), String> {
        match word {
            "all" => self.all = true,
            "neq" => self.negated = true,
            "cased" => self.cased = true,
            "expand" if self.transformations.is_empty() => self.expand = true,
            "expand" => return Err("`expand` must stand before what changes the value".to_owned()),
            "contains" => self.set_position(Position::Anywhere)?,
            "startswith" => self.set_position(Position::Start)?,
            "endswith" => self.set_position(Position::End)?,
            "windash" if self.transformations.is_empty() => {
                self.transformations.push(Transformation::Windash);
            }
            "windash" => {
                return Err("`windash` must stand before what encodes the value".to_owned());
            }
            "utf16le" | "wide" => self.encode(word, Transformation::Utf16Le)?,
            "utf16be" => self.encode(word, Transformation::Utf16Be)?,
            "utf16" => self.encode(word, Transformation::Utf16)?,
            "base64" => self.encode(word, Transformation::Base64)?,
            "base64offset" => self.encode(word, Transformation::Base64Offset)?,
            "re" => self.set_sort(word, Sort::Regex(Flags::default()))?,
            "i" | "m" | "s" => self.set_flag(word)?,
            "cidr" => self.set_sort(word, Sort::Network)?,
            "fieldref" => self.set_sort(word, Sort::Field)?,
            "exists" => self.set_sort(word, Sort::Exists)?,
            "lt" => self.set_relation(word, Relation::Less)?,
            "lte" => self.set_relation(word, Relation::LessOrEqual)?,
            "gt" => self.set_relation(word, Relation::Greater)?,
            "gte" => self.set_relation(word, Relation::GreaterOrEqual)?,
            "minute" => self.set_moment(word, MomentPart::Minute)?,
            "hour" => self.set_moment(word, MomentPart::Hour)?,
            "day" => self.set_moment(word, MomentPart::Day)?,
            "week" => self.set_moment(word, MomentPart::Week)?,
            "month" => self.set_moment(word, MomentPart::Month)?,
            "year" => self.set_moment(word, MomentPart::Year)?,
            _ => {
                return Err(format!(
                    "`{word}` is no modifier of Sigma 2.1: look for a misspelling"
                ));
            }
        }
        Ok(())
    }

    fn set_position(&mut self, position: Position) -> Result<(), String> {
        if self.position.replace(position).is_some() {
            return Err(
                "only one of `contains`, `startswith` and `endswith` can be meant: leave the others \
                 out"
                .to_owned(),
            );
        }
        Ok(())
    }

    fn encode(&mut self, word: &str, transformation: Transformation) -> Result<(), String> {
        if self.position.is_some() {
            return Err(format!(
                "`{word}` must stand before `contains`, `startswith` or `endswith`: wildcards cannot \
                 be encoded"
            ));
        }
        self.transformations.push(transformation);
        Ok(())
    }

    fn set_sort(&mut self, word: &str, sort: Sort) -> Result<(), String> {
        if self.sort != Sort::Text {
            return Err(format!(
                "`{word}` does not go with the modifiers before it: a value is of one sort only"
            ));
        }
        self.sort = sort;
        Ok(())
    }

    fn set_flag(&mut self, word: &str) -> Result<(), String> {
        let Sort::Regex(flags) = &mut self.sort else {
            return Err(format!("`{word}` must stand after `re`"));
        };
        match word {
            "i" => flags.insensitive = true,
            "m" => flags.multiline = true,
            _ => flags.dot_all = true,
        }
        Ok(())
    }

    fn set_relation(&mut self, word: &str, relation: Relation) -> Result<(), String> {
        if let Sort::Moment(_, none @ None) = &mut self.sort {
            *none = Some(relation);
            return Ok(());
        }
        self.set_sort(word, Sort::Number(relation))
    }

    fn set_moment(&mut self, word: &str, part: MomentPart) -> Result<(), String> {
        self.set_sort(word, Sort::Moment(part, None))
    }

    /// Refuses what could only be ignored.
    fn must_go_together(&self) -> Result<(), String> {
        if self.all && self.negated {
            return Err("`all` does not go with `neq`: negate a selection instead".to_owned());
        }
        let changes = !self.transformations.is_empty();
        let (name, why) = match self.sort {
            Sort::Text => return Ok(()),
            Sort::Regex(_) => ("re", "what it needs is written into the expression"),
            Sort::Network => ("cidr", "an address is in a network or is not"),
            Sort::Number(_) => ("lt, lte, gt or gte", "numbers have no text"),
            Sort::Field => ("fieldref", "what the other field has is taken as it is"),
            Sort::Exists => ("exists", "it is about the field, not about its value"),
            Sort::Moment(..) => ("minute, hour and the like", "numbers have no text"),
        };
        let is_field = self.sort == Sort::Field;
        let may_expand = matches!(self.sort, Sort::Network | Sort::Field);
        let refused = if changes {
            "what encodes or changes text"
        } else if self.position.is_some() && !is_field {
            "`contains`, `startswith` or `endswith`"
        } else if self.cased && !is_field {
            "`cased`"
        } else if self.expand && !may_expand {
            "`expand`"
        } else if self.sort == Sort::Exists && (self.all || self.negated) {
            "`all` or `neq`"
        } else {
            return Ok(());
        };
        Err(format!("`{name}` does not go with {refused}: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_field_and_its_modifiers() {
        let (field, modifiers) = read("CommandLine|windash|contains|all|cased").unwrap();
        assert_eq!(field, "CommandLine");
        assert!(modifiers.all && modifiers.cased && !modifiers.negated);
        assert_eq!(modifiers.transformations, [Transformation::Windash]);
        assert_eq!(modifiers.position, Some(Position::Anywhere));
        assert_eq!(read("|all").unwrap().0, "");
        let flags = Flags {
            insensitive: true,
            multiline: false,
            dot_all: true,
        };
        assert_eq!(read("a|re|i|s").unwrap().1.sort, Sort::Regex(flags));
        assert_eq!(
            read("a|hour|gte").unwrap().1.sort,
            Sort::Moment(MomentPart::Hour, Some(Relation::GreaterOrEqual))
        );
        assert_eq!(
            read("a|wide|base64offset|contains")
                .unwrap()
                .1
                .transformations,
            [Transformation::Utf16Le, Transformation::Base64Offset]
        );
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for (key, wanted) in [
            ("a|contain", "`contain` is no modifier"),
            ("a|", "`` is no modifier"),
            ("a|Contains", "`Contains` is no modifier"),
            ("a|contains|contains", "written twice"),
            ("a|startswith|endswith", "only one of"),
            ("a|contains|base64", "must stand before `contains`"),
            ("a|base64|windash", "must stand before what encodes"),
            ("a|base64|expand", "must stand before what changes"),
            ("a|i", "must stand after `re`"),
            ("a|i|re", "must stand after `re`"),
            ("a|re|cidr", "one sort only"),
            ("a|lt|gt", "one sort only"),
            ("a|lt|hour", "one sort only"),
            ("a|hour|gt|lt", "one sort only"),
            ("a|re|contains", "`re` does not go with `contains`"),
            ("a|re|expand", "`re` does not go with `expand`"),
            ("a|base64|re", "`re` does not go with what encodes"),
            ("a|re|cased", "`re` does not go with `cased`"),
            ("a|cidr|startswith", "`cidr` does not go with"),
            ("a|gte|contains", "numbers have no text"),
            ("a|exists|neq", "`exists` does not go with"),
            ("a|exists|all", "`exists` does not go with"),
            ("a|fieldref|base64", "`fieldref` does not go with"),
            ("a|all|neq", "`all` does not go with `neq`"),
        ] {
            let what = read(key).unwrap_err();
            assert!(what.contains(wanted), "{key}: {what}");
        }
    }
}
