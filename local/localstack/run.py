"""The system on LocalStack's open core in host mode: from nothing to the end-to-end tests, and back to nothing.

Role: behind `make localstack`, by hand and not in CI. Answers of another implementation of AWS than MiniStack's.
What runs: LocalStack with the plugins beside this file, front.py for API Gateway v2, the fake SES, the fault proxy.
Invariants: everything lives in one state directory, also LocalStack's TMPDIR, which it empties. DynamoDB Local is
never downloaded: its licence asks its user for an AWS account. Everything that was started is ended.

Settings, all by environment:
  DYNAMODB_ENDPOINT   a DynamoDB server that serves the tables
  DYNAMODB_LOCAL_JAR  a copy of DynamoDBLocal.jar that serves them; without either MiniStack does
  AWS_ENDPOINT_URL    a LocalStack that runs already (untested: it needs Docker and a licence); none is started then
  E2E                 0: no end-to-end tests
  MAILQUEUE_BINARIES, MAILQUEUE_TIMINGS: as in stack.py
"""

import collections
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "local"))


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    return [str(server.getsockname()[1]) for server in held]


RUNNING = os.environ.pop("AWS_ENDPOINT_URL", None)
PORT, INBOX_PORT, PROXY_PORT, FRONT_PORT, TABLES_PORT = free_ports(5)
# stack.py reads its settings when it is imported.
os.environ |= {
    "MAILQUEUE_STATE": ".local/localstack",
    "MAILQUEUE_PORT": PORT,
    "INBOX_PORT": INBOX_PORT,
    "FAULT_PROXY_PORT": PROXY_PORT,
}
import stack  # noqa: E402
from processes import Process, end_orphans  # noqa: E402
from stack import STATE, Trouble, get, say  # noqa: E402

VENV = ROOT / ".local" / "venv-localstack"
LOCALSTACK, FRONT, TABLES = (Process(STATE, name) for name in ("localstack", "front", "tables"))
# LocalStack's open core has no API Gateway v2: front.py stands for it.
LEFT_OUT = ("AWS::ApiGatewayV2::",)
# Tests that cannot run here: they want npm's clients, or the stack for themselves for minutes.
SKIPPED = ("clients::", "crash::", "pacing::", "ten_thousand")
# A refusal of a request's form, as LocalStack logs it. A failed condition, or a missing key, is none.
REFUSED = re.compile(
    r"AWS ([a-z0-9]+\.[A-Za-z]+) => 4\d\d "
    r"\((ValidationException|SerializationException|InvalidRequest|InvalidArgument|InvalidParameterValue\w*)\)"
)


def start_tables():
    """Says which server has the tables, and starts MiniStack for them if none is named."""
    if "DYNAMODB_ENDPOINT" in os.environ:
        say(f"Tables: {os.environ['DYNAMODB_ENDPOINT']} (DYNAMODB_ENDPOINT).")
    elif "DYNAMODB_LOCAL_JAR" in os.environ:
        say(f"Tables: {os.environ['DYNAMODB_LOCAL_JAR']} (DYNAMODB_LOCAL_JAR). It listens on all interfaces.")
    else:
        say("Tables: MiniStack, for neither DYNAMODB_ENDPOINT nor DYNAMODB_LOCAL_JAR is set.")
        data = STATE / "data" / "tables"
        data.mkdir(parents=True, exist_ok=True)
        settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": TABLES_PORT, "STATE_DIR": str(data)}
        launcher = ROOT / "local" / "emulator.py"
        url = f"http://127.0.0.1:{TABLES_PORT}"
        command = [str(stack.VENV / "bin" / "python"), str(launcher)]
        stack.ensure(TABLES, command, settings, [launcher], lambda: get(f"{url}/_ministack/health")[0] == 200)
        os.environ |= {"DYNAMODB_ENDPOINT": url, "DYNAMODB_STREAM_NAMES": "real"}


def install_plugins():
    """Makes the plugins known to LocalStack, which finds them by their entry points."""
    known = STATE / "plugins" / "mailqueue_localstack-1.dist-info"
    known.mkdir(parents=True, exist_ok=True)
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: mailqueue-localstack\nVersion: 1\n")
    (known / "entry_points.txt").write_text(
        "[localstack.lambda.runtime_executor]\nprocess = mailqueue_localstack:ProcessExecutorPlugin\n"
        "[localstack.hooks.on_infra_start]\nmailqueue_dynamodb = mailqueue_localstack:use_this_dynamodb\n"
    )
    return f"{known.parent}:{HERE}"


def start_localstack():
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
        # Nothing is asked of, nor told to, anybody outside.
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        # The tables' own stream, whose numbers are as AWS's.
        "PROVIDER_OVERRIDE_DYNAMODB": "v2",
        "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "v2",
        "S3_SKIP_SIGNATURE_VALIDATION": "0",
        "SQS_ENDPOINT_STRATEGY": "path",
        "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": "1",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_KEEPALIVE_MS": "3600000",
        "MAILQUEUE_LOGS": str(STATE / "log" / "functions"),
        "FUNCTIONS_AWS_ENDPOINT_URL": stack.FAULT_PROXY_URL,
        "FUNCTIONS_AWS_ENDPOINT_URL_SESV2": stack.FAULT_PROXY_URL,
    }
    command = [str(VENV / "bin" / "python"), "-m", "localstack.runtime.main"]
    files = [HERE / "mailqueue_localstack.py"]
    stack.ensure(LOCALSTACK, command, settings, files, lambda: get(f"{stack.ENDPOINT}/_localstack/health")[0] == 200)


def start_front():
    command = [str(VENV / "bin" / "python"), str(HERE / "front.py"), FRONT_PORT, stack.ENDPOINT, stack.STACK]
    # Whatever it answers, it listens.
    stack.ensure(FRONT, command, {}, [HERE / "front.py"], lambda: get(f"{stack.API}/openapi.json")[0] != 0)


def start():
    import template as templates

    names = sorted(templates.functions(templates.load(ROOT / "template.yaml")).values())
    binaries = stack.binaries_of([*names, "fake_ses", "fault_proxy"])
    stack.EMULATOR = LOCALSTACK
    stack.API = f"http://127.0.0.1:{FRONT_PORT}"
    if RUNNING:
        say(f"LocalStack: {RUNNING} (AWS_ENDPOINT_URL), which was not tried yet: its functions must reach the fake SES.")
        stack.ENDPOINT = RUNNING.rstrip("/")
        stack.FAULT_PROXY_URL = None
    else:
        stack.start_fault_proxy(binaries["fault_proxy"])
        start_tables()
        start_localstack()
    stack.start_fake_ses(binaries["fake_ses"])
    deployer = stack.deployer_key()
    found = stack.deploy(binaries, deployer, left_out=LEFT_OUT)
    start_front()
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
        **({"FAULT_PROXY_URL": stack.FAULT_PROXY_URL} if stack.FAULT_PROXY_URL else {}),
    }


def test(settings):
    skipped = [part for name in SKIPPED for part in ("--skip", name)]
    command = ["cargo", "test", "--workspace", "--locked", "--test", "e2e", "--", "end_to_end::", *skipped]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAILQUEUE_"))}
    environment = kept | settings | {"RUST_TEST_THREADS": "24"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    return done.returncode == 0


def refusals():
    """The requests that LocalStack, or the tables behind it, refused as invalid: how often each."""
    try:
        log = LOCALSTACK.log.read_text(errors="replace")
    except OSError:
        return {}
    return collections.Counter(" ".join(found) for found in REFUSED.findall(log))


def end():
    for process in (FRONT, stack.FAKE_SES, stack.FAULT_PROXY, LOCALSTACK, TABLES):
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
        try:
            settings = start()
            passed = os.environ.get("E2E") == "0" or test(settings)
        finally:
            end()
    refused = refusals()
    for what, times in sorted(refused.items()):
        say(f"Refused as invalid: {what}, {times} times.")
    if refused or not passed:
        raise Trouble(f"Not everything is right; the logs are in {STATE.relative_to(ROOT)}/log.")
    say("No request was refused as invalid." + ("" if os.environ.get("E2E") == "0" else " Every end-to-end test that ran has passed."))


if __name__ == "__main__":
    try:
        main()
    except Trouble as trouble:
        sys.exit(str(trouble))
    except KeyboardInterrupt:
        sys.exit("Interrupted; everything that was started has ended.")
