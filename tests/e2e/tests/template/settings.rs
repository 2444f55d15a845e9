//! The settings of each function: exactly those that its code reads.
//!
//! Read from the sources: a function names methods of the settings' reader (`read.table()`), and each of those names
//! its variables.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use e2e::root;

use super::{read, templates};

#[test]
fn every_function_gets_exactly_the_settings_it_reads() {
    let template = templates().remove(0);
    let variables = variables_by_method();
    for (name, function) in template.of_type("AWS::Serverless::Function") {
        let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap();
        let methods = names_after("read.", &sources(binary));
        let wanted: BTreeSet<String> = methods
            .iter()
            .filter_map(|name| variables.get(name))
            .flatten()
            // Lambda itself sets the variables that begin with `AWS_`, and only a local stack names a DNS server.
            .filter(|variable| !variable.starts_with("AWS_") && *variable != "MAILQUEUE_DNS")
            .cloned()
            .collect();
        assert!(!wanted.is_empty(), "{binary} reads no settings");
        let given = function["Properties"]["Environment"]["Variables"].as_mapping().unwrap();
        let given: BTreeSet<String> = given.keys().map(|key| key.as_str().unwrap().to_owned()).collect();
        assert_eq!(given, wanted, "{name}");
    }
}

/// Returns the code that reads a function's settings.
fn sources(function: &str) -> String {
    let files = ["main", "settings"].map(|name| root().join(format!("functions/{function}/src/{name}.rs")));
    files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect()
}

/// Returns the variables that each method of the reader reads, directly or through an earlier method.
fn variables_by_method() -> BTreeMap<String, BTreeSet<String>> {
    let source = read("shared/aws/src/runtime/settings/reader.rs");
    let code: Vec<&str> = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let (_, reader) = code.split_once("impl Reader<'_> {").expect("the reader");
    let (reader, _) = reader.split_once("\n}\n").expect("its end");
    let mut variables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for method in reader.split("pub fn ").skip(1) {
        let (name, rest) = method.split_once(['(', '<']).unwrap();
        let (body, _) = rest.split_once("\n    }").unwrap();
        let own = body
            .split('"')
            .filter(|text| text.starts_with("MAILQUEUE_") || text.starts_with("AWS_"))
            .map(str::to_owned);
        let others = names_after("self.", body);
        let others = others
            .iter()
            .filter_map(|other| variables.get(other))
            .flatten()
            .cloned();
        let all: BTreeSet<String> = own.chain(others).collect();
        assert!(!all.is_empty(), "{name} reads nothing");
        variables.insert(name.to_owned(), all);
    }
    variables
}

/// Returns the names that follow `receiver` in code.
fn names_after(receiver: &str, code: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = |rest: &str| rest.chars().take_while(|c| is_name(*c)).collect();
    code.split(receiver).skip(1).map(name).collect()
}
