"""The place of a deployment: account, region and stack, and the names that follow from them.

Invariant: no I/O except for `permissions`, which reads its own files.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from names import beginning

HERE = Path(__file__).resolve().parent
# The policies: of every deployment, and of a restore or a taken-over table. IAM limits the length of each.
POLICIES = {"deploy": HERE / "permissions.json", "restore": HERE / "restore_permissions.json"}


@dataclass(frozen=True)
class Target:
    """A stack in a region of an account."""

    partition: str
    account: str
    region: str
    stack: str
    # The path of the functions' roles.
    role_path: str = "/"
    # The tables and the bucket that the stack takes over, if it does.
    adopted_table: str = ""
    adopted_secret_table: str = ""
    adopted_bucket: str = ""

    @property
    def code_bucket(self):
        """The bucket of the packages. Several stacks of a region share it."""
        return f"mailqueue-code-{self.account}-{self.region}"

    @property
    def key_parameter(self):
        """The parameter of Systems Manager with the deployer's key."""
        return f"/mailqueue/{self.stack}/deployer-key"


def permissions(target, policy="deploy"):
    """An IAM policy of the deployer for this target. Without a table or bucket of others it names those of the stack."""
    names = {
        "Partition": target.partition,
        "Account": target.account,
        "Region": target.region,
        "Stack": target.stack,
        "RolePath": target.role_path,
        "Generated": beginning(target.stack),
        "GeneratedLower": beginning(target.stack).lower(),
        "CodeBucket": target.code_bucket,
        "AdoptedTable": target.adopted_table or f"{target.stack}-*",
        "AdoptedSecretTable": target.adopted_secret_table or f"{target.stack}-*",
        "AdoptedBucket": target.adopted_bucket or f"{beginning(target.stack).lower()}*",
    }
    return json.loads(re.sub(r"\$\{(\w+)}", lambda found: names[found[1]], POLICIES[policy].read_text()))
