"""The local readers of a table's stream lose no change, and one reader does not stop another."""

import json
import logging
import threading
import time
import unittest
from contextvars import ContextVar
from types import SimpleNamespace

import paths  # noqa: I001, F401  (it comes first: it adds the folders of the others)
import stream_readers

STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/emails/stream/2026-11-29T00:00:00.000"


def change(number, name="email", age=0.0):
    """A change of the table, as MiniStack keeps it."""
    keys = {"pk": {"S": f"main#{number}"}, "sk": {"S": name}}
    made = time.time() - age
    return {"dynamodb": {"SequenceNumber": f"{number:021d}", "Keys": keys, "ApproximateCreationDateTime": made}}


def numbers(records):
    return [int(record["dynamodb"]["SequenceNumber"]) for record in records]


class Emulator:
    """The parts of MiniStack that a reader uses."""

    def __init__(self, records, answer, **settings):
        self.records, self.trimmed, self.answer, self.put_aside = records, 0, answer, []
        self.esms = [self.mapping("notify", **settings)]
        self.functions = SimpleNamespace(
            _iter_all_esms=lambda: [("000000000000", "us-east-1", esm) for esm in self.esms],
            _request_account_id=ContextVar("account"),
            _request_region=ContextVar("region"),
            _get_func_record_for_qualifier=lambda name, _: ({"name": name}, {}),
            _esm_backoff_until={},
            _dynamodb_stream_positions={},
            _dynamodb_stream_positions_lock=threading.Lock(),
            _apply_filter_criteria=lambda batch, esm: [each for each in batch if self.passes(each, esm)],
            _execute_function=lambda function, event: self.answer(function["name"], event["Records"]),
            _send_ddb_stream_failure_record=lambda *arguments: self.put_aside.append(numbers(arguments[2])),
            _esm_wake=threading.Event(),
            logger=logging.getLogger("test"),
        )
        self.functions.logger.disabled = True
        self.dynamodb = SimpleNamespace(
            _tables={"emails": {"LatestStreamArn": STREAM}},
            stream_start_position=lambda _: self.trimmed,
            stream_end_position=lambda _: self.trimmed + len(self.records),
            stream_records_since=lambda _, at, limit: self.records[at - self.trimmed :][:limit],
        )
        stream_readers.switch_on(self.functions, self.dynamodb, pause_seconds=0)

    @staticmethod
    def mapping(name, **settings):
        return {
            "UUID": name,
            "FunctionName": name,
            "EventSourceArn": STREAM,
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": 3,
            "FunctionResponseTypes": [stream_readers.PARTIAL],
        } | settings

    @staticmethod
    def passes(record, esm):
        return record["dynamodb"]["Keys"]["sk"]["S"] in esm.get("wanted", ["email"])

    def at(self, name="notify"):
        return self.functions._dynamodb_stream_positions.get(name)

    def poll(self):
        """Polls once, and waits for the readers."""
        self.functions._poll_dynamodb_streams()
        self.wait_for(lambda: not [each for each in threading.enumerate() if each.name == "stream-reader"])

    def run(self, until, polls=50):
        for _ in range(polls):
            if until():
                return
            self.poll()
        raise AssertionError("the readers do not get on")

    @staticmethod
    def wait_for(condition):
        deadline = time.monotonic() + 5
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError("a reader does not end")
            time.sleep(0.001)


def failing(*sequence_numbers):
    return {"body": {"batchItemFailures": [{"itemIdentifier": f"{each:021d}"} for each in sequence_numbers]}}


class Readers(unittest.TestCase):
    def test_a_processed_batch_is_read_once(self):
        seen = []
        emulator = Emulator([change(n) for n in range(7)], lambda _, batch: seen.append(numbers(batch)) or {"body": {}})
        emulator.run(lambda: emulator.at() == 7)
        self.assertEqual(seen, [[0, 1, 2], [3, 4, 5], [6]])

    def test_a_partial_failure_goes_on_at_the_first_failed_change(self):
        seen = []

        def answer(_, batch):
            seen.append(numbers(batch))
            return failing(2, 1) if len(seen) == 1 else {"body": None}

        emulator = Emulator([change(n) for n in range(4)], answer)
        emulator.run(lambda: emulator.at() == 4)
        self.assertEqual(seen, [[0, 1, 2], [1, 2, 3]])

    def test_an_answer_in_text_is_read_too(self):
        seen = []

        def answer(_, batch):
            seen.append(numbers(batch))
            return {"body": json.dumps(failing(2)["body"])} if len(seen) == 1 else {"body": ""}

        emulator = Emulator([change(n) for n in range(3)], answer)
        emulator.run(lambda: emulator.at() == 3)
        self.assertEqual(seen, [[0, 1, 2], [2]])

    def test_filtered_changes_before_the_failed_one_stay_behind(self):
        seen = []

        def answer(_, batch):
            seen.append(numbers(batch))
            return failing(2) if len(seen) == 1 else {"body": {}}

        emulator = Emulator([change(0), change(1, "fact#1"), change(2), change(3, "fact#2")], answer)
        emulator.run(lambda: emulator.at() == 4)
        self.assertEqual(seen, [[0, 2], [2]])

    def test_an_unknown_change_in_the_answer_repeats_the_batch(self):
        for body in ({"batchItemFailures": [{"itemIdentifier": "9"}]}, {"batchItemFailures": [{}]}, "no JSON"):
            seen = []

            def answer(_, batch, body=body, seen=seen):
                seen.append(numbers(batch))
                return {"body": body} if len(seen) == 1 else {"body": {}}

            emulator = Emulator([change(n) for n in range(2)], answer)
            emulator.run(lambda emulator=emulator: emulator.at() == 2)
            self.assertEqual(seen, [[0, 1], [0, 1]])

    def test_an_error_repeats_the_batch(self):
        seen = []

        def answer(_, batch):
            seen.append(numbers(batch))
            return {"error": True, "body": {}} if len(seen) < 3 else {"body": {}}

        emulator = Emulator([change(n) for n in range(2)], answer)
        emulator.run(lambda: emulator.at() == 2)
        self.assertEqual(seen, [[0, 1]] * 3)

    def test_without_the_setting_a_named_failure_is_ignored(self):
        emulator = Emulator([change(0)], lambda *_: failing(0), FunctionResponseTypes=[])
        emulator.run(lambda: emulator.at() == 1)

    def test_a_change_that_is_too_old_is_put_aside(self):
        old = [change(n, age=100) for n in range(3)]
        emulator = Emulator(old, lambda *_: failing(1), MaximumRecordAgeInSeconds=60)
        emulator.run(lambda: emulator.at() == 3)
        self.assertEqual(emulator.put_aside, [[1, 2]])

    def test_a_slow_reader_does_not_stop_another(self):
        released, told = threading.Event(), []

        def answer(name, batch):
            if name == "tally":
                released.wait(5)
            else:
                told.extend(numbers(batch))
            return {"body": {}}

        emulator = Emulator([change(n) for n in range(5)], answer)
        emulator.esms.append(emulator.mapping("tally"))
        try:
            emulator.functions._poll_dynamodb_streams()
            Emulator.wait_for(lambda: len(told) == 3)
            Emulator.wait_for(lambda: emulator.functions._poll_dynamodb_streams() or len(told) == 5)
            Emulator.wait_for(lambda: len(told) == 5)
            self.assertEqual(emulator.at("tally"), 0)
        finally:
            released.set()
        emulator.run(lambda: emulator.at("tally") == 5 and emulator.at() == 5)

    def test_a_mapping_has_one_invocation_at_a_time(self):
        running, most = [], []

        def answer(*_):
            running.append(1)
            most.append(len(running))
            time.sleep(0.01)
            running.pop()
            return {"body": {}}

        emulator = Emulator([change(n) for n in range(9)], answer)
        deadline = time.monotonic() + 5
        while emulator.at() != 9 and time.monotonic() < deadline:
            emulator.functions._poll_dynamodb_streams()
        self.assertEqual((emulator.at(), max(most)), (9, 1))

    def test_an_exception_of_the_emulator_keeps_the_reader(self):
        seen = []

        def answer(_, batch):
            seen.append(numbers(batch))
            if len(seen) == 1:
                raise OSError("the worker is gone")
            return {"body": {}}

        emulator = Emulator([change(0)], answer)
        emulator.run(lambda: emulator.at() == 1)
        self.assertEqual(seen, [[0], [0]])

    def test_expired_changes_are_passed_over(self):
        seen = []
        emulator = Emulator([change(n) for n in range(5, 7)], lambda _, batch: seen.append(numbers(batch)) or {"body": {}})
        emulator.trimmed = 5
        emulator.functions._dynamodb_stream_positions["notify"] = 2
        emulator.run(lambda: emulator.at() == 7)
        self.assertEqual(seen, [[5, 6]])


if __name__ == "__main__":
    unittest.main()
