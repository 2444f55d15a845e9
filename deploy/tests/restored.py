"""A restored and an earlier table for the tests of deploy/reapply, and the script itself."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import types

import paths
from botocore.exceptions import ClientError


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
KEY = item("key:k", "key", tenant="main", name="shop", created_by="deployer", tenant_shard="main#keys", created_sk="1")
REVOKED = item("key:k", "key", tenant="main", name="shop", created_by="deployer", revoked_at=5, revoked_by="deployer")
MARKS = {"pk": {"S": "main#suppressed"}, "sk": {"S": "marks"}}


def key(id, made_by, **more):
    return item(f"key:{id}", "key", tenant="main", created_by=made_by, tenant_shard="main#keys", created_sk="1", **more)


class Fake:
    """DynamoDB and the logs, as far as the script calls them."""

    def __init__(self, *events, **tables):
        self.tables = {name: {self.key(each): each for each in items} for name, items in tables.items()}
        self.events, self.writes, self.groups = events, 0, []

    @staticmethod
    def key(item):
        return item["pk"]["S"], item["sk"]["S"]

    def get_paginator(self, call):
        return types.SimpleNamespace(paginate=getattr(self, call))

    def scan(self, TableName, **_):  # noqa: N803 (the name of AWS)
        return [{"Items": list(self.tables[TableName].values())}]

    def query(self, TableName, ExpressionAttributeValues, IndexName=None, **_):  # noqa: N803
        items = self.tables[TableName].values()
        if IndexName:
            shard = ExpressionAttributeValues[":shard"]
            return [{"Items": [each for each in items if each.get("tenant_shard") == shard]}]
        pk, beginning = ExpressionAttributeValues[":pk"], ExpressionAttributeValues.get(":beginning", {"S": ""})["S"]
        return [{"Items": [each for each in items if each["pk"] == pk and each["sk"]["S"].startswith(beginning)]}]

    def filter_log_events(self, logGroupName, **_):  # noqa: N803
        name = logGroupName.rpartition("-")[2]
        self.groups.append(name)
        return [{"events": [{"timestamp": 5000, "message": json.dumps(line)} for group, line in self.events if group == name]}]

    def batch_get_item(self, RequestItems):  # noqa: N803
        ((table, request),) = RequestItems.items()
        found = [self.tables[table].get(self.key(key)) for key in request["Keys"]]
        return {"Responses": {table: [each for each in found if each]}}

    def check(self, there, condition, values):
        changed = any((there or {}).get(name[1:]) != value for name, value in values.items())
        if changed or (there and "not_exists" in condition):
            raise ClientError({"Error": {"Code": REAPPLY.LOST}}, "PutItem")

    def put_item(self, TableName, Item, ConditionExpression="", **values):  # noqa: N803
        there = self.tables[TableName].get(self.key(Item))
        self.check(there, ConditionExpression, values.get("ExpressionAttributeValues", {}))
        self.tables[TableName][self.key(Item)] = Item
        self.writes += 1

    def update_registry(self, there, update, condition, values):
        if condition:
            before = {":no": values[":before"]} if ":before" in values else {}
            self.check(there, "" if before else condition, before)
        there |= {"no": values[":number"]} if ":number" in values else {}
        names, given = set(there.pop("names", {}).get("SS", [])), set(values.get(":names", {}).get("SS", []))
        names = names - given if update.startswith("DELETE") else names | given
        return there | ({"names": {"SS": sorted(names)}} if names else {})

    def update_item(self, TableName, Key, UpdateExpression, ExpressionAttributeValues, ConditionExpression="", **_):  # noqa: N803
        there = self.tables[TableName].get(self.key(Key))
        if Key["pk"]["S"] == "domains":
            there = dict(there) if there else dict(Key)
            self.tables[TableName][self.key(Key)] = self.update_registry(
                there, UpdateExpression, ConditionExpression if len(there) > 2 else "", ExpressionAttributeValues
            )
            self.writes += 1
            return
        if UpdateExpression.startswith("SET revoked_at"):
            if there is None or "revoked_at" in there:
                raise ClientError({"Error": {"Code": REAPPLY.LOST}}, "UpdateItem")
            there["revoked_at"] = ExpressionAttributeValues[":at"]
            del there["tenant_shard"], there["created_sk"]
        else:
            self.tables[TableName][self.key(Key)] = Key | {"m": ExpressionAttributeValues[":m"]}
        self.writes += 1

    def delete_item(self, TableName, Key, ConditionExpression="", **values):  # noqa: N803
        self.check(self.tables[TableName].get(self.key(Key)), ConditionExpression, values.get("ExpressionAttributeValues", {}))
        self.tables[TableName].pop(self.key(Key), None)
        self.writes += 1


def run(fake, **changes):
    """Runs the script; returns its exit code and its output."""
    options = dict(old="old", new="new", since="2026-11-24T09:30:00Z", only=None, dry_run=False, stack="mailqueue", retention_days=30)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        session = types.SimpleNamespace(client=lambda _: fake)
        code = REAPPLY.carry_out(types.SimpleNamespace(**options | changes), session)
    return code, out.getvalue()
