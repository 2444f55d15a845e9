//! Writes docs/HOSTILE_INPUT.md.

use crate::answer::Expectation;
use crate::class::{Class, Endpoint};
use crate::classes::classes;
use crate::rule::Rule;

const BEFORE: &str = include_str!("document/before.md");
const AFTER: &str = include_str!("document/after.md");

/// Returns the document: text, and for each rule a table of its classes.
#[must_use]
pub fn document() -> String {
    let classes = classes();
    let refused = classes
        .iter()
        .filter(|class| class.answer != Expectation::Carried)
        .count();
    let mut text = BEFORE
        .replace("{classes}", &classes.len().to_string())
        .replace("{rules}", &Rule::ALL.len().to_string())
        .replace("{refused}", &refused.to_string())
        .replace("{carried}", &(classes.len() - refused).to_string());
    for rule in Rule::ALL {
        text.push_str(&format!(
            "\n### {}\n\nThe rule is in `{}`.\n\n| Class | Source | Answer |\n|---|---|---|\n",
            capitalised(rule.says()),
            rule.file()
        ));
        for class in classes.iter().filter(|class| class.rule == *rule) {
            text.push_str(&row(class));
        }
    }
    text.push('\n');
    text.push_str(AFTER);
    text
}

fn row(class: &Class) -> String {
    let door = match class.door {
        Endpoint::Email => "",
        Endpoint::Batch => " (batch)",
        Endpoint::Upload => " (`POST /attachments`)",
        Endpoint::Suppression => " (`POST /suppressions`)",
        Endpoint::Domain => " (`POST /domains`)",
        Endpoint::Webhook => " (`POST /webhooks`)",
        Endpoint::ConsoleCode => " (`POST /console-codes/exchange`)",
        Endpoint::Preview => " (`GET /previews/{token}`)",
        Endpoint::Key => " (`Idempotency-Key`)",
        Endpoint::Validation => " (`x-batch-validation`)",
    };
    let answer = match &class.answer {
        Expectation::Carried => "carried".to_owned(),
        Expectation::Refused(status, name, begins) => format!("{status} `{name}`: `{}`", shortened(begins)),
    };
    let cells = [format!("{}{door}", class.name), class.source.to_owned(), answer];
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + rest.as_str()
}

/// Returns the path, and the first words after it.
fn shortened(begins: &str) -> String {
    const WIDTH: usize = 48;
    if begins.chars().count() <= WIDTH {
        return begins.trim_end_matches([':', ' ']).to_owned();
    }
    let short: String = begins.chars().take(WIDTH).collect();
    format!("{}...", short.trim_end())
}
