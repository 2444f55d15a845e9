"""The local stack, as the runner of the interop tests calls it, and the failure of a case.

Role: prepares emails, domains and webhooks for cases, and finds delivered messages. Imports nothing of the other files.
"""

import json
import time
import urllib.error
import urllib.request

FROM = "shop@mailqueue.example"
DELIVERY_SECS = 20
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failed(Exception):
    """The verdict of a case that fails, in one sentence."""


class NotOffered(Exception):
    """The client has no call for the case."""


class Stack:
    """The local stack, as the runner itself calls it."""

    def __init__(self, url, key, inbox, dns):
        self.url, self.key, self.inbox, self.dns = url, key, inbox, dns

    def call(self, method, path, body=None):
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with DIRECT.open(asked, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    def send(self, to, **fields):
        email = {"from": FROM, "to": to, "subject": "Prepared", "text": "Prepared"} | fields
        status, answer = self.call("POST", "/emails", email)
        if status != 200:
            raise Failed(f"The stack refused the prepared email: {status} {answer}")
        return answer["id"]

    def email(self, id):
        return self.call("GET", f"/emails/{id}")[1]

    def verified_domain(self, name):
        """The id of a new domain whose records are in the fake DNS server, and which SES has verified."""
        status, domain = self.call("POST", "/domains", {"name": name})
        if status != 201:
            raise Failed(f"The stack refused the prepared domain: {status} {domain}")
        records = [dns_record(record) for record in domain["records"]]
        asked = urllib.request.Request(f"{self.dns}/records", data=json.dumps(records).encode(), method="POST")
        DIRECT.open(asked, timeout=60).close()

        def verified():
            self.call("POST", f"/domains/{domain['id']}/verify")
            return self.call("GET", f"/domains/{domain['id']}")[1].get("status") == "verified"

        self.wait(verified, "The prepared domain was not verified.")
        return domain["id"]

    def webhook(self, **fields):
        """A new webhook with a test event: its path, its signing secret, and the path of the event."""
        status, webhook = self.call("POST", "/webhooks", {"events": ["email.bounced"]} | fields)
        if status != 201:
            raise Failed(f"The stack refused the prepared webhook: {status} {webhook}")
        path = f"/webhooks/{webhook['id']}"
        status, event = self.call("POST", f"{path}/test", {"type": "email.bounced"})
        if status != 200:
            raise Failed(f"The stack refused the test event: {status} {event}")
        return path, webhook["signing_secret"], f"{path}/events/{event['id']}"

    def signed_event(self):
        """The body, the headers and the secret of a signed test event, as JSON for a driver."""
        path, secret, _ = self.webhook(delivery="pull")
        [event] = self.call("GET", f"{path}/events?include=payload")[1]["data"]
        self.call("DELETE", path)
        headers = {header["name"]: header["value"] for header in event["headers"]}
        return json.dumps({"secret": secret, "headers": headers, "body": event["body"]})

    def wait(self, found, failure):
        deadline = time.monotonic() + DELIVERY_SECS
        while not (result := found()):
            if time.monotonic() > deadline:
                raise Failed(failure)
            time.sleep(0.1)
        return result

    def delivered(self, to):
        """The first delivered message to an address."""

        def found():
            with DIRECT.open(f"{self.inbox}/messages", timeout=60) as answer:
                return next((message for message in json.load(answer) if to in message["to"]), None)

        return self.wait(found, f"No message arrived within {DELIVERY_SECS} s.")


def dns_record(record):
    """A record of a domain in the form of the fake DNS server."""
    value = f"{record['priority']} {record['value']}" if "priority" in record else record["value"]
    return {"name": record["host"], "type": record["type"], "value": value}


def expect(what, found, wanted):
    if found != wanted:
        raise Failed(f"{what}: {json.dumps(found, ensure_ascii=False)} instead of {json.dumps(wanted, ensure_ascii=False)}")
