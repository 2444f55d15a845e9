"""Invokes every function through cargo-lambda, on a running local stack.

Role: behind `make cargo-lambda`. It starts `cargo-lambda watch --only-lambda-apis`, connects the deployed binaries of
the stack, and invokes each with its golden event (events/) and with the stack's real data.
Invariants: exits with 0 only if each function succeeded. The stack's own triggers are off during the run, and on again
afterwards in every case.
Reason: cargo-lambda differs from Lambda, for example in the header of the deadline (docs/RELIABILITY.md).
**Long, because** each of the functions has a case of its own, and all share the same running stack.

Settings: MAILQUEUE_STATE names the stack's state directory (.local).
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import stack
from free_ports import free_ports
from stack import ROOT, STACK, STATE, TOOLS_VENV, Trouble, request, say, wait_for

# The functions that SQS triggers; these triggers are off during the run.
TRIGGERED = ("send", "feedback", "dead_letter", "deliver")
PATIENCE_SECS = 60
LOGS = STATE / "log" / "cargo_lambda"
# The golden events that this run has read.
USED_EVENTS = set()


def settings():
    """The `env` file of the running stack."""
    try:
        lines = (STATE / "env").read_text().splitlines()
    except OSError:
        raise Trouble("The local stack is not ready: start it with `make local`.") from None
    pairs = (line.removeprefix("export ").split("=", 1) for line in lines if "=" in line)
    return {name: value.strip("'") for name, value in pairs}


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


def golden(name):
    USED_EVENTS.add(name)
    return json.loads((ROOT / "events" / f"{name}.json").read_text())


def expect(right, what, seen):
    if not right:
        raise Trouble(f"{what}: {seen}\nThe functions' logs are in {LOGS.relative_to(ROOT)}.")


# ------------------------------------------------------------------ cargo-lambda


class CargoLambda:
    """The server of cargo-lambda, and the functions connected to it."""

    def __init__(self, environment):
        self.environment = environment
        self.port = str(free_ports(1)[0])
        self.command = [str(TOOLS_VENV / "bin" / "cargo-lambda"), "lambda"]
        self.children = []
        self.invoked = set()

    def start(self, command, name, environment):
        with (LOGS / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        self.children.append(child)

    def __enter__(self):
        try:
            self.start_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start_all(self):
        LOGS.mkdir(parents=True, exist_ok=True)
        clean = stack.clean_environment()
        watch = [*self.command, "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1", "--invoke-port", self.port]
        self.start(watch, "watch", clean)
        wait_for("The start of cargo-lambda watch", lambda: listens(self.port), PATIENCE_SECS)
        for name, variables in self.environment.items():
            runtime = {
                "AWS_LAMBDA_FUNCTION_NAME": name,
                "AWS_LAMBDA_FUNCTION_VERSION": "1",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
                "AWS_LAMBDA_RUNTIME_API": f"http://127.0.0.1:{self.port}/.rt/{name}",
            }
            self.start([str(STATE / "bin" / name)], name, clean | variables | runtime)

    def __exit__(self, *_):
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def invoke(self, name, event):
        """The response of a function to an event."""
        self.invoked.add(name)
        file = LOGS / f"{name}.event.json"
        file.write_text(json.dumps(event))
        where = ["--invoke-address", "127.0.0.1", "--invoke-port", self.port]
        command = [*self.command, "invoke", *where, name, "--data-file", str(file)]
        done = subprocess.run(
            command, cwd=ROOT, env=stack.clean_environment(), capture_output=True, text=True, timeout=PATIENCE_SECS, check=False
        )
        expect(done.returncode == 0, f"{name} failed", (done.stdout + done.stderr)[-2000:])
        return json.loads(done.stdout or "null")

    def logged(self, name, message):
        """The fields of a function's last log line with this message."""
        lines = (LOGS / f"{name}.log").read_text().splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{") and f'"{message}"' in line]
        expect(found, f"{name} did not log {message!r}", lines[-3:])
        return found[-1].get("fields", found[-1])


# ------------------------------------------------------------------ the stack


class Running:
    """The running stack: its API, its queues and its triggers."""

    def __init__(self, values):
        self.values = values
        stack.ENDPOINT = values["AWS_ENDPOINT_URL"]
        self.functions, self.sqs, self.events = (stack.client(name) for name in ("lambda", "sqs", "events"))
        self.outputs = stack.outputs(stack.client("cloudformation"))
        self.others = []

    def environment(self):
        """The deployed environment of each function, with the addresses of the stack."""
        aws = {name: value for name, value in self.values.items() if name.startswith("AWS_")}
        aws["AWS_ENDPOINT_URL_SESV2"] = self.values["INBOX_URL"]
        names = [path.name for path in sorted((STATE / "bin").iterdir()) if not path.suffix]
        known = {f["FunctionName"].removeprefix(f"{STACK}-"): f for f in self.functions.list_functions()["Functions"]}
        return {name: known[name]["Environment"]["Variables"] | aws for name in names if name in known}

    def api(self, method, path, body=None, expected=200):
        key = {"authorization": f"Bearer {self.values['MAILQUEUE_API_KEY']}"}
        status, text = request(method, self.values["MAILQUEUE_URL"] + path, body, key)
        expect(status == expected, f"{method} {path}", f"{status} {text}")
        return json.loads(text)

    def email(self, email_id):
        return self.api("GET", f"/emails/{email_id}")

    def accept(self, to, sender="cargo-lambda@mailqueue.example", **more):
        email = {"from": sender, "to": to, "subject": "By cargo-lambda", "text": "Sent by a function of cargo-lambda."}
        return self.api("POST", "/emails", email | more)["id"]

    def mappings(self):
        for mapping in self.functions.list_event_source_mappings()["EventSourceMappings"]:
            name = mapping["FunctionArn"].rpartition(f":{STACK}-")[2]
            if name in TRIGGERED:
                yield mapping

    def switch(self, ids, on):
        for mapping_id in ids:
            self.functions.update_event_source_mapping(UUID=mapping_id, Enabled=on)
        settled = "Enabled" if on else "Disabled"
        switched = lambda: all(m["State"] == settled for m in self.mappings() if m["UUID"] in ids)  # noqa: E731
        wait_for("The change of the triggers", switched, PATIENCE_SECS)

    def schedules(self):
        """The rules that call `promote`."""
        for rule in self.events.list_rules()["Rules"]:
            targets = self.events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            if rule["State"] == "ENABLED" and any(target["Arn"].endswith(f":{STACK}-promote") for target in targets):
                yield rule["Name"]

    @contextmanager
    def triggers_off(self):
        ids = [m["UUID"] for m in self.mappings() if m["State"] in ("Enabled", "Enabling")]
        rules = list(self.schedules())
        expect(ids and rules, "All triggers of the stack are off", (ids, rules))
        try:
            self.switch(ids, False)
            for rule in rules:
                self.events.disable_rule(Name=rule)
            yield
        finally:
            for queue, receipt in self.others:
                self.sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=receipt, VisibilityTimeout=0)
            for rule in rules:
                self.events.enable_rule(Name=rule)
            self.switch(ids, True)

    def messages(self, output, about, wanted=lambda _: True, patience_secs=PATIENCE_SECS):
        """The messages about an email, up to the first wanted one. Returns other messages to the queue at the end."""
        queue, found = self.outputs[output], []

        def receive():
            received = self.sqs.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1, VisibilityTimeout=120, MessageSystemAttributeNames=["All"]
            )
            for message in received.get("Messages", []):
                if about in message["Body"]:
                    found.append(message)
                else:
                    self.others.append((queue, message["ReceiptHandle"]))
            return any(wanted(message["Body"]) for message in found)

        wait_for(f"The message about {about}", receive, patience_secs)
        return found

    def batch(self, name, output, messages):
        """A golden batch with some records replaced by messages."""
        event, arn = golden(name), f"arn:aws:sqs:{stack.REGION}:{stack.ACCOUNT}:{self.outputs[output].rsplit('/', 1)[1]}"
        for record, message in zip(event["Records"], messages):
            record.update(
                messageId=message["MessageId"],
                receiptHandle=message["ReceiptHandle"],
                body=message["Body"],
                attributes=message.get("Attributes", {}),
                md5OfBody=message["MD5OfBody"],
            )
        for record in event["Records"]:
            record["eventSourceARN"] = arn
        return event

    def delete(self, output, messages):
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.outputs[output], ReceiptHandle=message["ReceiptHandle"])


# ------------------------------------------------------------------ the functions, one by one


def requested(cargo, running, name, event_name, expected, email_id=None, **changes):
    """The JSON of the response to a golden request, with the stack's key and about a real email."""
    event = golden(event_name) | changes
    event["headers"]["authorization"] = f"Bearer {running.values['MAILQUEUE_API_KEY']}"
    if "idempotency-key" in event["headers"]:
        event["headers"]["idempotency-key"] = str(uuid.uuid4())
    if email_id:
        event["rawPath"] = event["rawPath"].replace("01010101-0101-4101-8101-010101010101", email_id)
        event["requestContext"]["http"]["path"] = event["rawPath"]
    answer = cargo.invoke(name, event)
    expect(answer.get("statusCode") == expected, f"{name} answered {event_name}.json", answer)
    return json.loads(answer["body"])


def done(name, what, event_name=None):
    say(f"  {name:<12} {what}  ({event_name or name}.json)")


def api_functions(cargo, running):
    for name, path, what in (
        ("access", "api-keys", "created an API key"),
        ("domains", "domains", "registered a domain"),
        ("webhooks", "webhooks", "created a webhook"),
    ):
        made = requested(cargo, running, name, name, 201)["id"]
        running.api("DELETE", f"/{path}/{made}")
        done(name, what)
    email_id = requested(cargo, running, "enqueue", "enqueue", 200)["id"]
    expect(running.email(email_id)["subject"] == "Hello", "The accepted email", running.email(email_id))
    done("enqueue", "accepted an email")
    batch = requested(cargo, running, "enqueue", "enqueue_batch", 200)
    wrong = [error["index"] for error in batch["errors"]]
    expect((len(batch["data"]), wrong) == (9, [4]), "All emails of the batch but the fifth are accepted", batch)
    done("enqueue", "accepted nine emails of ten, and refused one", "enqueue_batch")

    far = running.accept("far@example.com", scheduled_at="in 1 hour")
    expect(requested(cargo, running, "manage", "manage", 200, far)["id"] == far, "The email", far)
    done("manage", "showed an email")
    listed = requested(cargo, running, "manage", "manage_list", 200)["data"]
    expect(any(email["id"] == far for email in listed), "The list", listed)
    done("manage", "listed emails", "manage_list")
    before = running.email(far)["scheduled_at"]
    requested(cargo, running, "manage", "manage_reschedule", 200, far)
    expect(running.email(far)["scheduled_at"] < before, "The new time", running.email(far))
    done("manage", "rescheduled an email", "manage_reschedule")
    requested(cargo, running, "manage", "manage_cancel", 200, far)
    expect(running.email(far)["status"] == "canceled", "The canceled email", running.email(far))
    done("manage", "canceled it", "manage_cancel")
    requested(cargo, running, "manage", "manage_retry", 200, far)
    expect(running.email(far)["status"] != "canceled", "The email that is tried again", running.email(far))
    done("manage", "retried it", "manage_retry")

    totals = requested(cargo, running, "reports", "reports", 200, rawQueryString="metrics=sent")["totals"]
    expect(list(totals) == ["sent"], "The metrics", totals)
    done("reports", "showed metrics")

    page = cargo.invoke("console", golden("console"))
    expect((page["statusCode"], page["headers"].get("content-encoding")) == (200, "br"), "The page of the console", page)
    done("console", "served its page")

    suppressed = requested(cargo, running, "suppressions", "suppressions", 201)["id"]
    found = running.api("GET", "/suppressions/ann@example.com")["id"]
    expect(found == suppressed, "The suppressed address", found)
    running.api("DELETE", f"/suppressions/{suppressed}")
    done("suppressions", "suppressed an address")


def tally(cargo):
    event = golden("tally")
    for record in event["Records"]:
        # The marker of an older change has expired, and may be deleted before the change arrives again.
        record["dynamodb"]["ApproximateCreationDateTime"] = int(time.time())
    text = json.dumps(event)
    for old in {record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]}:
        text = text.replace(old, f"main#{uuid.uuid4()}")
    for counted in (True, False):
        cargo.invoke("tally", json.loads(text))
        fields = cargo.logged("tally", "counted")
        expect((fields["written"] > 0) is counted, "The counts of new changes, and of the same ones again", fields)
    done("tally", "counted changes, and did not count them twice")


def notify(cargo):
    """Its email does not exist in the table, so nothing of it stays."""
    event = golden("notify")
    text = json.dumps(event)
    for old in {record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"][:3]}:
        text = text.replace(old, f"main#{uuid.uuid4()}")
    answer = cargo.invoke("notify", json.loads(text))
    expect(not answer.get("batchItemFailures"), "No change is told again", answer)
    done("notify", "told nothing about an email that does not exist")


def deliver(cargo, running):
    box = f"{running.values['INBOX_URL']}/webhook-inbox?box={uuid.uuid4().hex}"
    made = running.api("POST", "/webhooks", {"endpoint": box, "events": ["email.delivered"]}, expected=201)
    status, text = request("PUT", box, {"secrets": [made["signing_secret"]]})
    expect(status == 200, "The secret in the inbox", text)
    event = running.api("POST", f"/webhooks/{made['id']}/test", {"type": "email.delivered"})["id"]
    tasks = running.messages("HookUrl", event)
    cargo.invoke("deliver", running.batch("deliver", "HookUrl", tasks))
    running.delete("HookUrl", tasks)
    received = json.loads(request("GET", box)[1])
    expect([each["verified"] for each in received] == [True], "The event in the inbox", received)
    running.api("DELETE", f"/webhooks/{made['id']}")
    done("deliver", "called an endpoint, and the signature is genuine")


def send(cargo, running, email_id, messages, status):
    answer = cargo.invoke("send", running.batch("send", "NormalLaneUrl", messages))
    failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    broken = golden("send")["Records"][4]["messageId"]
    expect(failed == [broken], "Only the broken record of send.json fails", answer)
    running.delete("NormalLaneUrl", messages)
    email = running.email(email_id)
    expect(email["status"] == status, f"An email that is {status}", email)


def round_trip(cargo, running):
    mark = uuid.uuid4().hex[:8]
    # Its message is lost, and its recovery is due while the other emails are processed.
    lost = running.accept(f"lost-{mark}@example.com")
    running.delete("NormalLaneUrl", running.messages("NormalLaneUrl", lost))

    email_id = running.accept(f"sent-{mark}@example.com")
    send(cargo, running, email_id, running.messages("NormalLaneUrl", email_id), "sent")
    inbox = json.loads(request("GET", f"{running.values['INBOX_URL']}/messages")[1])
    received = [message for message in inbox if message["to"] == [f"sent-{mark}@example.com"]]
    expect(len(received) == 1, "The inbox has the email once", received)
    done("send", "claimed an accepted email, and SES has it once")

    events = running.messages("FeedbackUrl", email_id, lambda body: "Delivery" in body)
    cargo.invoke("feedback", running.batch("feedback", "FeedbackUrl", events))
    running.delete("FeedbackUrl", events)
    expect(running.email(email_id)["last_event"] == "delivered", "The event", running.email(email_id))
    done("feedback", "recorded its delivery")

    refused = running.accept(f"refused-{mark}@example.com", sender="shop@unverified.example")
    send(cargo, running, refused, running.messages("NormalLaneUrl", refused), "failing")
    hand_over = running.messages("DeadLetterUrl", refused)
    cargo.invoke("dead_letter", running.batch("dead_letter", "DeadLetterUrl", hand_over))
    running.delete("DeadLetterUrl", hand_over)
    expect(running.email(refused)["status"] == "failed", "The refused email", running.email(refused))
    done("dead_letter", "ended an email that SES rejects permanently")

    def recovered():
        cargo.invoke("promote", golden("promote"))
        try:
            return running.messages("NormalLaneUrl", lost, patience_secs=2)
        except Trouble:
            return None

    guard = int(cargo.environment["enqueue"]["MAILQUEUE_GUARD_SECONDS"])
    messages = wait_for("The recovery of the email with the lost message", recovered, guard + PATIENCE_SECS)
    done("promote", "recovered a due email whose message was lost")
    send(cargo, running, lost, messages, "sent")
    done("send", "sent that email")


def main():
    stack.tools()
    stack.install_tools()
    if Path(sys.prefix).resolve() != stack.VENV.resolve():
        python = str(stack.VENV / "bin" / "python")
        os.execv(python, [python, *sys.argv])
    # The `finally` blocks below also run after a signal.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Ended."))
    began = time.monotonic()
    running = Running(settings())
    environment = running.environment()
    say("Every function through cargo-lambda:")
    with CargoLambda(environment) as cargo:
        api_functions(cargo, running)
        tally(cargo)
        notify(cargo)
        with running.triggers_off():
            round_trip(cargo, running)
            deliver(cargo, running)
        expect(cargo.invoked == set(environment), "These functions were not invoked", set(environment) - cargo.invoked)
    unused = {path.stem for path in (ROOT / "events").glob("*.json")} - USED_EVENTS
    expect(not unused, "These golden events were not used", unused)
    say(f"All {len(environment)} functions succeeded, in {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    try:
        main()
    except Trouble as trouble:
        sys.exit(str(trouble))
    except KeyboardInterrupt:
        sys.exit("Interrupted. The triggers are on again.")
