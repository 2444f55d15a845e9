"""Emulates API Gateway's HTTP API: one base URL without a path, as on AWS.

Role: started by stack.py and by localstack/run.py. It reads its routes from template.yaml, and calls the functions
with Lambda's API; events have payload format 2.0. MiniStack's own HTTP API needs a path before each route, and
LocalStack's open core has none.
Invariant: listens on 127.0.0.1 only.
Start reading at `route_of`.

PUT /_gateway/faults {"faults": [{"status": 413|429|500|503, "count": n, "path": "/queues"}]} sets faults. The next n
requests whose path contains `path` get the gateway's own response. Without `path` any request fails. GET shows the
remaining faults, DELETE removes them.

usage: front.py PORT LAMBDA_ENDPOINT STACK
Sources: Amazon API Gateway Developer Guide, "Create routes for HTTP APIs in API Gateway", "Create AWS Lambda proxy
integrations for HTTP APIs" and "Quotas for configuring and running an HTTP API", read 2026-11-29. Slashes at the end:
storacha/w3infra, pull request 166, and aws/serverless-application-model, issue 1949, read 2026-11-30.
"""

import base64
import json
import re
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import boto3
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).resolve().parent))
import template as templates  # noqa: E402  (it is in this directory)

ROOT = Path(__file__).resolve().parent.parent
NOT_PASSED_ON = ("content-length", "transfer-encoding", "connection")
FAULTS = "/_gateway/faults"
# API Gateway's quota "Payload size".
BODY_MAX = 10 * 1024 * 1024
# Lambda's quota of a synchronous invocation's payload: the body is part of the event.
EVENT_MAX = 6 * 1024 * 1024
# API Gateway's quota "Maximum integration timeout".
TIMEOUT_SECS = 30
# The gateway's own responses have no field of the API's errors.
MESSAGES = {413: "Request Entity Too Large", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


class Route:
    """A route of the template."""

    def __init__(self, key, binary):
        self.key, self.binary = key, binary
        self.method, _, path = key.partition(" ")
        # {name+} is greedy, and may be empty: no route ends with a slash, and /console/ reaches /console/{proxy+}.
        pattern = re.sub(r"{\w+\+}", "(.*)", re.sub(r"{\w+}", "([^/]+)", path))
        self.shape = re.compile(pattern + "$") if path else re.compile(".*")
        self.names = re.findall(r"{(\w+)\+?}", path)
        # The first match wins: full matches, then greedy ones, then $default; a method of its own before ANY.
        self.rank = (key == "$default", "+}" in path, len(self.names), self.method == "ANY")


def routes(template):
    """The routes of a template, in the order in which API Gateway chooses them."""
    resources = template["Resources"]
    found = []
    for resource in resources.values():
        if resource["Type"] == "AWS::ApiGatewayV2::Route":
            integration = re.search(r"\$\{(\w+)}", resource["Properties"]["Target"]["Fn::Sub"])[1]
            function = resources[integration]["Properties"]["IntegrationUri"]["Fn::GetAtt"][0]
            binary = resources[function]["Metadata"]["BuildProperties"]["Binary"]
            found.append(Route(resource["Properties"]["RouteKey"], binary))
    return sorted(found, key=lambda route: route.rank)


ROUTES = routes(templates.load(ROOT / "template.yaml"))


def route_of(method, path):
    """The route of a request, and the values of its path variables."""
    for route in ROUTES:
        match = route.shape.match(path)
        if match and route.method in (method, "ANY", "$default"):
            return route, dict(zip(route.names, match.groups()))
    raise LookupError("The template has no route $default.")


def joined(pairs):
    """The values of each name, separated by commas."""
    values = {}
    for name, value in pairs:
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def decoded(path):
    """A path in the form of API Gateway: all escapes are decoded, except for the percent sign."""
    return unquote(path.replace("%25", "%2525"))


def is_text(headers, body):
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if not kind.startswith("text/") and kind not in ("application/json", "application/javascript", "application/xml", ""):
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


class Faults:
    """The requested responses of the gateway itself."""

    def __init__(self):
        self.lock, self.left = threading.Lock(), []

    def take(self, path):
        """The status of the first fault for a path; None without one."""
        with self.lock:
            fault = next((fault for fault in self.left if fault["path"] in path), None)
            if fault is None:
                return None
            fault["count"] -= 1
            if fault["count"] < 1:
                self.left.remove(fault)
            return fault["status"]

    def set(self, body):
        """Replaces the faults; False if the request is malformed."""
        try:
            wanted = [{"count": 1, "path": ""} | fault for fault in json.loads(body)["faults"]]
            good = all(
                set(fault) == {"status", "count", "path"}
                and fault["status"] in MESSAGES
                and isinstance(fault["count"], int)
                and fault["count"] > 0
                and isinstance(fault["path"], str)
                for fault in wanted
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return False
        if not good:
            return False
        with self.lock:
            self.left = wanted
        return True


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def event(self, body):
        """The event of a request, and the binary of its function."""
        # http.server joins slashes at the start of `self.path`.
        parts = urlsplit("http://host" + self.requestline.split(" ")[1])
        path = decoded(parts.path) or "/"
        route, variables = route_of(self.command, path)
        headers = joined((name.lower(), value) for name, value in self.headers.items())
        now, text = time.time(), is_text(headers, body)
        event = {
            "version": "2.0",
            "routeKey": route.key,
            "rawPath": path,
            "rawQueryString": parts.query,
            "headers": headers,
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "mailqueue",
                "domainName": headers.get("host", ""),
                "domainPrefix": "mailqueue",
                "http": {
                    "method": self.command,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": headers.get("user-agent", ""),
                },
                "requestId": uuid.uuid4().hex[:16],
                "routeKey": route.key,
                "stage": "$default",
                "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
                "timeEpoch": int(now * 1000),
            },
            "isBase64Encoded": not text,
        }
        if parts.query:
            event["queryStringParameters"] = joined(parse_qsl(parts.query, keep_blank_values=True))
        if variables:
            event["pathParameters"] = variables
        if body:
            event["body"] = body.decode() if text else base64.b64encode(body).decode()
        return event, route.binary

    def invoke(self, event, binary):
        """The function's response, or the status with which the gateway itself answers."""
        payload = json.dumps(event, ensure_ascii=False).encode()
        if len(payload) > EVENT_MAX:
            return 413
        try:
            said = self.server.functions.invoke(FunctionName=f"{self.server.stack}-{binary}", Payload=payload)
            answer = said["Payload"].read()
            if "FunctionError" in said:
                raise RuntimeError(answer.decode(errors="replace"))
            return json.loads(answer)
        except Exception as error:  # noqa: BLE001  (the gateway gives the same response for every error)
            print(f"{self.command} {event['routeKey']}: {str(error)[:600]}", file=sys.stderr, flush=True)
            return 503 if "timeout" in type(error).__name__.lower() else 500

    def body(self):
        """The body of the request; None if it is too large."""
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            body = b"".join(parts)
        else:
            length = int(self.headers.get("content-length") or 0)
            if length > BODY_MAX:
                self.close_connection = True
                return None
            body = self.rfile.read(length)
        return body if len(body) <= BODY_MAX else None

    def answer(self):
        body = self.body()
        if self.path == FAULTS:
            return self.control(body)
        fault = 413 if body is None else self.server.faults.take(self.path)
        answer = fault or self.invoke(*self.event(body))
        if isinstance(answer, int):
            return self.respond(answer, {"content-type": "application/json"}, f'{{"message":"{MESSAGES[answer]}"}}'.encode())
        out = answer.get("body") or ""
        out = base64.b64decode(out) if answer.get("isBase64Encoded") else out.encode()
        return self.respond(answer["statusCode"], answer.get("headers") or {}, out)

    def control(self, body):
        """Shows or changes the faults."""
        faults = self.server.faults
        if self.command == "DELETE":
            faults.set(b'{"faults": []}')
            return self.respond(204, {}, b"")
        if self.command == "PUT" and not faults.set(body):
            problem = f'send {{"faults": [{{"status": 429, "count": 1, "path": "/emails"}}]}}; the statuses are {", ".join(map(str, MESSAGES))}'
            return self.respond(422, {"content-type": "application/json"}, json.dumps({"message": problem}).encode())
        return self.respond(200, {"content-type": "application/json"}, json.dumps({"faults": faults.left}).encode())

    def respond(self, status, headers, out):
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("content-length", str(len(out)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(out)

    def __getattr__(self, name):
        # http.server calls do_<METHOD>; a route with ANY, and $default, take every method.
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


if __name__ == "__main__":
    port, endpoint, stack = sys.argv[1:]
    server = Server(("127.0.0.1", int(port)), Front)
    server.stack, server.faults = stack, Faults()
    server.functions = boto3.client(
        "lambda",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=256, read_timeout=TIMEOUT_SECS, retries={"total_max_attempts": 1}, proxies={}),
    )
    server.serve_forever()
