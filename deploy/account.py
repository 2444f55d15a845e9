"""Reads the facts about a machine and an account that `preconditions` judges.

Role: called by `deploy`, and partly by `doctor`. Every call only reads.
Invariant: a failed call is a fact, not an error, so that one run reports everything that is missing.
"""

import os
import shutil
from dataclasses import replace

import boto3
import contents
from botocore.exceptions import BotoCoreError, ClientError
from preconditions import Facts, Identity, is_stack_name
from profiles import UNRESERVED_MIN
from target import Target, permissions

# API Gateway demands this action for a stage with tags, but IAM's list of actions lacks it.
NOT_IN_THE_SIMULATOR = "apigateway:TagResource"
BUILD_TOOLS = {
    "cargo": "Install Rust from https://rustup.rs, or deploy a release with --release.",
    "gcc": "Install a C compiler, or deploy a release with --release.",
}


def session_of(region):
    """A session. boto3 reads only AWS_DEFAULT_REGION; AWS_REGION comes first, as for the AWS CLI."""
    return boto3.Session(region_name=region or os.environ.get("AWS_REGION"))


def read_facts(session, stack, name_room, builds, wanted, bucket=None):
    """The facts and the target. The target is None without credentials or without a region. `wanted`: the parameters
    of the deployment. `bucket`: the bucket of the packages, if it is given."""
    facts = Facts(stack=stack, region=session.region_name, name_room=name_room)
    if builds:
        facts.missing_tools = {tool: remedy for tool, remedy in BUILD_TOOLS.items() if shutil.which(tool) is None}
    # STS answers in every region, so a missing region and missing credentials are reported together.
    sts = session.client("sts", region_name=facts.region or "us-east-1")
    caller = _read(facts, "sts:GetCallerIdentity", sts.get_caller_identity)
    if caller is None:
        return facts, None
    facts.account, facts.caller = caller["Account"], caller["Arn"]
    if not facts.region:
        return facts, None
    target = Target(facts.caller.split(":")[1], facts.account, facts.region, stack)
    if is_stack_name(stack):
        _read_stack(facts, session.client("cloudformation"))
    chosen = facts.deployed | wanted
    facts.role_path = chosen.get("RolePath", "/")
    target = replace(
        target,
        role_path=facts.role_path,
        adopted_table=chosen.get("ExistingTableArn", "").rpartition("/")[2],
        adopted_secret_table=chosen.get("ExistingSecretTableArn", "").rpartition("/")[2],
        adopted_bucket=chosen.get("ExistingBucketName", ""),
    )
    facts.code_bucket = bucket or chosen.get("CodeBucket", target.code_bucket)
    facts.from_domain, facts.alarm_topic = chosen.get("FromDomain", "*"), chosen.get("AlarmTopicArn", "")
    if chosen.get("ExistingTableArn"):
        _read_table(facts, session.client("dynamodb"), chosen)
        if takes_over(facts.deployed, chosen):
            _read_contents(facts, session, chosen)
    if chosen.get("ExistingSecretTableArn"):
        name = target.adopted_secret_table
        described = _read(facts, "dynamodb:DescribeTable", session.client("dynamodb").describe_table, TableName=name)
        facts.adopted_secrets = described and described["Table"]
    limits = _read(facts, "lambda:GetAccountSettings", session.client("lambda").get_account_settings)
    if limits:
        _read_limits(facts, limits["AccountLimit"], chosen)
    _read_ses(facts, session.client("sesv2"))
    facts.denied = _denied(facts, session.client("iam"), target)
    return facts, target


def _read(facts, call, read, **arguments):
    try:
        return read(**arguments)
    except (ClientError, BotoCoreError) as error:
        facts.unread[call] = str(error)
        return None


def _read_stack(facts, cloudformation):
    try:
        stack = cloudformation.describe_stacks(StackName=facts.stack)["Stacks"][0]
    except (ClientError, BotoCoreError) as error:
        if "does not exist" not in str(error):
            facts.unread["cloudformation:DescribeStacks"] = str(error)
        return
    facts.stack_status = stack["StackStatus"]
    facts.deployed = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    facts.bucket = outputs.get("BucketName")


def _read_table(facts, dynamodb, chosen):
    name = chosen["ExistingTableArn"].rpartition("/")[2]
    facts.adopted_stream = chosen.get("ExistingTableStreamArn", "")
    facts.restore_epoch = chosen.get("RestoreEpoch", "")
    described = _read(facts, "dynamodb:DescribeTable", dynamodb.describe_table, TableName=name)
    facts.adopted = described and described["Table"]
    lives = _read(facts, "dynamodb:DescribeTimeToLive", dynamodb.describe_time_to_live, TableName=name)
    facts.adopted_ttl = lives and lives["TimeToLiveDescription"].get("AttributeName")


def takes_over(deployed, chosen):
    """True if a deployment changes the table or the bucket. Lost objects must not stop the upgrade of a running stack."""
    return any(deployed.get(name, "") != chosen.get(name, "") for name in ("ExistingTableArn", "ExistingBucketName"))


def _read_contents(facts, session, chosen):
    """Looks for the contents of an adopted table, in the bucket that the stack has or will have."""
    bucket = chosen.get("ExistingBucketName") or (None if facts.deployed.get("ExistingBucketName") else facts.bucket)
    table = chosen["ExistingTableArn"].rpartition("/")[2]
    try:
        facts.contents = contents.read(session.client("dynamodb"), session.client("s3"), table, bucket)
    except (ClientError, BotoCoreError) as error:
        facts.contents_unread = str(error)


def _read_limits(facts, limit, chosen):
    facts.concurrency = limit["ConcurrentExecutions"]
    facts.reserved = int(chosen.get("EnqueueReservedConcurrency", 0))
    own = int(facts.deployed.get("EnqueueReservedConcurrency", 0))
    facts.reservable = limit["UnreservedConcurrentExecutions"] - UNRESERVED_MIN + own


def _read_ses(facts, ses):
    account = _read(facts, "ses:GetAccount", ses.get_account)
    if account:
        facts.production = account.get("ProductionAccessEnabled", False)
        facts.sending = account.get("SendingEnabled", True)
        facts.enforcement = account.get("EnforcementStatus")
    listed = _read(facts, "ses:ListEmailIdentities", identities, ses=ses)
    if listed is not None:
        facts.identities = listed


def identities(ses):
    """The identities of SES."""
    found, following = [], {}
    while True:
        page = ses.list_email_identities(PageSize=1000, **following)
        found += [Identity(each["IdentityName"], each.get("SendingEnabled", False)) for each in page["EmailIdentities"]]
        if not page.get("NextToken"):
            return found
        following = {"NextToken": page["NextToken"]}


def _denied(facts, iam, target):
    """The actions of the deployer's policy that IAM's simulator refuses; None if it was not asked."""
    kind, _, name = facts.caller.split(":", 5)[5].partition("/")
    if kind == "root":
        return []
    principal = facts.caller
    if kind == "assumed-role":
        # The ARN of the session lacks the path of the role.
        role = _read(facts, "iam:GetRole", iam.get_role, RoleName=name.partition("/")[0])
        if role is None:
            return None
        principal = role["Role"]["Arn"]
    denied = set()
    for statement in permissions(target)["Statement"]:
        # The simulator takes no wildcard.
        actions = [action for action in statement["Action"] if "*" not in action and action != NOT_IN_THE_SIMULATOR]
        resource = statement["Resource"]
        answer = _read(
            facts,
            "iam:SimulatePrincipalPolicy",
            iam.simulate_principal_policy,
            PolicySourceArn=principal,
            ActionNames=actions,
            ResourceArns=[resource if isinstance(resource, str) else resource[0]],
        )
        if answer is None:
            return None
        denied |= {each["EvalActionName"] for each in answer["EvaluationResults"] if each["EvalDecision"] != "allowed"}
    return sorted(denied)
