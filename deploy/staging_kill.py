"""Kills a deployment half-way, and deploys again: the second run must wait for the first one's update, and go on.

Role: called by `deploy/staging` on request. It changes one parameter that only an alarm reads, and restores it.
Invariant: it kills only the process that it has started.
"""

import subprocess
import sys
import threading
import time
from pathlib import Path

from change import described
from staging_plan import Check

DEPLOY = Path(__file__).resolve().parent / "deploy"
# The threshold of an alarm.
PARAMETER = "FailedEmailsAlarmCount"
BEGIN = "Updating the stack"
TITLE = "A deployment that is killed half-way"
EXPECTED = f"the second run ends with an email delivered, and {PARAMETER} has its old value"


def check(cloudformation, stack, arguments, after_secs):
    """Deploys with a changed parameter, kills that `after_secs` after its begin, and deploys the old value."""
    before = value(cloudformation, stack)
    did = f"deployed with another {PARAMETER}, killed that {after_secs:g} s after the update began, and deployed again"
    was_killed = killed(command(arguments, int(before) + 1), after_secs)
    status = described(cloudformation, stack)["StackStatus"]
    began = time.monotonic()
    again = subprocess.run(
        command(arguments, before), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    took, after = time.monotonic() - began, value(cloudformation, stack)
    saw = f"the stack was {status} after the kill; the second run ended with {again.returncode} after {took:.0f} s; {PARAMETER} is {after}"
    if again.returncode:
        saw += f"; {again.stdout.strip().splitlines()[-1]}"
    holds = again.returncode == 0 and "  delivered after" in again.stdout and after == before
    if holds and not was_killed:
        return Check(TITLE, did, EXPECTED, f"the first run ended before it was killed; {saw}", None)
    return Check(TITLE, did, EXPECTED, saw, holds)


def command(arguments, number):
    """The command line of a deployment."""
    return [sys.executable, str(DEPLOY), *arguments, "--no-first-key", "--parameter", f"{PARAMETER}={number}"]


def value(cloudformation, stack):
    """The deployed value of the parameter."""
    parameters = described(cloudformation, stack)["Parameters"]
    return next(each["ParameterValue"] for each in parameters if each["ParameterKey"] == PARAMETER)


def killed(command_line, after_secs):
    """True if the deployment still ran when it was killed."""
    running = subprocess.Popen(
        command_line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    timer = threading.Timer(after_secs, running.kill)
    for line in running.stdout:
        if line.startswith(BEGIN):
            timer.start()
    code = running.wait()
    timer.cancel()
    return code < 0
