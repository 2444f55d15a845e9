"""The place of a running deployment: its API, and the access to it."""

from dataclasses import dataclass

import deployer_key
from account import identities
from botocore.exceptions import BotoCoreError, ClientError
from change import described
from preconditions import Facts, sender
from stack import Trouble
from target import Target


@dataclass
class Place:
    """The API with the deployer's key, and the names that an examination needs."""

    url: str | None
    key: str | None
    sender: str | None
    table: str | None = None
    secret_table: str | None = None
    bucket: str | None = None
    has_credentials: bool = False
    # The reason why the stack could not be read.
    unread: str | None = None


def placed(options, session):
    """The place of a deployment: given on the command line, or read from the account."""
    key = deployer_key.given(options.key_variable)
    place = Place(url=options.api_url and options.api_url.rstrip("/"), key=key, sender=options.sender)
    try:
        if not session.region_name:
            raise Trouble("no region is set")
        _complete(place, session, options.stack)
    except (ClientError, BotoCoreError, Trouble) as error:
        place.unread = str(error)
    if not place.url:
        raise Trouble(f"The API of the stack {options.stack} is not known here. Add --api-url, or --stack and --region.")
    if not place.key:
        raise Trouble("The deployer's key is not known here. Name a variable that has it with --key-variable.")
    return place


def _complete(place, session, stack):
    """Reads from the account the values that the command line lacks. A failed call ends it."""
    caller = session.client("sts").get_caller_identity()
    place.has_credentials = True
    target = Target(caller["Arn"].split(":")[1], caller["Account"], session.region_name, stack)
    deployed = described(session.client("cloudformation"), stack) or {}
    outputs = {each["OutputKey"]: each["OutputValue"] for each in deployed.get("Outputs", [])}
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in deployed.get("Parameters", [])}
    place.url = place.url or outputs.get("GatewayUrl", "").rstrip("/")
    place.table, place.bucket = outputs.get("TableName"), outputs.get("BucketName")
    place.secret_table = outputs.get("SecretTableName")
    place.key = place.key or deployer_key.stored(session.client("ssm"), target)
    if not place.sender:
        facts = Facts(stack, identities=identities(session.client("sesv2")), from_domain=parameters.get("FromDomain", "*"))
        place.sender = sender(facts)
