"""The end-to-end tests on LocalStack: which run, which do not and why, and their sum.

Role: called by run.py when the stack is ready.
Invariant: a test is left out only by a reason in `NOT_RUN`, and each reason names a test that exists.
"""

import os
import re
import subprocess
from collections import Counter

from stack import ROOT, Trouble, say

PREFIX = "end_to_end::"
CARGO = ["cargo", "test", "--workspace", "--locked", "--test", "e2e", "--"]
RESULT = re.compile(r"^test (\S+) \.\.\. (ok|FAILED|ignored)")
# Tests that share the stack at the same time.
THREADS = "24"

# The beginning of a test's name, and the reason why it cannot run on LocalStack.
NOT_RUN = {}


def reason(name):
    """Why a test does not run here; None if it runs."""
    return next((why for beginning, why in NOT_RUN.items() if name.startswith(PREFIX + beginning)), None)


def names(environment):
    """Every end-to-end test."""
    listed = subprocess.run(
        [*CARGO, "--list", "--format", "terse", PREFIX], cwd=ROOT, env=environment, check=False, stdout=subprocess.PIPE, text=True
    )
    if listed.returncode != 0:
        raise Trouble("cargo could not build the end-to-end tests: see above.")
    found = [line.removesuffix(": test") for line in listed.stdout.splitlines() if line.endswith(": test")]
    for beginning in NOT_RUN:
        if not any(name.startswith(PREFIX + beginning) for name in found):
            raise Trouble(f"suite.py gives a reason for {beginning}, and no test has that name.")
    return found


def run(settings, wanted):
    """Runs the tests whose names contain one of the words `wanted` (all, if there is none); whether all passed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAILQUEUE_"))}
    environment = kept | settings | {"RUST_TEST_THREADS": THREADS}
    every = [name for name in names(environment) if not wanted or any(word in name for word in wanted)]
    chosen = [name for name in every if reason(name) is None]
    if not chosen:
        raise Trouble("No end-to-end test was chosen that can run here.")
    results = {}
    with subprocess.Popen([*CARGO, "--exact", *chosen], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as tests:
        for line in tests.stdout:
            print(line, end="", flush=True)
            if found := RESULT.match(line):
                results[found[1]] = found[2]
    sums(every, chosen, results)
    return tests.returncode == 0 and all(results.get(name) == "ok" for name in chosen)


def sums(every, chosen, results):
    ended = Counter(results.values())
    unfinished = [name for name in chosen if name not in results]
    say(
        f"End-to-end tests on LocalStack: {len(every)} in all, {ended['ok']} passed, {ended['FAILED']} failed, "
        f"{len(unfinished)} without a result, {len(every) - len(chosen)} not run."
    )
    for name in sorted(name for name, result in results.items() if result == "FAILED"):
        say(f"  failed: {name}")
    for name in unfinished:
        say(f"  without a result: {name}")
    for name in every:
        if why := reason(name):
            say(f"  not run: {name}: {why}")
