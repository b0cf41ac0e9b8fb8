//! Hosts on which the sensor cannot watch: a sentence that says why, and exit status 1.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use serde_json::{Value, json};

use crate::exec::image::{c_path, c_strings};
use crate::scenario::{Context, Outcome, Scenario};
use crate::sensor;
use crate::stage::Act;
use crate::sys::{self, SetIds};

use super::command::{self, FAILED, Finished, configuration};

/// The deeds.
pub const ACTS: &[Act] = &[ELSEWHERE];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "robustness/not-root",
        play: |context| elsewhere(context, "not-root", &["CAP_BPF", "run it as root"]),
    },
    Scenario {
        name: "robustness/in-user-namespace",
        play: |context| elsewhere(context, "user-namespace", &["user namespace"]),
    },
    Scenario {
        name: "robustness/without-type-information",
        play: |context| elsewhere(context, "no-types", &["CONFIG_DEBUG_INFO_BTF"]),
    },
];

/// Executes the sensor with the words that follow, in a place that it cannot watch from, which is the
/// first word; its standard output and error are the files that the next words name.
const ELSEWHERE: Act = Act {
    name: "robustness/elsewhere",
    play: |actor| {
        let place = actor.text(0)?.to_owned();
        let output = File::create(actor.text(1)?)?;
        let diagnostics = File::create(actor.text(2)?)?;
        let words = actor.arguments.get(3..).unwrap_or_default();
        match place.as_str() {
            "not-root" => {
                sys::set_ids(SetIds::AllGroups, [65534; 3])?;
                sys::set_ids(SetIds::AllUsers, [65534; 3])?;
            }
            "user-namespace" => sys::unshare(libc::CLONE_NEWUSER)?,
            "no-types" => hide_types()?,
            _ => bail!("there is no such place"),
        }
        rustix::stdio::dup2_stdout(&output)?;
        rustix::stdio::dup2_stderr(&diagnostics)?;
        let program = sensor::program();
        let mut arguments = vec![program.as_encoded_bytes()];
        arguments.extend(words.iter().map(|word| word.as_encoded_bytes()));
        let error = sys::exec(&c_path(Path::new(&program))?, &c_strings(arguments)?);
        Err(error.into())
    },
};

/// Mounts an empty folder over the kernel's types, for this process alone.
fn hide_types() -> Result<()> {
    sys::unshare(libc::CLONE_NEWNS)?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).context("cannot make the mounts private")?;
    mount(
        "none",
        "/sys/kernel/btf",
        "tmpfs",
        MountFlags::empty(),
        None,
    )
    .context("cannot hide the kernel's types")
}

fn elsewhere(context: &Context<'_>, place: &str, sentences: &[&str]) -> Result<Outcome> {
    let configuration = configuration(context, place, "")?;
    let (output, said) = (context.folder.join("output"), context.folder.join("said"));
    let run = command::run_words(context, &configuration);
    let doctor = ["doctor", "--json", "--config"]
        .iter()
        .map(Into::into)
        .chain([configuration.clone()])
        .collect();
    for words in [run, doctor] {
        let is_doctor = words
            .first()
            .is_some_and(|word| word == Path::new("doctor"));
        let mut all = vec![place.into(), output.clone(), said.clone()];
        all.extend(words);
        let played = context.act("robustness/elsewhere", &all)?;
        let finished = Finished {
            status: played.status,
            output: fs::read(&output)?,
            diagnostics: fs::read_to_string(&said)?,
        };
        let what = format!("a sensor in the place {place}");
        finished.claim(context, &what, FAILED, sentences);
        if is_doctor {
            let report: Value = serde_json::from_slice(&finished.output)
                .context("the doctor's report is no JSON")?;
            let error = report.get("error").and_then(Value::as_str);
            for sentence in sentences {
                context.claim(
                    error.is_some_and(|error| error.contains(sentence)),
                    format!("the doctor reports {sentence:?}: {error:?}"),
                );
            }
            context.claim_eq("hooks", &report.get("hooks"), &Some(&json!([])));
        } else {
            context.claim(finished.output.is_empty(), "there are no events");
        }
    }
    Ok(Outcome::Passed)
}
