"""The server of the tables behind LocalStack: DYNAMODB_ENDPOINT, DYNAMODB_LOCAL_JAR, or MiniStack.

Role: called by run.py before LocalStack starts.
Invariant: DynamoDB Local is never downloaded, because its licence requires an AWS account.
"""

import os
import secrets
import shutil
from pathlib import Path

import stack
from processes import Process
from stack import ROOT, STATE, Trouble, get, say

SERVER = Process(STATE, "tables")


def named():
    """Prints the server of the tables and returns LocalStack's settings for it; None for MiniStack."""
    endpoint, jar = os.environ.get("DYNAMODB_ENDPOINT"), os.environ.get("DYNAMODB_LOCAL_JAR")
    if endpoint:
        settings = settings_of(endpoint, has_real_stream_names(endpoint))
        say(f"Tables: {endpoint} (DYNAMODB_ENDPOINT).")
        return settings
    if jar:
        check_jar(jar)
        say(f"Tables: {jar} (DYNAMODB_LOCAL_JAR). It listens on all interfaces.")
        return {"DYNAMODB_LOCAL_JAR": str(Path(jar).resolve())}
    say("Tables: MiniStack, because neither DYNAMODB_ENDPOINT nor DYNAMODB_LOCAL_JAR is set.")
    return None


def settings_of(endpoint, real_stream_names):
    return {"DYNAMODB_ENDPOINT": endpoint, "DYNAMODB_STREAM_NAMES": "real" if real_stream_names else "ddblocal"}


def start_ministack(port):
    """Starts MiniStack for the tables, and returns LocalStack's settings for it."""
    data = STATE / "data" / "tables"
    data.mkdir(parents=True, exist_ok=True)
    settings = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": port,
        "STATE_DIR": str(data),
        "TRANSACTION_WINDOW_MS": stack.TRANSACTION_WINDOW_MS,
    }
    launcher = ROOT / "local" / "emulator.py"
    url = f"http://127.0.0.1:{port}"
    command = [str(stack.VENV / "bin" / "python"), str(launcher)]
    stack.ensure(SERVER, command, settings, [launcher], lambda: get(f"{url}/_ministack/health")[0] == 200)
    return settings_of(url, True)


def check_jar(jar):
    if not Path(jar).is_file():
        raise Trouble(f"DYNAMODB_LOCAL_JAR names {jar}, which is not a file: set it to your copy of DynamoDBLocal.jar.")
    if shutil.which("java") is None:
        raise Trouble("DYNAMODB_LOCAL_JAR needs java, which is missing: install it, or unset DYNAMODB_LOCAL_JAR.")


def has_real_stream_names(endpoint):
    """Whether the server's stream names contain the region, as on AWS. DynamoDB Local writes `ddblocal` instead."""
    from botocore.exceptions import BotoCoreError, ClientError

    name = f"mailqueue-probe-{secrets.token_hex(4)}"
    try:
        database = stack.client("dynamodb", endpoint)
        made = database.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        database.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
        database.delete_table(TableName=name)
    except (BotoCoreError, ClientError, ValueError) as error:
        raise Trouble(f"DYNAMODB_ENDPOINT names {endpoint}, which cannot create a table: {error}") from None
    return ":ddblocal:" not in made["TableDescription"]["LatestStreamArn"]
