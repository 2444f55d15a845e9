"""Makes the staging checks: each does something on a running deployment, and compares what it saw.

Role: called by `deploy/staging`. Every email goes to SES's mailbox simulator, and has the tag of the run.
Invariant: a check returns a result also when it fails, so that one run shows everything.
Start reading at `Staging.checks`.
"""

import base64
import time
from concurrent.futures import ThreadPoolExecutor

from first_email import DELIVERY_SECS, ENDS
from staging_plan import BATCH_MAX, CASES, Check, counted
from stack import Trouble, say

TAG = "mailqueue-staging"
QUEUE_PREFIX = "staging-checks-"
FILE = b"The attachment of a staging check.\n" * 100
# The longest wait for a purge. `promote` runs each minute and purges page by page, so a large one takes several runs.
PURGE_SECS = 900
# The longest wait until `send` has set the emails of a paused queue aside, and the counts show it.
HOLD_SECS = 300
# The pause, and the repetitions, after an answer that asks for another try.
PAUSE_SECS = 2
TRIES = 8
BUSY = (0, 429, 503)
ERASERS = 8


class Staging:
    """One run with a queue and a tag of its own. `api`: the API with a tenant's key."""

    def __init__(self, api, sender, run, plan):
        self.api, self.sender, self.run, self.plan = api, sender, run, plan
        self.queue = f"{QUEUE_PREFIX}{run}"
        self.ids = []

    def checks(self, rate=None):
        """Makes one check after the other. `rate`: emails that SES takes each second."""
        for case in CASES:
            yield self._attempt(case.title, lambda case=case: self._case(case))
        yield self._attempt("A paused and purged queue", self._pause_and_purge)
        yield self._attempt("Concurrent batches", lambda: self._batches(rate))

    def _attempt(self, title, check):
        try:
            return Check(title, *check())
        except Trouble as trouble:
            return Check(title, "the check ended early", "no error", str(trouble).replace("\n", " "), False)

    # ------------------------------------------------------------------ one email

    def _case(self, case):
        address = f"{case.mailbox}+{self.run}@simulator.amazonses.com"
        email = self._email(address, queue=None)
        if case.with_file:
            content = base64.b64encode(FILE).decode()
            email["attachments"] = [{"filename": "staging.txt", "content": content}]
        began = time.monotonic()
        email_id = self.api.must("POST", "/emails", email)["id"]
        self.ids.append(email_id)
        shown = self._follow(email_id, case.event, began)
        took, event = time.monotonic() - began, shown["last_event"]
        listed = self.api.call("GET", f"/suppressions/{address}")[0] == 200
        saw = f"{event} after {took:.1f} s and {attempts(shown)}; {'' if listed else 'not '}in the tenant's suppressions"
        holds = event == case.event and shown["attempts"] == 1 and not shown["maybe_duplicate"] and not listed
        if case.with_file:
            sizes = [each["size"] for each in self.api.must("GET", f"/emails/{email_id}/attachments")["data"]]
            saw += f"; attachments of {sizes} bytes"
            holds = holds and sizes == [len(FILE)]
        if not holds and shown.get("cause"):
            saw += f"; cause {shown['cause']}: {shown.get('detail') or shown.get('advice')}"
        expected = f"{case.event} within {DELIVERY_SECS} s and 1 attempt; not in the tenant's suppressions"
        return f"POST /emails to {address}", expected, saw, holds

    def _email(self, to, queue):
        email = {
            "from": self.sender,
            "to": [to],
            "subject": "mailqueue: staging check",
            "text": "SES's mailbox simulator receives this email.",
            "tags": [{"name": TAG, "value": self.run}],
        }
        return email | ({"queue": queue} if queue else {})

    def _follow(self, email_id, event, began):
        """The email at this event, at another end, or at the end of the patience."""
        while True:
            shown = self.api.must("GET", f"/emails/{email_id}")
            ended = shown["last_event"] in (event, *ENDS)
            if ended or time.monotonic() - began > DELIVERY_SECS:
                return shown
            time.sleep(1)

    # ------------------------------------------------------------------ many emails

    def _pause_and_purge(self):
        number = self.plan.waiting
        self.api.must("POST", "/queues", {"name": self.queue}, 201)
        self.api.must("POST", f"/queues/{self.queue}/pause", {"reason": "a staging check"})
        for start in range(0, number, BATCH_MAX):
            answer = self._post_batch(min(BATCH_MAX, number - start), f"waiting-{start}")
            if answer["status"] != 200:
                raise Trouble(f"POST /emails/batch answered {answer['status']}: {answer['message']}")
        held, hold_secs = self._wait_for_held(number)
        removed, purge_secs = self._purge(number)
        ends = self._ends()
        return (
            f"paused the queue {self.queue}, posted {number} emails into it, and purged it",
            f"{number} held, then {number} purged, none sent",
            f"{held} held after {hold_secs:.0f} s; {removed} purged after {purge_secs:.0f} s; {counted(ends)}",
            held == removed == number and ends == ["purged after 0 attempts"] * number,
        )

    def _batches(self, rate):
        plan = self.plan
        names = [f"batch-{number}" for number in range(plan.batches)]
        with ThreadPoolExecutor(max_workers=len(names)) as pool:
            answers = list(pool.map(lambda name: self._post_batch(plan.batch, name), names))
        ids = {email_id for answer in answers for email_id in answer["ids"]}
        statuses = [status for answer in answers for status in answer["statuses"]]
        times = sorted(answer["secs"] for answer in answers)
        end = "delivered" if plan.sends_batches else "purged"
        did = f"posted {plan.batches} batches of {plan.batch} emails at once, and then {'sent' if plan.sends_batches else 'purged'} them"
        expected = f"{plan.batched} accepted, with no answer but 200, 429 and 503, then all {end}"
        saw = f"{len(ids)} accepted; answers: {counted(statuses)}; {times[0]:.1f} to {times[-1]:.1f} s for each batch"
        if len(ids) != plan.batched:
            reasons = {answer["message"] for answer in answers if answer["message"]}
            return did, expected, f"{saw}; {' '.join(sorted(reasons))}", False
        if plan.sends_batches:
            ended, secs = self._send(plan.batched, rate)
        else:
            held, _ = self._wait_for_held(plan.batched)
            saw += f"; {held} held"
            ended, secs = self._purge(plan.batched)
        saw += f"; {ended} {end} after {secs:.0f} s"
        # A status of 0 is no answer.
        return did, expected, saw, ended == plan.batched and set(statuses) <= {200, 429, 503}

    def _post_batch(self, number, name):
        """Posts a batch until it is accepted. The key of idempotency makes each repetition safe."""
        emails = [self._email(f"success+{self.run}@simulator.amazonses.com", self.queue)] * number
        began, statuses = time.monotonic(), []
        for _ in range(TRIES):
            status, answer = self.api.call("POST", "/emails/batch", emails, {"idempotency-key": f"{TAG}-{self.run}-{name}"})
            statuses.append(status)
            if status not in BUSY:
                break
            time.sleep(PAUSE_SECS)
        ids = [each["id"] for each in answer.get("data", [])] if status == 200 else []
        self.ids += ids
        secs = time.monotonic() - began
        return {"status": status, "statuses": statuses, "ids": ids, "secs": secs, "message": answer.get("message")}

    def _counts(self):
        return self.api.must("GET", f"/queues/{self.queue}")["counts"]

    def _wait_for_held(self, number):
        """(held emails, seconds), when all are held or the patience ends."""
        began = time.monotonic()
        while (held := self._counts()["held"]) != number and time.monotonic() - began < HOLD_SECS:
            time.sleep(1)
        return held, time.monotonic() - began

    def _purge(self, number):
        """(purged emails, seconds), when all are purged or the patience ends. The job itself ends a minute later."""
        began = time.monotonic()
        job = self.api.must("POST", f"/queues/{self.queue}/purge", expected=202)["id"]
        while True:
            shown = self.api.must("GET", f"/queues/{self.queue}/jobs/{job}")
            if shown["done"] or shown["emails"] >= number or time.monotonic() - began > PURGE_SECS:
                return shown["emails"], time.monotonic() - began
            time.sleep(1)

    def _send(self, number, rate):
        """(delivered emails, seconds), when all are delivered or the patience ends."""
        patience_secs = HOLD_SECS + (2 * number / rate if rate else PURGE_SECS)
        began = time.monotonic()
        self.api.must("POST", f"/queues/{self.queue}/resume")
        while True:
            time.sleep(5)
            unfinished = sum(self._counts().values())
            late = time.monotonic() - began > patience_secs
            if not unfinished or late:
                delivered = sum(each["last_event"] == "delivered" for each in self._listed())
                if delivered == number or late:
                    return delivered, time.monotonic() - began

    def _listed(self):
        """The emails of the queue."""
        path = f"/emails?queue={self.queue}&limit=100"
        page = self.api.must("GET", path)
        yield from page["data"]
        while page["has_more"]:
            page = self.api.must("GET", f"{path}&after={page.get('next') or page['data'][-1]['id']}")
            yield from page["data"]

    def _ends(self):
        """The end of each email of the queue, in words."""
        return [f"{each['cause'] or each['last_event']} after {attempts(each)}" for each in self._listed()]

    # ------------------------------------------------------------------ the end

    def clean(self, erases):
        """Deletes the queue, and erases the emails. Without `erases`, they stay for a person to look at."""
        status = self.api.call("DELETE", f"/queues/{self.queue}?cancel=true")[0]
        say(f"Cleaning: {'deleted' if status == 200 else 'found no'} queue {self.queue}.")
        if not erases:
            say(f"The {len(self.ids)} emails stay until their retention ends: GET /emails?tag={TAG}:{self.run}")
            return
        with ThreadPoolExecutor(max_workers=ERASERS) as pool:
            erased = sum(pool.map(self._erase, self.ids))
        say(f"Cleaning: erased the content of {erased} of {len(self.ids)} emails, with the tag {TAG}:{self.run}.")

    def _erase(self, email_id):
        for _ in range(TRIES):
            status = self.api.call("DELETE", f"/emails/{email_id}")[0]
            if status not in BUSY:
                break
            time.sleep(PAUSE_SECS)
        return status == 200


def attempts(email):
    """`1 attempt`, `2 attempts`."""
    number = email["attempts"]
    return f"{number} attempt{'' if number == 1 else 's'}"


def delete_leftovers(api):
    """Deletes the queues of interrupted runs, and their waiting emails."""
    for queue in api.must("GET", "/queues")["data"]:
        if queue["name"].startswith(QUEUE_PREFIX):
            say(f"Deleting the queue {queue['name']} of an interrupted run.")
            api.call("DELETE", f"/queues/{queue['name']}?cancel=true")
