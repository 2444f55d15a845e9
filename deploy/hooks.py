"""Looks whether the events of webhooks are late or left over.

Role: called by `examination` for a running deployment. It sees no tenant: `GET /webhooks/{id}` shows one webhook's state.
Invariant: it reads a sort key and a number, and no event. `findings` is pure.
Source of the forms: shared/aws/src/storage/table/keys/webhooks.rs and shared/aws/src/storage/deliveries.rs.
"""

from finding import Finding

# The partitions of the due index with deliveries.
PARTITIONS = tuple(f"hookdue#{number:02}" for number in range(4))
# promote moves a due delivery on by 15 minutes and sends its task, once a minute.
LATE_MAX_SECS = 900
QUEUE = "HookLeftoverQueue"


def findings(late_secs, left_over):
    """The findings about the events; None for an unknown fact."""
    if late_secs is not None and late_secs > LATE_MAX_SECS:
        yield Finding(
            f"An event of a webhook has been due for {late_secs / 60:.0f} min.",
            "Read docs/OPERATIONS.md, PromoteMissingAlarm: promote sends the tasks of due events. Look at its log group and its"
            " throttles.",
            blocking=False,
        )
    if left_over:
        yield Finding(
            f"{left_over} messages about events of webhooks are left over in {QUEUE}.",
            "Read docs/OPERATIONS.md, HookLeftoverAlarm: remove the cause, and recover the events of a lost part of the stream.",
            blocking=False,
        )


def late_secs(dynamodb, table, now):
    """The delay of the oldest due delivery, in seconds; 0 if none is due."""
    oldest = [first for partition in PARTITIONS if (first := _first(dynamodb, table, partition)) is not None]
    return max(0.0, now.timestamp() - min(oldest)) if oldest else 0.0


def _first(dynamodb, table, partition):
    """The time of the first delivery of a partition, in seconds since 1970."""
    items = dynamodb.query(
        TableName=table,
        IndexName="due",
        KeyConditionExpression="due_pk = :partition",
        ExpressionAttributeValues={":partition": {"S": partition}},
        ProjectionExpression="due_sk",
        Limit=1,
    )["Items"]
    return int(items[0]["due_sk"]["S"].partition("#")[0]) / 1000 if items else None


def left_over(cloudformation, sqs, stack):
    """The number of messages that no function could process."""
    (queue,) = cloudformation.describe_stack_resources(StackName=stack, LogicalResourceId=QUEUE)["StackResources"]
    url = queue["PhysicalResourceId"]
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(asked["Attributes"]["ApproximateNumberOfMessages"])
