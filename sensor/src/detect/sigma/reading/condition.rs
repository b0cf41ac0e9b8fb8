//! Conditions: `and`, `or`, `not`, parentheses, and `1 of`, `all of` and the like.

use std::collections::HashMap;

use super::{super::rule::Condition, allowance::Allowance, flaw::Flaw};

/// Deepest nesting of parentheses and `not`.
pub const CONDITION_DEPTH_MAX: usize = 64;
/// Most parts of a condition, those included that `1 of` and the like stand for.
pub const CONDITION_PARTS_MAX: usize = 20_000;

/// The names of selections, in the order of those.
pub(super) struct Names<'a> {
    list: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    pub(super) fn new(list: Vec<&'a str>) -> Self {
        let places = list.iter().copied().zip(0..).collect();
        Self { list, places }
    }
}

/// Reads a condition over the selections with these names.
pub(super) fn read(
    text: &str,
    names: &Names<'_>,
    line: usize,
    allowance: &mut Allowance,
) -> Result<Condition, Flaw> {
    let mut parser = Parser {
        words: words(text),
        at: 0,
        depth: 0,
        parts: 0,
        compared: 0,
        names,
    };
    let condition = parser.whole().map_err(|what| Flaw::new(line, what))?;
    // Comparing takes time rather than memory, and is bounded with it.
    let memory = parser.parts.saturating_mul(32);
    allowance.take_rule(line, memory.saturating_add(parser.compared))?;
    Ok(condition)
}

/// The words, and parentheses and pipes as words of their own.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let mut rest = word;
        while let Some(at) = rest.find(['(', ')', '|']) {
            let (before, from) = rest.split_at(at);
            let (sign, after) = from.split_at(1);
            words.extend([before, sign].into_iter().filter(|word| !word.is_empty()));
            rest = after;
        }
        if !rest.is_empty() {
            words.push(rest);
        }
    }
    words
}

struct Parser<'a> {
    words: Vec<&'a str>,
    at: usize,
    depth: usize,
    parts: usize,
    /// How many names were compared with a pattern.
    compared: usize,
    names: &'a Names<'a>,
}

impl<'a> Parser<'a> {
    fn whole(&mut self) -> Result<Condition, String> {
        if self.words.is_empty() {
            return Err("`condition` is empty: name a selection".to_owned());
        }
        if let Some(pipe) = self.words.iter().position(|word| *word == "|") {
            return Err(old_form(
                self.words.get(pipe + 1).copied().unwrap_or_default(),
            ));
        }
        let condition = self.any()?;
        match self.peek() {
            None => Ok(condition),
            Some(")") => Err("`condition` has a `)` without its `(`".to_owned()),
            Some(word) => Err(format!(
                "`condition`: `and` or `or` is missing before `{word}`"
            )),
        }
    }

    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    fn next_is(&mut self, wanted: &str) -> bool {
        let is = self
            .peek()
            .is_some_and(|word| word.eq_ignore_ascii_case(wanted));
        self.at += usize::from(is);
        is
    }

    fn any(&mut self) -> Result<Condition, String> {
        let mut parts = vec![self.all()?];
        while self.next_is("or") {
            parts.push(self.all()?);
        }
        Ok(joined(parts, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut parts = vec![self.negated()?];
        while self.next_is("and") {
            parts.push(self.negated()?);
        }
        Ok(joined(parts, Condition::All))
    }

    fn negated(&mut self) -> Result<Condition, String> {
        if !self.next_is("not") {
            return self.single();
        }
        self.deeper()?;
        let part = self.negated()?;
        self.depth -= 1;
        self.count(1)?;
        Ok(Condition::Not(Box::new(part)))
    }

    fn single(&mut self) -> Result<Condition, String> {
        let Some(word) = self.peek() else {
            return Err("`condition` ends where a selection's name must stand".to_owned());
        };
        self.at += 1;
        if word == "(" {
            self.deeper()?;
            let part = self.any()?;
            self.depth -= 1;
            if !self.next_is(")") {
                return Err("`condition` has a `(` without its `)`".to_owned());
            }
            return Ok(part);
        }
        if word == ")"
            || ["and", "or", "of"]
                .iter()
                .any(|own| word.eq_ignore_ascii_case(own))
        {
            return Err(format!(
                "`condition` has `{word}` where a selection's name must stand"
            ));
        }
        if self.next_is("of") {
            return self.some(word);
        }
        let index = self.names.places.get(word).copied();
        let index = index.ok_or_else(|| {
            let plural = if word.contains('*') {
                ": write `1 of` or `all of` before it"
            } else {
                ": add it, or correct its name"
            };
            format!("`condition` names `{word}`, but there is no such selection{plural}")
        })?;
        self.count(1)?;
        Ok(Condition::Selection(index))
    }

    /// What stands after `1 of`, `all of` and the like.
    fn some(&mut self, how_many: &str) -> Result<Condition, String> {
        let which = self
            .peek()
            .filter(|word| !matches!(*word, "(" | ")"))
            .ok_or_else(|| format!("`condition` ends after `{how_many} of`: name selections"))?;
        self.at += 1;
        self.compared += self.names.list.len();
        let indices: Vec<usize> = (0..)
            .zip(&self.names.list)
            .filter(|(_, name)| {
                if which.eq_ignore_ascii_case("them") {
                    !name.starts_with('_')
                } else {
                    is_like(name, which)
                }
            })
            .map(|(index, _)| index)
            .collect();
        if indices.is_empty() {
            return Err(format!(
                "`condition` asks for `{how_many} of {which}`, but there is no such selection"
            ));
        }
        self.count(indices.len())?;
        let parts: Vec<_> = indices.into_iter().map(Condition::Selection).collect();
        if how_many.eq_ignore_ascii_case("all") {
            return Ok(joined(parts, Condition::All));
        }
        if how_many.eq_ignore_ascii_case("any") {
            return Ok(joined(parts, Condition::Any));
        }
        match how_many.parse() {
            Ok(1) => Ok(joined(parts, Condition::Any)),
            Ok(count) if (2..=parts.len()).contains(&count) => Ok(Condition::AtLeast(count, parts)),
            Ok(count) => Err(format!(
                "`condition` asks for `{count} of {which}`, but there are {} of them",
                parts.len()
            )),
            Err(_) => Err(format!(
                "`condition` has `{how_many} of`: write `1 of`, `all of`, `any of` or a number"
            )),
        }
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > CONDITION_DEPTH_MAX {
            return Err(format!(
                "`condition` is nested more than {CONDITION_DEPTH_MAX} deep: simplify it"
            ));
        }
        Ok(())
    }

    fn count(&mut self, parts: usize) -> Result<(), String> {
        self.parts += parts;
        if self.parts > CONDITION_PARTS_MAX {
            return Err(format!(
                "`condition` has more than {CONDITION_PARTS_MAX} parts: split the rule"
            ));
        }
        Ok(())
    }
}

fn joined(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    join(parts)
}

/// Why what stands after a pipe is not read.
fn old_form(word: &str) -> String {
    let (what, correlation) = match word {
        "near" => ("| near", "temporal"),
        "count" => ("| count()", "event_count` or `type: value_count"),
        _ => ("|", "event_count"),
    };
    format!(
        "`condition` has `{what}`, an aggregation of Sigma 1 that Sigma 2 has no more: write a \
         correlation with `type: {correlation}`"
    )
}

/// Whether a name is like a pattern, in which `*` is any text.
fn is_like(name: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = rest.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}
