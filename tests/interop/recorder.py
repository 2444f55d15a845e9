"""Three servers between a client and the local stack.

Role: each client gets a recorder of its own. The runner reads the recorded calls after each case.
`Recorder` forwards every request unchanged and records the request and its answer.
`Respelled` doubles the slash of the first path, so that the stack redirects the client.
`Gateway` answers every request as API Gateway itself does, for example above its limits: 429
`{"message":"Too Many Requests"}`.
Invariant: all listen on 127.0.0.1 only, and forward only to the given address.
"""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

TIMEOUT_SECS = 60
# The longest text of a body that is kept for a report.
KEPT = 2000
# Headers of one connection, which a proxy does not forward.
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection", "expect"}
# Headers that every request has, or that hold a secret.
UNREPORTED = HOP_BY_HOP | {
    "accept", "accept-encoding", "accept-language", "authorization", "content-length", "content-type", "host",
    "sec-fetch-mode", "sec-fetch-dest", "sec-fetch-site", "user-agent", "priority", "traceparent",
}  # fmt: skip
# API Gateway's own answers, as the local front also gives them.
MESSAGES = {
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def kept(body):
    text = body.decode(errors="replace")
    return text if len(text) <= KEPT else f"{text[:KEPT]}... ({len(text)} characters)"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def parse_request(self):
        parsed = super().parse_request()
        if parsed:
            # As the client sent it: the library joins slashes at its beginning.
            self.path = self.requestline.split()[1]
        return parsed

    def body(self):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def serve(self):
        body = self.body()
        status, headers, answer = self.server.answer(self, body)
        call = {"method": self.command, "path": self.path, "status": status}
        call["headers"] = {name: value for name, value in self.headers.items() if name.lower() not in UNREPORTED}
        call |= {"request": kept(body), "answer": kept(answer)}
        self.server.calls.append(call)
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP | {"content-length", "date", "server"}:
                self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_DELETE = do_GET = do_HEAD = do_PATCH = do_POST = do_PUT = serve

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, path):
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls = []
        self.url = f"http://127.0.0.1:{self.server_port}{path}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class Recorder(Server):
    def __init__(self, url):
        self.target = urlsplit(url)
        super().__init__(self.target.path)

    def answer(self, asked, body):
        connection = http.client.HTTPConnection(self.target.hostname, self.target.port, timeout=TIMEOUT_SECS)
        headers = {name: value for name, value in asked.headers.items() if name.lower() not in HOP_BY_HOP}
        # The body is complete here, also if it came in chunks.
        headers = {name: value for name, value in headers.items() if name.lower() != "content-length"}
        # No compression, so that the record is readable.
        headers = {name: value for name, value in headers.items() if name.lower() != "accept-encoding"}
        if body or asked.command in ("POST", "PUT", "PATCH"):
            headers["Content-Length"] = str(len(body))
        try:
            connection.request(asked.command, asked.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


class Respelled(Recorder):
    def answer(self, asked, body):
        if not self.calls:
            asked.path = f"/{asked.path}"
        return super().answer(asked, body)


class Gateway(Server):
    def __init__(self, status):
        self.status = status
        super().__init__("")

    def answer(self, _asked, _body):
        body = json.dumps({"message": MESSAGES[self.status]}, separators=(",", ":")).encode()
        return self.status, [("content-type", "application/json")], body
