//! `detection`: the selections, and the condition over them.

use super::{
    super::rule::{Condition, Item, Position, Search, Selection, Test, Values},
    Context,
    allowance::SELECTIONS_MAX,
    condition::{self, Names},
    flaw::Flaw,
    modifiers::{self, Modifiers, Sort},
    node::{Content, Entry, Node},
    values,
};

/// Reads the selections and the condition of a mapping; other keys in it are named.
pub(super) fn read(
    entry: &Entry,
    others: &[&str],
    context: &mut Context<'_>,
) -> Result<(Vec<Selection>, Condition), Flaw> {
    let name = &entry.key;
    let Some(entries) = entry.value.entries() else {
        return Err(Flaw::new(
            entry.line,
            format!("`{name}` must be a mapping, but is {}", entry.value.sort()),
        ));
    };
    let mut selections = Vec::new();
    for entry in entries {
        if entry.key != "condition" && !others.contains(&entry.key.as_str()) {
            let search = search(&entry.value, &entry.key, context)?;
            if selections.len() >= SELECTIONS_MAX {
                return Err(Flaw::new(
                    entry.line,
                    format!("the rule has more than {SELECTIONS_MAX} selections: split it"),
                ));
            }
            selections.push(Selection {
                name: entry.key.clone(),
                search,
            });
        }
    }
    if selections.is_empty() {
        return Err(Flaw::new(
            entry.line,
            format!("`{name}` has no selection: add what to look for"),
        ));
    }
    let conditions = entry.value.entry("condition").ok_or_else(|| {
        Flaw::new(
            entry.line,
            format!(
                "`{name}` has no `condition`: add one, as `condition: {}`",
                example(&selections)
            ),
        )
    })?;
    let names = selections.iter().map(|selection| &*selection.name);
    let names = Names::new(names.collect());
    let condition = alternatives(conditions, &names, context)?;
    Ok((selections, condition))
}

fn example(selections: &[Selection]) -> &str {
    selections
        .first()
        .map_or("selection", |selection| &selection.name)
}

/// A condition, or a list of which one must hold.
fn alternatives(
    entry: &Entry,
    names: &Names<'_>,
    context: &mut Context<'_>,
) -> Result<Condition, Flaw> {
    let mut read = |node: &Node| {
        let text = node.text_of("condition")?;
        condition::read(text, names, node.line, context.allowance)
    };
    let Content::List(nodes) = &entry.value.content else {
        return read(&entry.value);
    };
    let mut conditions = nodes.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    match conditions.len() {
        0 => Err(Flaw::new(entry.line, "`condition` is an empty list")),
        1 => Ok(conditions.remove(0)),
        _ => Ok(Condition::Any(conditions)),
    }
}

fn search(node: &Node, name: &str, context: &mut Context<'_>) -> Result<Search, Flaw> {
    match &node.content {
        Content::Mapping(entries) => mapping(entries, node.line, name, context),
        Content::List(nodes) => list(nodes, node, name, context),
        Content::Scalar(_) => words("", node, node.line, context),
    }
}

fn mapping(
    entries: &[Entry],
    line: usize,
    name: &str,
    context: &mut Context<'_>,
) -> Result<Search, Flaw> {
    let mut items = Vec::with_capacity(entries.len());
    for entry in entries {
        let (field, modifiers) =
            modifiers::read(&entry.key).map_err(|what| about(&entry.key, entry.line, &what))?;
        if field.is_empty() {
            if entries.len() > 1 {
                return Err(Flaw::new(
                    entry.line,
                    "words without a field must be a selection of their own",
                ));
            }
            return words(&entry.key, &entry.value, entry.line, context);
        }
        let values = values::read(&entry.value, &modifiers, context)
            .map_err(|flaw| about(&entry.key, flaw.line, &flaw.what))?;
        items.push(Item {
            line: entry.line,
            field: field.to_owned(),
            values,
            negated: modifiers.negated,
        });
    }
    if items.is_empty() {
        return Err(Flaw::new(line, format!("the selection `{name}` is empty")));
    }
    Ok(Search::All(items))
}

/// Words, or alternatives of which some may be words.
fn list(
    nodes: &[Node],
    whole: &Node,
    name: &str,
    context: &mut Context<'_>,
) -> Result<Search, Flaw> {
    let is_word = |node: &Node| matches!(node.content, Content::Scalar(_));
    if nodes.is_empty() {
        return Err(Flaw::new(
            whole.line,
            format!("the selection `{name}` is empty"),
        ));
    }
    if nodes.iter().all(is_word) {
        return words("", whole, whole.line, context);
    }
    let searches = nodes.iter().map(|node| search(node, name, context));
    Ok(Search::Any(searches.collect::<Result<_, _>>()?))
}

/// Words without a field: they may be anywhere in a text, so any text may stand around them.
fn words(key: &str, node: &Node, line: usize, context: &mut Context<'_>) -> Result<Search, Flaw> {
    let named = |line: usize, what: &str| {
        if key.is_empty() {
            Flaw::new(line, what)
        } else {
            about(key, line, what)
        }
    };
    let (_, mut modifiers) = modifiers::read(key).map_err(|what| named(line, &what))?;
    if let Some(what) = not_for_words(&modifiers) {
        return Err(named(line, what));
    }
    if modifiers.sort == Sort::Text {
        modifiers.position = Some(Position::Anywhere);
    }
    let values: Values =
        values::read(node, &modifiers, context).map_err(|flaw| named(flaw.line, &flaw.what))?;
    let is_empty = |test: &Test| matches!(test, Test::Text { pattern, .. } if pattern.0.len() < 2);
    if values.tests.iter().flatten().any(is_empty) {
        return Err(named(line, "an empty word is in every event: leave it out"));
    }
    Ok(Search::Keywords(values))
}

fn not_for_words(modifiers: &Modifiers) -> Option<&'static str> {
    if modifiers.negated {
        return Some("`neq` needs a field: negate the selection in the condition instead");
    }
    if matches!(modifiers.position, Some(Position::Start | Position::End)) {
        return Some(
            "words without a field are looked for anywhere: leave `startswith` and `endswith` out",
        );
    }
    match modifiers.sort {
        Sort::Text | Sort::Regex(_) => None,
        _ => Some("this modifier needs a field"),
    }
}

fn about(key: &str, line: usize, what: &str) -> Flaw {
    Flaw::new(line, format!("`{key}`: {what}"))
}
