"""Joins the two halves of SES behind one address: the emulator has the configuration sets, the fake SES all the rest.

Role: started by `rehearse`, for the scripts of deploy/, which know one address of SES as on AWS.
Invariant: listens on 127.0.0.1 only.

usage: ses_gateway.py PORT FAKE_SES EMULATOR
"""

import sys
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONFIGURATION_SETS = "/v2/email/configuration-sets/"
PASSED_ON = ("authorization", "content-type", "x-amz-date")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Gateway(BaseHTTPRequestHandler):
    """Passes each request on, and its answer back."""

    def answer(self):
        """Asks the half that knows the path."""
        length = int(self.headers.get("content-length") or 0)
        base = self.server.emulator if self.path.startswith(CONFIGURATION_SETS) else self.server.fake_ses
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        body = self.rfile.read(length) if length else None
        asked = urllib.request.Request(base + self.path, data=body, method=self.command, headers=headers)
        try:
            with _DIRECT.open(asked, timeout=30) as answer:
                self.respond(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            self.respond(error.code, error.headers, error.read())

    def respond(self, status, headers, body):
        """Writes an answer."""
        self.send_response(status)
        for name, value in headers.items():
            if name.lower().startswith(("content-type", "x-amzn")):
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = answer

    def log_message(self, *_):
        """Writes no log."""


if __name__ == "__main__":
    port, fake_ses, emulator = sys.argv[1:]
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Gateway)
    server.fake_ses, server.emulator = fake_ses, emulator
    server.serve_forever()
