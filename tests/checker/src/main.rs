//! Explores every state of the bounded configurations, and prints the results.
//!
//! `checker` explores the usual configurations, and `checker long` the large ones; a name after it selects one.
//! `checker mutants` explores the usual ones with each mistake in turn. `checker told` prints the table of events.

use std::io::{self, Write};
use std::process::ExitCode;

use checker::config::Config;
use checker::explore::explore;
use checker::mutant::Mutant;

fn main() -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let mut arguments = std::env::args().skip(1);
    let (which, name) = (arguments.next(), arguments.next());
    let named = |configs: Vec<Config>| {
        let wanted = |config: &Config| name.as_deref().is_none_or(|name| config.name == name);
        configs.into_iter().filter(wanted).collect::<Vec<_>>()
    };
    let broken = match which.as_deref() {
        None | Some("usual") => check(named(Config::usual()), &mut out)?,
        Some("long") => check(named(Config::long()), &mut out)?,
        Some("mutants") => mutants(&mut out)?,
        Some("told") => told(&mut out)?,
        Some(_) => {
            writeln!(out, "checker [usual | long | mutants | told] [CONFIGURATION]")?;
            true
        }
    };
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Returns whether any property is broken.
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

/// Prints the table of events; returns whether any property is broken.
fn told(out: &mut impl Write) -> io::Result<bool> {
    let reports: Vec<_> = Config::usual()
        .into_iter()
        .map(|config| explore(config, None))
        .collect();
    write!(out, "{}", checker::told::table(&reports))?;
    Ok(reports.iter().any(|report| report.broken.is_some()))
}

/// Returns true if a mutant is missed, or caught by another property than its own.
fn mutants(out: &mut impl Write) -> io::Result<bool> {
    let mut missed = false;
    for (mutant, name, property) in Mutant::CAUGHT {
        let config = Config::usual().into_iter().find(|config| config.name == name);
        let broken = config.and_then(|config| explore(config, Some(mutant)).broken);
        match broken {
            Some(broken) => {
                missed |= broken.property != property;
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
