"""Each missing precondition is found, and has its remedy."""

import dataclasses
import unittest
from datetime import UTC, datetime

import paths  # noqa: F401
from contents import Contents
from preconditions import Facts, Identity, findings, sender

GOOD = Facts(
    stack="mailqueue",
    region="eu-west-1",
    account="111122223333",
    caller="arn:aws:iam::111122223333:user/ann",
    name_room=(51, "SuppressionsFunction"),
    concurrency=1000,
    reservable=900,
    production=True,
    sending=True,
    enforcement="HEALTHY",
    identities=[Identity("example.com", True)],
    denied=[],
    alarm_topic="arn:aws:sns:eu-west-1:111122223333:alarms",
)


def found(**changes):
    return findings(dataclasses.replace(GOOD, **changes))


STREAM = "arn:aws:dynamodb:eu-west-1:111122223333:table/old/stream/1"
TABLE = {
    "TableName": "old",
    "GlobalSecondaryIndexes": [{"IndexName": "due"}, {"IndexName": "by_tenant"}],
    "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
    "LatestStreamArn": STREAM,
}
# The facts about a complete table that the stack adopts.
ADOPTED = {"adopted": TABLE, "adopted_ttl": "ttl", "adopted_stream": STREAM}


class Preconditions(unittest.TestCase):
    def missing(self, words, remedy, blocking=True, **changes):
        (finding,) = found(**changes)
        self.assertIn(words, finding.problem)
        self.assertIn(remedy, finding.remedy)
        self.assertEqual(finding.blocking, blocking)

    def test_a_good_account_has_no_finding(self):
        self.assertEqual(found(), [])

    def test_a_missing_tool(self):
        self.missing("cargo is missing", "rustup", missing_tools={"cargo": "Install Rust from https://rustup.rs."})

    def test_another_endpoint_than_aws(self):
        self.missing("do not reach AWS", ".local/env", endpoint="http://127.0.0.1:4566")

    def test_a_long_stack_name(self):
        self.assertEqual(found(stack="m" * 51), [])
        self.missing("52 characters; the name of SuppressionsFunction allows 51", "--stack", stack="m" * 52)

    def test_the_names_of_the_caller_are_checked(self):
        self.assertEqual(found(code_bucket="b" * 63, role_path=f"/{'r' * 510}/"), [])
        for name in ("b" * 64, "Upper", "ab", "under_score"):
            self.missing("is not the name of a bucket", "--bucket", code_bucket=name)
        self.missing("RolePath has 513", "shorter", role_path=f"/{'r' * 511}/")

    def test_a_malformed_stack_name(self):
        for name in ("", "1st", "mail_queue", "mail queue"):
            self.missing("is not a stack name", "--stack", stack=name)

    def test_no_region(self):
        self.missing("No region", "--region", region=None)

    def test_no_credentials(self):
        self.missing("no credentials were found", "aws configure", account=None)
        expired = {"sts:GetCallerIdentity": "ExpiredToken"}
        self.missing("ExpiredToken", "aws sso login", account=None, unread=expired)

    def test_region_and_credentials_are_reported_together(self):
        self.assertEqual(len(found(account=None, region=None)), 2)

    def test_missing_permissions(self):
        self.missing("may not call sqs:CreateQueue", "--permissions", denied=["sqs:CreateQueue"])
        many = [f"sqs:Action{number}" for number in range(10)]
        self.missing("and 2 other actions", "--permissions", denied=many)

    def test_an_unreadable_fact_is_a_finding(self):
        self.missing("ses:GetAccount failed: denied", "--permissions", unread={"ses:GetAccount": "denied"})

    def test_permissions_that_nobody_can_check_are_a_note(self):
        unread = {"iam:SimulatePrincipalPolicy": "denied"}
        self.missing("iam:SimulatePrincipalPolicy", "--permissions", blocking=False, unread=unread, denied=None)

    def test_a_stack_that_needs_a_person(self):
        self.missing("UPDATE_ROLLBACK_FAILED", "continue-update-rollback", stack_status="UPDATE_ROLLBACK_FAILED")
        self.missing("DELETE_FAILED", "describe-stack-events", stack_status="DELETE_FAILED")

    def test_few_executions_are_a_note(self):
        few = {"concurrency": 10, "reservable": -90, "background": 12, "background_small": 8}
        self.missing("only 10 functions", "L-B99A9384 --desired-value 1000", blocking=False, **few)
        self.missing("take up to 12", "--profile small takes 8 at most", blocking=False, **few)
        (chosen,) = found(**few | {"background": 8})
        self.assertNotIn("--profile", chosen.remedy)
        (enough,) = found(**few | {"concurrency": 50, "reservable": -50})
        self.assertNotIn("--profile", enough.remedy)

    def test_executions_that_cannot_be_reserved_are_missing(self):
        self.assertEqual(found(reserved=900), [])
        self.missing("is 901, and Lambda can reserve 900", "EnqueueReservedConcurrency=0", reserved=901)
        self.assertTrue(found(reserved=1, reservable=-90, concurrency=10)[0].blocking)

    def test_the_sandbox_is_a_note(self):
        self.missing("in the sandbox in eu-west-1", "production access", blocking=False, production=False)

    def test_a_stopped_account(self):
        self.missing("stopped the sending", "put-account-sending-attributes", sending=False)
        self.missing("stopped the sending", "notice", enforcement="SHUTDOWN")

    def test_an_account_under_review_is_a_note(self):
        self.missing("under review", "notice", blocking=False, enforcement="PROBATION")

    def test_alarms_without_a_topic_are_a_note(self):
        self.missing("notify nobody", "AlarmTopicArn", blocking=False, alarm_topic="")

    def test_an_adopted_table_needs_its_indexes_and_its_stream(self):
        table, good = TABLE, ADOPTED
        self.assertEqual(found(**good), [])
        self.missing("no index by_tenant", "Restore", **good | {"adopted": table | {"GlobalSecondaryIndexes": [{"IndexName": "due"}]}})
        self.missing("not a stream of old", "--stream-specification", **good | {"adopted_stream": "another"})
        restored = {key: value for key, value in table.items() if not key.startswith(("Stream", "Latest"))}
        self.missing("not a stream of old", "LatestStreamArn", **good | {"adopted": restored})
        self.missing("never deletes", "update-time-to-live", blocking=False, **good | {"adopted_ttl": None})

    def test_an_adopted_table_of_secrets_has_no_stream(self):
        secrets = {"TableName": "secrets"}
        self.assertEqual(found(**ADOPTED, adopted_secrets=secrets), [])
        streaming = secrets | {"StreamSpecification": {"StreamEnabled": True}}
        self.missing("secrets has a stream", "StreamEnabled=false", adopted_secrets=streaming)
        self.missing("the table of emails", "SecretTableName", **ADOPTED, adopted_secrets=TABLE)

    def test_an_adopted_table_needs_its_contents(self):
        good = ADOPTED
        for complete in (Contents("large", looked=20), Contents("large"), Contents(None)):
            self.assertEqual(found(**good, contents=complete), [])
        self.missing("lacks 20 of 20", "ExistingBucketName", **good, contents=Contents("large", 20, 20))
        self.missing("lacks 1 of 20", "copy its objects", blocking=False, **good, contents=Contents("large", 20, 1))
        self.missing("a new stack has an empty one", "ExistingBucketName", **good, contents=Contents(None, 3, 3))
        self.missing("large does not exist", "ExistingBucketName", **good, contents=Contents("large", exists=False))
        self.missing("Nobody looked", "credentials", blocking=False, **good, contents_unread="denied")

    def test_a_restored_table_needs_its_epoch(self):
        stream = "arn:aws:dynamodb:eu-west-1:111122223333:table/new/stream/1"
        table = {
            "TableName": "new",
            "GlobalSecondaryIndexes": [{"IndexName": "due"}, {"IndexName": "by_tenant"}],
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            "LatestStreamArn": stream,
            "RestoreSummary": {"RestoreDateTime": datetime(2026, 11, 24, 9, 30, tzinfo=UTC)},
        }
        restored = {"adopted": table, "adopted_ttl": "ttl", "adopted_stream": stream}
        for epoch in ("", "2026-11-24T09:29:59Z"):
            self.missing("the emails of 2026-11-24T09:30:00Z", "RestoreEpoch=", **restored, restore_epoch=epoch)
        self.assertEqual(found(**restored, restore_epoch="2026-11-24T09:45:00Z"), [])

    def test_no_verified_identity(self):
        self.missing("no verified domain", "create-email-identity", identities=[])
        waiting = [Identity("example.org", False)]
        self.missing("Waiting for verification: example.org", "CNAME", identities=waiting)

    def test_another_from_domain(self):
        self.missing("FromDomain is example.net", "--email-identity example.net", from_domain="example.net")

    def test_everything_is_reported_at_once(self):
        every = found(stack="m" * 60, concurrency=10, production=False, sending=False, identities=[], denied=["a:B"])
        self.assertEqual([finding.blocking for finding in every], [True] * 4 + [False] * 2)


class Sender(unittest.TestCase):
    def test_a_domain_comes_before_an_address(self):
        identities = [Identity("ann@example.org", True), Identity("example.com", True)]
        self.assertEqual(sender(dataclasses.replace(GOOD, identities=identities)), "mailqueue@example.com")
        self.assertEqual(sender(dataclasses.replace(GOOD, identities=identities[:1])), "ann@example.org")

    def test_from_domain_decides(self):
        identities = [Identity("example.com", True), Identity("example.org", True)]
        self.assertEqual(
            sender(dataclasses.replace(GOOD, identities=identities, from_domain="Example.org")), "mailqueue@example.org"
        )

    def test_an_unverified_identity_sends_nothing(self):
        self.assertIsNone(sender(dataclasses.replace(GOOD, identities=[Identity("example.com", False)])))


if __name__ == "__main__":
    unittest.main()
