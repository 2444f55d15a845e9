"""The parameters that fit an account's number of concurrent executions.

Invariant: no I/O.
Sources: AWS Lambda Developer Guide, "Configuring reserved concurrency" (100 executions stay unreserved) and "Configuring
scaling behavior for SQS event source mappings" (a maximum of at least 2), read 2026-11-29.
"""

# The executions of an account that Lambda keeps unreserved.
UNRESERVED_MIN = 100
# `promote`, and `tally` for one shard of the table's stream. A new table may have four, which nothing can limit here.
OTHERS = 2
SHARED = "SharedPriorityQueue"
# `deliver` and `notify` run only while a tenant has a webhook; without one, no message and no change reaches them.
OF_WEBHOOKS = "HookQueue"
# The queues whose senders stop when the priorities share one queue.
UNSHARED = {"HighLane", "LowLane"}
LEAST = (
    "HighMaxConcurrency",
    "NormalMaxConcurrency",
    "LowMaxConcurrency",
    "DeadLetterMaxConcurrency",
    "FeedbackMaxConcurrency",
    "DeliverMaxConcurrency",
)
# small: for an account with 10 executions. standard: undoes it.
PROFILES = {
    "small": {SHARED: "true", "EnqueueReservedConcurrency": "0"} | dict.fromkeys(LEAST, "2"),
    "standard": {SHARED: "false"},
}


def background(template, chosen):
    """The most executions beside those of the API and of webhooks. `chosen`: parameters that differ from their
    defaults."""

    def number(value):
        name = value["Ref"]
        return int(chosen.get(name, template["Parameters"][name]["Default"]))

    total, shares = OTHERS, chosen.get(SHARED) == "true"
    for resource in template["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if event["Type"] != "SQS":
                continue
            queue = event["Properties"]["Queue"]["Fn::GetAtt"][0]
            if queue != OF_WEBHOOKS and not (shares and queue in UNSHARED):
                total += number(event["Properties"]["ScalingConfig"]["MaximumConcurrency"])
    return total
