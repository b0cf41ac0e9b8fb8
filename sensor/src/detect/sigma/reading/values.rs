//! The values of a field or of a list of words, their modifiers applied.

use super::{
    super::rule::{MomentPart, Network, Position, Relation, Test, Values},
    Context, encoding,
    flaw::Flaw,
    modifiers::{Modifiers, Sort, Transformation},
    node::{Content, Node},
    pattern, regex,
    scalar::Scalar,
};
use crate::detect::sigma::rule::Pattern;

/// Most alternatives that `windash` makes of a value: five dashes' worth.
const WINDASH_MAX: usize = 3_125;
/// Most bytes of them.
const WINDASH_BYTES_MAX: usize = 4 << 20;

/// The years that a moment can be in, as nanoseconds since 1970 in 64 bits have them.
const YEARS: [i64; 2] = [1677, 2262];

/// Reads the values of a key.
pub(super) fn read(
    node: &Node,
    modifiers: &Modifiers,
    context: &mut Context<'_>,
) -> Result<Values, Flaw> {
    let scalars: Vec<(usize, &Scalar)> = match &node.content {
        Content::Scalar(scalar) => vec![(node.line, scalar)],
        Content::List(nodes) => nodes.iter().map(only_scalar).collect::<Result<_, _>>()?,
        Content::Mapping(_) => {
            return Err(only_scalar(node)
                .err()
                .unwrap_or_else(|| no_values(node.line)));
        }
    };
    if scalars.is_empty() {
        return Err(no_values(node.line));
    }
    if modifiers.sort == Sort::Exists && scalars.len() > 1 {
        return Err(Flaw::new(
            node.line,
            "`exists` takes one value: `true` or `false`",
        ));
    }
    let mut tests = Vec::with_capacity(scalars.len());
    for (line, scalar) in scalars {
        let alternatives = alternatives(line, scalar, modifiers, context)?;
        for test in &alternatives {
            context.allowance.take_test(line, weight(test))?;
        }
        tests.push(alternatives);
    }
    Ok(Values {
        all: modifiers.all,
        tests,
    })
}

fn no_values(line: usize) -> Flaw {
    Flaw::new(
        line,
        "the list has no values: give it some, or leave the field out",
    )
}

fn only_scalar(node: &Node) -> Result<(usize, &Scalar), Flaw> {
    match &node.content {
        Content::Scalar(scalar) => Ok((node.line, scalar)),
        _ => Err(Flaw::new(
            node.line,
            format!(
                "a value must be text, a number, true, false or null, not {}",
                node.sort()
            ),
        )),
    }
}

fn weight(test: &Test) -> usize {
    match test {
        Test::Text { pattern, .. } => pattern.weight(),
        Test::Regex(text) | Test::Field { name: text, .. } => text.len(),
        _ => 0,
    }
}

fn alternatives(
    line: usize,
    scalar: &Scalar,
    modifiers: &Modifiers,
    context: &mut Context<'_>,
) -> Result<Vec<Test>, Flaw> {
    let flaw = |what: String| Flaw::new(line, what);
    if scalar.is_ambiguous() {
        return Err(flaw(format!(
            "`{}` is decimal to some and octal to others: put it in quotation marks",
            scalar.text()
        )));
    }
    if *scalar == Scalar::Null {
        return null(modifiers).map(|test| vec![test]).map_err(flaw);
    }
    let texts = if modifiers.expand {
        let unresolved = &mut context.unresolved;
        let mut note = |name| {
            unresolved.entry(name).or_insert(line);
        };
        let expanded = context.placeholders.expand(scalar.text(), &mut note);
        expanded.map_err(flaw)?
    } else {
        vec![scalar.text().to_owned()]
    };
    match modifiers.sort {
        Sort::Text => {
            let mut tests = Vec::new();
            for text in texts {
                let made = patterns(&pattern::parse(&text), modifiers).map_err(flaw)?;
                tests.extend(made.into_iter().map(|pattern| Test::Text {
                    pattern: at_position(pattern, modifiers.position),
                    cased: modifiers.cased,
                }));
            }
            Ok(tests)
        }
        Sort::Regex(flags) => {
            context.allowance.take_regex(line)?;
            let expression = regex::checked(scalar.text(), flags).map_err(flaw)?;
            Ok(vec![Test::Regex(expression)])
        }
        Sort::Network => texts
            .iter()
            .map(|text| network(text).map(Test::Network).map_err(flaw))
            .collect(),
        Sort::Field => texts
            .into_iter()
            .map(|name| field(name, scalar, modifiers).map_err(flaw))
            .collect(),
        Sort::Number(relation) => number(scalar)
            .map(|number| vec![Test::Number(relation, number)])
            .map_err(flaw),
        Sort::Exists => exists(scalar)
            .map(|exists| vec![Test::Exists(exists)])
            .map_err(flaw),
        Sort::Moment(part, relation) => moments(scalar, part, relation).map_err(flaw),
    }
}

fn null(modifiers: &Modifiers) -> Result<Test, String> {
    let plain = modifiers.sort == Sort::Text
        && modifiers.position.is_none()
        && modifiers.transformations.is_empty()
        && !modifiers.expand;
    if plain {
        Ok(Test::Null)
    } else {
        Err(
            "an empty value is `null`, which has no modifiers but `all` and `neq`: write `''` for \
             empty text"
                .to_owned(),
        )
    }
}

/// A value on its way through what changes it.
enum Draft {
    Pattern(Pattern),
    Bytes(Vec<u8>),
}

impl Draft {
    fn text(&self) -> Result<&str, String> {
        let text = match self {
            Self::Pattern(pattern) => pattern
                .only_text()
                .ok_or("wildcards cannot be encoded: write `\\*` or `\\?` if none is meant"),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).map_err(|_| NOT_TEXT),
        };
        text.map_err(str::to_owned)
    }

    fn bytes(&self) -> Result<&[u8], String> {
        match self {
            Self::Pattern(_) => self.text().map(str::as_bytes),
            Self::Bytes(bytes) => Ok(bytes),
        }
    }
}

const NOT_TEXT: &str = "the encoded value is no text: write `base64` or `base64offset` after it";

/// The patterns that a value is changed to.
fn patterns(pattern: &Pattern, modifiers: &Modifiers) -> Result<Vec<Pattern>, String> {
    let mut drafts = vec![Draft::Pattern(pattern.clone())];
    for transformation in &modifiers.transformations {
        let mut changed = Vec::new();
        for draft in &drafts {
            changed.extend(transformed(draft, *transformation)?);
        }
        drafts = changed;
    }
    let pattern = |draft| match draft {
        Draft::Pattern(pattern) => Ok(pattern),
        Draft::Bytes(_) => Draft::text(&draft).map(Pattern::literal),
    };
    drafts.into_iter().map(pattern).collect()
}

fn transformed(draft: &Draft, transformation: Transformation) -> Result<Vec<Draft>, String> {
    let made = match transformation {
        Transformation::Windash => {
            let Draft::Pattern(pattern) = draft else {
                return Err(NOT_TEXT.to_owned());
            };
            let most = WINDASH_MAX.min(WINDASH_BYTES_MAX / pattern.weight().max(1));
            let patterns = encoding::windash(pattern, most).ok_or_else(|| {
                format!("`windash` makes more than {most} values of this one: shorten it")
            })?;
            return Ok(patterns.into_iter().map(Draft::Pattern).collect());
        }
        Transformation::Utf16Le => encoding::utf16(draft.text()?, u16::to_le_bytes),
        Transformation::Utf16Be => encoding::utf16(draft.text()?, u16::to_be_bytes),
        Transformation::Utf16 => {
            let mut bytes = vec![0xff, 0xfe];
            bytes.extend(encoding::utf16(draft.text()?, u16::to_le_bytes));
            bytes
        }
        Transformation::Base64 => {
            let text = encoding::base64(draft.bytes()?);
            return Ok(vec![Draft::Pattern(Pattern::literal(&text))]);
        }
        Transformation::Base64Offset => {
            let texts = encoding::base64_anywhere(draft.bytes()?)
                .ok_or("is too short for `base64offset`: nothing of it is certain to be found")?;
            let drafts = texts
                .iter()
                .map(|text| Draft::Pattern(Pattern::literal(text)));
            return Ok(drafts.collect());
        }
    };
    Ok(vec![Draft::Bytes(made)])
}

fn at_position(pattern: Pattern, position: Option<Position>) -> Pattern {
    match position.unwrap_or(Position::Whole) {
        Position::Whole => pattern,
        Position::Start => pattern.with_any_after(),
        Position::End => pattern.with_any_before(),
        Position::Anywhere => pattern.with_any_before().with_any_after(),
    }
}

fn network(text: &str) -> Result<Network, String> {
    let flaw = || format!("`{text}` is no network: write it as `10.0.0.0/8` or `fe80::/10`");
    let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
    let address: std::net::IpAddr = address.trim().parse().map_err(|_| flaw())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix.trim() {
        "" if !text.contains('/') => most,
        digits => digits
            .parse()
            .ok()
            .filter(|prefix| *prefix <= most && !digits.starts_with('+'))
            .ok_or_else(flaw)?,
    };
    Ok(Network { address, prefix })
}

fn field(name: String, scalar: &Scalar, modifiers: &Modifiers) -> Result<Test, String> {
    if !matches!(scalar, Scalar::Text(_)) || name.is_empty() {
        return Err(format!(
            "`{name}` is no field's name, which `fieldref` needs"
        ));
    }
    Ok(Test::Field {
        name,
        position: modifiers.position.unwrap_or(Position::Whole),
        cased: modifiers.cased,
    })
}

fn number(scalar: &Scalar) -> Result<f64, String> {
    scalar.number().ok_or_else(|| {
        format!(
            "`{}` is no number, which `lt`, `lte`, `gt` and `gte` need",
            scalar.text()
        )
    })
}

fn exists(scalar: &Scalar) -> Result<bool, String> {
    match scalar.text().to_ascii_lowercase().as_str() {
        "true" | "yes" => Ok(true),
        "false" | "no" => Ok(false),
        text => Err(format!("`exists` must be `true` or `false`, not `{text}`")),
    }
}

/// The part of a moment, and if it must be less or greater all that it can be then.
fn moments(
    scalar: &Scalar,
    part: MomentPart,
    relation: Option<Relation>,
) -> Result<Vec<Test>, String> {
    let [least, most] = match part {
        MomentPart::Minute => [0, 59],
        MomentPart::Hour => [0, 23],
        MomentPart::Day => [1, 31],
        MomentPart::Week => [1, 53],
        MomentPart::Month => [1, 12],
        MomentPart::Year => YEARS,
    };
    let text = scalar.text();
    let number: i64 = text
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("`{text}` must be a number from {least} to {most}"))?;
    let (first, last) = match relation {
        None => (number, number),
        Some(Relation::Less) => (least, number - 1),
        Some(Relation::LessOrEqual) => (least, number),
        Some(Relation::Greater) => (number + 1, most),
        Some(Relation::GreaterOrEqual) => (number, most),
    };
    if first > last {
        return Err(format!(
            "nothing is less or greater than `{text}` here: leave it out"
        ));
    }
    Ok((first..=last)
        .map(|number| Test::Moment(part, number))
        .collect())
}
