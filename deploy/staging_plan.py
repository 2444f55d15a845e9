"""The plan of the staging checks, their price, and the words of their results.

Invariant: no I/O.
Sources: local/cost.py for the queue; Amazon SES pricing page, plan Essentials for us-east-1, read 2026-11-29.
"""

import math
from collections import Counter
from dataclasses import dataclass

from cost import email_usd

# The most emails of one request.
BATCH_MAX = 500
SES_USD = 0.16 / 1000


@dataclass(frozen=True)
class Case:
    """One email to an address of SES's mailbox simulator, and the event at its end."""

    title: str
    mailbox: str
    event: str
    with_file: bool = False


CASES = (
    Case("One email", "success", "delivered"),
    Case("One email with an attachment", "success", "delivered", with_file=True),
    Case("A bounce", "bounce", "bounced"),
    Case("A complaint", "complaint", "complained"),
    Case("An automatic reply", "ooto", "delivered"),
    Case("An address on SES's global suppression list", "suppressionlist", "bounced"),
)


@dataclass(frozen=True)
class Plan:
    """The numbers of emails. `sends_batches`: the emails of the batches are sent, and not purged. `deployments`: those
    that send an email of their own."""

    waiting: int = BATCH_MAX
    batches: int = 10
    batch: int = BATCH_MAX
    sends_batches: bool = False
    deployments: int = 0

    @property
    def batched(self):
        """The emails of the batches together."""
        return self.batches * self.batch

    @property
    def sent(self):
        """The emails that SES receives."""
        return len(CASES) + self.deployments + (self.batched if self.sends_batches else 0)

    @property
    def accepted(self):
        """The emails that the queue accepts."""
        return len(CASES) + self.deployments + self.waiting + self.batched


def cost(plan, rate=None):
    """The line about the emails and their price. `rate`: emails that SES takes each second, if it is known."""
    usd = plan.sent * SES_USD + plan.accepted * email_usd()
    line = (
        f"Cost: sends {plan.sent} emails, all to SES's mailbox simulator, and accepts {plan.accepted - plan.sent} more, which"
        f" it purges: about ${usd:.2f} at list prices."
    )
    if plan.sends_batches and rate:
        line += f" At {rate:g} emails a second, sending takes at least {math.ceil(plan.sent / rate / 60)} min."
    return line


@dataclass(frozen=True)
class Check:
    """The result of a check. `holds` is None if it could not be made."""

    title: str
    did: str
    expected: str
    saw: str
    holds: bool | None


def lines(check):
    """The lines for a person."""
    word = {True: "ok", False: "PROBLEM", None: "NOT CHECKED"}[check.holds]
    yield f"{word:<12} {check.title}"
    for name in ("did", "expected", "saw"):
        yield f"    {name + ':':<10} {getattr(check, name)}"


def summary(checks):
    """The last line."""
    held, failed = sum(check.holds is True for check in checks), sum(check.holds is False for check in checks)
    unchecked = len(checks) - held - failed
    return f"{held} of {len(checks)} checks hold; {failed} failed, and {unchecked} could not be made."


def counted(things):
    """`3 × purged, 1 × sent`: the number of each thing."""
    found = sorted(Counter(things).items(), key=lambda pair: (-pair[1], str(pair[0])))
    return ", ".join(f"{number} × {thing}" for thing, number in found) or "none"


def suppression(found):
    """The check of the configuration set's suppression list. `found`: the list, or the reason why it is not known."""
    unknown = isinstance(found, str)
    return Check(
        "The empty suppression list",
        "GetConfigurationSet" if unknown else f"GetConfigurationSet of {found.configuration_set}",
        "an empty list of reasons, which switches SES's own suppression list off",
        f"not read: {found}" if unknown else found.words,
        None if unknown else found.is_off,
    )
