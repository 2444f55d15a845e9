"""Selects and runs the end-to-end tests on LocalStack, and prints their totals.

Role: called by run.py when the stack is ready.
Invariant: a test is skipped only for a reason in `NOT_RUN`, and each reason names an existing test.
"""

import os
import re
import subprocess

import stack
from stack import ROOT, Trouble, say

PREFIX = "end_to_end::"
CARGO = ["cargo", "test", "--workspace", "--locked", "--test", "e2e", "--"]
RESULT = re.compile(r"^test (\S+) \.\.\. (ok|FAILED|ignored)")
# The number of concurrent tests. With more of them, their polling takes most of the calls that LocalStack can answer.
THREADS = "8"

ONE_SECOND = "it allows two seconds, and LocalStack's SQS and its poller each look for messages once a second"
# The beginning of a test name, and the reason why the test cannot run on LocalStack.
NOT_RUN = {
    "rates::a_thousand_": "it needs 20 emails a second, and LocalStack answers about 70 calls a second on two cores",
    "schedule::a_scheduled_email_is_sent_within_two_seconds": ONE_SECOND,
    "schedule::a_rescheduled_email_is_sent_once_at_its_new_time": ONE_SECOND,
}
# The same for an external LocalStack.
NOT_RUN_THERE = {"crash::": "it kills the processes of `send`, which belong to the external LocalStack"}
IGNORED = "it takes minutes, and runs only on request (#[ignore])"


def reason(name, reasons):
    """The reason why a test does not run here; None if it runs."""
    return next((why for beginning, why in reasons.items() if name.startswith(PREFIX + beginning)), None)


def names(environment, reasons):
    """Every end-to-end test."""
    listed = subprocess.run(
        [*CARGO, "--list", "--format", "terse", PREFIX], cwd=ROOT, env=environment, check=False, stdout=subprocess.PIPE, text=True
    )
    if listed.returncode != 0:
        raise Trouble("cargo could not build the end-to-end tests: see above.")
    found = [line.removesuffix(": test") for line in listed.stdout.splitlines() if line.endswith(": test")]
    for beginning in reasons:
        if not any(name.startswith(PREFIX + beginning) for name in found):
            raise Trouble(f"suite.py has a reason for {beginning}, but no test has this name.")
    return found


def run(settings, wanted, ours):
    """Runs the tests whose names contain one of the words `wanted`, or all tests; returns whether all passed.
    `ours`: this run started LocalStack."""
    reasons = NOT_RUN if ours else NOT_RUN | NOT_RUN_THERE
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAILQUEUE_"))}
    environment = kept | settings | {"RUST_TEST_THREADS": THREADS}
    stack.run([str(ROOT / "tests" / "clients" / "install")], "the official SDKs could not be installed")
    every = [name for name in names(environment, reasons) if not wanted or any(word in name for word in wanted)]
    left_out = {name: why for name in every if (why := reason(name, reasons))}
    chosen = [name for name in every if name not in left_out]
    if not chosen:
        raise Trouble("None of the selected end-to-end tests can run here.")
    results = {}
    with subprocess.Popen([*CARGO, "--exact", *chosen], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as tests:
        for line in tests.stdout:
            print(line, end="", flush=True)
            if found := RESULT.match(line):
                results[found[1]] = found[2]
    left_out |= {name: IGNORED for name, result in results.items() if result == "ignored"}
    sums(chosen, results, left_out)
    return tests.returncode == 0 and all(results.get(name) in ("ok", "ignored") for name in chosen)


def sums(chosen, results, left_out):
    """Prints the number of passed tests and the names of all others."""
    failed = [name for name, result in results.items() if result == "FAILED"]
    unfinished = [name for name in chosen if name not in results]
    passed = list(results.values()).count("ok")
    say(
        f"End-to-end tests on LocalStack: {passed} passed, {len(failed)} failed, {len(unfinished)} without a result, "
        f"{len(left_out)} not run."
    )
    for name in failed:
        say(f"  failed: {name}")
    for name in unfinished:
        say(f"  without a result: {name}")
    for name, why in left_out.items():
        say(f"  not run: {name}: {why}")
