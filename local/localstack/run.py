"""Runs the system on LocalStack's open core in host mode: starts it, runs the end-to-end tests, and removes it.

Role: behind `make localstack`, by hand and not in CI. It tests against a second implementation of AWS.
Processes: LocalStack with the plugins in this directory, ../front.py for API Gateway v2, the fake SES, the fault proxy.
Invariants: all state is in one directory, including LocalStack's TMPDIR, which LocalStack empties. All started
processes are ended. On external servers, all resources of this run are deleted.
Start reading at `main`. The server of the tables: tables.py. The selection of tests: suite.py.

Settings, all from the environment:
  DYNAMODB_ENDPOINT   a DynamoDB server for the tables
  DYNAMODB_LOCAL_JAR  the path of DynamoDBLocal.jar for the tables; without both, MiniStack serves the tables
  AWS_ENDPOINT_URL    a running LocalStack; then no LocalStack is started
  E2E                 0: no end-to-end tests; words: only the tests whose names contain one of them
  MAILQUEUE_STATE     the state directory (.local/localstack)
  MAILQUEUE_BINARIES, MAILQUEUE_TIMINGS, TRANSACTION_WINDOW_MS: as in stack.py
"""

import collections
import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "local"))
from free_ports import free_ports  # noqa: E402

RUNNING = os.environ.pop("AWS_ENDPOINT_URL", "").rstrip("/")
PORT, INBOX_PORT, PROXY_PORT, API_PORT, TABLES_PORT = map(str, free_ports(5))
# stack.py reads its settings when it is imported.
os.environ.setdefault("MAILQUEUE_STATE", ".local/localstack")
os.environ |= {"API_PORT": API_PORT, "MAILQUEUE_PORT": PORT, "INBOX_PORT": INBOX_PORT, "FAULT_PROXY_PORT": PROXY_PORT}
import stack  # noqa: E402
import suite  # noqa: E402
import tables  # noqa: E402
from processes import Process, end_orphans  # noqa: E402
from stack import STATE, Trouble, get, say  # noqa: E402

VENV = ROOT / ".local" / "venv-localstack"
LOCALSTACK, FRONT = Process(STATE, "localstack"), stack.FRONT
# LocalStack's open core has no API Gateway v2: front.py replaces it.
LEFT_OUT = ("AWS::ApiGatewayV2::",)
# LocalStack's log line for an invalid request. A failed condition or a missing key does not count.
REFUSED = re.compile(
    r"AWS ([a-z0-9]+\.[A-Za-z]+) => 4\d\d "
    r"\((ValidationException|SerializationException|InvalidRequest|InvalidArgument|InvalidParameterValue\w*)\)"
)


def install_plugins():
    """Registers the plugins with LocalStack, which finds them by their entry points."""
    known = STATE / "plugins" / "mailqueue_localstack-1.dist-info"
    known.mkdir(parents=True, exist_ok=True)
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: mailqueue-localstack\nVersion: 1\n")
    (known / "entry_points.txt").write_text(
        "[localstack.lambda.runtime_executor]\nprocess = mailqueue_localstack:ProcessExecutorPlugin\n"
        "[localstack.hooks.on_infra_start]\nmailqueue_dynamodb = mailqueue_localstack:use_this_dynamodb\n"
        "mailqueue_messages = mailqueue_localstack:pass_messages_on\n"
    )
    return f"{known.parent}:{HERE}"


def start_localstack(tables_settings):
    data = STATE / "data"
    for name in ("tmp", "cache", "files"):
        (data / name).mkdir(parents=True, exist_ok=True)
    settings = {
        "PYTHONPATH": install_plugins(),
        # LocalStack empties $TMPDIR/localstack.
        "TMPDIR": str(data / "tmp"),
        "XDG_CACHE_HOME": str(data / "cache"),
        "FILESYSTEM_ROOT": str(data / "files"),
        "GATEWAY_LISTEN": f"127.0.0.1:{PORT}",
        "LOCALSTACK_HOST": f"127.0.0.1:{PORT}",
        # No calls to external services.
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        # The stream of the tables' server, with sequence numbers as on AWS.
        "PROVIDER_OVERRIDE_DYNAMODB": "v2",
        "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "v2",
        "S3_SKIP_SIGNATURE_VALIDATION": "0",
        "SQS_ENDPOINT_STRATEGY": "path",
        "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": "1",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_KEEPALIVE_MS": "3600000",
        "MAILQUEUE_LOGS": str(STATE / "log" / "functions"),
    } | tables_settings
    command = [str(VENV / "bin" / "python"), "-m", "localstack.runtime.main"]
    files = [HERE / "mailqueue_localstack.py"]
    stack.ensure(LOCALSTACK, command, settings, files, lambda: get(f"{stack.ENDPOINT}/_localstack/health")[0] == 200)


def take_running():
    """Checks that LocalStack answers at AWS_ENDPOINT_URL, and has no stack of the same name."""
    stack.ENDPOINT = RUNNING
    status, text = get(f"{RUNNING}/_localstack/info")
    try:
        version = json.loads(text)["version"]
    except (ValueError, KeyError, TypeError):
        raise Trouble(f"No LocalStack answers at {RUNNING} (AWS_ENDPOINT_URL): unset the variable, or start LocalStack there.") from None
    if stack.stack_status(stack.client("cloudformation")) not in (None, "DELETE_COMPLETE"):
        raise Trouble(f"{RUNNING} already has a stack {stack.STACK}: delete it first, because this run deletes the stack at its end.")
    say(f"LocalStack: {version} at {RUNNING} (AWS_ENDPOINT_URL), with its own tables.")


def start(named):
    """Starts and deploys everything, and sends a first email; returns the tests' settings. `named`: LocalStack's
    settings for an external server of the tables."""
    import template as templates

    template = templates.load(ROOT / "template.yaml")
    binaries = stack.binaries_of([*sorted(templates.functions(template).values()), *stack.PROGRAMS, "fault_proxy"])
    stack.EMULATOR = LOCALSTACK
    if not RUNNING:
        start_localstack(named or tables.start_ministack(TABLES_PORT))
    stack.start_fault_proxy(binaries["fault_proxy"])
    stack.start_fake_dns(binaries["fake_dns"])
    stack.start_fake_ses(binaries["fake_ses"])
    stack.tell_fake_ses(template)
    deployer = stack.deployer_key()
    # In LocalStack, the variables of a function override LocalStack's own variables.
    reached = {"AWS_ENDPOINT_URL": stack.FAULT_PROXY_URL, "AWS_ENDPOINT_URL_SESV2": stack.FAULT_PROXY_URL}
    reached |= {"MAILQUEUE_DNS": stack.dns_address()}
    found = stack.deploy(binaries, deployer, left_out=LEFT_OUT, variables=reached)
    stack.start_front(VENV / "bin" / "python")
    key = stack.api_key(deployer)
    say("Sending a first email:")
    stack.send_first_email(key)
    return {
        "MAILQUEUE_URL": stack.API,
        "MAILQUEUE_API_KEY": key,
        "MAILQUEUE_DEPLOYER_KEY": deployer,
        "AWS_ENDPOINT_URL": stack.ENDPOINT,
        "AWS_REGION": stack.REGION,
        **stack.CREDENTIALS,
        "MAILQUEUE_STACK": stack.STACK,
        "MAILQUEUE_TABLE": found["TableName"],
        "MAILQUEUE_STATE": str(STATE),
        "INBOX_URL": stack.INBOX,
        "DNS_URL": stack.dns_control(),
        "FAULT_PROXY_URL": stack.FAULT_PROXY_URL,
    }


def test(settings):
    """Runs the tests selected by E2E; returns whether all passed."""
    wanted = os.environ.get("E2E", "").split()
    return wanted == ["0"] or suite.run(settings, wanted, ours=not RUNNING)


def leave_nothing():
    """Deletes the stack, with its retained tables and buckets, from external servers."""
    from botocore.exceptions import BotoCoreError, ClientError

    if not (RUNNING or "DYNAMODB_ENDPOINT" in os.environ):
        return
    try:
        cloudformation = stack.client("cloudformation")
        if stack.stack_status(cloudformation) is None:
            return
        made = cloudformation.describe_stack_resources(StackName=stack.STACK)["StackResources"]
        cloudformation.delete_stack(StackName=stack.STACK)
        stack.wait_for("The deletion of the stack", lambda: stack.stack_status(cloudformation) in (None, "DELETE_COMPLETE"), 120)
        delete_kept([(thing["ResourceType"], thing["PhysicalResourceId"]) for thing in made if "PhysicalResourceId" in thing])
    except (BotoCoreError, ClientError) as error:
        say(f"Resources of this run are left: {error}")


def delete_kept(made):
    """Deletes the tables and the buckets, which the template retains after the deletion of the stack."""
    database, s3 = stack.client("dynamodb"), stack.client("s3")
    for name in (name for kind, name in made if kind == "AWS::DynamoDB::Table"):
        database.delete_table(TableName=name)
    for bucket in (stack.CODE_BUCKET, *(name for kind, name in made if kind == "AWS::S3::Bucket")):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for kept in page.get("Contents", []):
                s3.delete_object(Bucket=bucket, Key=kept["Key"])
        s3.delete_bucket(Bucket=bucket)


def refusals():
    """The requests that LocalStack or its tables refused as invalid, with their counts."""
    try:
        log = LOCALSTACK.log.read_text(errors="replace")
    except OSError:
        return {}
    return collections.Counter(" ".join(found) for found in REFUSED.findall(log))


def end():
    for process in (FRONT, stack.FAKE_SES, stack.FAKE_DNS, stack.FAULT_PROXY, LOCALSTACK, tables.SERVER):
        process.stop(patience_secs=20)
    end_orphans(STATE / "data" / "tmp")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Ended."))
    stack.install_tools("requirements-localstack.txt", VENV)
    if Path(sys.prefix).resolve() != VENV.resolve():
        python = str(VENV / "bin" / "python")
        if RUNNING:
            os.environ["AWS_ENDPOINT_URL"] = RUNNING
        os.execv(python, [python, *sys.argv])
    with stack.locked(STATE / "run" / "lock"):
        end()
        (STATE / "run" / "deployed").unlink(missing_ok=True)
        shutil.rmtree(STATE / "log", ignore_errors=True)
        named = take_running() if RUNNING else tables.named()
        try:
            passed = test(start(named))
        finally:
            try:
                leave_nothing()
            finally:
                end()
    refused = refusals()
    for what, times in sorted(refused.items()):
        say(f"Refused as invalid: {what}, {times} times.")
    if refused or not passed:
        raise Trouble(f"Some checks failed. The logs are in {os.path.relpath(STATE / 'log', ROOT)}.")
    say("All checks passed." if RUNNING else "All checks passed. No request was refused as invalid.")


if __name__ == "__main__":
    try:
        main()
    except Trouble as trouble:
        sys.exit(str(trouble))
    except KeyboardInterrupt:
        sys.exit("Interrupted. All started processes have ended.")
