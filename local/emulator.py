"""Starts MiniStack, the emulator of AWS, with missing features added.

Role: run by `stack.py`, with the whole configuration of the emulator in the environment.
Without the first line below, the responses of its Lambda runtime API wait for a delayed ACK. A
warm invocation then takes 100 ms instead of 14 ms (measured with MiniStack 1.5.33).
DynamoDB's transaction conflicts: see `transaction_conflicts.py`. CloudFormation: see `provisioner_gaps.py`. Restores:
see `restored_tables.py`. Readers of a table's stream: see `stream_readers.py`.
"""

import os
import socketserver

socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from ministack.app import main  # noqa: E402  (the setting must come first)
from ministack.services import dynamodb, lambda_svc  # noqa: E402
from ministack.services.cloudformation import provisioners  # noqa: E402

import stream_readers  # noqa: E402
from provisioner_gaps import fill  # noqa: E402
from restored_tables import show  # noqa: E402
from transaction_conflicts import switch_on  # noqa: E402

if __name__ == "__main__":
    fill(provisioners, dynamodb, lambda_svc)
    show(dynamodb)
    stream_readers.switch_on(lambda_svc, dynamodb)
    window_ms = float(os.environ["TRANSACTION_WINDOW_MS"])
    if window_ms > 0:
        switch_on(dynamodb, window_ms)
    main()
