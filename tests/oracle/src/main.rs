//! Whether the sensor's Sigma engine comes to the same verdicts as others: `cargo xtask oracle`.
//!
//! - [`rules`] reads rules with both engines; [`random_rules`] makes some. [`second`] is
//!   `rsigma-eval`; [`third`] is Tenzir's operator `sigma`, a program of its own.
//! - [`generate`] makes events for them; [`event`] is what each engine sees of one.
//! - [`compare`] puts verdicts side by side, and [`difference`] counts. Where the second engine differs,
//!   [`reason`] says why, with the answer that [`specification`] gives to the question that they differ
//!   about; for the third, [`deviation`] does. [`refusal`] says why a rule is not taken.

mod compare;
mod deviation;
mod difference;
mod event;
mod generate;
mod random_rules;
mod reason;
mod refusal;
mod rules;
mod second;
mod specification;
mod third;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::Parser;
use fastrand::Rng;
use sensor::detect::sigma::{field::Taxonomy, taxonomy::LinuxTaxonomy};

use crate::{generate::vocabulary::Vocabulary, random_rules::RandomTaxonomy, rules::Rules};

/// Most rules that are named because they matched no event.
const SHOWN_MAX: usize = 5;

/// Compare the verdicts of Sigma engines
#[derive(Parser)]
struct Arguments {
    /// The seed of all that is random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many events are made for the rules of files
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    events: usize,
    /// How many random rules are made
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    random_rules: usize,
    /// How many events are made for those
    #[arg(long, value_name = "N", default_value_t = 500)]
    random_events: usize,
    /// Tenzir's program, which is asked too if it is given
    #[arg(long, value_name = "FILE")]
    tenzir: Option<PathBuf>,
    /// Directories of rules
    #[arg(value_name = "DIRECTORY")]
    directories: Vec<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut unexplained = 0;
    println!("Seed {}.", arguments.seed);
    let mut published = Rules::default();
    for directory in &arguments.directories {
        let before = published.pairs.len();
        let files = published.add_directory(directory, &LinuxTaxonomy)?;
        println!(
            "{}: {files} files, {} rules to compare",
            directory.display(),
            published.pairs.len() - before
        );
    }
    if !arguments.directories.is_empty() {
        println!("\n## Rules of files\n");
        let mut random = Rng::with_seed(arguments.seed);
        unexplained += run(
            &published,
            &LinuxTaxonomy,
            &arguments,
            arguments.events,
            &mut random,
        )?;
    }
    println!("\n## Random rules\n");
    let mut random = Rng::with_seed(arguments.seed);
    let mut made = Rules::default();
    for number in 0..arguments.random_rules {
        let text = random_rules::rule(number, &mut random);
        made.add(
            &text,
            Path::new(&format!("random-{number}.yml")),
            &RandomTaxonomy,
        );
    }
    unexplained += run(
        &made,
        &RandomTaxonomy,
        &arguments,
        arguments.random_events,
        &mut random,
    )?;
    Ok(if unexplained == 0 {
        ExitCode::SUCCESS
    } else {
        eprintln!("oracle: {unexplained} differences have no known reason");
        ExitCode::FAILURE
    })
}

/// Compares, and prints what became of it; how many differences have no reason.
fn run(
    rules: &Rules,
    taxonomy: &dyn Taxonomy,
    arguments: &Arguments,
    events: usize,
    random: &mut Rng,
) -> Result<u64> {
    let start = Instant::now();
    let pairs = &rules.pairs;
    let vocabulary = Vocabulary::new(pairs, taxonomy, random);
    let comparison = compare::second(pairs, &vocabulary, taxonomy, events, random)?;
    let (refused, unknown) = refusal::sorted(&rules.refusals);
    let seconds = start.elapsed().as_secs_f64();
    println!("| rsigma-eval 0.23, {seconds:.1} s | |\n| --- | ---: |");
    println!("| rules that both take | {} |", pairs.len());
    let able = pairs.iter().filter(|pair| pair.can_fire).count();
    println!("| of them with events here that can match | {able} |");
    let rules_and = || pairs.iter().zip(&comparison.matched_rules);
    let matched = rules_and().filter(|(_, matched)| **matched).count();
    println!("| rules that matched by both | {matched} |");
    println!("| events | {} |", comparison.judged.len());
    println!(
        "| of them matched by a rule | {} |",
        comparison.matched_events
    );
    println!("{}", comparison.differences);
    let unmet = rules_and().filter(|(pair, matched)| pair.can_fire && !**matched);
    for (pair, _) in unmet.take(SHOWN_MAX) {
        println!("never matched by both: {}", pair.rule.place);
    }
    for (why, count) in refused {
        println!("{count} rules are not taken: {why} ({})", refusal::who(why));
    }
    for refusal in &unknown {
        let said = |said: &Option<String>| said.clone().unwrap_or_else(|| "takes it".to_owned());
        let (ours, theirs) = (said(&refusal.ours), said(&refusal.theirs));
        println!(
            "unexplained: {}: ours: {ours}; rsigma: {theirs}",
            refusal.rule
        );
    }
    for (source, count) in &rules.elsewhere {
        println!("{count} rules are about {source}, which the sensor has no events of");
    }
    let mut unexplained = comparison.differences.unexplained;
    unexplained += u64::try_from(unknown.len())?;
    if let Some(tenzir) = &arguments.tenzir {
        let start = Instant::now();
        let said = third::ask(tenzir, pairs, &comparison.judged)?;
        let differences = compare::third(pairs, &comparison.judged, &said)?;
        let seconds = start.elapsed().as_secs_f64();
        println!("\n| Tenzir, {seconds:.1} s | |\n| --- | ---: |");
        println!("| rules that it takes too | {} |", said.rules.len());
        println!("{differences}");
        for (why, count) in said.refused {
            println!("{count} rules are not taken: {why}");
        }
        unexplained += differences.unexplained;
    }
    Ok(unexplained)
}
