//! Each class, given to the real readers.

use std::collections::BTreeSet;

use domain::api::requests::{BatchValidation, parse_batch};
use hostile::{Class, Endpoint, Expectation, Rule, classes};

fn shown(class: &Class) -> String {
    format!("{} ({:?}, {})", class.name, class.rule, class.source)
}

/// Reports the faults of all classes together.
fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_class_gets_its_expected_answer() {
    let differs = |class: &Class| {
        let given = class.door.read(&class.hostile).err();
        let why = class.answer.differs(given.as_ref())?;
        Some(format!("{}: {why}", shown(class)))
    };
    none(classes().iter().filter_map(differs).collect());
}

#[test]
fn a_nearly_identical_request_is_accepted() {
    let refused = |class: &Class| {
        let error = class.door.read(class.twin.as_ref()?).err()?;
        Some(format!("the neighbour of {}: {}", shown(class), error.body()))
    };
    none(classes().iter().filter_map(refused).collect());
    for class in classes() {
        assert_eq!(
            class.twin.is_none(),
            class.answer == Expectation::Carried,
            "{}",
            shown(&class)
        );
        assert_ne!(class.twin.as_ref(), Some(&class.hostile), "{}", shown(&class));
    }
}

#[test]
fn a_batch_item_gets_the_same_answer() {
    let mut compared = 0;
    for class in classes().into_iter().filter(|class| class.door == Endpoint::Email) {
        let Expectation::Refused(422, name, begins) = &class.answer else {
            continue;
        };
        let batch = [b"[".as_slice(), &class.hostile, b"]"].concat();
        let strict = parse_batch(&batch, BatchValidation::Strict).expect_err(class.name);
        assert_eq!(
            (strict.status(), strict.name().as_str()),
            (422, *name),
            "{}",
            shown(&class)
        );
        assert!(
            strict.message().starts_with(&format!("[0].{begins}")),
            "{}: {strict}",
            shown(&class)
        );
        let permissive = parse_batch(&batch, BatchValidation::Permissive).expect(class.name);
        assert!(permissive.items.is_empty(), "{}", shown(&class));
        assert!(permissive.errors[0].message.starts_with(begins), "{}", shown(&class));
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn every_rule_has_a_class() {
    let classes = classes();
    let covered: BTreeSet<Rule> = classes.iter().map(|class| class.rule).collect();
    let missing: Vec<_> = Rule::ALL.iter().filter(|rule| !covered.contains(rule)).collect();
    assert!(missing.is_empty(), "no class tests {missing:?}");
    // A rule that refuses nothing here could be removed unnoticed.
    for rule in Rule::ALL {
        let bites = |class: &Class| class.rule == *rule && class.answer != Expectation::Carried;
        assert!(classes.iter().any(bites), "{rule:?} refuses nothing");
        let path = format!("{}/../../shared/domain/src/{}", env!("CARGO_MANIFEST_DIR"), rule.file());
        assert!(std::fs::exists(&path).unwrap(), "{path}");
    }
}

#[test]
fn classes_are_distinct_and_at_least_200() {
    let classes = classes();
    assert!(classes.len() >= 200, "{}", classes.len());
    let names: BTreeSet<_> = classes.iter().map(|class| class.name).collect();
    let requests: BTreeSet<_> = classes.iter().map(|class| (&class.hostile, class.door as u8)).collect();
    assert_eq!((names.len(), requests.len()), (classes.len(), classes.len()));
    let advisories = ["CVE-", "GHSA-", "ZF2015"];
    let is_advisory = |class: &&Class| advisories.iter().any(|id| class.source.contains(id));
    let advisories: BTreeSet<_> = classes.iter().filter(is_advisory).map(|class| class.source).collect();
    assert!(advisories.len() >= 25, "{}", advisories.len());
}

/// A message may name a field, but must not repeat a value from the request.
#[test]
fn no_answer_repeats_a_value() {
    for class in classes().into_iter().filter(|class| class.door == Endpoint::Email) {
        let Err(error) = class.door.read(&class.hostile) else {
            continue;
        };
        for secret in ["eve@", "bank.example", "passwd", "169.254", "\r", "\n", "\0"] {
            assert!(!error.message().contains(secret), "{}: {error}", shown(&class));
        }
    }
}
