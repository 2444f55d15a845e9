"""Rehearses a restore of the table: the commands of docs/OPERATIONS.md, and the fate of each email.

Role: called by `rehearse` on its running stack, which goes on with the restored table.
Invariant: the commands are those of the document, run with bash and the real AWS CLI. Only the address of the API, the
release and the restore point are added. A change of the document changes the rehearsal.
MiniStack restores the present state, so the restore comes first, and the earlier table lives on until its senders stop.
Start reading at `rehearse`.
"""

import collections
import datetime
import json
import os
import re
import subprocess
import time

from rehearsal import MACHINE, RELEASE, call, deploy_arguments, environment, expect
import stack  # after the module `rehearsal`, which sets the settings of stack.py
from stack import ROOT, STATE, Trouble, say, wait_for

DOCUMENT = ROOT / "docs" / "OPERATIONS.md"
HEADING = "### Restore the table"
VENV = ROOT / ".local" / "venv-awscli"
# The steps with commands, in their order.
STEPS = ("variables", "stop", "restore", "settings", "copy", "deploy", "start", "delete")
# The variables of the commands, which one shell would keep.
VARIABLES = "AWS_REGION STACK SINCE OLD NEW SENDERS RULE ARN STREAM"
# The documented restore point.
DATE = "2026-11-24T09:30:00Z"
PATIENCE_SECS = 60
SENDER = "restore@example.com"
# The tag with which `send` tells SES the id of an email.
TAG_ID = "mq_id"
# Characters of a text with random content: even compressed, it is too large for the table.
LARGE = 40_000


def install():
    """Installs the AWS CLI."""
    stack.install_tools("requirements-awscli.txt", VENV)


def blocks():
    """The shell blocks of the section, by step."""
    section = DOCUMENT.read_text().split(f"\n{HEADING}\n")[1].split("\n### ")[0]
    found = re.findall(r"^ *```sh\n(.*?)^ *```$", section, re.M | re.S)
    if len(found) != len(STEPS):
        raise Trouble(f"{HEADING} of {DOCUMENT.name} has {len(found)} shell blocks; the rehearsal knows {len(STEPS)}.")
    return dict(zip(STEPS, found))


class Shell:
    """The shell of the person who restores."""

    def __init__(self):
        self.kept = STATE / "restore.variables"
        self.kept.unlink(missing_ok=True)
        release = f"--release {RELEASE} --architecture {MACHINE} --api-url {stack.API}"
        since = datetime.datetime.now(datetime.UTC)
        self.changes = {
            DATE: f"{since:%Y-%m-%dT%H:%M:%SZ}",
            "deploy/deploy ": f"deploy/deploy {release} ",
            "deploy/doctor ": f"deploy/doctor --api-url {stack.API} ",
        }

    def run(self, block):
        """Runs a block after the earlier ones; returns everything that it said."""
        for documented, here in self.changes.items():
            block = block.replace(documented, here)
        keep = f"for name in {VARIABLES}; do declare -p $name 2>/dev/null || true; done >{self.kept}\n"
        script = f"set -eu\n[ ! -e {self.kept} ] || . {self.kept}\n{block}\n{keep}"
        given = environment()
        given |= {"AWS_DEFAULT_REGION": stack.REGION, "PATH": f"{VENV / 'bin'}{os.pathsep}{given['PATH']}"}
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=ROOT,
            env=given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Trouble(f"A documented command of the restore failed.\n{block}\n{done.stdout}")
        return done.stdout

    def variable(self, name):
        return re.search(rf'^declare \S+ {name}="(.*)"$', self.kept.read_text(), re.M)[1]


class Tenant:
    """The API with a tenant's key."""

    def __init__(self, key):
        self.key = key

    def ask(self, method, path, body=None):
        """(status, answer)."""
        status, text = stack.request(method, f"{stack.API}{path}", body, {"authorization": f"Bearer {self.key}"})
        return status, json.loads(text) if text.startswith("{") else text

    def must(self, method, path, body=None):
        status, answer = self.ask(method, path, body)
        if not 200 <= status < 300:
            raise Trouble(f"{method} {path} answered {status}: {answer}")
        return answer

    def post(self, name, **fields):
        """Posts an email with this name; returns its id."""
        email = {"from": SENDER, "to": [f"{name}@example.net"], "subject": name, "text": name} | fields
        return self.must("POST", "/emails", email)["id"]

    def email(self, email_id):
        return self.must("GET", f"/emails/{email_id}")

    def reaches(self, email_id, **fields):
        """Waits until the email shows these values."""
        def shows():
            run_promote()
            shown = self.email(email_id)
            return all(shown[name] == value for name, value in fields.items())

        wait_for(f"{fields} of {self.email(email_id)['subject']}", shows, PATIENCE_SECS, pause_secs=0.3)

    def release(self):
        """Releases every older email, as the document says; returns the answers together."""
        together, after = collections.Counter(), ""
        while True:
            answer = self.must("POST", f"/emails/release?restored=true{after}")
            together.update({name: answer[name] for name in ("emails", "left", "failed")})
            if not answer["has_more"]:
                return together
            after = f"&after={answer['next']}"


def run_promote():
    """Runs `promote` now, while its rule is enabled. The rule itself has a minute."""
    events = stack.client("events")
    if any(rule["State"] == "ENABLED" for rule in events.list_rules()["Rules"]):
        stack.client("lambda").invoke(FunctionName=f"{stack.STACK}-promote", Payload=b"{}")


def submissions():
    """The number of submissions of each email to SES."""
    messages = json.loads(stack.get(f"{stack.INBOX}/messages")[1])
    return collections.Counter(tag["value"] for each in messages for tag in each["tags"] if tag["name"] == TAG_ID)


def before(tenant):
    """Emails in each interesting state before the restore point; returns the ids by name."""
    for queue in ("waiting", "later"):
        tenant.must("POST", "/queues", {"name": queue})
        tenant.must("POST", f"/queues/{queue}/pause", {"reason": "a rehearsal"})
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    ids = {name: tenant.post(name) for name in ("delivered", "erased")}
    ids |= {name: tenant.post(name, queue="later") for name in ("sent-later", "sent-later-and-lost")}
    ids |= {name: tenant.post(name, queue="waiting") for name in ("waiting", "canceled")}
    ids["large"] = tenant.post("large", queue="waiting", text=os.urandom(LARGE // 2).hex())
    ids["scheduled"] = tenant.post("scheduled", scheduled_at=f"{soon:%Y-%m-%dT%H:%M:%SZ}")
    for name in ("delivered", "erased"):
        tenant.reaches(ids[name], last_event="delivered")
    return ids


def afterwards(tenant, deployer, ids, spare):
    """The changes of the earlier table after the restore point."""
    tenant.must("POST", "/queues/later/resume")
    for name in ("sent-later", "sent-later-and-lost"):
        tenant.reaches(ids[name], last_event="delivered")
    tenant.must("POST", f"/emails/{ids['canceled']}/cancel")
    tenant.must("DELETE", f"/emails/{ids['erased']}")
    tenant.must("POST", "/suppressions", {"email": "suppressed@example.net"})
    deployer.must("DELETE", f"/api-keys/{spare['id']}")
    ids["new-and-waiting"] = tenant.post("new-and-waiting", queue="waiting")
    ids["new-and-sent"] = tenant.post("new-and-sent")
    tenant.reaches(ids["new-and-sent"], last_event="delivered")


def lose(table, email_id):
    """Deletes a record of the earlier table: the mistake that a restore repairs."""
    dynamodb = stack.client("dynamodb")
    pages = dynamodb.get_paginator("scan").paginate(TableName=table)
    items = [item for page in pages for item in page["Items"] if item["pk"]["S"].endswith(f"#{email_id}")]
    for item in items:
        dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
    expect(any(item["sk"]["S"] == "email" for item in items), "the earlier table loses the record of a sent email", items)


def lose_object(bucket, email_id):
    """Deletes the content of an email from the bucket."""
    s3 = stack.client("s3")
    found = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", []) if email_id in each["Key"]]
    expect(len(found) == 1, "the large content is in the bucket", found)
    s3.delete_object(Bucket=bucket, Key=found[0])


def rehearse(key, deployer_key):
    """Restores the table of the running stack, and checks each email."""
    say("A restore of the table:")
    began = time.monotonic()
    tenant, deployer = Tenant(key), Tenant(deployer_key)
    spare = deployer.must("POST", "/api-keys", {"name": "spare", "permission": "full_access"})
    steps = blocks()
    ids = before(tenant)
    shell = Shell()
    shell.run(steps["variables"])
    shell.run(steps["restore"])
    afterwards(tenant, deployer, ids, spare)
    say(f"  the restore point is past ({time.monotonic() - began:.0f} s)")
    shell.run(steps["stop"])
    lose(shell.variable("OLD"), ids["sent-later-and-lost"])
    sent_before = submissions()
    shell.run(steps["settings"])
    said = shell.run(steps["copy"])
    expect("would be copied: emails" in said and "1 copied: erased emails" in said, "later items are copied", said)
    adopted = [f"ExistingTableArn={shell.variable('ARN')}", f"ExistingTableStreamArn={shell.variable('STREAM')}"]
    parameters = [word for each in adopted for word in ("--parameter", each)]
    code, said = call("deploy", *deploy_arguments(), "--check", *parameters)
    expect(code == 1 and "RestoreEpoch is not later" in said, "a restored table without its epoch is refused", said)
    said = shell.run(steps["deploy"])
    expect("No email was sent." in said, "the deployment sends no email", said)
    found = stack.outputs(stack.client("cloudformation"))
    expect(found["TableName"] == shell.variable("NEW"), "the stack has the restored table", found)
    say(f"  deployed ({time.monotonic() - began:.0f} s)")
    said = shell.run(steps["start"])
    expect("The table has its indexes, its stream and its backup." in said, "the restored table is complete", said)
    expect("An email was delivered in" in said, "new emails are sent", said)
    lose_object(found["BucketName"], ids["large"])
    check_held(tenant, ids, sent_before, spare)
    check_released(tenant, ids, sent_before)
    shell.run(steps["delete"])
    tables = stack.client("dynamodb").list_tables()["TableNames"]
    expect(shell.variable("OLD") not in tables, "the old table is deleted", tables)
    say(f"  restored after {time.monotonic() - began:.0f} s")


def check_held(tenant, ids, sent_before, spare):
    """Before the release nothing older goes out, and no later change is lost."""
    for name in ("delivered", "sent-later", "new-and-sent"):
        expect(tenant.email(ids[name])["last_event"] == "delivered", f"{name}: delivered")
    expect(tenant.email(ids["canceled"])["last_event"] == "canceled", "canceled: canceled")
    expect(tenant.ask("GET", f"/emails/{ids['erased']}")[0] == 404, "erased: gone")
    for name in ("waiting", "new-and-waiting", "sent-later-and-lost"):
        expect(tenant.email(ids[name])["last_event"] == "queued", f"{name}: waits")
    expect(tenant.email(ids["scheduled"])["last_event"] == "scheduled", "scheduled: waits for its time")
    answer = Tenant(spare["token"]).ask("GET", "/emails?limit=1")
    expect(answer[0] == 403 and answer[1]["name"] == "invalid_api_key", "the revoked key stays revoked", answer)
    suppressed = tenant.post("suppressed")
    tenant.reaches(suppressed, last_event="suppressed")
    fresh = tenant.post("fresh")
    tenant.reaches(fresh, last_event="delivered")
    expect(not tenant.email(fresh)["maybe_duplicate"], "a new email is sent, unmarked")
    again = [name for name, email_id in ids.items() if submissions()[email_id] != sent_before[email_id]]
    expect(not again, "no older email is sent before the release", again)


def check_released(tenant, ids, sent_before):
    """After the release everything that waits goes out, and each second copy is marked."""
    answer = tenant.release()
    expect(answer["emails"] == 5 and not answer["failed"], "the release takes the five older emails", answer)
    tenant.must("POST", "/queues/waiting/resume")
    for name in ("waiting", "new-and-waiting", "sent-later-and-lost"):
        tenant.reaches(ids[name], last_event="delivered")
    tenant.reaches(ids["large"], cause="body_missing")
    expect("objects are missing from the bucket" in tenant.email(ids["large"])["advice"], "a content without its object has a remedy", tenant.email(ids["large"]))
    shown = tenant.email(ids["scheduled"])
    expect(shown["last_event"] == "scheduled" and shown["maybe_duplicate"], "the schedule stays, marked", shown)
    sent = submissions()
    doubled = {name for name, email_id in ids.items() if sent[email_id] > 1}
    expect(doubled == {"sent-later-and-lost"}, "only the lost email is sent twice", doubled)
    unmarked = [email_id for email_id, number in sent.items() if number > 1 and not tenant.email(email_id)["maybe_duplicate"]]
    expect(not unmarked, "nothing is doubled unmarked", unmarked)
    expect(sent[ids["canceled"]] == 0, "the canceled email is never sent")
