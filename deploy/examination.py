"""Reads the facts about a running deployment that `health` judges.

Role: called by `doctor`. Nothing is changed, except that one email goes to SES's mailbox simulator.
Invariant: a failed call is a fact, not an error, so that one run reports everything.
"""

import datetime
import email.utils
import time

import contents
import dns
import first_email
import hooks
import suppression
from botocore.exceptions import BotoCoreError, ClientError
from health import Alarm, KeptTable, SenderIdentity
from stack import Trouble


def read_account(health, api):
    """The state that the API shows, and the difference of the clocks."""
    began = time.time()
    status, answer, headers = api.ask("GET", "/account")
    middle = (began + time.time()) / 2
    if status != 200:
        raise Trouble(f"GET {api.url}/account answered {status}: {answer.get('message', answer)}\n{first_email.remedy(status)}")
    health.account = answer
    if date := headers.get("date"):
        # The header has whole seconds.
        health.skew_secs = middle - email.utils.parsedate_to_datetime(date).timestamp() - 0.5


def send_email(health, api, sender):
    """Follows one email to the simulator."""
    began = time.monotonic()
    try:
        first_email.check(api, api.must("GET", "/api-keys")["data"], sender)
        health.delivered_after_secs = time.monotonic() - began
    except Trouble as trouble:
        problem, _, remedy = str(trouble).partition("\n")
        health.email_trouble = (problem, remedy or "Read the log group of send.")


def read_aws(health, session, stack, table, bucket):
    """The facts that need credentials. `table` and `bucket`: their names, if they are known."""
    _read_alarms(health, session, stack)
    health.suppression = _read(health, "ses:GetConfigurationSet", lambda: suppression.read(session.client("sesv2"), stack))
    _read_oldest_due(health, session.client("cloudwatch"), stack)
    left_over = lambda: hooks.left_over(session.client("cloudformation"), session.client("sqs"), stack)  # noqa: E731
    health.hooks_left_over = _read(health, "the look at HookLeftoverQueue", left_over)
    if table:
        late = lambda: hooks.late_secs(session.client("dynamodb"), table, health.now)  # noqa: E731
        health.hooks_late_secs = _read(health, "the look at the oldest due delivery", late)
        health.table = _kept_table(health, session.client("dynamodb"), table)
    if table and bucket:
        look = lambda: contents.read(session.client("dynamodb"), session.client("s3"), table, bucket)  # noqa: E731
        health.contents = _read(health, "the look at the bucket", look)


# The tenant of the check's own email.
TENANT = {"x-mailqueue-tenant": "main"}


def read_domain(health, api, sender):
    """The state of the sender's domain, if it is registered in the API; returns whether it is."""
    domain = sender.rpartition("@")[2]
    status, answer, _ = api.ask("GET", "/domains?limit=100", headers=TENANT)
    id = next((each["id"] for each in answer.get("data", []) if each["name"] == domain), None) if status == 200 else None
    if id is None:
        return False
    status, shown, _ = api.ask("GET", f"/domains/{id}", headers=TENANT)
    if status != 200:
        return False
    health.identity, health.dmarc = identity_of(shown)
    if health.dmarc is None:
        health.unread["the DNS query for DMARC"] = "no answer came"
    return True


def identity_of(shown):
    """The identity and the DMARC texts in the API's answer about a domain."""
    mail_from = next((each for each in shown["records"] if each["type"] == "MX"), None)
    keys = [each["status"] for each in shown["records"] if each["type"] == "CNAME"]
    in_dns = shown["dmarc"].get("dns", {})
    identity = SenderIdentity(
        name=shown["name"],
        verified=shown["verified"] == "now",
        dkim=bool(keys) and set(keys) == {"verified"},
        mail_from=mail_from and mail_from["host"],
        mail_from_works=bool(mail_from) and mail_from["status"] == "verified",
    )
    return identity, None if in_dns.get("status", "unknown") == "unknown" else in_dns["found"]


def read_identity(health, session, sender, server=None, port=53):
    """The state of the sender's identity, and the DMARC record of its domain."""
    domain = sender.rpartition("@")[2]
    ses = session.client("sesv2")
    found = _read(health, "ses:GetEmailIdentity", lambda: _identity(ses, domain, sender))
    health.identity = found
    health.dmarc = dns.texts(f"_dmarc.{domain}", server, port)
    if health.dmarc is None:
        health.unread["the DNS query for DMARC"] = "no answer came"


def _identity(ses, domain, sender):
    try:
        name, found = domain, ses.get_email_identity(EmailIdentity=domain)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
        name, found = sender, ses.get_email_identity(EmailIdentity=sender)
    dkim, mail_from = found.get("DkimAttributes", {}), found.get("MailFromAttributes", {})
    return SenderIdentity(
        name=name,
        verified=found.get("VerifiedForSendingStatus", False),
        dkim=dkim.get("SigningEnabled", False) and dkim.get("Status") == "SUCCESS",
        mail_from=mail_from.get("MailFromDomain") or None,
        mail_from_works=mail_from.get("MailFromDomainStatus") == "SUCCESS",
    )


def _read(health, call, read):
    try:
        return read()
    except (ClientError, BotoCoreError) as error:
        health.unread[call] = str(error)
        return None


def _read_alarms(health, session, stack):
    cloudwatch = session.client("cloudwatch")

    def described():
        pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{stack}-")
        return [each for page in pages for each in page.get("MetricAlarms", [])]

    found = _read(health, "cloudwatch:DescribeAlarms", described)
    if found is None:
        return
    health.alarms = [Alarm(each["AlarmName"], each.get("StateValue", ""), tuple(each.get("AlarmActions", []))) for each in found]
    topics = sorted({topic for alarm in health.alarms for topic in alarm.topics})
    sns = session.client("sns")
    deaf = [topic for topic in topics if _read(health, "sns:ListSubscriptionsByTopic", lambda: _hears(sns, topic)) is False]
    health.deaf_topics = deaf


def _hears(sns, topic):
    """True if a subscription of the topic is confirmed."""
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    return any(each["SubscriptionArn"].startswith("arn:") for page in pages for each in page["Subscriptions"])


def _read_oldest_due(health, cloudwatch, stack):
    """The maximum that promote reported lately. It looks at each waiting email every 15 minutes."""
    now, call = datetime.datetime.now(datetime.UTC), "the look at the oldest due email"

    def reported():
        return cloudwatch.get_metric_statistics(
            Namespace=f"mailqueue/{stack}",
            MetricName="OldestDueSeconds",
            StartTime=now - datetime.timedelta(minutes=20),
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]

    found = _read(health, call, reported)
    if found:
        health.oldest_due_secs = max(point["Maximum"] for point in found)
    elif found is not None:
        health.unread[call] = "promote has reported no figure lately (docs/OPERATIONS.md, PromoteMissingAlarm)"


def read_secret_table(health, session, name):
    """The facts about the table of signing secrets, if its name is known."""
    if name:
        health.secret_table = _kept_table(health, session.client("dynamodb"), name)


def _kept_table(health, dynamodb, name):
    described = _read(health, "dynamodb:DescribeTable", lambda: dynamodb.describe_table(TableName=name))
    lives = _read(health, "dynamodb:DescribeTimeToLive", lambda: dynamodb.describe_time_to_live(TableName=name))
    backups = _read(
        health, "dynamodb:DescribeContinuousBackups", lambda: dynamodb.describe_continuous_backups(TableName=name)
    )
    if not (described and lives):
        return None
    recovers = None
    if backups:
        recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        recovers = recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    return KeptTable(described["Table"], lives["TimeToLiveDescription"].get("AttributeName"), recovers)
