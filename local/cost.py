#!/usr/bin/env python3
"""Prints the price of a million emails, of a million events of webhooks, and the monthly price of a deployment that
sends nothing, as arithmetic.

Role: behind `make cost`. docs/COST.md holds the output, and a test compares them.
Invariant: the counts of alarms, metrics, queues and shards come from template.yaml. Tests of the functions count the
calls and the units of an email. Only prices and estimates are written here.
Start reading at `tables`.
Sources: pricing pages for us-east-1 of Amazon CloudWatch, SES, SNS, SQS, API Gateway, DynamoDB, AWS Lambda and Amazon
EventBridge; AWS Lambda Developer Guide, "Scaling behavior" of SQS event sources; read 2026-11-29. Without free tiers.
"""

from pathlib import Path

import template as templates

ROOT = Path(__file__).resolve().parent.parent
MINUTES = 730 * 60

ALARM_METRIC_USD = 0.10
CUSTOM_METRIC_USD = 0.30
SES_USD = 100 / 1e6
HTTP_REQUEST_USD = 1.00 / 1e6
SNS_NOTICE_USD = 0.50 / 1e6
SQS_USD_PER_REQUEST = 0.40 / 1e6
READ_UNIT_USD = 0.125 / 1e6
WRITE_UNIT_USD = 0.625 / 1e6
SCHEDULE_USD = 1.00 / 1e6
INVOCATION_USD = 0.20 / 1e6
GB_SECOND_USD = 0.0000133334
LOG_GB_USD = 0.50
# Storage of the table and of point-in-time recovery, for a month.
STORED_GB_USD = 0.25 + 0.20

# Units of one email: text, one by one, in bulk, price of a unit.
COUNTED = [
    ("HTTP API", "1 request, or 1/500", 1, 1 / 500, HTTP_REQUEST_USD),
    ("DynamoDB writes", "10 units, and 1 of the rate limiter, or 0.1", 11, 10.1, WRITE_UNIT_USD),
    ("Counts", "1 write unit, or 0.32", 1, 0.32, WRITE_UNIT_USD),
    ("DynamoDB reads", "3 units", 3, 3, READ_UNIT_USD),
    ("SQS", "7 requests, or a tenth", 7, 0.7, SQS_USD_PER_REQUEST),
    ("SNS", "2 events", 2, 2, SNS_NOTICE_USD),
    ("Lambda: invocations", "4, or a tenth", 4, 0.4, INVOCATION_USD),
    ("Lambda: duration", "150 ms with 0.25 GB, or 36 ms", 0.0375, 0.009, GB_SECOND_USD),
]
# Estimates of the size of one email: text, one by one, in bulk, price of a gigabyte.
ESTIMATED = [
    ("CloudWatch Logs", "0.8 KB, or 0.2 KB, at $0.50/GB", 0.8e-6, 0.2e-6, LOG_GB_USD),
    ("Storage for 30 days", "1.8 KB at $0.25/GB, and recovery at $0.20/GB", 1.8e-6, 1.8e-6, STORED_GB_USD),
]
# Units of one event for one webhook, in the same form. A tenant without webhooks has none of them. Tests of notify,
# deliver, feedback and the table count them; docs/COST.md names the tests.
EVENT_COUNTED = [
    ("DynamoDB writes", "7 units, and 2 of the endpoint's permit, or 0.2", 9, 7.2, WRITE_UNIT_USD),
    ("DynamoDB reads", "9 units, or 5.4", 9, 5.4, READ_UNIT_USD),
    ("SQS", "3 requests, or 1.2", 3, 1.2, SQS_USD_PER_REQUEST),
    ("Lambda: invocations", "2, or a tenth", 2, 0.2, INVOCATION_USD),
]
EVENT_ESTIMATED = [
    ("Lambda: duration", "250 ms with 0.25 GB, or 70 ms", 0.0625, 0.0175, GB_SECOND_USD),
    ("CloudWatch Logs", "0.4 KB, or 0.1 KB, at $0.50/GB", 0.4e-6, 0.1e-6, LOG_GB_USD),
    ("Storage for 30 days", "2.4 KB at $0.25/GB, and recovery at $0.20/GB", 2.4e-6, 2.4e-6, STORED_GB_USD),
]
MILLION = 1_000_000

# With a maximum concurrency, Lambda keeps five pollers for each queue. A long poll takes 20 seconds.
POLLERS = 5
POLLS_A_MINUTE = 3
# Each shard of the due index: due emails, late emails, overdue records.
QUERIES_OF_A_SHARD = 3
# Events of webhooks that are due, and recoveries, while at most 250 events of a shard are due.
WEBHOOK_QUERIES = 5
# Estimates for one idle run of promote; nothing was measured on AWS.
OTHER_READS = 9
QUEUE_REQUESTS = 3
RUN_SECS = 0.5
RUN_GB = 0.25
LOG_BYTES = 600


def alarm_metrics(template):
    """The number of priced metrics of each alarm."""
    alarms = {name: each["Properties"] for name, each in template["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    return {name: sum("MetricStat" in each for each in alarm.get("Metrics", [])) or 1 for name, alarm in alarms.items()}


def custom_metrics(template):
    """The names of the metrics from log lines, and those that have a value every minute."""
    filters = [each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::Logs::MetricFilter"]
    named = [(each["MetricTransformations"][0]["MetricName"], each["FilterPattern"]) for each in filters]
    always = {name for name, pattern in named if pattern == '{ $.message = "waiting emails" }'}
    return {name for name, _ in named}, always


def polled_queues(template):
    """The number of event sources that poll an SQS queue."""
    functions = (each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::Serverless::Function")
    return sum(event["Type"] == "SQS" for function in functions for event in function.get("Events", {}).values())


def watching(template):
    """The items of alarms and metrics: name, arithmetic, dollars."""
    metrics, (names, always) = alarm_metrics(template), custom_metrics(template)
    total = sum(metrics.values())
    yield "Alarms", f"{len(metrics)} alarms on {total} metrics at ${ALARM_METRIC_USD:.2f}", total * ALARM_METRIC_USD
    yield "Custom metrics", f"{len(always)} of {len(names)} has values while idle, at ${CUSTOM_METRIC_USD:.2f}", len(always) * CUSTOM_METRIC_USD


def working(template):
    """The other items: name, arithmetic, dollars."""
    queues, shards = polled_queues(template), template["Parameters"]["IndexShards"]["Default"]
    polls = queues * POLLERS * POLLS_A_MINUTE
    yield "Polling of SQS", f"{queues} queues, {POLLERS} pollers, {POLLS_A_MINUTE} requests a minute", polls * MINUTES * SQS_USD_PER_REQUEST
    # Each query of an empty partition, and each small read, takes half a unit.
    units = (shards * QUERIES_OF_A_SHARD + WEBHOOK_QUERIES + OTHER_READS) / 2
    yield "`promote`: DynamoDB", f"{units:g} read units a minute", units * MINUTES * READ_UNIT_USD
    yield "`promote`: SQS", f"{QUEUE_REQUESTS} requests a minute", QUEUE_REQUESTS * MINUTES * SQS_USD_PER_REQUEST
    run = RUN_SECS * RUN_GB * GB_SECOND_USD + INVOCATION_USD + SCHEDULE_USD
    yield "`promote`: Lambda and schedule", f"{RUN_SECS} s with {RUN_GB} GB a minute", run * MINUTES
    yield "`promote`: logs", f"{LOG_BYTES} bytes a minute", LOG_BYTES * MINUTES / 1e9 * LOG_GB_USD


def dollars(items):
    """The sum of items."""
    return sum(item[2] for item in items)


def row(name, text, prices):
    """A line of a table with two prices."""
    return f"| {name} | {text} | {prices[0]:.2f} | {prices[1]:.2f} |"


def sum_row(name, prices):
    """A line with the sums."""
    return f"| **{name}** | | **{prices[0]:.2f}** | **{prices[1]:.2f}** |"


def priced(items):
    """Rounded prices, so that the sums are those of the shown figures."""
    return [(name, text, [round(count * MILLION * price, 2) for count in counts]) for name, text, *counts, price in items]


def total(items):
    """The sums of both columns."""
    return [sum(prices[column] for _, _, prices in items) for column in (0, 1)]


def per_million(template):
    """The table of a million emails."""
    fixed = round(dollars(watching(template)), 2) + round(dollars(working(template)), 2)
    counted, estimated = priced(COUNTED), priced(ESTIMATED)
    others = [*estimated, ("The deployment itself", "the next table, with a million emails a month", [fixed, fixed])]
    queue = total(counted)
    everything = [a + b for a, b in zip(queue, total(others))]
    ses = [round(MILLION * SES_USD, 2)] * 2
    yield "| Item | Units of an email | One by one | Bulk |"
    yield "|---|---|---|---|"
    yield from (row(*item) for item in counted)
    yield sum_row("Queue, counted", queue)
    yield from (row(*item) for item in others)
    yield sum_row("Queue, everything", everything)
    yield row("Amazon SES", "1 email", ses)
    yield sum_row("With SES", [a + b for a, b in zip(everything, ses)])


def per_million_events():
    """The table of a million events of webhooks."""
    yield "| Item | Units of an event for one webhook | One by one | Bulk |"
    yield "|---|---|---|---|"
    counted, estimated = priced(EVENT_COUNTED), priced(EVENT_ESTIMATED)
    yield from (row(*item) for item in counted)
    yield sum_row("Event, counted", total(counted))
    yield from (row(*item) for item in estimated)
    yield sum_row("Event, everything", [a + b for a, b in zip(total(counted), total(estimated))])


def idle(template):
    """The table of a deployment that sends nothing."""
    yield "| Item | Arithmetic for a month of 730 hours | Dollars |"
    yield "|---|---|---|"
    for items, title in ((list(watching(template)), "Alarms and metrics"), (list(working(template)), "Everything else")):
        for name, arithmetic, price in items:
            yield f"| {name} | {arithmetic} | {price:.2f} |"
        yield f"| **{title}** | | **{dollars(items):.2f}** |"


def email_usd():
    """The price of one email in the queue, one by one: the counted and the estimated items, without SES."""
    return sum(one_by_one * price for _, _, one_by_one, _, price in COUNTED + ESTIMATED)


def tables(template):
    """The tables of docs/COST.md."""
    return [list(per_million(template)), list(per_million_events()), list(idle(template))]


if __name__ == "__main__":
    print("\n\n".join("\n".join(table) for table in tables(templates.load(ROOT / "template.yaml"))))
