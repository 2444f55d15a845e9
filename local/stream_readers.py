"""Lets MiniStack 1.5.33 read a table's stream as Lambda does, with several readers.

Role: enabled by `emulator.py`. MiniStack ignores partial failures of stream readers, so a change that a function could
not process would be lost. It also invokes all readers inside its one polling thread, so that a slow reader stops every
queue.
Rules, for each event source mapping:
- It has a thread and a position of its own, and one invocation at a time.
- After an answer with `batchItemFailures`, the next batch begins at the failed record with the lowest sequence number.
- After an error, or an answer that names no record of the batch, the whole batch comes again after a pause.
- A batch that fails for longer than `MaximumRecordAgeInSeconds` goes to the destination `OnFailure`.
Not imitated: the window, bisecting, parallel batches of a shard.
Source: AWS Lambda Developer Guide, "Configuring partial batch response with DynamoDB and Lambda", read 2026-11-29.
"""

import contextvars
import json
import threading
import time

PARTIAL = "ReportBatchItemFailures"
# The wait after a failure; Lambda's own begins short and grows.
PAUSE_SECONDS = 1.0


class Unreadable(Exception):
    """An answer that names no failed record in the form that Lambda wants. Lambda then repeats the whole batch."""


def first_failed(answer, batch):
    """The index of the first record of `batch` that the answer names, or None if all are processed."""
    body = answer.get("body")
    if isinstance(body, (str, bytes)):
        try:
            body = json.loads(body or "{}")
        except ValueError:
            raise Unreadable from None
    failures = (body or {}).get("batchItemFailures") if isinstance(body or {}, dict) else None
    if not failures:
        return None
    places = {record["dynamodb"]["SequenceNumber"]: place for place, record in enumerate(batch)}
    try:
        return min(places[failure["itemIdentifier"]] for failure in failures)
    except (KeyError, TypeError):
        raise Unreadable from None


def switch_on(functions, dynamodb, pause_seconds=PAUSE_SECONDS):
    """Replaces the polling of streams by one thread for each mapping, started at the next poll."""
    busy = set()
    lock = threading.Lock()

    def poll():
        started = False
        for account, region, esm in functions._iter_all_esms():
            with lock:
                if esm["UUID"] in busy:
                    continue
            # A context of its own: the account and the region of the thread must not leak into the others.
            context = contextvars.copy_context()
            context.run(functions._request_account_id.set, account)
            context.run(functions._request_region.set, region)
            task = context.run(next_batch, functions, dynamodb, esm)
            if task is None:
                continue
            started = True
            with lock:
                busy.add(esm["UUID"])
            threading.Thread(target=context.run, args=(work, esm, task), name="stream-reader", daemon=True).start()
        return started

    def work(esm, task):
        try:
            process(functions, dynamodb, esm, task, pause_seconds)
        except Exception as error:  # a thread that ends would stop the mapping for ever
            functions.logger.error("a stream reader of %s failed: %s", esm.get("FunctionName"), error)
            functions._esm_backoff_until[esm["UUID"]] = time.time() + pause_seconds
        finally:
            with lock:
                busy.discard(esm["UUID"])
            functions._esm_wake.set()

    functions._poll_dynamodb_streams = poll


def next_batch(functions, dynamodb, esm):
    """(function, table, position, records as read) of a mapping with new records; None if there is nothing to do."""
    source = esm.get("EventSourceArn", "")
    if not esm.get("Enabled", True) or ":dynamodb:" not in source or "/stream/" not in source:
        return None
    table = source.split("/stream/")[0].rsplit("/", 1)[-1]
    function, _ = functions._get_func_record_for_qualifier(esm["FunctionName"], esm.get("Qualifier"))
    found = dynamodb._tables.get(table)
    if function is None or not found or found.get("LatestStreamArn") != source:
        return None
    if functions._esm_backoff_until.get(esm["UUID"], 0) > time.time():
        return None
    horizon, end = dynamodb.stream_start_position(table), dynamodb.stream_end_position(table)
    positions = functions._dynamodb_stream_positions
    with functions._dynamodb_stream_positions_lock:
        if esm["UUID"] not in positions:
            positions[esm["UUID"]] = horizon if esm.get("StartingPosition") == "TRIM_HORIZON" else end
        # Expired records are gone.
        position = max(positions[esm["UUID"]], horizon)
        positions[esm["UUID"]] = position
    read = dynamodb.stream_records_since(table, position, esm.get("BatchSize", 100))
    return (function, table, position, read) if read else None


def process(functions, dynamodb, esm, task, pause_seconds):
    """Invokes the function with one batch, and moves the position of the mapping."""
    function, table, position, read = task
    batch = functions._apply_filter_criteria(read, esm)

    def move_to(place):
        with functions._dynamodb_stream_positions_lock:
            # A deleted mapping has no position any more.
            if esm["UUID"] in functions._dynamodb_stream_positions:
                functions._dynamodb_stream_positions[esm["UUID"]] = place

    def pause():
        functions._esm_backoff_until[esm["UUID"]] = time.time() + pause_seconds

    if not batch:
        move_to(position + len(read))
        return
    answer = functions._execute_function(function, {"Records": batch})
    failed, first = bool(answer.get("error")), None
    if not failed and PARTIAL in esm.get("FunctionResponseTypes", []):
        try:
            first = first_failed(answer, batch)
        except Unreadable:
            failed = True
    if failed or first is not None:
        esm["LastProcessingResult"] = "FAILED" if failed else f"OK - {first} of {len(batch)} records"
        functions.logger.warning(
            "ESM: Lambda %s %s of %s\n%s",
            esm["FunctionName"],
            "failed a batch" if failed else f"processed {first} of {len(batch)} records",
            table,
            answer.get("log", ""),
        )
        # Records before the first failed one are done, and so are the filtered ones between them.
        begin = position if failed else position + next(place for place, record in enumerate(read) if record is batch[first])
        rest = batch if failed else batch[first:]
        if is_too_old(esm, rest):
            functions._send_ddb_stream_failure_record(
                esm, function, rest, esm["EventSourceArn"], answer, "MaxRecordAgeExceeded"
            )
            move_to(position + len(read))
        else:
            move_to(begin)
            pause()
        return
    functions._esm_backoff_until.pop(esm["UUID"], None)
    move_to(position + len(read))
    esm["LastProcessingResult"] = f"OK - {len(batch)} records"
    if answer.get("log"):
        functions.logger.info("ESM: Lambda %s output:\n%s", esm["FunctionName"], answer["log"])


def is_too_old(esm, batch):
    """Whether the oldest record of a failed batch has passed the mapping's limit."""
    limit = int(esm.get("MaximumRecordAgeInSeconds") or -1)
    oldest = min(float(record["dynamodb"].get("ApproximateCreationDateTime", time.time())) for record in batch)
    return 0 < limit < time.time() - oldest
