//! What a single value of YAML is, by the core schema of YAML 1.2.

/// A single value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number: an integer in decimal, a fraction as it is written.
    Number(String),
    /// Anything else, and all that is in quotation marks.
    Text(String),
}

impl Scalar {
    /// What a value without quotation marks is.
    pub(super) fn plain(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Self::Null,
            "true" | "True" | "TRUE" => Self::Boolean(true),
            "false" | "False" | "FALSE" => Self::Boolean(false),
            _ => number(text).map_or_else(|| Self::Text(text.to_owned()), Self::Number),
        }
    }

    /// The value as text.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Null => "",
            Self::Boolean(true) => "true",
            Self::Boolean(false) => "false",
            Self::Number(text) | Self::Text(text) => text,
        }
    }

    /// The number that it is, or that its text is.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(text) | Self::Text(text) => text
                .trim()
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// Whether it is an integer with a zero before it, which is octal to YAML 1.1 and decimal to 1.2.
    pub(super) fn is_ambiguous(&self) -> bool {
        let Self::Number(text) = self else {
            return false;
        };
        let digits = text.trim_start_matches(['-', '+']);
        digits.len() > 1
            && digits.starts_with('0')
            && digits.bytes().all(|digit| digit.is_ascii_digit())
    }
}

fn number(text: &str) -> Option<String> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            if !digits.chars().all(|digit| digit.is_digit(radix)) {
                return None;
            }
            return u64::from_str_radix(digits, radix)
                .ok()
                .map(|number| number.to_string());
        }
    }
    let positive = text.strip_prefix('+').unwrap_or(text);
    let digits = positive.strip_prefix('-').unwrap_or(positive);
    if text.len() - digits.len() > 1 {
        return None;
    }
    let is_number = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
        && digits.parse::<f64>().is_ok();
    is_number.then(|| positive.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_values_are_what_the_core_schema_says() {
        for (text, wanted) in [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("null", Scalar::Null),
            ("nULL", Scalar::Text("nULL".to_owned())),
            ("True", Scalar::Boolean(true)),
            ("yes", Scalar::Text("yes".to_owned())),
            ("0", Scalar::Number("0".to_owned())),
            ("-7", Scalar::Number("-7".to_owned())),
            ("+7", Scalar::Number("7".to_owned())),
            ("+-7", Scalar::Text("+-7".to_owned())),
            ("0x10", Scalar::Number("16".to_owned())),
            ("0o17", Scalar::Number("15".to_owned())),
            ("0x", Scalar::Text("0x".to_owned())),
            ("0x+1", Scalar::Text("0x+1".to_owned())),
            (
                "0xffffffffffffffffff",
                Scalar::Text("0xffffffffffffffffff".to_owned()),
            ),
            ("1.50", Scalar::Number("1.50".to_owned())),
            ("1e3", Scalar::Number("1e3".to_owned())),
            (".5", Scalar::Number(".5".to_owned())),
            (".", Scalar::Text(".".to_owned())),
            (".inf", Scalar::Text(".inf".to_owned())),
            ("inf", Scalar::Text("inf".to_owned())),
            ("1.2.3.4", Scalar::Text("1.2.3.4".to_owned())),
            ("-", Scalar::Text("-".to_owned())),
        ] {
            assert_eq!(Scalar::plain(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_leading_zero_is_ambiguous() {
        for (text, wanted) in [("010", true), ("-010", true), ("0", false), ("0.5", false)] {
            assert_eq!(Scalar::plain(text).is_ambiguous(), wanted, "{text:?}");
        }
    }
}
