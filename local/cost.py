#!/usr/bin/env python3
"""Prints the monthly price of a deployment that sends nothing, as arithmetic.

Role: behind `make cost`. docs/COST.md holds the output, and a test compares them.
Invariant: the counts come from template.yaml; only prices and estimates are written here.
Start reading at `lines`.
Sources: Amazon CloudWatch, SQS, DynamoDB, AWS Lambda and Amazon EventBridge pricing pages for us-east-1; AWS Lambda
Developer Guide, "Scaling behavior" of SQS event sources; read 2026-11-29. Without free tiers.
"""

from pathlib import Path

import template as templates

ROOT = Path(__file__).resolve().parent.parent
MINUTES = 730 * 60

ALARM_METRIC_USD = 0.10
CUSTOM_METRIC_USD = 0.30
SQS_USD_PER_REQUEST = 0.40 / 1e6
READ_UNIT_USD = 0.125 / 1e6
SCHEDULE_USD = 1.00 / 1e6
INVOCATION_USD = 0.20 / 1e6
GB_SECOND_USD = 0.0000133334
LOG_GB_USD = 0.50

# With a maximum concurrency, Lambda keeps five pollers for each queue. A long poll takes 20 seconds.
POLLERS = 5
POLLS_A_MINUTE = 3
# Each shard of the due index: due emails, late emails, overdue records.
QUERIES_OF_A_SHARD = 3
# Estimates for one idle run of promote; nothing was measured on AWS.
OTHER_READS = 8
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
    # A query of an empty partition and a small read take half a unit.
    units = (shards * QUERIES_OF_A_SHARD + OTHER_READS) / 2
    yield "`promote`: DynamoDB", f"{units:.0f} read units a minute", units * MINUTES * READ_UNIT_USD
    yield "`promote`: SQS", f"{QUEUE_REQUESTS} requests a minute", QUEUE_REQUESTS * MINUTES * SQS_USD_PER_REQUEST
    run = RUN_SECS * RUN_GB * GB_SECOND_USD + INVOCATION_USD + SCHEDULE_USD
    yield "`promote`: Lambda and schedule", f"{RUN_SECS} s with {RUN_GB} GB a minute", run * MINUTES
    yield "`promote`: logs", f"{LOG_BYTES} bytes a minute", LOG_BYTES * MINUTES / 1e9 * LOG_GB_USD


def dollars(items):
    """The sum of items."""
    return sum(item[2] for item in items)


def lines(template):
    """The table of docs/COST.md."""
    yield "| Item | Arithmetic for a month of 730 hours | Dollars |"
    yield "|---|---|---|"
    for items, title in ((list(watching(template)), "Alarms and metrics"), (list(working(template)), "Everything else")):
        for name, arithmetic, price in items:
            yield f"| {name} | {arithmetic} | {price:.2f} |"
        yield f"| **{title}** | | **{dollars(items):.2f}** |"


if __name__ == "__main__":
    for line in lines(templates.load(ROOT / "template.yaml")):
        print(line)
