"""Decides from the facts about a running deployment whether it is healthy.

Invariant: no I/O. All findings are returned together, each with its remedy. An unknown fact is a note, and never
passes for a healthy one.
Start reading at `findings`.
Sources: Amazon SES Developer Guide, "Complying with DMARC authentication protocol in Amazon SES"; Amazon SES API v2
Reference, `GetEmailIdentity`, read 2026-11-29.
"""

import datetime
from dataclasses import dataclass, field

from contents import Contents
from contents import findings as content_findings
from finding import Finding
from hooks import findings as hook_findings
from preconditions import INDEXES
from suppression import SuppressionList
from suppression import findings as suppression_findings

# The largest difference of the clocks. Above it, times that a program computes reach the API too early or too late.
SKEW_MAX_SECS = 5
# The age from which a waiting email is late.
WAITING_MAX_SECS = 900
# The largest lag of feedback that is no problem. The check's own email has just been delivered, so its event is recent.
LAG_MAX_SECS = 600
QUOTA_NEARLY_USED = 0.8


@dataclass(frozen=True)
class SenderIdentity:
    """The identity of SES from which the check sends."""

    name: str
    verified: bool
    dkim: bool
    mail_from: str | None
    mail_from_works: bool

    @property
    def is_domain(self):
        return "@" not in self.name


@dataclass(frozen=True)
class KeptTable:
    """A table that outlives the stack: its description, the attribute of its time to live, and whether recovery to a
    point in time is on (None: not known)."""

    description: dict
    ttl: str | None
    recovers: bool | None


@dataclass(frozen=True)
class Alarm:
    """An alarm of the stack."""

    name: str
    state: str
    topics: tuple


@dataclass
class Health:
    """The facts about a deployment. None: not known, with the reason in `unread`."""

    region: str | None
    now: datetime.datetime
    account: dict | None = None
    # Difference of this machine's clock to the API's, in seconds.
    skew_secs: float | None = None
    identity: SenderIdentity | None = None
    dmarc: list | None = None
    alarms: list | None = None
    # Topics of the alarms without a confirmed subscription.
    deaf_topics: list | None = None
    # The longest delay of a due email, as promote has reported it lately.
    oldest_due_secs: float | None = None
    suppression: SuppressionList | None = None
    table: KeptTable | None = None
    secret_table: KeptTable | None = None
    # The delay of the oldest due delivery of a webhook's event, and the number of messages in HookLeftoverQueue.
    hooks_late_secs: float | None = None
    hooks_left_over: int | None = None
    # The large contents that were looked for in the bucket.
    contents: Contents | None = None
    delivered_after_secs: float | None = None
    # Reason and remedy of an email that was not delivered.
    email_trouble: tuple | None = None
    unread: dict = field(default_factory=dict)


def findings(health):
    """Everything that is wrong, problems before notes."""
    found = [*_unread(health), *_email(health), *_clock(health), *_identity(health), *_alarms(health), *_table(health), *_secret_table(health), *_due(health)]
    found += hook_findings(health.hooks_late_secs, health.hooks_left_over)
    if health.account:
        found += [*_ses(health), *_breaker(health), *_progress(health), *_throttles(health)]
    if health.suppression:
        found += suppression_findings(health.suppression)
    if health.contents:
        found += content_findings(health.contents)
    return sorted(found, key=lambda finding: not finding.blocking)


def healthy(health):
    """The facts that are as they should be, one line each."""
    account = health.account or {}
    ses, feedback = account.get("ses"), account.get("feedback")
    if health.delivered_after_secs is not None:
        yield f"An email was delivered in {health.delivered_after_secs:.1f} s."
    if ses and not ses["sandbox"] and ses["sending_enabled"]:
        quota = "no daily quota" if ses["daily_quota"] is None else f"{ses['daily_quota']} a day"
        yield f"SES sends {ses['rate_per_second']} recipients a second and {quota}; {ses['sent_last_24_hours']} in the last 24 hours."
    if (account.get("breaker") or {}).get("state") == "closed":
        yield "No breaker stops the sending."
    if feedback and feedback["newest_event_at"]:
        yield f"The newest recorded event is of {feedback['newest_event_at']}."
    if account:
        unfinished = ", ".join(f"{number} {status}" for status, number in account["unfinished"].items() if number)
        yield f"Unfinished emails: {unfinished or 'none'}."
    if health.oldest_due_secs is not None and health.oldest_due_secs <= WAITING_MAX_SECS:
        yield f"No due email waits for longer than {health.oldest_due_secs:.0f} s."
    if (late := health.hooks_late_secs) is not None and health.hooks_left_over == 0 and not any(hook_findings(late, 0)):
        yield f"No due event of a webhook waits for longer than {late:.0f} s, and none is left over."
    if health.skew_secs is not None and abs(health.skew_secs) <= SKEW_MAX_SECS:
        yield "The clocks agree."
    if health.identity and health.identity.verified and health.identity.dkim:
        yield f"{health.identity.name} is verified, with DKIM."
    if health.dmarc and any(is_dmarc(text) for text in health.dmarc):
        yield "DMARC is published."
    if health.alarms and not any(alarm.state == "ALARM" for alarm in health.alarms):
        yield f"None of {len(health.alarms)} alarms is raised."
    if health.suppression and health.suppression.is_off:
        yield "SES's own suppression list is off for this stack."
    if health.table and not any(_table(health)):
        yield "The table has its indexes, its stream and its backup."
    if health.contents and health.contents.looked and not any(content_findings(health.contents)):
        yield f"The bucket has {health.contents.looked} of {health.contents.looked} large contents that were looked for."
    if account.get("table_throttles_last_hour") == 0:
        yield "DynamoDB did not throttle in the last hour."


def is_dmarc(text):
    """True for a DMARC record."""
    return text.replace(" ", "").lower().startswith("v=dmarc1;")


def _unread(health):
    for call, reason in health.unread.items():
        yield Finding(
            f"Not checked, because {call} failed: {reason}",
            "Run it with credentials of the account that may make this call, or check this by hand.",
            blocking=False,
        )


def _email(health):
    if health.email_trouble:
        yield Finding(*health.email_trouble)


def _clock(health):
    if health.skew_secs is not None and abs(health.skew_secs) > SKEW_MAX_SECS:
        side = "ahead of" if health.skew_secs > 0 else "behind"
        yield Finding(
            f"The clock of this machine is {abs(health.skew_secs):.0f} s {side} the API's.",
            "Synchronise the clock with NTP. AWS refuses calls of a clock that is five minutes wrong.",
            blocking=False,
        )


def _ses(health):
    ses, region = health.account["ses"], health.region or "<region>"
    if ses is None:
        yield Finding(
            "SES did not report the limits of the account.",
            "Read the warning in the log group of reports, and run this again in a minute.",
            blocking=False,
        )
        return
    if not ses["sending_enabled"]:
        yield Finding(
            "SES has stopped the sending of this account.",
            "Read AWS's notice, answer it, or run `aws sesv2 put-account-sending-attributes --sending-enabled`.",
        )
    if ses["sandbox"]:
        yield Finding(
            "The SES account is in the sandbox: it sends only to verified addresses.",
            f"Ask for production access in the SES console of {region}, or with `aws sesv2 put-account-details"
            " --production-access-enabled --mail-type TRANSACTIONAL --website-url https://...`.",
            blocking=False,
        )
    quota, sent = ses["daily_quota"], ses["sent_last_24_hours"]
    if quota is not None and sent >= quota * QUOTA_NEARLY_USED:
        yield Finding(
            f"{sent} of {quota} recipients of the last 24 hours are used.",
            "Ask AWS for a higher quota: Service Quotas, Amazon SES, \"Sending quota\".",
            blocking=sent >= quota,
        )


def _breaker(health):
    breaker = health.account["breaker"]
    if breaker and breaker["state"] != "closed":
        yield Finding(
            f"The breaker is {breaker['state']}, because of {breaker['cause']}. The next probe is due at {breaker['next_probe_at']}.",
            breaker["advice"],
        )


def _progress(health):
    waiting, feedback = health.account["waiting_since"] or {}, health.account["feedback"] or {}
    for priority, since in waiting.items():
        waited = (health.now - datetime.datetime.fromisoformat(since)).total_seconds() if since else 0
        if waited > WAITING_MAX_SECS:
            yield Finding(
                f"The {priority}-priority queue has had a backlog since {since}.",
                "Read docs/OPERATIONS.md, OldestDueAlarm: raise SES's rate or the concurrency, or pause a queue that can wait.",
                blocking=False,
            )
    # Only a delivered email proves that the last reservation has an event.
    if health.delivered_after_secs is not None and (feedback.get("lag_seconds") or 0) > LAG_MAX_SECS:
        yield Finding(
            f"The events of SES are recorded {feedback['lag_seconds']} s late.",
            "Read docs/OPERATIONS.md, FeedbackAgeAlarm: look at the log group and the throttles of feedback.",
        )


def _throttles(health):
    throttles = health.account.get("table_throttles_last_hour")
    if throttles is None:
        yield Finding(
            "CloudWatch did not report the throttles of the table.",
            "Read the warning in the log group of reports, and run this again in a minute.",
            blocking=False,
        )
    elif throttles:
        yield Finding(
            f"DynamoDB throttled the table or an index {throttles} times in the last hour.",
            "Read docs/OPERATIONS.md, TableThrottlesAlarm. A table on demand doubles its capacity within half an hour.",
            blocking=False,
        )


def _due(health):
    """The index, not SQS, has the time of each email: a backlog that has just begun may hold an old one."""
    if health.oldest_due_secs is not None and health.oldest_due_secs > WAITING_MAX_SECS:
        yield Finding(
            f"An email has been due for {health.oldest_due_secs / 60:.0f} min.",
            "Read docs/OPERATIONS.md, OldestDueAlarm: GET /queues shows the queue that fills. Raise SES's rate or the"
            " concurrency, or pause a queue that can wait.",
            blocking=False,
        )


def _identity(health):
    identity = health.identity
    if identity is None:
        return
    show = f"`aws sesv2 get-email-identity --email-identity {identity.name}`"
    if not identity.verified:
        yield Finding(f"{identity.name} is not verified in SES.", f"Publish the records that {show} shows.")
    if not identity.is_domain:
        return
    if not identity.dkim:
        yield Finding(
            f"{identity.name} has no working DKIM.", f"Publish the three CNAME records that {show} shows.", blocking=False
        )
    if identity.mail_from is None:
        yield Finding(
            f"{identity.name} has no MAIL FROM domain of its own, so SPF does not align with the sender.",
            f"Run `aws sesv2 put-email-identity-mail-from-attributes --email-identity {identity.name} --mail-from-domain"
            f" bounce.{identity.name}` and publish the MX and TXT records that {show} shows. DKIM alone is enough for DMARC.",
            blocking=False,
        )
    elif not identity.mail_from_works:
        yield Finding(
            f"The MAIL FROM domain {identity.mail_from} does not work.",
            f"Publish its MX and TXT records, which {show} shows.",
            blocking=False,
        )
    if health.dmarc is not None and not any(is_dmarc(text) for text in health.dmarc):
        yield Finding(
            f"{identity.name} has no DMARC record. Google and Yahoo demand one of bulk senders.",
            f'Publish a TXT record _dmarc.{identity.name} such as "v=DMARC1; p=none; rua=mailto:dmarc@{identity.name}".',
            blocking=False,
        )


def _alarms(health):
    if health.alarms is None:
        return
    for alarm in health.alarms:
        if alarm.state == "ALARM":
            short = alarm.name.rsplit("-", 2)[-2] if alarm.name.count("-") >= 2 else alarm.name
            yield Finding(f"The alarm {alarm.name} is raised.", f"Read docs/OPERATIONS.md, {short}.")
    if not health.alarms:
        yield Finding("The stack has no alarms.", "Deploy it again, and check --stack and --region.")
    elif not any(alarm.topics for alarm in health.alarms):
        yield Finding(
            "The alarms notify nobody.",
            "Create an SNS topic with a subscription, and deploy with --parameter AlarmTopicArn=<its ARN>.",
            blocking=False,
        )
    for topic in health.deaf_topics or []:
        yield Finding(
            f"The topic {topic} of the alarms has no confirmed subscription.",
            f"Run `aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint <address>` and confirm it.",
            blocking=False,
        )


def _table(health):
    """A restored table comes without stream, time to live, recovery and protection, and without indexes on demand."""
    if health.table is None:
        return
    described = health.table.description
    name = described["TableName"]
    indexes = {index["IndexName"] for index in described.get("GlobalSecondaryIndexes", [])}
    for missing in sorted(INDEXES - indexes):
        loss = {"due": "No late, scheduled or uncertain email is sent", "by_tenant": "No list of the API works"}[missing]
        yield Finding(f"The table {name} has no index {missing}. {loss}.", "Restore it again with its indexes (docs/OPERATIONS.md).")
    if described.get("StreamSpecification", {}).get("StreamViewType") != "NEW_AND_OLD_IMAGES":
        yield Finding(
            f"The table {name} has no stream with new and old images. The reports count nothing.",
            f"Run `aws dynamodb update-table --table-name {name} --stream-specification"
            " StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES`, and deploy with its LatestStreamArn.",
        )
    yield from _kept(health.table, "old emails")


def _secret_table(health):
    if health.secret_table is None:
        return
    described = health.secret_table.description
    name = described["TableName"]
    if described.get("StreamSpecification", {}).get("StreamEnabled"):
        yield Finding(
            f"The table {name} has a stream, which shows each signing secret to its readers.",
            f"Run `aws dynamodb update-table --table-name {name} --stream-specification StreamEnabled=false`.",
        )
    yield from _kept(health.secret_table, "the secrets of ended webhooks")


def _kept(table, ended):
    name = table.description["TableName"]
    if table.ttl != "ttl":
        yield Finding(
            f"The table {name} never deletes {ended}.",
            f"Run `aws dynamodb update-time-to-live --table-name {name} --time-to-live-specification Enabled=true,AttributeName=ttl`.",
            blocking=False,
        )
    if table.recovers is False:
        yield Finding(
            f"The table {name} cannot be restored to a point in time.",
            f"Run `aws dynamodb update-continuous-backups --table-name {name} --point-in-time-recovery-specification"
            " PointInTimeRecoveryEnabled=true`.",
            blocking=False,
        )
    if not table.description.get("DeletionProtectionEnabled"):
        yield Finding(
            f"The table {name} is not protected from deletion.",
            f"Run `aws dynamodb update-table --table-name {name} --deletion-protection-enabled`.",
            blocking=False,
        )
