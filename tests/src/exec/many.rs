//! Processes that are gone before anybody could look at them.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::event::Event;
use crate::expect::Expect;
use crate::portrait::{self, Portrait};
use crate::scenario::{Context, Outcome, Scenario};
use crate::stage::{Act, Played, wait_and_keep};

use super::image::{self, File};
use super::spawn::seven;

/// The deeds.
pub const ACTS: &[Act] = &[MANY];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "exec/2000-short-lived",
    play: many,
}];

/// How many processes there are.
const COUNT: usize = 2000;

/// How many live at the same time.
const BATCH: usize = 20;

/// Runs the program that it is given many times (as often as the second argument says, if there is
/// one), each with its number as the argument, and tells of each process.
const MANY: Act = Act {
    name: "exec/many",
    play: |actor| {
        let program = actor.text(0)?.to_owned();
        let count = match actor.arguments.get(1) {
            Some(_) => usize::try_from(actor.number(1)?)?,
            None => COUNT,
        };
        let numbers: Vec<usize> = (0..count).collect();
        for batch in numbers.chunks(BATCH) {
            let mut children: Vec<Child> = Vec::with_capacity(BATCH);
            for number in batch {
                let child = Command::new(&program).arg(number.to_string()).spawn();
                children.push(child.context("cannot run the program")?);
            }
            for child in &mut children {
                wait_and_keep(child.id())?;
                let start = portrait::start(child.id())?;
                actor.tell(&json!({"child": child.id(), "child_start": start}))?;
                child.wait()?;
            }
        }
        Ok(())
    },
};

fn many(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let played = context.act("exec/many", &[&program])?.success()?;
    check(context, &program, &played, |expect, _| expect)?;
    Ok(Outcome::Passed)
}

/// Checks all three events of each process that the act `exec/many` told of. `more` says what is
/// expected of one beyond what is usual, by its child.
pub fn check(
    context: &Context<'_>,
    program: &Path,
    played: &Played,
    more: impl Fn(Expect, &Portrait) -> Expect,
) -> Result<()> {
    let path = program.to_string_lossy();
    let file = File::at(program)?;
    context.claim_eq("processes", &played.told.len(), &COUNT);
    let mut events: HashMap<(String, String), Vec<Arc<Event>>> = HashMap::new();
    for event in context.settle()?.0 {
        let id = event.text("process.entity_id").unwrap_or_default();
        let key = (event.code().to_owned(), id.to_owned());
        events.entry(key).or_default().push(event);
    }
    let mut failures = 0;
    for (number, told) in played.told.iter().enumerate() {
        let get = |name| told.get(name).and_then(Value::as_u64).context("untold");
        let child = played
            .portrait
            .child(get("child")?.try_into()?, get("child_start")?);
        let id = context.host.entity_id(child.pid, child.start);
        let ran = child
            .clone()
            .executed(program, &[&path, &number.to_string()]);
        let expected: [(&str, Expect); 3] = [
            ("fork", image::fork(context, &child, &played.portrait)),
            ("exec", image::exec(context, &ran, file, &path)),
            ("exit", image::exit(context, &ran, 7)),
        ];
        for (code, expect) in expected {
            let expect = more(expect, &child);
            let found = events.remove(&(code.to_owned(), id.clone()));
            match found.as_deref() {
                Some([event]) if expect.differences(event).is_empty() => (),
                Some([event]) => {
                    failures += 1;
                    // The others will differ in the same way, or be counted.
                    if failures < 4 {
                        context.check(event, &expect);
                    }
                }
                other => {
                    failures += 1;
                    if failures < 4 {
                        let count = other.map_or(0, <[_]>::len);
                        context.claim(false, format!("{count} {code} events of {id}, not one"));
                    }
                }
            }
        }
    }
    context.claim_eq("events that are not as expected", &failures, &0);
    Ok(())
}
