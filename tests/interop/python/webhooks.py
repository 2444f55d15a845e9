"""Libraries that verify webhooks and call nothing: `standardwebhooks` and `svix`. Each reads its own headers."""

import importlib
import json
import os

from driver import WEBHOOK, run, tampered

NAME = os.environ["INTEROP_LIBRARY"]
FAMILY = "svix-" if NAME == "svix" else "webhook-"


def webhook_verify():
    library = importlib.import_module("svix.webhooks" if NAME == "svix" else NAME)
    receiver = library.Webhook(WEBHOOK["secret"])
    headers = {name: value for name, value in WEBHOOK["headers"].items() if name.startswith(FAMILY)}
    event = receiver.verify(WEBHOOK["body"], headers) or json.loads(WEBHOOK["body"])
    return {"type": event["type"], "refused": tampered(lambda body: receiver.verify(body, headers))}


run({"webhook_verify": webhook_verify})
