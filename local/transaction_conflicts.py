"""Adds DynamoDB's transaction conflicts to MiniStack 1.5.33.

Role: enabled by `emulator.py` with `TRANSACTION_WINDOW_MS`.
Rule: an item of a transaction stays busy for the window. Another transaction or write of a busy item is refused
without effect. Reads have no conflicts. A repeated transaction with the token of a successful one gets the same
response.
Source: Amazon DynamoDB Developer Guide, "Managing complex workflows with DynamoDB transactions",
section "Transaction conflict handling in DynamoDB"; API reference, `TransactWriteItems`.
"""

import json
import time

# The number of entries after which expired entries are removed.
MANY = 10_000
CONFLICT = "TransactionConflict"
MESSAGE = "Transaction is ongoing for the item"


def place(operation):
    """The table and primary key of a write. A put has its key in the item."""
    key = operation.get("Key") or operation.get("Item") or {}
    return operation.get("TableName"), json.dumps(key.get("pk")), json.dumps(key.get("sk"))


def canceled(busy):
    """The response to a transaction whose listed members hit a busy item."""
    reasons = [{"Code": CONFLICT, "Message": MESSAGE} if hit else {"Code": "None"} for hit in busy]
    codes = ", ".join(reason["Code"] for reason in reasons)
    body = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        "CancellationReasons": reasons,
    }
    return 400, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(body).encode()


def switch_on(dynamodb, window_ms):
    """Checks for conflicts before the service's own operations."""
    window = window_ms / 1000
    busy_until = {}

    def is_busy(where, now):
        return busy_until.get(where, 0) > now

    def transact(data, original=dynamodb._transact_write_items):
        token = data.get("ClientRequestToken")
        if token and dynamodb._txn_token_lookup(token) is not None:
            return original(data)
        members = [operation for member in data.get("TransactItems", []) for operation in member.values()]
        places = [place(operation) for operation in members]
        now = time.monotonic()
        busy = [is_busy(where, now) for where in places]
        if any(busy):
            return canceled(busy)
        answer = original(data)
        now = time.monotonic()
        if len(busy_until) > MANY:
            for where in [where for where, until in busy_until.items() if until <= now]:
                del busy_until[where]
        busy_until.update(dict.fromkeys(places, now + window))
        return answer

    def plain(original):
        def write(data):
            if is_busy(place(data), time.monotonic()):
                return dynamodb.error_response_json("TransactionConflictException", MESSAGE, 400)
            return original(data)

        return write

    dynamodb._transact_write_items = transact
    for name in ("_put_item", "_update_item", "_delete_item"):
        setattr(dynamodb, name, plain(getattr(dynamodb, name)))
