"""Each problem of a running deployment is found, and has its remedy."""

import dataclasses
import datetime
import re
import socket
import struct
import threading
import types
import unittest

import paths  # noqa: F401  (it comes first: it finds the others)
import dns
import examination
import hooks
from contents import Contents
import template as templates
from health import Alarm, Health, KeptTable, SenderIdentity, findings, healthy
from suppression import SuppressionList

TEMPLATE = templates.load(paths.ROOT / "template.yaml")
NOW = datetime.datetime(2026, 11, 29, 12, tzinfo=datetime.UTC)
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alarms"
IDENTITY = SenderIdentity("example.com", True, True, "bounce.example.com", True)
TABLE = {
    "TableName": "emails",
    "GlobalSecondaryIndexes": [{"IndexName": "due"}, {"IndexName": "by_tenant"}],
    "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
    "DeletionProtectionEnabled": True,
}


# Without a stream, which would show the secrets.
SECRETS = KeptTable({"TableName": "secrets", "DeletionProtectionEnabled": True}, "ttl", True)
STREAMING = SECRETS.description | {"StreamSpecification": {"StreamEnabled": True}}


def with_only(index):
    """The table with this index only."""
    return TABLE | {"GlobalSecondaryIndexes": [{"IndexName": index}]}


def account(**changes):
    good = {
        "unfinished": {"scheduled": 2, "queued": 0, "sending": 0, "retry": 0, "held": 0},
        "ses": {"rate_per_second": 14.0, "daily_quota": 50_000, "sent_last_24_hours": 10, "sandbox": False, "sending_enabled": True},
        "breaker": {"state": "closed", "cause": None, "advice": None, "next_probe_at": None},
        "feedback": {"newest_event_at": "2026-11-29T11:59:59.000Z", "lag_seconds": 1},
        "waiting_since": {"high": None, "normal": None, "low": None},
        "table_throttles_last_hour": 0,
    }
    return good | changes


def ses(**changes):
    return account(ses=account()["ses"] | changes)


def health(**changes):
    good = Health(
        region="eu-west-1",
        now=NOW,
        account=account(),
        skew_secs=0.2,
        identity=IDENTITY,
        dmarc=["v=DMARC1; p=none"],
        alarms=[Alarm("mailqueue-SendingStopsAlarm-ABC123", "OK", (TOPIC,))],
        deaf_topics=[],
        oldest_due_secs=12.0,
        hooks_late_secs=4.0,
        hooks_left_over=0,
        suppression=SuppressionList("mailqueue", ()),
        table=KeptTable(TABLE, "ttl", True),
        secret_table=SECRETS,
        contents=Contents("large", 20),
        delivered_after_secs=3.0,
    )
    return dataclasses.replace(good, **changes)


def found(**changes):
    return findings(health(**changes))


class Findings(unittest.TestCase):
    def test_a_healthy_deployment_has_no_finding(self):
        self.assertEqual(found(), [])
        said = " ".join(healthy(health()))
        for words in ("3.0 s", "14.0 recipients", "No breaker", "2 scheduled", "DKIM", "DMARC", "alarms", "throttle", "clocks", "list is off", "indexes", "20 of 20", "longer than 12 s", "longer than 4 s, and none is left over"):
            self.assertIn(words, said)

    def test_each_problem_has_its_remedy(self):
        breaker = {"state": "open", "cause": "quota_exceeded", "advice": "Ask AWS.", "next_probe_at": "x"}
        for changes, problem, remedy, blocking in (
            ({"account": ses(sandbox=True)}, "in the sandbox", "put-account-details", False),
            ({"account": ses(sending_enabled=False)}, "stopped the sending", "--sending-enabled", True),
            ({"account": ses(sent_last_24_hours=40_000)}, "40000 of 50000", "higher quota", False),
            ({"account": ses(sent_last_24_hours=50_000)}, "50000 of 50000", "higher quota", True),
            ({"account": account(ses=None)}, "did not report", "reports", False),
            ({"account": account(breaker=breaker)}, "because of quota_exceeded", "Ask AWS.", True),
            (
                {"account": account(feedback={"newest_event_at": None, "lag_seconds": 700})},
                "700 s late",
                "FeedbackAgeAlarm",
                True,
            ),
            (
                {"account": account(waiting_since={"high": None, "normal": None, "low": "2026-11-29T11:00:00.000Z"})},
                "low-priority queue",
                "concurrency",
                False,
            ),
            ({"oldest_due_secs": 3000.0}, "due for 50 min", "OldestDueAlarm", False),
            ({"hooks_late_secs": 3000.0}, "webhook has been due for 50 min", "PromoteMissingAlarm", False),
            ({"hooks_left_over": 3}, "3 messages about events", "HookLeftoverAlarm", False),
            ({"skew_secs": 7.0}, "7 s ahead of", "NTP", False),
            ({"skew_secs": -7.0}, "7 s behind", "NTP", False),
            ({"identity": dataclasses.replace(IDENTITY, verified=False)}, "not verified", "get-email-identity", True),
            ({"identity": dataclasses.replace(IDENTITY, dkim=False)}, "no working DKIM", "CNAME", False),
            ({"identity": dataclasses.replace(IDENTITY, mail_from=None)}, "no MAIL FROM", "bounce.example.com", False),
            ({"identity": dataclasses.replace(IDENTITY, mail_from_works=False)}, "does not work", "MX and TXT", False),
            ({"dmarc": ["v=spf1 -all"]}, "no DMARC", "_dmarc.example.com", False),
            ({"alarms": [Alarm("mailqueue-SendingStopsAlarm-A1", "ALARM", (TOPIC,))]}, "is raised", "SendingStopsAlarm", True),
            ({"alarms": [Alarm("mailqueue-SendingStopsAlarm-A1", "OK", ())]}, "notify nobody", "AlarmTopicArn", False),
            ({"alarms": []}, "no alarms", "Deploy it again", True),
            ({"deaf_topics": [TOPIC]}, "no confirmed subscription", "sns subscribe", False),
            ({"suppression": SuppressionList("mailqueue", None)}, "account's suppression list applies", "--suppressed-reasons", True),
            ({"table": KeptTable(with_only("by_tenant"), "ttl", True)}, "no index due. No late", "Restore it again", True),
            ({"table": KeptTable(with_only("due"), "ttl", True)}, "no index by_tenant. No list", "Restore it again", True),
            ({"table": KeptTable(TABLE | {"StreamSpecification": {}}, "ttl", True)}, "no stream", "LatestStreamArn", True),
            ({"table": KeptTable(TABLE, None, True)}, "never deletes old", "update-time-to-live", False),
            ({"table": KeptTable(TABLE, "ttl", False)}, "cannot be restored", "update-continuous-backups", False),
            ({"table": KeptTable(TABLE | {"DeletionProtectionEnabled": False}, "ttl", True)}, "not protected", "--deletion-protection-enabled", False),
            ({"secret_table": dataclasses.replace(SECRETS, ttl=None)}, "secrets never deletes", "update-time-to-live", False),
            ({"secret_table": KeptTable(STREAMING, "ttl", True)}, "secrets has a stream", "StreamEnabled=false", True),
            ({"contents": Contents("large", 20, 20)}, "lacks 20 of 20", "copy its objects", True),
            ({"contents": Contents("large", 20, 1)}, "body_missing", "ExistingBucketName", False),
            ({"contents": Contents("large", exists=False)}, "large does not exist", "ExistingBucketName", True),
            ({"account": account(table_throttles_last_hour=3)}, "an index 3 times", "TableThrottlesAlarm", False),
            ({"account": account(table_throttles_last_hour=None)}, "CloudWatch did not report", "reports", False),
            ({"email_trouble": ("It was not delivered.", "Look.")}, "not delivered", "Look.", True),
            ({"unread": {"sns:X": "denied"}}, "sns:X failed: denied", "credentials", False),
        ):
            with self.subTest(problem=problem):
                (finding,) = found(**changes)
                self.assertIn(problem, finding.problem)
                self.assertIn(remedy, finding.remedy)
                self.assertEqual(finding.blocking, blocking)

    def test_everything_is_said_at_once_and_problems_first(self):
        throttled = ses(sandbox=True, sending_enabled=False) | {"table_throttles_last_hour": 1}
        all_found = found(account=throttled, skew_secs=9.0, alarms=[])
        self.assertEqual([finding.blocking for finding in all_found], [True, True, False, False, False])

    def test_an_unknown_fact_is_no_finding_and_not_healthy(self):
        unknown = Health(region=None, now=NOW)
        self.assertEqual(findings(unknown), [])
        self.assertEqual(list(healthy(unknown)), [])

    def test_a_lag_without_a_delivered_email_is_no_finding(self):
        late = account(feedback={"newest_event_at": None, "lag_seconds": 700})
        self.assertEqual(found(account=late, delivered_after_secs=None), [])

    def test_an_address_needs_no_dns(self):
        address = SenderIdentity("a@example.com", True, False, None, False)
        self.assertEqual(found(identity=address, dmarc=[]), [])


def queue_clients(messages):
    """CloudFormation, and SQS with so many messages in the queue that it names."""

    def described(StackName, LogicalResourceId):
        return {"StackResources": [{"PhysicalResourceId": f"https://sqs/{StackName}-{LogicalResourceId}-1"}]}

    def attributes(QueueUrl, AttributeNames):
        number = messages if QueueUrl == "https://sqs/mail-HookLeftoverQueue-1" else 0
        return {"Attributes": {name: str(number) for name in AttributeNames}}

    return {
        "cloudformation": types.SimpleNamespace(describe_stack_resources=described),
        "sqs": types.SimpleNamespace(get_queue_attributes=attributes),
    }


class Hooks(unittest.TestCase):
    """The events of webhooks."""

    def late_secs(self, *due):
        """The delay, with these sort keys in the partitions of the index."""
        left = dict(zip(hooks.PARTITIONS, due, strict=False))

        def query(TableName, IndexName, ExpressionAttributeValues, **_):
            self.assertEqual((TableName, IndexName), ("emails", "due"))
            found = left.get(ExpressionAttributeValues[":partition"]["S"])
            return {"Items": [{"due_sk": {"S": found}}] if found else []}

        return hooks.late_secs(types.SimpleNamespace(query=query), "emails", NOW)

    def test_the_oldest_due_delivery_of_all_partitions_counts(self):
        key = lambda secs: f"{int((NOW.timestamp() - secs) * 1000):015}#webhook#msg_1"  # noqa: E731
        self.assertEqual(self.late_secs(), 0)
        self.assertEqual(self.late_secs(key(-60)), 0)
        self.assertEqual(self.late_secs(key(5), None, key(2000), key(-9)), 2000)

    def test_the_leftover_queue_of_the_stack_is_asked(self):
        clients = queue_clients(7)
        self.assertEqual(hooks.left_over(clients["cloudformation"], clients["sqs"], "mail"), 7)
        self.assertEqual(TEMPLATE["Resources"][hooks.QUEUE]["Type"], "AWS::SQS::Queue")

    def test_an_unread_queue_is_no_healthy_one(self):
        said = " ".join(healthy(health(hooks_left_over=None)))
        self.assertNotIn("left over", said)
        self.assertEqual(found(hooks_late_secs=None, hooks_left_over=None), [])


class OldestDue(unittest.TestCase):
    """The figure comes from promote, through the metric of its log line."""

    def read(self, *maxima):
        asked = []

        class CloudWatch:
            def get_metric_statistics(self, **request):
                asked.append(request)
                found = maxima if request["MetricName"] == "OldestDueSeconds" else ()
                return {"Datapoints": [{"Maximum": each} for each in found]}

            def get_paginator(self, _):
                return types.SimpleNamespace(paginate=lambda **_: [])

        looked = health(oldest_due_secs=None)
        suppressed = types.SimpleNamespace(get_configuration_set=lambda **_: {"SuppressionOptions": {"SuppressedReasons": []}})
        clients = {"cloudwatch": CloudWatch(), "sesv2": suppressed, **queue_clients(0)}
        examination.read_aws(looked, types.SimpleNamespace(client=clients.get), "mail", None, None)
        return looked, asked[0]

    def test_the_longest_delay_is_read(self):
        looked, asked = self.read(3.0, 50.0, 4.0)
        self.assertEqual(looked.oldest_due_secs, 50.0)
        self.assertGreaterEqual(asked["EndTime"] - asked["StartTime"], datetime.timedelta(minutes=15))
        filters = [each["Properties"] for each in TEMPLATE["Resources"].values() if each["Type"] == "AWS::Logs::MetricFilter"]
        names = {each["MetricTransformations"][0]["MetricName"] for each in filters}
        self.assertIn(asked["MetricName"], names)
        self.assertEqual(asked["Namespace"], "mailqueue/mail")

    def test_a_silent_promote_is_reported(self):
        looked, _ = self.read()
        self.assertIn("the look at the oldest due email", looked.unread)


class Remedies(unittest.TestCase):
    def test_each_named_alarm_is_in_the_template(self):
        alarms = {name for name, each in TEMPLATE["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"}
        sources = "".join(path.read_text() for path in paths.DEPLOY.glob("*.py"))
        self.assertEqual(set(re.findall(r"\b[A-Z]\w+Alarm\b", sources)) - alarms, set())


class Api:
    """The API with fixed answers by path."""

    def __init__(self, answers):
        self.answers = answers

    def ask(self, method, path, body=None, headers=None):
        return (*self.answers.get(path, (404, {})), {})


class Domain(unittest.TestCase):
    def shown(self, status="verified", in_dns="found", verified="now"):
        keys = [{"type": "CNAME", "host": f"{key}._domainkey.example.com", "status": status} for key in "abc"]
        mail_from = {"type": "MX", "host": "send.example.com", "status": status}
        dmarc = {"dns": {"status": in_dns, "found": ["v=DMARC1; p=none"] if in_dns == "found" else []}}
        return {"name": "example.com", "verified": verified, "records": [*keys, mail_from], "dmarc": dmarc}

    def read(self, shown, sender="ann@example.com"):
        listed = {"data": [{"id": "1", "name": "example.com"}]}
        looked = health(identity=None, dmarc=None)
        api = Api({"/domains?limit=100": (200, listed), "/domains/1": (200, shown)})
        return examination.read_domain(looked, api, sender), looked

    def test_a_registered_domain_is_read_from_the_api(self):
        known, looked = self.read(self.shown())
        self.assertTrue(known)
        self.assertEqual(looked.identity, SenderIdentity("example.com", True, True, "send.example.com", True))
        self.assertEqual(findings(looked), [])

    def test_a_lost_domain_and_a_silent_dns_are_reported(self):
        _, looked = self.read(self.shown("pending", "unknown", "lost"))
        self.assertEqual(looked.identity, SenderIdentity("example.com", False, False, "send.example.com", False))
        self.assertIn("the DNS query for DMARC", looked.unread)
        _, looked = self.read(self.shown(in_dns="missing"))
        self.assertEqual(looked.dmarc, [])

    def test_an_unregistered_domain_is_left_to_ses(self):
        known, looked = self.read(self.shown(), "ann@example.org")
        self.assertEqual((known, looked.identity), (False, None))
        self.assertFalse(examination.read_domain(looked, Api({}), "ann@example.com"))


class FakeDns(threading.Thread):
    """A DNS server on 127.0.0.1 for one query. `answer` makes the response from the query."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self.answer, self.socket = answer, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        query, caller = self.socket.recvfrom(512)
        self.socket.sendto(self.answer(query), caller)
        self.socket.close()


def response(query, records, flags=0x8180, number=None):
    """A response whose records have the name of the question as a pointer."""
    first = struct.unpack_from("!H", query)[0] if number is None else number
    head = struct.pack("!6H", first, flags, 1, len(records), 0, 0)
    body = b"".join(struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data for kind, data in records)
    return head + query[12:] + body


class Dns(unittest.TestCase):
    def asked(self, answer):
        return dns.texts("_dmarc.example.com", "127.0.0.1", FakeDns(answer).port)

    def test_texts_are_read_and_joined(self):
        records = [(5, b"\x01a\x00"), (16, b"\x09v=DMARC1;\x07 p=none"), (16, b"\x05other")]
        self.assertEqual(self.asked(lambda query: response(query, records)), ["v=DMARC1; p=none", "other"])
        self.assertIn(b"\x06_dmarc\x07example\x03com\x00", dns.question(1, "_dmarc.example.com"))

    def test_a_missing_name_has_no_texts(self):
        self.assertEqual(self.asked(lambda query: response(query, [], 0x8183)), [])

    def test_a_bad_response_is_unknown(self):
        for answer in (
            lambda query: response(query, [], 0x8182),
            lambda query: response(query, [], 0x8380),
            lambda query: response(query, [], number=struct.unpack_from("!H", query)[0] ^ 1),
            lambda query: query[:5],
            lambda query: response(query, [(16, b"")])[:-4],
        ):
            self.assertIsNone(self.asked(answer))
        self.assertIsNone(dns.texts("example.com", "127.0.0.1", 1))


if __name__ == "__main__":
    unittest.main()
