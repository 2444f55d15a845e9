"""Decides from the facts about an account whether mailqueue can be deployed there.

Invariant: no I/O. All findings are returned together, each with its remedy.
Start reading at `findings`.
Sources: Amazon SES API v2 Reference, `GetAccount` and `ListEmailIdentities`; AWS Lambda Developer Guide, "Lambda
quotas"; AWS CloudFormation User Guide, "Stack status codes", read 2026-11-29.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime

from contents import Contents
from contents import findings as content_findings
from finding import Finding
from names import ROLE_PATH_MAX, is_bucket
from profiles import UNRESERVED_MIN

# The number of executions below which senders and other functions together can use up all of them.
CONCURRENCY_ENOUGH = 100
# The indexes that the functions read.
INDEXES = {"due", "by_tenant"}
# The number of missing permissions that are shown.
SHOWN_ACTIONS = 8
# The code of Lambda's quota "Concurrent executions" in Service Quotas.
CONCURRENCY_QUOTA = "L-B99A9384"


@dataclass(frozen=True)
class Identity:
    """An identity of SES: a domain or an address."""

    name: str
    verified: bool

    @property
    def is_domain(self):
        return "@" not in self.name


@dataclass
class Facts:
    """The facts about the machine and the account. None: not known, with the reason in `unread`."""

    stack: str
    region: str | None = None
    account: str | None = None
    caller: str | None = None
    # The longest name of a stack, and the resource that limits it.
    name_room: tuple = (128, "")
    code_bucket: str | None = None
    role_path: str = "/"
    # The address of another AWS, as in the environment of the local stack.
    endpoint: str | None = None
    missing_tools: dict = field(default_factory=dict)
    stack_status: str | None = None
    # The parameters of the deployed stack; a hidden one has no true value.
    deployed: dict = field(default_factory=dict)
    concurrency: int | None = None
    # Executions that can still be reserved, together with those that this stack has reserved.
    reservable: int | None = None
    reserved: int = 0
    # The most executions beside those of the API, with the chosen parameters and with the profile small.
    background: int = 0
    background_small: int = 0
    production: bool | None = None
    sending: bool | None = None
    enforcement: str | None = None
    identities: list | None = None
    from_domain: str = "*"
    alarm_topic: str = ""
    # The description and the time to live of a table that the stack takes over, and the stream that it shall read.
    adopted: dict | None = None
    adopted_ttl: str | None = None
    adopted_stream: str = ""
    # The description of a table of signing secrets that the stack takes over.
    adopted_secrets: dict | None = None
    # The contents of this table that were looked for in the bucket.
    contents: Contents | None = None
    # The reason why nobody looked.
    contents_unread: str | None = None
    # The bucket of the deployed stack.
    bucket: str | None = None
    # The parameter RestoreEpoch, a time in UTC.
    restore_epoch: str = ""
    denied: list | None = None
    unread: dict = field(default_factory=dict)


def findings(facts):
    """Everything that is missing, blocking findings first."""
    found = [*_machine(facts), *_names(facts), *_credentials(facts)]
    if facts.account:
        found += [*_permissions(facts), *_stack(facts), *_functions(facts)]
        found += [*_ses(facts), *_identities(facts), *_alarms(facts), *_adopted(facts), *_adopted_secrets(facts)]
    return sorted(found, key=lambda finding: not finding.blocking)


def sender(facts):
    """The address of the first email; None without a verified identity that the stack may use."""
    wanted = facts.from_domain
    verified = [identity for identity in facts.identities or [] if identity.verified]
    if wanted != "*":
        verified = [identity for identity in verified if identity.name.lower() == wanted.lower()]
    for identity in sorted(verified, key=lambda identity: not identity.is_domain):
        return f"mailqueue@{identity.name}" if identity.is_domain else identity.name
    return None


def is_stack_name(text):
    """True for a name that CloudFormation accepts."""
    return re.fullmatch("[A-Za-z][A-Za-z0-9-]{0,127}", text) is not None


def _machine(facts):
    if facts.endpoint:
        yield Finding(
            f"AWS_ENDPOINT_URL is {facts.endpoint}, so the calls do not reach AWS.",
            "Use a new shell without .local/env, or add --api-url for a deployment to that address.",
        )
    for tool, remedy in facts.missing_tools.items():
        yield Finding(f"{tool} is missing.", remedy)
    limit, resource = facts.name_room
    if len(facts.stack) > limit:
        yield Finding(
            f"The stack name has {len(facts.stack)} characters; the name of {resource} allows {limit}.",
            "Choose a shorter name with --stack.",
        )
    elif not is_stack_name(facts.stack):
        yield Finding(
            f"{facts.stack} is not a stack name.", "Use letters, digits and hyphens, and a letter at the start, with --stack."
        )


def _names(facts):
    if facts.code_bucket and not is_bucket(facts.code_bucket):
        yield Finding(
            f"{facts.code_bucket} is not the name of a bucket.",
            "Use 3 to 63 lower-case letters, digits, dots and hyphens, with --bucket.",
        )
    if len(facts.role_path) > ROLE_PATH_MAX:
        yield Finding(f"RolePath has {len(facts.role_path)} characters; IAM allows {ROLE_PATH_MAX}.", "Choose a shorter path.")


def _credentials(facts):
    if not facts.region:
        yield Finding("No region is set.", "Set AWS_REGION or add --region, for example --region eu-west-1.")
    if not facts.account:
        reason = facts.unread.get("sts:GetCallerIdentity", "no credentials were found")
        yield Finding(
            f"AWS did not accept credentials: {reason}",
            "Run `aws configure` or `aws sso login`, or set AWS_PROFILE. Then `aws sts get-caller-identity` must answer.",
        )


def _permissions(facts):
    remedy = "Attach the policy that --permissions prints to the caller, or ask your administrator for it."
    for call, reason in facts.unread.items():
        # Without this permission only the check of the others is missing.
        blocking = not call.startswith("iam:")
        yield Finding(f"{call} failed: {reason}", remedy, blocking)
    if facts.denied:
        yield Finding(f"{facts.caller} may not call {_shortened(facts.denied)}.", remedy)


def _shortened(actions):
    """The first actions, and the number of the others."""
    shown = ", ".join(sorted(actions)[:SHOWN_ACTIONS])
    return shown if len(actions) <= SHOWN_ACTIONS else f"{shown} and {len(actions) - SHOWN_ACTIONS} other actions"


def _stack(facts):
    if facts.stack_status == "UPDATE_ROLLBACK_FAILED":
        yield Finding(
            f"The stack {facts.stack} is UPDATE_ROLLBACK_FAILED.",
            f"Run `aws cloudformation continue-update-rollback --stack-name {facts.stack}`, then deploy again.",
        )
    if facts.stack_status == "DELETE_FAILED":
        yield Finding(
            f"The stack {facts.stack} is DELETE_FAILED.",
            f"Read the reason in `aws cloudformation describe-stack-events --stack-name {facts.stack}`, remove it, and run"
            " deploy/undeploy again.",
        )


def _functions(facts):
    if facts.concurrency is None:
        return
    if facts.reserved > max(facts.reservable, 0):
        yield Finding(
            f"EnqueueReservedConcurrency is {facts.reserved}, and Lambda can reserve {max(facts.reservable, 0)} executions in"
            f" {facts.region}: it keeps {UNRESERVED_MIN} of {facts.concurrency} unreserved.",
            "Lower it with --parameter EnqueueReservedConcurrency=0, or ask for more executions.",
        )
    if facts.concurrency < CONCURRENCY_ENOUGH:
        remedy = (
            "Ask for 1,000: `aws service-quotas request-service-quota-increase --service-code lambda"
            f" --quota-code {CONCURRENCY_QUOTA} --desired-value 1000 --region {facts.region}`."
        )
        if facts.background > facts.background_small and facts.background > facts.concurrency / 2:
            remedy += (
                f" Until then, --profile small takes {facts.background_small} at most, and more while the"
                " table has several shards (docs/OPERATIONS.md); priorities then have no effect, and --profile standard undoes it."
            )
        yield Finding(
            f"Lambda may run only {facts.concurrency} functions at once in {facts.region}. Sending and events take up to"
            f" {facts.background}, and while all are taken, the API answers 503.",
            remedy,
            blocking=False,
        )


def _ses(facts):
    if facts.sending is False or facts.enforcement == "SHUTDOWN":
        yield Finding(
            f"SES has stopped the sending of this account in {facts.region}.",
            "Read AWS's notice, answer it, or run `aws sesv2 put-account-sending-attributes --sending-enabled`.",
        )
    elif facts.enforcement == "PROBATION":
        yield Finding(
            "SES has put this account under review.", "Read AWS's notice in the SES console before you send.", blocking=False
        )
    if facts.production is False:
        yield Finding(
            f"The SES account is in the sandbox in {facts.region}: 200 emails a day, and only to verified addresses.",
            "Ask for production access in the SES console, or with `aws sesv2 put-account-details"
            " --production-access-enabled --mail-type TRANSACTIONAL --website-url https://...`.",
            blocking=False,
        )


def _alarms(facts):
    if not facts.alarm_topic:
        yield Finding(
            "The alarms notify nobody.",
            "Create an SNS topic with a subscription, and add --parameter AlarmTopicArn=<its ARN>.",
            blocking=False,
        )


def _adopted(facts):
    if facts.adopted is None:
        return
    name = facts.adopted["TableName"]
    missing = INDEXES - {index["IndexName"] for index in facts.adopted.get("GlobalSecondaryIndexes", [])}
    if missing:
        yield Finding(
            f"The table {name} has no index {' and no index '.join(sorted(missing))}.",
            "Restore the table with its indexes, or name another one in ExistingTableArn.",
        )
    restored = facts.adopted.get("RestoreSummary", {}).get("RestoreDateTime")
    if restored and (not facts.restore_epoch or datetime.fromisoformat(facts.restore_epoch) < restored):
        yield Finding(
            f"The table {name} shows the emails of {restored:%Y-%m-%dT%H:%M:%SZ}, and RestoreEpoch is not later. Emails that"
            " were sent since would be sent again.",
            "Add --parameter RestoreEpoch=$(date -u +%Y-%m-%dT%H:%M:%SZ), the time of this update (docs/OPERATIONS.md).",
        )
    if facts.contents:
        yield from content_findings(facts.contents)
    if facts.contents_unread:
        yield Finding(
            f"Nobody looked whether the bucket has the contents of {name}: {facts.contents_unread}",
            "Deploy with credentials that may read this table and list the bucket, or look for some objects by hand.",
            blocking=False,
        )
    view = facts.adopted.get("StreamSpecification", {}).get("StreamViewType")
    if view != "NEW_AND_OLD_IMAGES" or facts.adopted.get("LatestStreamArn") != facts.adopted_stream:
        yield Finding(
            f"ExistingTableStreamArn is not a stream of {name} with new and old images.",
            f"Run `aws dynamodb update-table --table-name {name} --stream-specification"
            " StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES`, and give its LatestStreamArn.",
        )
    if facts.adopted_ttl != "ttl":
        yield Finding(
            f"The table {name} never deletes old emails.",
            f"Run `aws dynamodb update-time-to-live --table-name {name} --time-to-live-specification"
            " Enabled=true,AttributeName=ttl`.",
            blocking=False,
        )


def _adopted_secrets(facts):
    if facts.adopted_secrets is None:
        return
    name = facts.adopted_secrets["TableName"]
    if facts.adopted and facts.adopted["TableName"] == name:
        yield Finding(
            f"ExistingSecretTableArn names {name}, the table of emails.",
            "Give the table of the output SecretTableName, or leave the parameter out.",
        )
    elif facts.adopted_secrets.get("StreamSpecification", {}).get("StreamEnabled"):
        yield Finding(
            f"The table {name} has a stream, which shows each signing secret to its readers.",
            f"Run `aws dynamodb update-table --table-name {name} --stream-specification StreamEnabled=false`.",
        )


def _identities(facts):
    if facts.identities is None or sender(facts):
        return
    domain = facts.from_domain if facts.from_domain != "*" else "example.com"
    waiting = [identity.name for identity in facts.identities if not identity.verified]
    if facts.from_domain != "*":
        problem = f"FromDomain is {facts.from_domain}, which is not verified in SES in {facts.region}."
    else:
        problem = f"SES in {facts.region} has no verified domain or address."
    if waiting:
        problem += f" Waiting for verification: {', '.join(sorted(waiting))}."
    yield Finding(
        problem,
        f"Run `aws sesv2 create-email-identity --email-identity {domain} --region {facts.region}` and publish the three"
        " CNAME records that it answers.",
    )
