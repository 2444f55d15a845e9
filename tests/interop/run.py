"""Runs real clients against the local stack, and writes .local/interop.json.

Role: `make interop`, on the running stack whose `env` file is in the state directory.
Settings: QUICK=1 runs only the clients that install within a minute. CLIENTS="resend-php rails" runs the named ones,
CASES="send update" the named cases. INTEROP_SOURCES is the folder of clones (see tests/interop/sources).
Exits with 0 only if every case passes or is listed in known.json.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cases
import clients
from recorder import Gateway, Recorder, Respelled
from stack_calls import Failed, NotOffered, Stack

HERE, ROOT = clients.HERE, clients.ROOT
STATE = (ROOT / os.environ.get("MAILQUEUE_STATE", ".local")).resolve()
RESULTS = ROOT / ".local" / "interop.json"
KNOWN = HERE / "known.json"
CASE_SECS = 60
# Clients that run at the same time.
WORKERS = 2
# The longest printed line of a call. The results have all of it.
PRINTED = 400
WRONG_KEY = "mq_00000000000000000000000000000000_0000000000000000000000000000000000000000000000000000000"


def one_line(text):
    return " ".join(str(text).split())


class Run:
    """One case of one client."""

    def __init__(self, client, stack, case, server):
        self.client, self.stack, self.case, self.server = client, stack, case, server
        self.to = cases.fresh(re.sub(r"[^a-z]+", "-", case))
        self.hook = cases.hook_of(stack, self.to)
        self.id, self.result, self.calls, self.detail = "", {}, [], ""

    def outcome(self):
        """{"outcome", "detail", "calls"} of the case."""
        try:
            self.id = cases.prepare(self.stack, self.case, self.to)
            self.result = self.drive()
            cases.CASES[self.case](self)
            outcome = "pass"
        except NotOffered as reason:
            outcome, self.detail = "n/a", str(reason)
        except Failed as failure:
            outcome, self.detail = "fail", str(failure)
        except Exception:  # a fault of the suite must not end the run
            outcome, self.detail = "fail", f"The suite failed: {traceback.format_exc(limit=-2)}"
        found = {"outcome": outcome, "detail": self.detail}
        return found | {"calls": self.calls} if outcome == "fail" else found

    def drive(self):
        """The result that the driver prints."""
        del self.server.calls[:]
        key = WRONG_KEY if self.case == "wrong_key" else self.stack.key
        direct = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "NODE_NO_WARNINGS": "1"}
        inputs = {
            "INTEROP_TO": self.to,
            "INTEROP_ID": self.id,
            "INTEROP_TIME": cases.LATER,
            "INTEROP_DOMAIN": cases.domain_of(self.to),
            "INTEROP_HOOK": self.hook,
            "INTEROP_WEBHOOK": self.id if self.case in cases.SIGNED else "",
            "INTEROP_IDEMPOTENCY_KEY": f"interop-{self.to}",
        }
        url = f"{self.server.url}/" if self.case == "slash" else self.server.url
        environment = os.environ | direct | self.client.settings(url, key) | inputs
        try:
            done = subprocess.run(
                [*self.client.driver, cases.SAME_CALLS.get(self.case, self.case)],
                env=environment,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=CASE_SECS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"The client did not end within {CASE_SECS} s.") from None
        finally:
            self.calls = list(self.server.calls)
        lines = done.stdout.strip().splitlines()
        try:
            return json.loads(lines[-1])
        except (IndexError, ValueError):
            said = (done.stderr.strip() or done.stdout.strip())[-600:]
            raise Failed(f"The driver crashed with {done.returncode}: {said}") from None

    def answer(self):
        """The answer that the client returned. An error of the client is a failure of the case."""
        if "na" in self.result:
            raise NotOffered(self.result["na"])
        if "error" in self.result:
            raise Failed(f"The client raised: {one_line(self.result['error'])}")
        return self.result["answer"] or {}

    def raised(self):
        if "na" in self.result:
            raise NotOffered(self.result["na"])
        if "error" not in self.result:
            answer = json.dumps(self.result["answer"], ensure_ascii=False)
            raise Failed(f"The client takes the error for success, and returns {answer}.")
        self.detail = one_line(self.result["error"])

    def saw(self, status):
        if status not in (found := [call["status"] for call in self.calls]):
            raise Failed(f"The client got {found or 'no answer'} instead of {status}: {self.result}")

    def delivered(self):
        return self.stack.delivered(self.to)


def environment():
    path = STATE / "env"
    if not path.exists():
        sys.exit("The local stack is not ready: start it with `make local`.")
    lines = (line.removeprefix("export ").split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    values = {name: shlex.split(value)[0] for name, value in lines}
    if urlsplit(values["MAILQUEUE_URL"]).hostname != "127.0.0.1":
        sys.exit(f"{values['MAILQUEUE_URL']} is not on this machine: make interop uses only a local stack.")
    return values


def chosen():
    names, known = os.environ.get("CLIENTS", "").split(), {client.name for client in clients.CLIENTS}
    if unknown := set(names) - known:
        sys.exit(f"CLIENTS: there is no client {' '.join(sorted(unknown))}; choose from {' '.join(sorted(known))}.")
    quick = os.environ.get("QUICK", "") not in ("", "0")
    return [c for c in clients.CLIENTS if (c.name in names if names else c.quick or not quick)]


def run_client(client, stack, wanted):
    recorder, others = Recorder(stack.url), {"redirect": Respelled(stack.url)}
    others |= {case: Gateway(status) for case, status in cases.GATEWAY.items()}
    try:
        return {case: Run(client, stack, case, others.get(case, recorder)).outcome() for case in wanted}
    finally:
        for server in (recorder, *others.values()):
            server.close()


def install(client):
    print(f"Installing {client.name} ...", flush=True)
    try:
        client.install()
    except clients.NotRun as reason:
        print(f"NOT RUN: {client.name}: {reason}", flush=True)
        return str(reason)
    return None


def report(name, found, known):
    """Prints the cases of a client that need attention."""
    counts = {kind: sum(1 for case in found.values() if case["outcome"] == kind) for kind in ("pass", "fail", "n/a")}
    print(f"{name}: {counts['pass']} passed, {counts['fail']} failed, {counts['n/a']} not offered", flush=True)
    for case, result in found.items():
        if result["outcome"] != "fail":
            continue
        reason = known.get((name, case))
        print(f"  {'known' if reason else 'FAILED'}: {case}: {result['detail']}")
        for call in [] if reason else result["calls"]:
            print(f"    {call['method']} {call['path']} {call['headers'] or ''} {one_line(call['request'])}"[:PRINTED])
            print(f"    -> {call['status']} {one_line(call['answer'])}"[:PRINTED])


def main():
    values = environment()
    if sources := os.environ.get("INTEROP_SOURCES"):
        # The drivers get an absolute path.
        os.environ["INTEROP_SOURCES"] = str(Path(sources).expanduser().resolve())
    stack = Stack(values["MAILQUEUE_URL"], values["MAILQUEUE_API_KEY"], values["INBOX_URL"], values["DNS_URL"])
    known = cases.known(KNOWN)
    wanted = os.environ.get("CASES", "").split() or list(cases.CASES)
    if unknown := set(wanted) - set(cases.CASES):
        sys.exit(f"CASES: there is no case {' '.join(sorted(unknown))}; choose from {' '.join(cases.CASES)}.")

    results, ready = {}, []
    for client in chosen():
        reason = install(client)
        results[client.name] = {"title": client.title, "version": client.version, "cases": {}}
        if reason:
            results[client.name]["not_run"] = reason
        else:
            ready.append(client)
    with ThreadPoolExecutor(WORKERS) as pool:
        for client, found in zip(ready, pool.map(lambda client: run_client(client, stack, wanted), ready)):
            results[client.name]["cases"] = found
            report(client.name, found, known)
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")

    outcomes = {(name, case): r["outcome"] for name, result in results.items() for case, r in result["cases"].items()}
    red = sorted(cell for cell, outcome in outcomes.items() if outcome == "fail" and cell not in known)
    mended = sorted(cell for cell in known if outcomes.get(cell) == "pass")
    for name, result in results.items():
        if "not_run" in result:
            print(f"NOT RUN: {name}: {result['not_run']}")
    for name, case in mended:
        print(f"{name}: {case} passes now: remove it from {KNOWN.relative_to(ROOT)}.")
    passed = list(outcomes.values()).count("pass")
    print(f"{passed} passed, {len(red)} failed, {len(outcomes) - passed - len(red)} known or not offered.")
    print(f"The results are in {RESULTS.relative_to(ROOT)}.")
    return 1 if red or mended or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
