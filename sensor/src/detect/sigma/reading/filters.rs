//! `filter`: what is added to other rules.

use std::{path::Path, sync::Arc};

use super::{
    super::{
        filter::{Filter, FilterRules},
        rule::Place,
    },
    Context, detection,
    flaw::Flaw,
    header,
    node::{Entry, Node},
};

/// Reads a document with `filter`.
pub(super) fn read(
    document: &Node,
    entry: &Entry,
    file: &Arc<Path>,
    context: &mut Context<'_>,
) -> Result<Filter, Flaw> {
    let header = header::read(document)?;
    let log_source = header::log_source(document)?;
    let (selections, condition) = detection::read(entry, &["rules"], context)?;
    let rules = entry.value.get("rules").ok_or_else(|| {
        Flaw::new(
            entry.line,
            "`filter` has no `rules`: name the rules that it changes, or write `rules: any`",
        )
    })?;
    let rules = if rules.text() == Some("any") {
        FilterRules::Any
    } else {
        FilterRules::Named(rules.texts_of("rules")?)
    };
    Ok(Filter {
        place: Place {
            file: Arc::clone(file),
            line: document.line,
        },
        header,
        log_source,
        rules,
        selections,
        condition,
    })
}
