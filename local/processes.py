"""Processes that a stack started: remembered in files, ended by `stop`, never confused.

Invariant: nothing is ever signalled whose start time is not the one remembered, so a number
that the system has given to another process since then is left alone.
"""

import json
import os
import signal
import subprocess
import time
from pathlib import Path


def start_time(pid):
    """When process `pid` started, as the system tells it; None if it does not run."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else fields[19]
    shown = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip() or None


def _parents():
    """Every process's parent: {pid: parent's pid}."""
    if Path("/proc/self/stat").exists():
        found = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                found[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
        return found
    shown = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False)
    return {int(pid): int(parent) for pid, parent in (line.split() for line in shown.stdout.splitlines())}


def _family(pid):
    """`pid` and all its descendants, each with its start time."""
    parents, family = _parents(), [pid]
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    return {member: start_time(member) for member in family}


def end_orphans(directory):
    """Ends functions whose emulator was killed: what runs a program out of `directory`.

    Only where the system shows it (/proc); elsewhere they end by themselves, as soon as
    they ask the emulator for work.
    """
    for program in Path("/proc").glob("[0-9]*/exe"):
        try:
            if Path(os.readlink(program)).is_relative_to(directory):
                os.kill(int(program.parent.name), signal.SIGKILL)
        except OSError:
            continue


class Process:
    """One long-running process of the stack, with its record and its log."""

    def __init__(self, state, name):
        self.name = name
        self.record = state / "run" / f"{name}.json"
        self.log = state / "log" / f"{name}.log"

    def _remembered(self):
        try:
            return json.loads(self.record.read_text())
        except (OSError, ValueError):
            return {}

    def last_start(self):
        """Process id and start time of its last start; [None, None] before the first."""
        remembered = self._remembered()
        return [remembered.get("pid"), remembered.get("started")]

    def pid(self):
        """Its process id while it runs, else None."""
        remembered = self._remembered()
        pid = remembered.get("pid")
        return pid if pid and start_time(pid) == remembered.get("started") else None

    def runs_as(self, identity):
        """Whether it runs, and was started from just this (command, settings, binary)."""
        return self.pid() is not None and self._remembered().get("identity") == identity

    def start(self, command, environment, identity):
        self.record.parent.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            child = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal must not end the stack
            )
        record = {"pid": child.pid, "started": start_time(child.pid), "identity": identity}
        self.record.write_text(json.dumps(record))

    def stop(self, patience_secs=10):
        """Ends it and what it started; True if there was something to end."""
        pid = self.pid()
        if pid is None:
            self.record.unlink(missing_ok=True)
            return False
        family = _family(pid)
        self._signal({pid: family[pid]}, signal.SIGTERM)
        deadline = time.monotonic() + patience_secs
        while time.monotonic() < deadline and start_time(pid) is not None:
            time.sleep(0.05)
        # The functions' processes outlive an emulator that was too busy to end them.
        self._signal(family, signal.SIGKILL)
        self.record.unlink(missing_ok=True)
        return True

    @staticmethod
    def _signal(family, number):
        for pid, started in family.items():
            if started is not None and start_time(pid) == started:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue

    def tail(self, lines=15):
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""
