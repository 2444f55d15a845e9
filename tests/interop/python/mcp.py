"""Resend's MCP server, called over its standard input and output."""

import base64
import json
import os
import re
import subprocess

from driver import BINARY, DOMAIN, FROM, HOOK, ID, KEY, LATER, TO, run

SERVER = os.path.join(os.environ["INTEROP_HOME"], "node_modules", "resend-mcp", "dist", "index.js")
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
PLAIN = {"from": FROM, "to": [TO], "subject": "Hello", "text": "Hello"}


class Refused(Exception):
    """The server answered with an error."""


class Server:
    def __init__(self):
        settings = os.environ | {"RESEND_API_KEY": KEY}
        self.process = subprocess.Popen(
            ["node", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=settings
        )
        self.ask("initialize", protocolVersion="2025-03-26", capabilities={}, clientInfo={"name": "interop", "version": "1"})
        self.say({"method": "notifications/initialized"})

    def say(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0"} | message) + "\n")
        self.process.stdin.flush()

    def ask(self, method, **parameters):
        self.say({"id": 1, "method": method, "params": parameters})
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise Refused(answer["error"]["message"])
        return answer["result"]

    def tool(self, tool, /, **arguments):
        """The text of a tool's answer."""
        result = self.ask("tools/call", name=tool, arguments=arguments)
        text = "\n".join(part.get("text", "") for part in result["content"])
        if result.get("isError"):
            raise Refused(text)
        return text


server = Server()


def send(**fields):
    return {"text": server.tool("send-email", **PLAIN | fields)}


def all_fields():
    text = server.tool(
        "send-email",
        **PLAIN
        | {
            "cc": ["cc@example.com"],
            "bcc": ["bcc@example.com"],
            "replyTo": ["help@mailqueue.example"],
            "subject": "Ihre Bestellung ✓",
            "html": "<p>Danke für alles!</p>",
            "text": "Danke für alles!",
            "tags": [{"name": "kind", "value": "order"}],
        },
    )
    return {"text": text, "without": ["headers", "from_name"]}


def ids(text):
    return list(dict.fromkeys(re.findall(UUID, text)))


def get():
    text = server.tool("get-email", id=ID)
    return {"id": next(iter(ids(text)), None), "subject": "Prepared" if "Prepared" in text else text}


def attachment_download():
    id = re.search(r"\| ID: (\S+)", server.tool("list-sent-email-attachments", emailId=ID))[1]
    text = server.tool("get-sent-email-attachment", emailId=ID, id=id)
    filename, url = (re.search(rf"^- {label}: (.+)$", text, re.M)[1] for label in ("Filename", "Download URL"))
    return {"filename": filename, "url": url}


def api_keys():
    text = server.tool("create-api-key", name="interop")
    token = re.search(r"mq_\w+", text)
    listed = ids(server.tool("list-api-keys", limit=100))
    id = ids(text)[0]
    server.tool("remove-api-key", id=id)
    return {"id": id, "token": token and token[0], "listed": listed}


def domains():
    text = server.tool("create-domain", name=DOMAIN)
    records = [{"type": kind} for kind in re.findall(r"^\S+ \((\w+)\):$", text, re.M)]
    id = ids(text)[0]
    listed = ids(server.tool("list-domains", limit=100))
    name = re.search(r"^Name: (\S+)$", server.tool("get-domain", id=id), re.M)[1]
    server.tool("verify-domain", id=id)
    server.tool("update-domain", id=id, openTracking=False)
    server.tool("remove-domain", id=id)
    return {"id": id, "name": name, "records": records, "listed": listed}


def domain_verified():
    return {"verified": re.findall(r"^Name: (\S+)\nID: \S+\nStatus: verified$", server.tool("list-domains"), re.M)}


def webhooks():
    text = server.tool("create-webhook", endpoint=HOOK, events=["email.delivered", "contact.created"])
    id, secret = (re.search(rf"^{label}: (\S+)$", text, re.M)[1] for label in ("ID", "Signing Secret"))
    listed = re.findall(r"^ID: (\S+)$", server.tool("list-webhooks"), re.M)
    server.tool("update-webhook", webhookId=id, events=["email.bounced"], status="disabled")
    shown = server.tool("get-webhook", webhookId=id)
    endpoint, status, events = (re.search(rf"^{label}: (.+)$", shown, re.M)[1] for label in ("Endpoint", "Status", "Events"))
    removed = server.tool("remove-webhook", webhookId=id)
    return {
        "id": id,
        "endpoint": endpoint,
        "events": events.split(", "),
        "status": status,
        "first": secret,
        "listed": listed,
        "deleted": "removed successfully" in removed and id in removed,
    }


def attachment_base64():
    return send(attachments=[{"filename": "data.bin", "content": base64.b64encode(BINARY).decode()}])


try:
    run(
        {
            "send": send,
            "all_fields": all_fields,
            "scheduled": lambda: {"id": ids(send(scheduledAt=LATER)["text"])[0]},
            "attachment_base64": attachment_base64,
            "batch": lambda: {"ids": ids(server.tool("send-batch-emails", emails=[PLAIN, PLAIN | {"to": [f"second-{TO}"]}]))},
            "list": lambda: {"ids": ids(server.tool("list-emails", limit=100))},
            "get": get,
            "attachment_download": attachment_download,
            "update": lambda: {"text": server.tool("update-email", id=ID, scheduledAt=LATER)},
            "cancel": lambda: {"text": server.tool("cancel-email", id=ID)},
            "api_keys": api_keys,
            "domains": domains,
            "domain_verified": domain_verified,
            "webhooks": webhooks,
            "bad_address": lambda: send(to=["nobody"]),
            "wrong_key": send,
            "cancel_too_late": lambda: {"text": server.tool("cancel-email", id=ID)},
            "gateway_429": send,
        }
    )
finally:
    server.process.kill()
