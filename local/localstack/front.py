"""Emulates API Gateway's HTTP API for LocalStack, whose open core has no API Gateway v2.

Role: started by run.py. It reads its routes from template.yaml; events have payload format 2.0.
Invariant: listens on 127.0.0.1 only.
usage: front.py PORT LAMBDA_ENDPOINT STACK
Source: Amazon API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
"""

import base64
import json
import re
import sys
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "local"))
import template as templates  # noqa: E402  (it is in the directory above)

NOT_PASSED_ON = ("content-length", "transfer-encoding", "connection")


def routes():
    """(route key, method, pattern of the path, its names, binary) of every route, most specific first."""
    resources = templates.load(ROOT / "template.yaml")["Resources"]
    found = []
    for resource in resources.values():
        if resource["Type"] == "AWS::ApiGatewayV2::Route":
            key = resource["Properties"]["RouteKey"]
            integration = re.search(r"\$\{(\w+)}", resource["Properties"]["Target"]["Fn::Sub"])[1]
            function = resources[integration]["Properties"]["IntegrationUri"]["Fn::GetAtt"][0]
            method, _, path = key.partition(" ")
            pattern = re.sub(r"{\w+\+}", "(.+)", re.sub(r"{\w+}", "([^/]+)", path))  # {name+} is greedy
            shape = re.compile(pattern + "$") if path else re.compile(".*")
            binary = resources[function]["Metadata"]["BuildProperties"]["Binary"]
            found.append((key, method, shape, re.findall(r"{(\w+)\+?}", path), binary))
    return sorted(found, key=lambda route: (route[0] == "$default", route[0].count("{"), route[1] == "ANY"))


ROUTES = routes()


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


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def event(self, body):
        """The event of a request and the binary of its function."""
        parts = urlsplit(self.path)
        path = decoded(parts.path) or "/"
        for key, method, shape, names, binary in ROUTES:  # noqa: B007  ($default matches everything)
            match = shape.match(path)
            if match and method in (self.command, "ANY", "$default"):
                break
        headers = joined((name.lower(), value) for name, value in self.headers.items())
        now, text = time.time(), is_text(headers, body)
        event = {
            "version": "2.0",
            "routeKey": key,
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
                "routeKey": key,
                "stage": "$default",
                "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
                "timeEpoch": int(now * 1000),
            },
            "isBase64Encoded": not text,
        }
        if parts.query:
            event["queryStringParameters"] = joined(parse_qsl(parts.query, keep_blank_values=True))
        if names:
            event["pathParameters"] = dict(zip(names, match.groups()))
        if body:
            event["body"] = body.decode() if text else base64.b64encode(body).decode()
        return event, binary

    def invoke(self, event, binary):
        try:
            said = self.server.functions.invoke(FunctionName=f"{self.server.stack}-{binary}", Payload=json.dumps(event))
            payload = said["Payload"].read()
            if "FunctionError" in said:
                raise RuntimeError(payload.decode(errors="replace"))
            return json.loads(payload)
        except Exception as error:  # noqa: BLE001  (the gateway gives this response for every error)
            print(f"{self.command} {event['routeKey']}: {str(error)[:600]}", file=sys.stderr, flush=True)
            headers = {"content-type": "application/json"}
            return {"statusCode": 500, "body": '{"message":"Internal Server Error"}', "headers": headers}

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        answer = self.invoke(*self.event(body))
        out = answer.get("body") or ""
        out = base64.b64decode(out) if answer.get("isBase64Encoded") else out.encode()
        self.send_response(answer["statusCode"])
        for name, value in (answer.get("headers") or {}).items():
            if name.lower() not in NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("content-length", str(len(out)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(out)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


if __name__ == "__main__":
    port, endpoint, stack = sys.argv[1:]
    server = Server(("127.0.0.1", int(port)), Front)
    server.stack = stack
    server.functions = boto3.client(
        "lambda",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=64, read_timeout=40, retries={"total_max_attempts": 1}, proxies={}),
    )
    server.serve_forever()
