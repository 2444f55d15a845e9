"""The common parts of the rehearsals: the settings of their own stack, the scripts of deploy/, and claims.

Role: imported by `rehearse` and `restore_rehearsal`, before `stack`, which reads its settings once.
Invariant: the scripts run unchanged. Only their endpoints and the base URL of the API differ.
"""

import json
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

LOCAL = Path(__file__).resolve().parent


def settle_environment():
    """Sets the settings of stack.py, which it reads once."""
    os.environ["MAILQUEUE_STATE"] = ".local/rehearsal"
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    for name, port in zip(("API_PORT", "MAILQUEUE_PORT", "INBOX_PORT", "SES_PORT"), held):
        os.environ[name] = str(port.getsockname()[1])
    for port in held:
        port.close()
    # Fewer concurrent executions than `deploy` asks for, so that its check reports them. The rehearsal needs no more.
    os.environ["LAMBDA_ACCOUNT_CONCURRENCY"] = "40"
    os.environ.pop("FAULT_PROXY_PORT", None)


settle_environment()
import stack  # noqa: E402  (it reads the environment)
from stack import ROOT, STATE, Trouble, say  # noqa: E402

RELEASE = STATE / "release"
USER = "deployer"
SES_URL = f"http://127.0.0.1:{os.environ['SES_PORT']}"
MACHINE = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"
KEY_PARAMETER = f"/mailqueue/{stack.STACK}/deployer-key"


def expect(holds, claim, shown=""):
    if not holds:
        raise Trouble(f"The rehearsal failed: {claim}.\n{shown}")
    say(f"  ok: {claim}")


def command(script, *arguments):
    return [sys.executable, str(ROOT / "deploy" / script), *arguments]


def deploy_arguments():
    return ["--release", str(RELEASE), "--architecture", MACHINE, "--api-url", stack.API]


def environment(credentials=None, region=stack.REGION):
    """The environment of a person in front of AWS, with other endpoints."""
    given = stack.clean_environment() | {"AWS_ENDPOINT_URL_SESV2": SES_URL}
    for name in (*stack.CREDENTIALS, "AWS_REGION", "AWS_DEFAULT_REGION"):
        del given[name]
    given |= stack.CREDENTIALS if credentials is None else credentials
    return given | ({"AWS_REGION": region} if region else {}) | {"HOME": str(STATE)}


def call(script, *arguments, env=None, typed=""):
    """Runs a script; returns (exit code, everything that it said)."""
    done = subprocess.run(
        command(script, *arguments),
        env=env or environment(),
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def tell_ses(path, body):
    status, text = stack.request("PUT", f"{stack.INBOX}/{path}", body)
    if status != 200:
        raise Trouble(f"The fake SES refused {path}: {text}")


def stored_key():
    return stack.client("ssm").get_parameter(Name=KEY_PARAMETER, WithDecryption=True)["Parameter"]


def keys_of(deployer):
    status, text = stack.get(f"{stack.API}/api-keys", headers={"authorization": f"Bearer {deployer}"})
    if status != 200:
        raise Trouble(f"GET /api-keys answered {status}: {text}")
    return json.loads(text)["data"]
