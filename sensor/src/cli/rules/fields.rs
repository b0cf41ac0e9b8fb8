//! `sensor rules fields`: what rules can ask for.

use std::fmt::Write as _;

use super::{Answer, columns::columns};
use crate::detect::sigma::{field::Taxonomy as _, rule::LogSource, taxonomy::LinuxTaxonomy};

/// Lists the fields of a log source's events.
///
/// # Errors
///
/// Why there are no such events.
pub(super) fn fields(source: &str) -> Result<Answer, String> {
    let of_category = LogSource {
        category: Some(source.to_owned()),
        ..LogSource::default()
    };
    let of_service = LogSource {
        service: Some(source.to_owned()),
        ..LogSource::default()
    };
    let classes = LinuxTaxonomy
        .classes(&of_category)
        .or_else(|error| LinuxTaxonomy.classes(&of_service).map_err(|_| error))?;
    let mut text = String::new();
    for class in classes {
        let _ = writeln!(
            text,
            "Of {}:",
            LinuxTaxonomy::events(class).replace('`', "")
        );
        let rows: Vec<[String; 2]> = LinuxTaxonomy::fields(class)
            .map(|field| [field.names.join(", "), field.meaning.replace('`', "")])
            .collect();
        text.push_str(&columns(&rows));
    }
    Ok(Answer {
        text,
        is_good: true,
    })
}
