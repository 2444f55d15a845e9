//! DynamoDB's expressions, as far as their form is checked: paths, actions and operands.
//!
//! **Role:** used by [`crate::form`].
//! **Invariant:** pure, and never fails: an unreadable expression has no paths. Source: Amazon DynamoDB Developer
//! Guide, "Update expressions", "Condition and filter expressions, operators, and functions" and "Referring to item
//! attributes when using expressions"; read 2026-11-28.

use std::iter::Peekable;

use serde_json::Value;

/// The keywords that begin the clauses of an update expression.
const CLAUSES: [&str; 4] = ["SET", "REMOVE", "ADD", "DELETE"];

/// The keywords of a condition.
const OPERATORS: [&str; 5] = ["AND", "OR", "NOT", "BETWEEN", "IN"];

/// A document path: names and indices, outermost first.
pub(crate) type Path = Vec<String>;

/// The words of an expression: names, values, and signs of one character.
fn tokens(expression: &str) -> Vec<&str> {
    let sign = |c: char| "(),.[]=<>+-".contains(c);
    expression
        .split(char::is_whitespace)
        .flat_map(|part| part.split_inclusive(sign))
        .flat_map(|part| match part.char_indices().next_back() {
            Some((at, last)) if sign(last) => {
                let (before, last) = part.split_at(at);
                [before, last]
            }
            _ => [part, ""],
        })
        .filter(|word| !word.is_empty())
        .collect()
}

/// The name behind a word: its substitution, or the word itself.
fn name(word: &str, names: &Value) -> String {
    let substituted = names.get(word).and_then(Value::as_str);
    substituted.unwrap_or(word).to_owned()
}

/// Reads the rest of a path after its first word.
fn path<'a>(first: &str, rest: &mut Peekable<impl Iterator<Item = &'a str>>, names: &Value) -> Path {
    let mut path = vec![name(first, names)];
    while let Some(sign) = rest.next_if(|word| *word == "." || *word == "[") {
        let Some(segment) = rest.next() else { break };
        if sign == "[" {
            path.push(format!("[{segment}]"));
            rest.next_if_eq(&"]");
        } else {
            path.push(name(segment, names));
        }
    }
    path
}

/// The paths that an update expression changes.
pub(crate) fn changed_paths(expression: &str, names: &Value) -> Vec<Path> {
    let words = tokens(expression);
    let mut words = words.into_iter().peekable();
    let (mut paths, mut depth, mut begins) = (Vec::new(), 0_u32, false);
    while let Some(word) = words.next() {
        match word {
            "(" => depth = depth.saturating_add(1),
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 0 => begins = true,
            _ if depth == 0 && CLAUSES.iter().any(|clause| clause.eq_ignore_ascii_case(word)) => begins = true,
            _ if begins => {
                paths.push(path(word, &mut words, names));
                begins = false;
            }
            _ => {}
        }
    }
    paths
}

/// Returns the first two paths of which one contains the other.
pub(crate) fn overlapping(paths: &[Path]) -> Option<(&Path, &Path)> {
    paths.iter().enumerate().find_map(|(at, one)| {
        let behind = paths.iter().skip(at.saturating_add(1));
        behind
            .map(|other| (one, other))
            .find(|(one, other)| one.starts_with(other) || other.starts_with(one))
    })
}

/// Returns the top-level attributes that a condition or a list of paths names.
pub(crate) fn attributes(expression: &str, names: &Value) -> Vec<String> {
    let words = tokens(expression);
    let mut words = words.into_iter().peekable();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let function = words.peek() == Some(&"(");
        let operator = OPERATORS.iter().any(|operator| operator.eq_ignore_ascii_case(word));
        let begins = |c: char| c.is_alphabetic() || c == '_' || c == '#';
        if word.starts_with(begins) && !function && !operator {
            found.extend(path(word, &mut words, names).into_iter().next());
        }
    }
    found
}

/// The number of operands of the longest `IN` of a condition.
pub(crate) fn operands_of_in(condition: &str) -> usize {
    let words = tokens(condition);
    let mut words = words.into_iter().peekable();
    let mut most = 0;
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case("IN") && words.next_if_eq(&"(").is_some() {
            let list = words.by_ref().take_while(|word| *word != ")");
            most = most.max(list.filter(|word| *word != ",").count());
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(expression: &str) -> Vec<String> {
        let names = json!({"#s": "s", "#m": "map"});
        let changed = changed_paths(expression, &names);
        changed.into_iter().map(|path| path.join("/")).collect()
    }

    #[test]
    fn an_update_names_every_path_that_it_changes() {
        for (expression, expected) in [
            ("SET a = :a", &["a"][..]),
            (
                "SET #s = :s, b = b + :one REMOVE #m.x, c[3].#s",
                &["s", "b", "map/x", "c/[3]/s"],
            ),
            (
                "set a=if_not_exists(a, :zero), #m.b = list_append(:l, #m.c) add d :one delete e :set",
                &["a", "map/b", "d", "e"],
            ),
            ("", &[]),
            ("SET", &[]),
            ("REMOVE a[", &["a"]),
        ] {
            assert_eq!(paths(expression), expected, "{expression}");
        }
    }

    #[test]
    fn a_path_overlaps_itself_and_its_children() {
        let names = json!({"#m": "m"});
        for (expression, overlaps) in [
            ("SET a = :v, a = :v", true),
            ("SET a = :v REMOVE a", true),
            ("SET #m.a = :v, m = :w", true),
            ("SET m[0].a = :v REMOVE m[0]", true),
            ("SET m.a = :v, m.b = :v", false),
            ("SET m[0] = :v, m[1] = :v", false),
            ("SET a = b, b = a", false),
        ] {
            let paths = changed_paths(expression, &names);
            assert_eq!(overlapping(&paths).is_some(), overlaps, "{expression}");
        }
    }

    #[test]
    fn a_condition_names_only_its_attributes() {
        let names = json!({"#s": "s"});
        let condition = "attribute_exists(a.b) AND #s IN (:x, :y) or NOT (c[1] BETWEEN :l AND :h) AND size(d) > :n";
        assert_eq!(attributes(condition, &names), ["a", "s", "c", "d"]);
        assert_eq!(attributes("pk, #s, m.x", &names), ["pk", "s", "m"]);
    }

    #[test]
    fn operands_of_the_longest_in_are_counted() {
        assert_eq!(operands_of_in("a = :a"), 0);
        assert_eq!(operands_of_in("a IN (:a) AND b in(:a,:b, :c)"), 3);
    }
}
