"""A restored table gets what it lacks from the earlier one, or from the audit log."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import types
import unittest

import paths
from botocore.exceptions import ClientError
from reapplication import for_a_person, is_lost, kind_of, step, tombstone
from stack import Trouble


def script():
    """The script itself, which has no extension."""
    loader = importlib.machinery.SourceFileLoader("reapply", str(paths.DEPLOY / "reapply"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("reapply", loader))
    loader.exec_module(module)
    return module


REAPPLY = script()


def item(pk, sk, **attributes):
    typed = {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in attributes.items()}
    return {"pk": {"S": pk}, "sk": {"S": sk}} | typed


def email(status, claims=0, name="1", **more):
    return item(f"main#{name}", "email", v=1, b=1000, s=status, c=claims, n=1000, x=9000, h="abc", **more)


FLAG = {"m": {"BOOL": True}}
QUEUED, SENT, CANCELED = email("queued"), email("sent", 1), email("canceled")
ERASED = item("main#1", "email", v=1, er="abc", ttl=9)
KEY = item("key:k", "key", tenant="main", name="shop", tenant_shard="main#keys", created_sk="1")
REVOKED = item("key:k", "key", tenant="main", name="shop", revoked_at=5, revoked_by="deployer")
MARKS = {"pk": {"S": "main#suppressed"}, "sk": {"S": "marks"}}


class Fake:
    """DynamoDB and the logs, as far as the script calls them."""

    def __init__(self, *events, **tables):
        self.tables = {name: {self.key(each): each for each in items} for name, items in tables.items()}
        self.events, self.writes = events, 0

    @staticmethod
    def key(item):
        return item["pk"]["S"], item["sk"]["S"]

    def get_paginator(self, call):
        return types.SimpleNamespace(paginate=getattr(self, call))

    def scan(self, TableName, **_):  # noqa: N803 (the name of AWS)
        return [{"Items": list(self.tables[TableName].values())}]

    def query(self, TableName, ExpressionAttributeValues, **_):  # noqa: N803
        pk = ExpressionAttributeValues[":pk"]["S"]
        found = [each for each in self.tables[TableName].values() if each["pk"]["S"] == pk and each["sk"]["S"].startswith("body#")]
        return [{"Items": found}]

    def filter_log_events(self, logGroupName, **_):  # noqa: N803
        name = logGroupName.rpartition("-")[2]
        return [{"events": [{"timestamp": 5000, "message": json.dumps(line)} for group, line in self.events if group == name]}]

    def batch_get_item(self, RequestItems):  # noqa: N803
        ((table, request),) = RequestItems.items()
        found = [self.tables[table].get(self.key(key)) for key in request["Keys"]]
        return {"Responses": {table: [each for each in found if each]}}

    def put_item(self, TableName, Item, ConditionExpression="", **values):  # noqa: N803
        there = self.tables[TableName].get(self.key(Item))
        wanted = values.get("ExpressionAttributeValues", {})
        changed = any((there or {}).get(name[1:]) != value for name, value in wanted.items())
        if changed or (there and "not_exists" in ConditionExpression):
            raise ClientError({"Error": {"Code": REAPPLY.LOST}}, "PutItem")
        self.tables[TableName][self.key(Item)] = Item
        self.writes += 1

    def update_item(self, TableName, Key, UpdateExpression, ExpressionAttributeValues, **_):  # noqa: N803
        there = self.tables[TableName].get(self.key(Key))
        if UpdateExpression.startswith("SET revoked_at"):
            if there is None or "revoked_at" in there:
                raise ClientError({"Error": {"Code": REAPPLY.LOST}}, "UpdateItem")
            there["revoked_at"] = ExpressionAttributeValues[":at"]
            del there["tenant_shard"], there["created_sk"]
        else:
            self.tables[TableName][self.key(Key)] = Key | {"m": ExpressionAttributeValues[":m"]}
        self.writes += 1

    def delete_item(self, TableName, Key):  # noqa: N803
        del self.tables[TableName][self.key(Key)]


def run(fake, **changes):
    """Runs the script; returns its exit code and its output."""
    options = dict(old="old", new="new", since="2026-11-24T09:30:00Z", only=None, dry_run=False, stack="mailqueue", retention_days=30)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        session = types.SimpleNamespace(client=lambda _: fake)
        code = REAPPLY.carry_out(types.SimpleNamespace(**options | changes), session)
    return code, out.getvalue()


class Steps(unittest.TestCase):
    def test_each_later_item_is_copied(self):
        for old, new in [
            (SENT, QUEUED),
            (CANCELED, QUEUED),
            (ERASED, SENT),
            (REVOKED, KEY),
            (KEY, None),
            (item("acme#tenant", "tenant", no=2, suspended="x"), item("acme#tenant", "tenant", no=1)),
            (item("main#queues", "queue#news", no=5), item("main#queues", "queue#news", no=4)),
            (item("main#suppressed#a", "suppression", a="x", b=7), item("main#suppressed#a", "suppression", released_at=6)),
            (item("main#suppressed#a", "suppression", released_at=8), item("main#suppressed#a", "suppression", a="x", b=7)),
            (item("main#idem-abc", "batch", h="abc"), None),
            (item("main#1", "body#abc", z="text"), None),
        ]:
            found = step(old, new)
            self.assertEqual((found.put, found.over, found.kind), (old, new, kind_of(old)))

    def test_nothing_earlier_is_copied(self):
        for old, new in [
            (QUEUED, QUEUED),
            (QUEUED, SENT),
            (QUEUED, ERASED),
            (email("queued", 1), email("uncertain", 2)),
            (KEY, REVOKED),
            (KEY | {"last_used_at": {"N": "9"}}, KEY),
            (item("acme#tenant", "tenant", no=1), item("acme#tenant", "tenant", no=2)),
            (item("main#queues", "job#news#1", no=9), item("main#queues", "job#news#1", no=9, done="x")),
            (item("tally:main", "2026"), None),
            (item("main#allowance", "daily#1"), None),
            (item("account#pace", "account#pace"), None),
            (MARKS | {"m": {"BS": [b"a"]}}, MARKS | {"m": {"BS": [b"a", b"b"]}}),
            (MARKS | {"m": {"BS": [b"a"]}}, MARKS | {"too_many": {"BOOL": True}}),
        ]:
            self.assertIsNone(step(old, new), old)

    def test_a_flag_of_a_waiting_email_stays(self):
        self.assertEqual(step(email("queued", 1), QUEUED | FLAG).put, email("queued", 1) | FLAG)
        self.assertEqual(step(SENT, QUEUED | FLAG).put, SENT)


class Copies(unittest.TestCase):
    def test_a_table_is_copied_once(self):
        fake = Fake(
            old=[SENT, REVOKED, MARKS | {"m": {"BS": [b"a"]}}, email("queued", name="2"), item("main#2", "body#abc", z="x")],
            new=[QUEUED, KEY],
        )
        code, out = run(fake)
        self.assertEqual((code, fake.tables["new"]), (0, fake.tables["old"]))
        self.assertIn("3 copied: emails", out)
        written = fake.writes
        self.assertIn("0 copied: emails", run(fake)[1])
        self.assertEqual(fake.writes, written)

    def test_an_erasure_deletes_the_contents(self):
        fake = Fake(old=[ERASED], new=[SENT, item("main#1", "body#abc", z="x")])
        run(fake)
        self.assertEqual(list(fake.tables["new"].values()), [ERASED])

    def test_a_dry_run_writes_nothing(self):
        fake = Fake(old=[SENT], new=[QUEUED])
        self.assertIn("1 would be copied: emails", run(fake, dry_run=True)[1])
        self.assertEqual(fake.writes, 0)

    def test_only_the_named_kinds_are_copied(self):
        fake = Fake(old=[SENT, REVOKED], new=[QUEUED, KEY])
        run(fake, only=["keys"])
        self.assertEqual(list(fake.tables["new"].values()), [QUEUED, REVOKED])

    def test_an_item_that_changed_meanwhile_stays(self):
        fake = Fake(old=[SENT], new=[QUEUED])
        read = fake.batch_get_item

        def late(RequestItems):  # noqa: N803
            answer = read(RequestItems)
            fake.tables["new"]["main#1", "email"] = email("uncertain", 3)
            return answer

        fake.batch_get_item = late
        code, out = run(fake)
        self.assertEqual((code, fake.writes), (1, 0))
        self.assertIn("1 items changed meanwhile", out)

    def test_bad_arguments_are_refused(self):
        with self.assertRaisesRegex(Trouble, "the same table"):
            run(Fake(), old="new")
        with self.assertRaisesRegex(Trouble, "is not a time"):
            run(Fake(), since="yesterday")


class AuditLog(unittest.TestCase):
    def test_the_log_repeats_revocations_and_erasures(self):
        line = {"status": 200, "key": "deployer", "tenant": "main"}
        fake = Fake(
            ("access", line | {"route": "revoke_api_key", "object": "k"}),
            ("access", line | {"route": "change_tenant", "object": "acme"}),
            ("access", line | {"route": "revoke_api_key", "object": "gone"}),
            ("manage", line | {"route": "erase_email", "object": "1"}),
            ("manage", line | {"route": "cancel_email", "object": "2", "status": 409}),
            ("manage", line | {"route": "get_email", "object": "2"}),
            new=[dict(KEY), SENT, item("main#1", "body#abc", z="x")],
        )
        code, out = run(fake, old=None)
        self.assertEqual(code, 1, "a person has to repeat the rest")
        self.assertEqual(fake.tables["new"]["key:k", "key"]["revoked_at"], {"N": "5000"})
        self.assertEqual(fake.tables["new"]["main#1", "email"], tombstone(SENT, 30))
        self.assertEqual(len(fake.tables["new"]), 2)
        self.assertIn("1970-01-01T00:00:05Z change_tenant of tenant main: acme (by deployer)", out)
        self.assertNotIn("cancel_email", out)

    def test_only_successful_commands_are_lost(self):
        self.assertTrue(is_lost({"route": "cancel_email", "status": 200}))
        self.assertFalse(is_lost({"route": "cancel_email", "status": 409}))
        self.assertFalse(is_lost({"route": "get_email", "status": 200}))
        line = {"time": "t", "route": "pause_queue", "object": "news", "key": "k"}
        self.assertEqual(for_a_person(line), "t pause_queue of tenant -: news (by k)")


if __name__ == "__main__":
    unittest.main()
