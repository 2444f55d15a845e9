"""The deployer's key: its form, its hash, and its place in the caller's account.

The place is a SecureString of Systems Manager's Parameter Store (docs/adr/0039).
Invariant: the key is stored before the deployment that knows its hash, so that an interrupted run loses no key.
"""

import hashlib
import os
import re
import secrets

from botocore.exceptions import ClientError
from stack import Trouble

FORM = re.compile("deployer_[0-9a-f]{48}")


def new_key():
    """A random key of 192 bits."""
    return f"deployer_{secrets.token_hex(24)}"


def hash_of(key):
    """The value of the parameter ApiKeySha256. A key has another form than its hash, so neither passes for the other."""
    return hashlib.sha256(key.encode()).hexdigest()


def checked(key, where):
    """The key, if it has the form of one. `where` names its source for the error."""
    if not FORM.fullmatch(key):
        raise Trouble(f"{where} is not a deployer's key, which is deployer_ and 48 lower-case hex digits.")
    return key


def stored(ssm, target):
    """The stored key; None without one."""
    try:
        answer = ssm.get_parameter(Name=target.key_parameter, WithDecryption=True)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return None
        raise
    return checked(answer["Parameter"]["Value"], f"The parameter {target.key_parameter}")


def store(ssm, target, key, replaces=False):
    """Stores a key. Without `replaces`, a key that somebody else stored meanwhile wins; returns the stored one."""
    try:
        ssm.put_parameter(
            Name=target.key_parameter,
            Description="The key of mailqueue's deployer. It manages tenants and API keys.",
            Value=key,
            Type="SecureString",
            Overwrite=replaces,
        )
        return key
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterAlreadyExists":
            raise
        return stored(ssm, target)


def given(variable):
    """The key in an environment variable; None without a name of one."""
    return checked(os.environ.get(variable, ""), variable) if variable else None


def key_of(ssm, target, exists, replaces=False, prints=False, handed=None):
    """The deployer's key, and true if it must be printed. (None, False): the stack exists, and keeps a key that is not
    known here. `handed`: a key that is kept elsewhere."""
    if handed:
        if stored(ssm, target) not in (None, handed):
            raise Trouble(f"The parameter {target.key_parameter} has another key: delete it, or leave out --key-variable.")
        return handed, False
    if prints:
        return (new_key(), True) if replaces or not exists else (None, False)
    if replaces:
        return store(ssm, target, new_key(), replaces=True), False
    known = stored(ssm, target)
    if known or exists:
        return known, False
    return store(ssm, target, new_key()), False
