//! Wrong usage and wrong configurations: a sentence with the place, and exit status 2.

use std::fs;

use anyhow::Result;

use crate::scenario::{Context, Outcome, Scenario};

use super::command::{self, FAILED, WRONG_USAGE};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "robustness/configuration-wrong",
        play: wrong,
    },
    Scenario {
        name: "robustness/configuration-unreadable",
        play: unreadable,
    },
    Scenario {
        name: "robustness/configuration-shown",
        play: shown,
    },
    Scenario {
        name: "robustness/usage-wrong",
        play: usage,
    },
];

/// Configurations, the line that is wrong, and what is said of it.
const WRONG: &[(&str, u32, &[&str])] = &[
    ("[hooks]\ntracin = true\n", 2, &["tracin", "tracing"]),
    ("[hoks]\ntracing = true\n", 1, &["hoks", "hooks"]),
    ("[hooks]\n\ntracing = 1\n", 3, &["tracing"]),
    ("[limits]\ntasks = \"many\"\n", 2, &["tasks"]),
    ("[limits]\ntasks = -5\n", 2, &["tasks"]),
    ("[rings]\ncritical_bytes = 4097\n", 2, &["critical_bytes"]),
    ("[capture]\nexclude = [\"exce\"]\n", 2, &["exce", "exec"]),
    ("[capture]\nargv_bytes = 99999999999999999999\n", 2, &[]),
    ("# a comment\n[hooks\n", 2, &[]),
];

fn wrong(context: &Context<'_>) -> Result<Outcome> {
    let path = context.folder.join("wrong.toml");
    let name = path.to_string_lossy().into_owned();
    for (text, line, words) in WRONG {
        fs::write(&path, text)?;
        let place = format!("{name}:{line}:");
        let mut said = vec![place.as_str()];
        said.extend(*words);
        for command in [
            ["run", "--config"],
            ["config", "check"],
            ["doctor", "--config"],
        ] {
            let finished = command::finish(command::command(&command).arg(&path))?;
            let what = format!("{command:?} with {text:?}");
            finished.claim(context, &what, WRONG_USAGE, &said);
            context.claim(finished.output.is_empty(), "there is no output");
        }
    }
    // Each of several errors is told.
    fs::write(&path, "[hooks]\ntracin = true\nkprobes = 1\n")?;
    let finished = command::finish(command::command(&["config", "check"]).arg(&path))?;
    let places = [format!("{name}:2:"), format!("{name}:3:")];
    let places = places.each_ref().map(String::as_str);
    finished.claim(context, "two errors", WRONG_USAGE, &places);
    Ok(Outcome::Passed)
}

fn unreadable(context: &Context<'_>) -> Result<Outcome> {
    let bytes = context.folder.join("bytes.toml");
    fs::write(&bytes, b"[hooks]\n\xff = 1\n")?;
    for (path, sentence) in [
        (context.folder.join("missing.toml"), "No such file"),
        (context.folder.clone(), "directory"),
        (bytes, "UTF-8"),
    ] {
        let finished = command::finish(command::command(&["run", "--config"]).arg(&path))?;
        let name = path.to_string_lossy();
        finished.claim(context, &name, WRONG_USAGE, &[&name, sentence]);
    }
    Ok(Outcome::Passed)
}

/// What `config show` writes is a configuration that `config check` has nothing to say about.
fn shown(context: &Context<'_>) -> Result<Outcome> {
    let shown = command::finish(&mut command::command(&["config", "show"]))?;
    shown.claim(context, "config show", 0, &[]);
    let path = context.folder.join("shown.toml");
    fs::write(&path, &shown.output)?;
    let checked = command::finish(command::command(&["config", "check"]).arg(&path))?;
    checked.claim(context, "config check", 0, &[]);
    context.claim_eq("what it complains of", &checked.diagnostics.as_str(), &"");
    Ok(Outcome::Passed)
}

fn usage(context: &Context<'_>) -> Result<Outcome> {
    let cases: &[(&[&str], &str)] = &[
        (&["run", "--nonsense"], "--nonsense"),
        (&["run", "--output", "xml"], "xml"),
        (&["run", "surplus"], "surplus"),
        (&["watch"], "watch"),
        (&["replay"], "FILE"),
        (&[], "Usage"),
    ];
    for (words, sentence) in cases {
        let finished = command::finish(&mut command::command(words))?;
        let what = format!("sensor {words:?}");
        let said = &finished.diagnostics;
        context.claim_eq(&what, &finished.status.code(), &Some(WRONG_USAGE));
        context.claim(
            said.contains(sentence) && !said.contains("panicked"),
            format!("{what} says {sentence:?}; it said {said:?}"),
        );
        context.claim(finished.output.is_empty(), "there is no output");
    }
    // A cgroup may come and go: that there is none is no wrong usage.
    let words = ["run", "--scope-cgroup", "/nonexistent/cgroup"];
    let finished = command::finish(&mut command::command(&words))?;
    finished.claim(context, "no cgroup", FAILED, &["/nonexistent/cgroup"]);
    Ok(Outcome::Passed)
}
