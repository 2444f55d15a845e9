"""A link to the console with a one-time code, for the local stack or for a deployment.

Invariant: no key is in the link, and none is printed. The code in the link works once within 60 seconds, and it is in
the part behind `#`, which a browser sends to no server.
"""

import shlex
import webbrowser
from pathlib import Path

from first_email import Api
from stack import Trouble, say

SETTINGS = ("MAILQUEUE_URL", "MAILQUEUE_DEPLOYER_KEY")
TENANT_HEADER = "x-mailqueue-tenant"


def local_place(file):
    """The address and the deployer's key of the running local stack."""
    if not Path(file).exists():
        raise Trouble(
            "The local stack is not running: start it with `make local`."
            " For a deployment, name its region: `make console REGION=eu-west-1`."
        )
    words = (shlex.split(line) for line in Path(file).read_text().splitlines())
    stored = dict(word[1].split("=", 1) for word in words if len(word) == 2 and word[0] == "export")
    if missing := [name for name in SETTINGS if not stored.get(name)]:
        raise Trouble(f"{' and '.join(missing)} missing in {file}: start the local stack again with `make local`.")
    return tuple(stored[name].rstrip("/") for name in SETTINGS)


def link(url, key, tenant, api=None):
    """A link that signs in to the console as a key of the tenant. `api` replaces the API in tests."""
    api = api or Api(url, key)
    status, answer = api.call("GET", "/console/")
    if status == 0:
        raise Trouble(f"{url} does not answer ({answer['message']}): check the address, or start the local stack with `make local`.")
    if status != 200:
        raise Trouble(
            f"This deployment has no console: {url}/console/ answered {status}."
            " Deploy it with the parameter Console=on, and with a version that has one."
        )
    status, answer = api.call("POST", "/console-codes", headers={TENANT_HEADER: tenant})
    if status == 404:
        raise Trouble(f"There is no tenant {tenant}. `GET /tenants` lists them.")
    if status != 201:
        raise Trouble(f"POST {url}/console-codes answered {status}: {answer.get('message', answer)}")
    # The API may be behind a proxy and know only its own host, so that the link has the address given here.
    return f"{url}/console/#code={answer['code']}"


def open_link(address, opens=True):
    """Prints the link, and opens it in a browser if there is one."""
    say(f"{address}\nThe link works once, within 60 seconds. The key that it gives ends within twelve hours.")
    if opens and not webbrowser.open(address):
        say("No browser was found here: open the link yourself.")
