"""Starts the local stack, sends a first email through it, and stops it.

Role: behind `make local`, `make stop` and `make logs`. The tests start their own stacks with it.
Processes: MiniStack (AWS without SES) with the functions inside, the fake SES, the fake DNS server on free ports, and
front.py. The API's base URL is that of front.py.
Invariants: all state is in one directory. Its file `env` is written last, and exists only while the stack is ready.
This script stops only processes that it has started.
**Long, because** every part needs the same settings, which are read at the import; localstack/run.py replaces two of them.

Settings, all from the environment:
  MAILQUEUE_STATE    the state directory (.local)
  API_PORT           port of the API (8080)
  MAILQUEUE_PORT     port of the emulator (4566)
  INBOX_PORT         port of the fake SES and its inbox (8025)
  MAILQUEUE_TIMINGS  profile from timings.json (quick)
  MAILQUEUE_PARAMETERS  more parameters of the template, Name=value, separated by spaces
  MAILQUEUE_BINARIES directory of built binaries; with it, nothing is built
  MAILQUEUE_FIRST_EMAIL  0: sends no first email (the tests send their own)
  FAULT_PROXY_PORT   port of a fault proxy, through which the functions and the fake SES make their calls (none)
  TRANSACTION_WINDOW_MS  milliseconds for which an item of a transaction refuses other writes (3; 0: never)
  FAULT_PROXY_SEED   random seed of the proxy and the fake SES (default: a new one at each start)
"""

import fcntl
import hashlib
import io
import json
import os
import platform
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

from processes import Process, end_orphans

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / "local"
STACK = "mailqueue"
REGION = "us-east-1"
ACCOUNT = "000000000000"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
CODE_BUCKET = "mailqueue-local-code"
# Older versions need backports for hypercorn, which requirements.txt does not contain.
OLDEST_PYTHON = (3, 11)

STATE = (ROOT / os.environ.get("MAILQUEUE_STATE", ".local")).resolve()
API_PORT = int(os.environ.get("API_PORT", "8080"))
PORT = int(os.environ.get("MAILQUEUE_PORT", "4566"))
INBOX_PORT = int(os.environ.get("INBOX_PORT", "8025"))
ENDPOINT = f"http://127.0.0.1:{PORT}"
INBOX = f"http://127.0.0.1:{INBOX_PORT}"
FAULT_PROXY_PORT = os.environ.get("FAULT_PROXY_PORT")
TRANSACTION_WINDOW_MS = os.environ.get("TRANSACTION_WINDOW_MS", "3")
FAULT_PROXY_URL = FAULT_PROXY_PORT and f"http://127.0.0.1:{FAULT_PROXY_PORT}"
API = f"http://127.0.0.1:{API_PORT}"
# The domains that SES has verified at the start: the first email's, and those from which tests send.
VERIFIED = "example.com mailqueue.example xn--bcher-kva.example adopted.example"
# The local programs; a stack with a fault proxy has one more.
PROGRAMS = ("fake_dns", "fake_ses")
# All stacks of this checkout share the tools, which depend only on their requirements files.
VENV = ROOT / ".local" / "venv"
TOOLS_VENV = ROOT / ".local" / "venv-tools"
TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:{STACK}-ses-events"

EMULATOR = Process(STATE, "emulator")
FAKE_SES = Process(STATE, "fake_ses")
FAKE_DNS = Process(STATE, "fake_dns")
FRONT = Process(STATE, "front")
FAULT_PROXY = Process(STATE, "fault_proxy")


class Trouble(Exception):
    """A problem for the user, in one sentence."""


def say(text):
    print(text, flush=True)


# ------------------------------------------------------------------ needs and tools


def check_needs():
    check_python()
    if "MAILQUEUE_BINARIES" not in os.environ:
        for tool, remedy in (("cargo", "install Rust from https://rustup.rs"), ("gcc", "install a C compiler")):
            if shutil.which(tool) is None:
                raise Trouble(f"{tool} is missing: {remedy}, then try again.")


def check_python():
    if sys.version_info < OLDEST_PYTHON:
        raise Trouble("Python 3.11 or newer is needed: install it, or put it first in PATH as python3.")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise Trouble("Python's venv module is missing: install it (Debian and Ubuntu: python3-venv).") from None


def check_port(port, process, variable):
    if process.pid() is not None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Trouble(
                f"Port {port} is in use by another process: stop that process, or choose another port with {variable}=<port>."
            ) from None


def install_tools(name="requirements.txt", venv=VENV):
    """Installs a pinned and hashed requirements file into its virtual environment, only if the file has changed."""
    wanted = LOCAL / name
    marker = venv / ".installed"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    with locked(ROOT / ".local" / f"{venv.name}.lock"):
        if marker.exists() and marker.read_text() == digest and (venv / "bin" / "python").exists():
            return
        say(f"Installing {wanted.relative_to(ROOT)} into .local/{venv.name} ...")
        if not (venv / "bin" / "python").exists():
            run([sys.executable, "-m", "venv", "--clear", str(venv)], "the Python virtual environment could not be created")
        pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        run([*pip, "install", "--require-hashes", "--no-deps", "-r", str(wanted)], f"pip could not install {wanted.name}")
        marker.write_text(digest)


def run(command, failure, **options):
    if subprocess.run(command, check=False, **options).returncode != 0:
        raise Trouble(f"{failure}: see above.")


class locked:
    """Holds a lock file, so that two concurrent starts do not build the stack twice."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.path.open("w")
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self.file.close()


# ------------------------------------------------------------------ build


def binaries_of(wanted):
    """Builds the workspace; returns {name: path} of the wanted binaries."""
    if "MAILQUEUE_BINARIES" in os.environ:
        directory = (ROOT / os.environ["MAILQUEUE_BINARIES"]).resolve()
    else:
        say("Building the functions and the local programs (this takes minutes the first time) ...")
        # The whole workspace at once, because single packages would be built with other features.
        run(["cargo", "build", "--workspace", "--bins", "--locked"], "cargo could not build", cwd=ROOT)
        target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
        directory = (ROOT / target / "debug").resolve()
    for name in wanted:
        if not (directory / name).exists():
            raise Trouble(f"The binary {name} is missing in {directory}: build the workspace, or unset MAILQUEUE_BINARIES.")
    return {name: lean(directory / name) for name in wanted}


def lean(binary):
    """Copies a binary without its debug information, to a fifth of the size, because the emulator holds every package
    in memory. With a copy, a build can replace the original while the copy runs."""
    own = STATE / "bin" / binary.name
    note = own.with_suffix(".of")
    shape = binary.stat()
    origin = f"{binary} {shape.st_size} {shape.st_mtime_ns}"
    if own.exists() and note.exists() and note.read_text() == origin:
        return own
    own.parent.mkdir(parents=True, exist_ok=True)
    draft = own.with_suffix(".new")
    shutil.copy2(binary, draft)
    if shutil.which("strip"):
        # strip fails for a script, which is no object file; then the copy stays unchanged.
        subprocess.run(["strip", "-S", str(draft)], capture_output=True, check=False)
    draft.replace(own)
    note.write_text(origin)
    return own


def zipped(binary):
    """A deployment package with the binary as `bootstrap`. Equal binaries give equal bytes."""
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_STORED  # it never leaves this machine
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr(entry, binary.read_bytes())
    return buffer.getvalue()


# ------------------------------------------------------------------ processes


def clean_environment():
    """The environment without variables that could reach a real AWS account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAILQUEUE_"))}
    return kept | CREDENTIALS | {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def identity(command, settings, *files):
    parts = [json.dumps([command, settings], sort_keys=True).encode(), *(file.read_bytes() for file in files)]
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def ensure(process, command, settings, files, healthy):
    """Starts a process unless it already runs with the same settings, and waits until it answers."""
    wanted = identity(command, settings, *files)
    if not process.runs_as(wanted):
        process.stop()
        if process is EMULATOR:
            end_orphans(STATE / "data" / "tmp")
        process.start(command, clean_environment() | settings, wanted)

    def answers():
        if process.pid() is None:
            raise Trouble(f"{process.name} ended during its start. Its last log lines:\n{process.tail()}")
        return healthy()

    wait_for(f"The first response of {process.name}", answers, 60)


def start_fault_proxy(binary):
    """Starts the fault proxy for the calls of the functions and of the fake SES's publisher. Persons and tests call
    the emulator directly."""
    settings = {
        "FAULT_PROXY_PORT": FAULT_PROXY_PORT,
        "FAULT_PROXY_AWS_URL": ENDPOINT,
        "FAULT_PROXY_SES_URL": INBOX,
        "FAULT_PROXY_LOG": str(STATE / "log" / "calls.jsonl"),
    } | seed("FAULT_PROXY_SEED")
    (STATE / "log").mkdir(parents=True, exist_ok=True)
    ensure(FAULT_PROXY, [str(binary)], settings, [binary], lambda: get(f"{FAULT_PROXY_URL}/_fault_proxy/stats")[0] == 200)


def seed(name):
    """The random seed `name`, if FAULT_PROXY_SEED is set."""
    return {name: os.environ["FAULT_PROXY_SEED"]} if "FAULT_PROXY_SEED" in os.environ else {}


def start_fake_dns(binary):
    """Starts the fake DNS server on free ports."""
    ensure(FAKE_DNS, [str(binary)], {}, [binary], lambda: dns_control() and get(f"{dns_control()}/server")[0] == 200)


def dns_control():
    """The URL of the fake DNS server's control, from its log; None before it listens."""
    lines = FAKE_DNS.log.read_text(errors="replace").splitlines() if FAKE_DNS.log.exists() else []
    return next((line.rpartition(" ")[2] for line in lines if line.startswith("fake DNS listening on ")), None)


def dns_address():
    """The address for DNS queries."""
    return json.loads(get(f"{dns_control()}/server")[1])["address"]


def start_fake_ses(binary):
    settings = {
        "INBOX_PORT": str(INBOX_PORT),
        "FAKE_SES_TOPIC_ARN": TOPIC_ARN,
        "FAKE_SES_VERIFIED": VERIFIED,
        "FAKE_SES_DNS": dns_address(),
        # The inbox shows the state of each email. The file is written as soon as the API has created the key.
        "MAILQUEUE_URL": API,
        "MAILQUEUE_API_KEY_FILE": str(STATE / "api_key"),
    } | seed("FAKE_SES_SEED")
    if FAULT_PROXY_URL:
        settings["AWS_ENDPOINT_URL"] = FAULT_PROXY_URL
    ensure(FAKE_SES, [str(binary)], settings, [binary], lambda: get(f"{INBOX}/messages")[0] == 200)


def tell_fake_ses(template):
    """Describes the configuration sets to the fake SES, because the emulator does not publish them."""
    options = template["Resources"]["ConfigurationSet"]["Properties"].get("SuppressionOptions", {})
    sets = [each["Properties"]["Name"] for each in template["Resources"].values() if each["Type"] == "AWS::SES::ConfigurationSet"]
    # A name is the stack's, or begins with it.
    names = [name.get("Fn::Sub", "${AWS::StackName}").replace("${AWS::StackName}", STACK) for name in sets]
    described = {"names": names, "suppressed_reasons": options.get("SuppressedReasons")}
    status, text = request("PUT", f"{INBOX}/configuration-set", described)
    if status != 200:
        raise Trouble(f"The fake SES refused the configuration set: {status} {text}")


def start_emulator():
    data = STATE / "data"
    for name in ("s3", "state", "tmp"):
        (data / name).mkdir(parents=True, exist_ok=True)
    settings = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(PORT),
        # The functions inherit these: the fake SES for SES, the emulator for all other services.
        "AWS_ENDPOINT_URL": FAULT_PROXY_URL or ENDPOINT,
        "AWS_ENDPOINT_URL_SESV2": FAULT_PROXY_URL or INBOX,
        # The resolver of the functions; on AWS they use the system's.
        "MAILQUEUE_DNS": dns_address(),
        "LAMBDA_EXECUTOR": "local",
        "S3_DATA_DIR": str(data / "s3"),
        "STATE_DIR": str(data / "state"),
        "TMPDIR": str(data / "tmp"),
        "TRANSACTION_WINDOW_MS": TRANSACTION_WINDOW_MS,
        "PYTHONUNBUFFERED": "1",
    }
    launcher = LOCAL / "emulator.py"
    command = [str(VENV / "bin" / "python"), str(launcher)]
    own = ("provisioner_gaps.py", "restored_tables.py", "stream_readers.py", "transaction_conflicts.py", "requirements.txt")
    files = [launcher, *(LOCAL / name for name in own)]
    ensure(EMULATOR, command, settings, files, lambda: get(f"{ENDPOINT}/_ministack/health")[0] == 200)


def start_front(python=VENV / "bin" / "python"):
    """Starts the front: the base URL of the API, without a path."""
    front = LOCAL / "front.py"
    files = [front, LOCAL / "template.py", ROOT / "template.yaml"]
    command = [str(python), str(front), str(API_PORT), ENDPOINT, STACK]
    ensure(FRONT, command, {}, files, lambda: get(f"{API}/_gateway/faults")[0] == 200)


# ------------------------------------------------------------------ HTTP and waiting

# Without a proxy, because everything runs on this machine.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def request(method, url, body=None, headers=None, timeout_secs=35):
    """(status, text) of an HTTP request; (0, reason) without a response."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data=data, method=method, headers={"content-type": "application/json"} | (headers or {}))
    try:
        with _DIRECT.open(asked, timeout=timeout_secs) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def get(url, **options):
    return request("GET", url, **options)


def wait_for(what, condition, patience_secs, pause_secs=0.1):
    """The first truthy result of `condition`."""
    deadline = time.monotonic() + patience_secs
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Trouble(f"{what} did not happen within {patience_secs} s. See `make logs` for details.")
        time.sleep(pause_secs)


# ------------------------------------------------------------------ deploy


def client(service, endpoint=None):
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=endpoint or ENDPOINT,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(proxies={}, s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def keep_secret(path, text):
    """Writes a file atomically, readable only by its owner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


def deployer_key():
    """The deployer's key of the stack: random, and kept between runs."""
    path = STATE / "deployer_key"
    if not path.exists():
        keep_secret(path, f"deployer_{secrets.token_hex(24)}")
    return path.read_text()


def api_key(deployer):
    """An API key with full access, created as in the README. Kept between runs, so that clients need no new key."""
    path = STATE / "api_key"
    if path.exists():
        key = path.read_text()
        # The emulator may have restarted and lost the key.
        if get(f"{API}/emails?limit=1", headers={"authorization": f"Bearer {key}"})[0] == 200:
            return key
    wanted = {"name": "local", "permission": "full_access"}
    status, text = request("POST", f"{API}/api-keys", wanted, {"authorization": f"Bearer {deployer}"})
    if status != 201:
        raise Trouble(f"POST /api-keys answered {status}: {text}\n{EMULATOR.tail()}")
    keep_secret(path, json.loads(text)["token"])
    return path.read_text()


def parameters(key):
    profile = os.environ.get("MAILQUEUE_TIMINGS", "quick")
    profiles = json.loads((LOCAL / "timings.json").read_text())
    if profile not in profiles:
        raise Trouble(f"local/timings.json has no profile {profile}: set MAILQUEUE_TIMINGS to {' or '.join(profiles)}.")
    machine = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"
    return {
        "ApiKeySha256": hashlib.sha256(key.encode()).hexdigest(),
        "Architecture": machine,
        # The local receiver of webhooks has plain HTTP and a private address.
        "WebhookTargets": "any",
    } | {name: str(value) for name, value in profiles[profile].items()} | overridden_parameters()


def overridden_parameters():
    words = os.environ.get("MAILQUEUE_PARAMETERS", "").split()
    for word in words:
        if "=" not in word:
            raise Trouble(f"MAILQUEUE_PARAMETERS has {word}: write Name=value.")
    return dict(word.split("=", 1) for word in words)


def deploy(binaries, key, left_out=(), variables=None):
    """Deploys the checkout; returns the outputs of the stack. Leaves out resources whose types start with `left_out`,
    and adds `variables` to the environment of the functions."""
    import template as templates

    template = templates.without(templates.load(ROOT / "template.yaml"), left_out)
    if variables:
        template = templates.with_variables(template, variables)
    packages = {name: zipped(binaries[name]) for name in templates.functions(template).values()}
    # Named by content, so that a changed binary changes the template, as CloudFormation requires.
    keys = {name: f"{name}-{hashlib.sha256(package).hexdigest()[:16]}.zip" for name, package in packages.items()}
    body = json.dumps(templates.with_code(template, CODE_BUCKET, keys.get), separators=(",", ":"))
    values = parameters(key)

    wanted = hashlib.sha256(json.dumps([body, values, *EMULATOR.last_start()], sort_keys=True).encode()).hexdigest()
    marker = STATE / "run" / "deployed"
    cloudformation = client("cloudformation")
    if marker.exists() and marker.read_text() == wanted:
        say("The deployed stack is up to date.")
        return outputs(cloudformation)

    marker.unlink(missing_ok=True)
    s3 = client("s3")
    s3.create_bucket(Bucket=CODE_BUCKET)
    for name, package in packages.items():
        s3.put_object(Bucket=CODE_BUCKET, Key=keys[name], Body=package)
    s3.put_object(Bucket=CODE_BUCKET, Key="template.json", Body=body.encode())

    exists = stack_status(cloudformation)
    if exists in ("ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED"):
        cloudformation.delete_stack(StackName=STACK)
        wait_for("The deletion of the failed stack", lambda: stack_status(cloudformation) in (None, "DELETE_COMPLETE"), 60)
        exists = None
    say(f"{'Updating' if exists else 'Creating'} the stack {STACK} from template.yaml ...")
    act = cloudformation.update_stack if exists else cloudformation.create_stack
    try:
        act(
            StackName=STACK,
            TemplateURL=f"{ENDPOINT}/{CODE_BUCKET}/template.json",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
        )
    except cloudformation.exceptions.ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise Trouble(f"The emulator refused the template: {error}") from None
    status = wait_for(
        "The deployment of the stack",
        lambda: (status := stack_status(cloudformation)) and not status.endswith("IN_PROGRESS") and status,
        120,
    )
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise Trouble(f"The stack is {status}:\n{failures(cloudformation)}")
    marker.write_text(wanted)
    return outputs(cloudformation)


def stack_status(cloudformation):
    try:
        return cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
    except cloudformation.exceptions.ClientError:
        return None


def failures(cloudformation):
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    return "\n".join(
        f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    )


def outputs(cloudformation):
    described = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


# ------------------------------------------------------------------ the first email


def first_webhook(key):
    """A webhook for all events, whose receiver is the inbox; also after a restart, because the emulator forgets it."""
    from listen import EVENTS

    headers = {"authorization": f"Bearer {key}"}
    endpoint = f"{INBOX}/webhook-inbox"

    def asked(method, path, body=None):
        status, text = request(method, f"{API}{path}", body, headers)
        if status not in (200, 201):
            raise Trouble(f"{method} {path} answered {status}: {text}\n{EMULATOR.tail()}")
        return json.loads(text)

    known = [each["id"] for each in asked("GET", "/webhooks")["data"] if each["endpoint"] == endpoint]
    made = asked("GET", f"/webhooks/{known[0]}") if known else asked("POST", "/webhooks", {"endpoint": endpoint, "events": EVENTS})
    status, text = request("PUT", endpoint, {"secrets": [made["signing_secret"]]})
    if status != 200:
        raise Trouble(f"The fake SES refused the signing secret: {status} {text}")


def send_first_email(key):
    headers = {"authorization": f"Bearer {key}"}
    email = {
        "from": "mailqueue <hello@example.com>",
        "to": ["you@example.com"],
        "subject": "Hello from your local mailqueue",
        "text": "This email was accepted, queued, sent and delivered on this machine.",
    }
    began = time.monotonic()
    status, text = request("POST", f"{API}/emails", email, headers)
    if status != 200:
        raise Trouble(f"POST /emails answered {status}: {text}\n{EMULATOR.tail()}")
    email_id = json.loads(text)["id"]
    say(f"  POST /emails               200  {email_id}")
    seen = None

    def delivered():
        nonlocal seen
        status, text = get(f"{API}/emails/{email_id}", headers=headers)
        if status != 200:
            raise Trouble(f"GET /emails/{email_id} answered {status}: {text}")
        event = json.loads(text)["last_event"]
        if event != seen:
            seen = event
            say(f"  GET  /emails/{email_id[:8]}...  200  last_event: {event} ({time.monotonic() - began:.1f} s)")
        if event in ("failed", "bounced", "complained", "canceled", "suppressed"):
            raise Trouble(f"The first email was not delivered: {text}")
        return event == "delivered"

    wait_for("The delivery of the first email", delivered, 90, pause_secs=0.2)


# ------------------------------------------------------------------ commands


def write_env(path, values):
    """Writes `export KEY='value'` lines for sh to source, atomically."""
    keep_secret(path, "".join(f"export {line}" for line in quoted(values)))


def quoted(values):
    """KEY='value' lines."""
    return ["{}='{}'\n".format(name, value.replace("'", "'\\''")) for name, value in values.items()]


def function_environment():
    """The combined environment of all deployed functions, for `make watch`."""
    functions = client("lambda").list_functions()["Functions"]
    together = {}
    for function in functions:
        together |= function.get("Environment", {}).get("Variables", {})
    return together


def start():
    check_needs()
    with locked(STATE / "run" / "lock"):
        (STATE / "env").unlink(missing_ok=True)
        check_port(API_PORT, FRONT, "API_PORT")
        check_port(PORT, EMULATOR, "MAILQUEUE_PORT")
        check_port(INBOX_PORT, FAKE_SES, "INBOX_PORT")
        if FAULT_PROXY_URL:
            check_port(int(FAULT_PROXY_PORT), FAULT_PROXY, "FAULT_PROXY_PORT")
        install_tools()
        if Path(sys.prefix).resolve() != VENV.resolve():
            # Restarts in the environment with boto3 and yaml. The new process takes the lock again.
            os.execv(VENV / "bin" / "python", [str(VENV / "bin" / "python"), *sys.argv])
        import template as templates

        template = templates.load(ROOT / "template.yaml")
        names = sorted(templates.functions(template).values())
        binaries = binaries_of([*names, *PROGRAMS, *(["fault_proxy"] if FAULT_PROXY_URL else [])])
        if FAULT_PROXY_URL:
            start_fault_proxy(binaries["fault_proxy"])
        start_fake_dns(binaries["fake_dns"])
        start_fake_ses(binaries["fake_ses"])
        tell_fake_ses(template)
        start_emulator()
        deployer = deployer_key()
        found = deploy(binaries, deployer)
        start_front()
        key = api_key(deployer)
        if os.environ.get("MAILQUEUE_FIRST_EMAIL", "1") != "0":
            # Before the first email, so that its events are told too.
            first_webhook(key)
            say("Sending a first email:")
            send_first_email(key)
        aws = {
            "AWS_ENDPOINT_URL": ENDPOINT,
            "AWS_REGION": REGION,
            **CREDENTIALS,
        }
        dns = {"MAILQUEUE_DNS": dns_address()}
        watch = function_environment() | aws | dns | {"AWS_ENDPOINT_URL_SESV2": INBOX}
        keep_secret(STATE / "watch.env", "".join(quoted(watch)))
        write_env(
            STATE / "env",
            {"MAILQUEUE_URL": API, "MAILQUEUE_API_KEY": key, "MAILQUEUE_DEPLOYER_KEY": deployer, **aws}
            | {"MAILQUEUE_STACK": STACK, "MAILQUEUE_TABLE": found["TableName"], "INBOX_URL": INBOX}
            | dns
            | {"DNS_URL": dns_control()}
            | ({"FAULT_PROXY_URL": FAULT_PROXY_URL} if FAULT_PROXY_URL else {}),
        )
    shown = os.path.relpath(STATE / "env", ROOT)
    say(f"\nReady.  API {API}\n        console {API}/console/\n        inbox {INBOX}/\n        webhooks {INBOX}/webhooks\n        settings: . {shown}\n        `make logs` follows the logs, `make stop` stops the stack.")


def stop():
    (STATE / "run").mkdir(parents=True, exist_ok=True)
    with locked(STATE / "run" / "lock"):
        for name in ("env", "watch.env"):
            (STATE / name).unlink(missing_ok=True)
        ended = [process.name for process in (FRONT, EMULATOR, FAKE_SES, FAKE_DNS, FAULT_PROXY) if process.stop()]
        end_orphans(STATE / "data" / "tmp")
        (STATE / "run" / "deployed").unlink(missing_ok=True)
        # The emulator has its state in memory only, so its files are useless now.
        shutil.rmtree(STATE / "data", ignore_errors=True)
    say(f"Stopped: {' and '.join(ended)}." if ended else "No process was running.")


def logs():
    """Follows the logs of the functions (from the emulator's CloudWatch Logs), the emulator and the fake SES."""
    if EMULATOR.pid() is None:
        raise Trouble("The local stack is not running: start it with `make local`.")
    install_tools()
    if Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(VENV / "bin" / "python", [str(VENV / "bin" / "python"), *sys.argv])
    followed = {process.name: process.log.open(errors="replace") for process in (EMULATOR, FAKE_SES)}
    watch = client("logs")
    seen, since, began = set(), {}, int(time.time() * 1000) - 60_000
    try:
        while EMULATOR.pid() is not None:
            for name, file in followed.items():
                for line in file:
                    print(f"{name:<12} {line.rstrip()}")
            for group in watch.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{STACK}-")["logGroups"]:
                function = group["logGroupName"].rpartition(f"{STACK}-")[2]
                # Reads the last seconds again, because lines arrive out of order.
                start = since.get(function, began) - 5_000
                pages = watch.get_paginator("filter_log_events").paginate(
                    logGroupName=group["logGroupName"], startTime=start
                )
                for event in (event for page in pages for event in page["events"]):
                    mark = (event["logStreamName"], event["timestamp"], event["message"])
                    since[function] = max(since.get(function, began), event["timestamp"])
                    if mark not in seen:
                        seen.add(mark)
                        print(f"{function:<12} {event['message'].rstrip()}")
            sys.stdout.flush()
            time.sleep(0.5)
    except KeyboardInterrupt:
        return


def tools():
    """Installs the tools of `make check` and `make watch`."""
    check_needs()
    install_tools("requirements-tools.txt", TOOLS_VENV)


def every_tool():
    """Installs all requirements files in advance; CI does this while cargo compiles."""
    tools()
    install_tools()
    for name in ("checkov", "schemathesis", "deploy", "awscli"):
        install_tools(f"requirements-{name}.txt", ROOT / ".local" / f"venv-{name}")
    run([str(LOCAL / "check-markdown"), "--install-only"], "markdownlint-cli2 could not be installed")


COMMANDS = {"start": start, "stop": stop, "logs": logs, "tools": tools, "every-tool": every_tool}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit(f"usage: stack.py {'|'.join(COMMANDS)}")
    try:
        COMMANDS[sys.argv[1]]()
    except Trouble as trouble:
        sys.exit(str(trouble))
    except BrokenPipeError:
        sys.exit(1)  # the reader of the output has ended
    except KeyboardInterrupt:
        sys.exit("Interrupted. `make stop` stops the started processes.")
