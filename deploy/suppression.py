"""The suppression lists of a stack's configuration sets, read back from SES.

Only the tenant's own list may decide about a recipient (docs/adr/0024). CloudFormation could drop the template's empty
list of reasons, and the account's list would then apply.
Source: Amazon SES Developer Guide, "Using configuration set-level suppression to override your account-level
suppression list", read 2026-11-29.
"""

from dataclasses import dataclass

from finding import Finding


@dataclass(frozen=True)
class SuppressionList:
    """The reasons for which SES lists a recipient. None: the set has no reasons, so those of the account apply."""

    configuration_set: str
    reasons: tuple | None

    @property
    def is_off(self):
        """True for an empty list of reasons."""
        return self.reasons == ()

    @property
    def words(self):
        """The reasons as SES answers them."""
        if self.reasons is None:
            return "no list of reasons, so the account's suppression list applies"
        return f"the reasons {', '.join(self.reasons)}" if self.reasons else "an empty list of reasons"


def read(ses, stack):
    """The first list of the stack's configuration sets that is not off, or that of the first set."""
    # The template gives these names.
    first, *others = (_read(ses, name) for name in (stack, f"{stack}-tracked"))
    return next((found for found in (first, *others) if not found.is_off), first)


def _read(ses, configuration_set):
    options = ses.get_configuration_set(ConfigurationSetName=configuration_set).get("SuppressionOptions", {})
    reasons = options.get("SuppressedReasons")
    return SuppressionList(configuration_set, None if reasons is None else tuple(reasons))


def findings(found):
    """The finding about a suppression list that is not off."""
    if not found.is_off:
        yield Finding(
            f"The configuration set {found.configuration_set} has {found.words}. SES may refuse recipients that no tenant has"
            " suppressed.",
            "Run `aws sesv2 put-configuration-set-suppression-options --configuration-set-name"
            f" {found.configuration_set} --suppressed-reasons '[]'`, and report this: the template asks for the empty list.",
        )
