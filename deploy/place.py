"""The place of a running deployment: its API, and the access to it."""

from dataclasses import dataclass

import deployer_key
from account import identities
from change import described
from preconditions import Facts, sender
from target import Target


@dataclass
class Place:
    """The API with the deployer's key, and the names that an examination needs."""

    url: str | None
    key: str | None
    sender: str | None
    table: str | None = None
    has_credentials: bool = False


def complete(place, session, stack):
    """Reads from the account what the command line does not say. A failed call ends it."""
    caller = session.client("sts").get_caller_identity()
    place.has_credentials = True
    target = Target(caller["Arn"].split(":")[1], caller["Account"], session.region_name, stack)
    deployed = described(session.client("cloudformation"), stack) or {}
    outputs = {each["OutputKey"]: each["OutputValue"] for each in deployed.get("Outputs", [])}
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in deployed.get("Parameters", [])}
    place.url = place.url or outputs.get("GatewayUrl", "").rstrip("/")
    place.table = outputs.get("TableName")
    place.key = place.key or deployer_key.stored(session.client("ssm"), target)
    if not place.sender:
        facts = Facts(stack, identities=identities(session.client("sesv2")), from_domain=parameters.get("FromDomain", "*"))
        place.sender = sender(facts)
