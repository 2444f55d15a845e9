"""The deployer's policies: their length, and the calls that they allow."""

import dataclasses
import json
import re
import unittest
from fnmatch import fnmatchcase

import paths  # noqa: I001  (it comes first: it adds the folders of the others)
from target import POLICIES, Target, permissions

TARGET = Target("aws", "111122223333", "ap-southeast-1", "mailqueue")
TABLES = "arn:aws:dynamodb:ap-southeast-1:111122223333:table/"
# The quota of a managed policy, without white space.
LENGTH_MAX = 6144


def allows(policy, action, resource):
    """Whether a policy allows an action on a resource."""

    def listed(statement, name):
        found = statement[name]
        return [found] if isinstance(found, str) else found

    return any(
        any(fnmatchcase(action, each) for each in listed(statement, "Action"))
        and any(fnmatchcase(resource, each) for each in listed(statement, "Resource"))
        for statement in policy["Statement"]
    )


def action(service, command):
    """`dynamodb:UpdateTable` from `dynamodb` and `update-table` or `update_table`."""
    return f"{service}:{''.join(word.capitalize() for word in re.split('[-_]', command))}"


class Policies(unittest.TestCase):
    def test_each_policy_fits_into_iam(self):
        longest = dataclasses.replace(TARGET, stack="m" * 51, adopted_table="t" * 255, adopted_secret_table="s" * 255, adopted_bucket="b" * 63)
        for name in POLICIES:
            text = json.dumps(permissions(TARGET, name), separators=(",", ":"))
            self.assertLessEqual(len(text), LENGTH_MAX, name)
            self.assertNotIn("$", text)
            actions = [each for statement in permissions(TARGET, name)["Statement"] for each in statement["Action"]]
            self.assertFalse([each for each in actions if each.endswith(":*")], "no statement allows a whole service")
        self.assertLessEqual(len(json.dumps(permissions(longest, "restore"), separators=(",", ":"))), LENGTH_MAX)

    def test_the_policy_names_the_stacks_resources(self):
        text = json.dumps(permissions(TARGET))
        self.assertIn("arn:aws:sqs:ap-southeast-1:111122223333:mailqueue-*", text)
        self.assertIn("arn:aws:iam::111122223333:role/mailqueue-*", text)

    def test_the_policy_follows_the_path_of_the_roles(self):
        text = json.dumps(permissions(dataclasses.replace(TARGET, role_path="/mail/")))
        self.assertIn("arn:aws:iam::111122223333:role/mail/mailqueue-*", text)


class Restore(unittest.TestCase):
    POLICY = permissions(TARGET, "restore")
    # A name that follows the rule of the runbook.
    RESTORED = f"{TABLES}mailqueue-restored-20261124T0930"

    def test_each_call_of_reapply_is_allowed(self):
        source = (paths.DEPLOY / "reapply").read_text()
        calls = set(re.findall(r"\bclient\.(\w+?)(?=[(,])", source)) - {"get_paginator"}
        calls |= set(re.findall(r"get_paginator\(\"(\w+)\"\)", source))
        logs = {"filter_log_events"}
        self.assertTrue(logs | {"scan", "put_item", "update_item", "delete_item"} <= calls, calls)
        for call in calls - logs:
            self.assertTrue(allows(self.POLICY, action("dynamodb", call), self.RESTORED), call)
        self.assertTrue(allows(self.POLICY, "dynamodb:Query", f"{self.RESTORED}/index/by_tenant"))
        for function in ("access", "domains", "manage", "suppressions", "webhooks"):
            group = f"arn:aws:logs:ap-southeast-1:111122223333:log-group:/aws/lambda/mailqueue-{function}:*"
            self.assertTrue(allows(self.POLICY, "logs:FilterLogEvents", group), function)

    def test_each_command_of_the_runbook_is_allowed(self):
        document = (paths.ROOT / "docs" / "OPERATIONS.md").read_text()
        section = document.partition("### Restore the table")[2].partition("\n## Uninstall")[0]
        self.assertRegex(section, r"\bNEW=\"\$STACK-restored-")
        commands = set(re.findall(r"aws (dynamodb|lambda|events|cloudformation) ([a-z-]+)", section))
        self.assertIn(("dynamodb", "restore-table-to-point-in-time"), commands)
        resources = {
            "dynamodb": self.RESTORED,
            "lambda": "arn:aws:lambda:ap-southeast-1:111122223333:function:mailqueue-promote",
            "events": "arn:aws:events:ap-southeast-1:111122223333:rule/mailqueue-PromoteFunctionSchedule-1A2B",
            "cloudformation": "arn:aws:cloudformation:ap-southeast-1:111122223333:stack/mailqueue/1A2B",
        }
        for service, command in commands:
            # The CLI and IAM have the same names. `wait table-exists` describes the table.
            name = action(service, "describe-table" if command == "wait" else command)
            allowed = [allows(policy, name, resources[service]) for policy in (self.POLICY, permissions(TARGET))]
            self.assertTrue(any(allowed), f"{service} {command}")

    def test_the_switches_of_the_senders_are_allowed(self):
        for name in ("ListEventSourceMappings", "GetEventSourceMapping", "UpdateEventSourceMapping"):
            self.assertTrue(allows(self.POLICY, f"lambda:{name}", "*"), name)
        rule = "arn:aws:events:ap-southeast-1:111122223333:rule/mailqueue-PromoteFunctionSchedule-1A2B"
        for name in ("DisableRule", "EnableRule"):
            self.assertTrue(allows(self.POLICY, f"events:{name}", rule), name)

    def test_a_table_and_a_bucket_of_another_stack_are_named(self):
        adopting = dataclasses.replace(TARGET, adopted_table="old-Table-1A2B", adopted_bucket="old-bucket-3c4d")
        policy = permissions(adopting, "restore")
        self.assertTrue(allows(policy, "dynamodb:DescribeTable", f"{TABLES}old-Table-1A2B"))
        self.assertTrue(allows(policy, "s3:PutBucketPolicy", "arn:aws:s3:::old-bucket-3c4d"))
        self.assertFalse(allows(policy, "dynamodb:Scan", f"{TABLES}others"))
        self.assertFalse(allows(policy, "s3:PutBucketPolicy", "arn:aws:s3:::others"))


if __name__ == "__main__":
    unittest.main()
