"""Measures emails of a tenant while other tenants exceed their daily cap and their rate.

Role: behind `local/bench`, which starts the stack.
It measures the milliseconds from `created_at` to `sent_at` of each email of the quiet tenant in the API.
"""

import os
import sys
import threading
import time

from bench_api import call, email, good, keep, let_ses_take, percentile, sent_after, tenant

EMAILS = int(os.environ.get("EMAILS", "200"))
PAUSE_SECS = 0.25
FLOODERS = 4
FLOOD_PAUSE_SECS = 0.1
# Daily cap and rate of a flooding tenant, in recipients. It tries eight times as many per second.
FLOOD_CAP = 20
FLOOD_RATE = 5
# Recipients per second of SES.
ACCOUNT_RATE = 200


def quiet_part(key):
    """Sends the quiet tenant's emails in sequence; returns their durations until `sent`, shortest first."""
    ids = []
    for number in range(EMAILS):
        ids.append(good(key, "POST", "/emails", email(f"quiet-{number}@example.com"))["id"])
        time.sleep(PAUSE_SECS)
    return sorted(sent_after(key, email_id) for email_id in ids)


def figures(took):
    return {name: round(percentile(took, percent)) for name, percent in (("p50_ms", 50), ("p99_ms", 99))}


def beside_a_flood(quiet, flooding):
    """The quiet tenant's results while another tenant floods, and the responses to the flood."""
    answers, over, counting = {}, threading.Event(), threading.Lock()

    def flood(number):
        while not over.is_set():
            status, _ = call(flooding, "POST", "/emails", email(f"flood-{number}@example.com"))
            with counting:
                answers[status] = answers.get(status, 0) + 1
            time.sleep(FLOOD_PAUSE_SECS)

    flooders = [threading.Thread(target=flood, args=(number,)) for number in range(FLOODERS)]
    for flooder in flooders:
        flooder.start()
    took = quiet_part(quiet)
    over.set()
    for flooder in flooders:
        flooder.join()
    return figures(took) | {"flood": {str(status): count for status, count in sorted(answers.items())}}


def main():
    quiet = tenant("quiet")
    capped, rated = tenant("capped", daily_cap=FLOOD_CAP), tenant("rated", rate=FLOOD_RATE)
    # The account's rate exceeds both tenants' limits, so that it has no effect.
    let_ses_take(ACCOUNT_RATE)
    # Before the measurement: starts environments, opens connections, and uses up the daily cap.
    for _ in range(10):
        sent_after(quiet, good(quiet, "POST", "/emails", email("first@example.com"))["id"])
    while call(capped, "POST", "/emails", email("cap@example.com"))[0] == 200:
        pass
    parts = {"alone": figures(quiet_part(quiet))}
    parts["beside_a_flood_beyond_the_cap"] = beside_a_flood(quiet, capped)
    parts["beside_a_flood_beyond_the_rate"] = beside_a_flood(quiet, rated)

    keep("tenants", {"emails": EMAILS, "parts": parts})
    beside = parts["beside_a_flood_beyond_the_cap"]
    if beside["flood"].get("429", 0) < EMAILS:
        sys.exit("There was no flood: too few of its requests were refused.")
    if beside["p99_ms"] > 2 * parts["alone"]["p99_ms"]:
        sys.exit("With a flood above the daily cap, the quiet tenant's 99th percentile is more than twice the value without it.")


if __name__ == "__main__":
    main()
