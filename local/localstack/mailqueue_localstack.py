"""Plugins that run LocalStack without Docker: functions as processes, and an existing DynamoDB server.

Role: loaded through LocalStack's plugin points (plux), for which run.py writes the entry points. The runtime executor
`process` (LAMBDA_RUNTIME_EXECUTOR) starts the functions. One hook prevents the download of DynamoDB Local, and another
keeps message bodies unchanged.
Invariants: nothing is downloaded. The process of a function runs in LocalStack's TMPDIR and ends with its executor.

Settings, all from the environment:
  DYNAMODB_ENDPOINT   a running DynamoDB server
  DYNAMODB_STREAM_NAMES  real: stream names contain the region, as on AWS; ddblocal: as in DynamoDB Local
  DYNAMODB_LOCAL_JAR  the path of DynamoDBLocal.jar, started with the system's java; only without DYNAMODB_ENDPOINT
  MAILQUEUE_LOGS      the directory for the functions' logs
"""

import json
import logging
import os
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from types import SimpleNamespace

from localstack.runtime import hooks
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

LOG = logging.getLogger(__name__)
API = "/2018-06-01/runtime/"


@hooks.on_infra_start(name="mailqueue_dynamodb")
def use_this_dynamodb():
    from localstack.services.dynamodb.server import DynamodbServer

    endpoint = os.environ.get("DYNAMODB_ENDPOINT")
    if endpoint:
        DynamodbServer.url = property(lambda _: endpoint)
        DynamodbServer.start_dynamodb = lambda _: True
        DynamodbServer.stop_dynamodb = lambda _: None
        if os.environ.get("DYNAMODB_STREAM_NAMES") == "real":
            from localstack.services.dynamodbstreams.v2.provider import DynamoDBStreamsProvider

            DynamoDBStreamsProvider.modify_stream_arn_for_ddb_local = lambda _, arn: arn
    else:
        DynamodbServer.do_start_thread = start_jar


@hooks.on_infra_start(name="mailqueue_messages")
def pass_messages_on():
    """Keeps the body of a message unchanged, as AWS does.

    LocalStack 4.14.0 parses each body as JSON and writes it again, for its filters. Deeply nested JSON stops its
    poller permanently. The SQS triggers of mailqueue have no filters.
    """
    from localstack.services.lambda_.event_source_mapping.pollers import sqs_poller

    sqs_poller.json = SimpleNamespace(loads=_is_not_json, dumps=json.dumps, JSONDecodeError=json.JSONDecodeError)


def _is_not_json(text):
    raise json.JSONDecodeError("a body is not parsed", text, 0)


def jar_command(jar, port):
    """The command that starts DynamoDB Local in memory, without its telemetry."""
    return [
        "java",
        f"-Djava.library.path={jar.parent}/DynamoDBLocal_lib",
        "-jar",
        str(jar),
        "-port",
        str(port),
        "-inMemory",
        "-disableTelemetry",
    ]


def start_jar(server):
    from localstack.utils.common import TMP_THREADS, ShellCommandThread

    thread = ShellCommandThread(
        jar_command(Path(os.environ["DYNAMODB_LOCAL_JAR"]), server.port),
        strip_color=True,
        log_listener=lambda line, **_: LOG.debug(line.rstrip()),
        auto_restart=True,
        name="dynamodb-local",
        env_vars={"DDB_LOCAL_TELEMETRY": "0"},
    )
    TMP_THREADS.append(thread)
    thread.start()
    return thread


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    name = "process"

    def load(self, *args, **kwargs):
        return ProcessExecutor


class _RuntimeApi(BaseHTTPRequestHandler):
    """Lambda's Runtime API. Source: AWS Lambda Developer Guide, "Using the Lambda runtime API"."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _body(self):
        length = self.headers.get("content-length")
        if length is not None:
            return self.rfile.read(int(length))
        parts = []
        while self.headers.get("transfer-encoding", "").lower() == "chunked":
            size = int(self.rfile.readline().split(b";")[0], 16)
            parts.append(self.rfile.read(size))
            self.rfile.readline()
            if size == 0:
                break
        return b"".join(parts)

    def _answer(self, status, body=b"", headers=()):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        executor = self.server.executor
        executor.idle.set()
        asked = executor.waiting.get()
        if asked is None:
            self.close_connection = True
            return
        headers = [
            ("content-type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", asked["invoke-id"]),
            ("Lambda-Runtime-Deadline-Ms", str(int((time.time() + executor.timeout) * 1000))),
            ("Lambda-Runtime-Invoked-Function-Arn", asked["invoked-function-arn"]),
            ("Lambda-Runtime-Trace-Id", asked.get("trace-id") or ""),
        ]
        self._answer(200, asked["payload"].encode(), headers)

    def do_POST(self):
        body = self._body()
        executor = self.server.executor
        parts = self.path.removeprefix(API).split("/")
        if parts[0] == "invocation":
            executor.answers.put((parts[1], body, parts[2] == "error"))
        self._answer(202, b'{"status":"OK"}')

    def log_message(self, *_):
        pass


class ProcessExecutor(RuntimeExecutor):
    def __init__(self, id, function_version):
        super().__init__(id, function_version)
        self.timeout = function_version.config.timeout
        self.waiting, self.answers = Queue(), Queue()
        self.idle = threading.Event()
        self.process = None
        self.environment = {}
        logs = Path(os.environ["MAILQUEUE_LOGS"])
        logs.mkdir(parents=True, exist_ok=True)
        self.log = logs / f"{function_version.id.function_name}-{id}.log"
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _RuntimeApi)
        self.server.daemon_threads = True
        self.server.executor = self

    def start(self, env_vars):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        code = self.function_version.config.code.get_unzipped_code_location()
        self.environment = {
            "PATH": os.environ["PATH"],
            **{name: str(value) for name, value in env_vars.items()},
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}",
            "LAMBDA_TASK_ROOT": str(code),
        }
        self._launch()

    def _launch(self):
        code = self.environment["LAMBDA_TASK_ROOT"]
        # A new queue, so that the request of an earlier process cannot take the work of this one.
        self.waiting.put(None)
        self.waiting, self.answers = Queue(), Queue()
        self.idle.clear()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [f"{code}/bootstrap"], cwd=code, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 20
        while not self.idle.wait(0.02):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.function_version.id.function_name} did not start: {self.get_logs()[-800:]}")

    def stop(self):
        self.waiting.put(None)
        self.server.shutdown()
        self.server.server_close()
        if self.process:
            self.process.kill()
            self.process.wait()

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):
        return f"http://127.0.0.1/_localstack_lambda/{self.id}"

    def invoke(self, payload):
        if self.process.poll() is not None:
            self._launch()
        began = self.log.stat().st_size if self.log.exists() else 0
        request = payload["invoke-id"]
        self.waiting.put(payload)
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                answered, body, failed = self.answers.get(timeout=0.05)
                if answered == request:
                    return InvocationResult(request, body, is_error=failed, logs=self._since(began))
            except Empty:
                if self.process.poll() is not None:
                    return self._error(request, "Runtime.ExitError", f"RequestId: {request} Error: Runtime exited with error", began)
                if time.monotonic() > deadline:
                    self.process.kill()
                    self.process.wait()
                    message = f"RequestId: {request} Error: Task timed out after {self.timeout:.2f} seconds"
                    return self._error(request, "Sandbox.Timedout", message, began)

    def _error(self, request, kind, message, began):
        body = json.dumps({"errorType": kind, "errorMessage": message}).encode()
        return InvocationResult(request, body, is_error=True, logs=self._since(began))

    def _since(self, began):
        try:
            with self.log.open("rb") as log:
                log.seek(began)
                return log.read(256 * 1024).decode(errors="replace")
        except OSError:
            return ""

    def get_logs(self):
        return self._since(0)

    @classmethod
    def prepare_version(cls, function_version):
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        pass

    @classmethod
    def validate_environment(cls):
        return True
