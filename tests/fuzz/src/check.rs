//! Assertion macros that report the violated invariant.

use invariants::{Invariant, Violation};

/// Reports a violation if the condition is false. Without a detail, the condition is the detail.
macro_rules! check {
    ($invariant:ident, $holds:expr $(,)?) => {
        $crate::check::check!($invariant, $holds, "{}", stringify!($holds))
    };
    ($invariant:ident, $holds:expr, $($detail:tt)+) => {
        if !$holds {
            $crate::check::violated!($invariant, $($detail)+);
        }
    };
}

/// Reports a violation if the two values differ, and shows both.
macro_rules! check_eq {
    ($invariant:ident, $left:expr, $right:expr $(,)?) => {
        $crate::check::check_eq!($invariant, $left, $right, "{} = {}", stringify!($left), stringify!($right))
    };
    ($invariant:ident, $left:expr, $right:expr, $($detail:tt)+) => {
        match (&$left, &$right) {
            (left, right) => {
                if !(*left == *right) {
                    $crate::check::violated!($invariant, "{}: {left:?} is not {right:?}", format!($($detail)+));
                }
            }
        }
    };
}

/// Reports a violation.
macro_rules! violated {
    ($invariant:ident, $($detail:tt)+) => {
        $crate::check::report(::invariants::Invariant::$invariant, format!($($detail)+))
    };
}

pub(crate) use {check, check_eq, violated};

/// Ends the target; the engine keeps the input.
///
/// # Panics
/// Always: a target reports a failure to the engine by a panic.
#[track_caller]
#[expect(clippy::panic, reason = "a target reports a failure to the engine by a panic")]
pub(crate) fn report(invariant: Invariant, detail: String) -> ! {
    panic!("{}", Violation::<String>::new(invariant, detail))
}

#[cfg(test)]
mod tests {
    fn message(run: fn()) -> String {
        let panic = std::panic::catch_unwind(run).unwrap_err();
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    }

    #[test]
    fn a_failed_check_names_its_invariant() {
        let digits = |text: &str| text.len();
        check!(Content, digits("12") == 2);
        assert_eq!(
            message(|| check!(Hold, 1 > 2, "{} copies", 2)),
            "I4 Hold is broken: 2 copies"
        );
        assert_eq!(message(|| check!(Hold, 1 > 2)), "I4 Hold is broken: 1 > 2");
        assert_eq!(
            message(|| check_eq!(Content, "a", "b", "the subject")),
            "I10 Content is broken: the subject: \"a\" is not \"b\""
        );
    }
}
