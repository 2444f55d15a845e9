//! Explores every state of the bounded configurations, and prints what was found.
//!
//! `checker` explores the usual ones, `checker long` the large ones, `checker mutants` the usual
//! ones with each mistake in turn.

use std::io::{self, Write};
use std::process::ExitCode;

use checker::config::Config;
use checker::explore::explore;
use checker::mutant::Mutant;

fn main() -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let broken = match std::env::args().nth(1).as_deref() {
        None | Some("usual") => check(Config::usual(), &mut out)?,
        Some("long") => check(Config::long(), &mut out)?,
        Some("mutants") => mutants(&mut out)?,
        Some(_) => {
            writeln!(out, "checker [usual | long | mutants]")?;
            true
        }
    };
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Whether a promise is broken somewhere.
fn check(configs: Vec<Config>, out: &mut impl Write) -> io::Result<bool> {
    let mut broken = false;
    let mut states = 0;
    for config in configs {
        let name = config.name;
        let report = explore(config, None);
        states += report.states;
        writeln!(out, "{name}: {report}")?;
        out.flush()?;
        broken |= report.broken.is_some();
    }
    writeln!(out, "{states} distinct states in all")?;
    Ok(broken)
}

/// Whether a mutant is not caught.
fn mutants(out: &mut impl Write) -> io::Result<bool> {
    let mut missed = false;
    for (mutant, name, promise) in Mutant::CAUGHT {
        let config = Config::usual().into_iter().find(|config| config.name == name);
        let broken = config.and_then(|config| explore(config, Some(mutant)).broken);
        match broken {
            Some(broken) => {
                missed |= broken.promise != promise;
                writeln!(out, "{mutant:?} ({name}): {broken}")?;
            }
            None => {
                missed = true;
                writeln!(out, "{mutant:?} ({name}): NOT CAUGHT")?;
            }
        }
        out.flush()?;
    }
    Ok(missed)
}
