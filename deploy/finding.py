"""A finding of the scripts: a problem and its remedy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that is wrong. A blocking one stops the deployment, and is a problem for an examination."""

    problem: str
    remedy: str
    blocking: bool = True
