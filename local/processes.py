"""The processes of a stack, recorded in files and ended by `stop`.

Invariant: a process gets a signal only if its start time equals the recorded one. So a process with a
reused process id never gets a signal.
"""

import json
import os
import signal
import subprocess
import time
from pathlib import Path


def start_time(pid):
    """The start time of process `pid` from the system; None if it does not run."""
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
    """The parents of all processes: {pid: parent's pid}."""
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
    """Ends the functions of a killed emulator: the processes of programs in `directory`.

    Works only on systems with /proc. Elsewhere the functions end as soon as they request work from
    the emulator.
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
        """The process id and start time of the last start; [None, None] before the first."""
        remembered = self._remembered()
        return [remembered.get("pid"), remembered.get("started")]

    def pid(self):
        """The process id while it runs, otherwise None."""
        remembered = self._remembered()
        pid = remembered.get("pid")
        return pid if pid and start_time(pid) == remembered.get("started") else None

    def runs_as(self, identity):
        """Whether it runs with exactly this identity (command, settings, binary)."""
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
        """Ends the process and its children; True if a process was running."""
        pid = self.pid()
        if pid is None:
            self.record.unlink(missing_ok=True)
            return False
        family = _family(pid)
        self._signal({pid: family[pid]}, signal.SIGTERM)
        deadline = time.monotonic() + patience_secs
        while time.monotonic() < deadline and start_time(pid) is not None:
            time.sleep(0.05)
        # The processes of the functions outlive a busy emulator that did not end them.
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
