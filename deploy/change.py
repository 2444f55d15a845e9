"""Brings a stack to a template: decides from its status, makes a change set, carries it out and waits.

Invariant: `next_act`, `remedy` and `stages` are pure. Each call can be repeated after an interruption.
Start reading at `deploy`.
Source: AWS CloudFormation User Guide, "Stack status codes" and "Updating stacks using change sets", read 2026-11-29.
"""

import time
import uuid

from botocore.exceptions import ClientError
from stack import Trouble, say

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
# CloudFormation's words for a change set without a change.
NOTHING = ("didn't contain changes", "No updates are to be performed")
# The statuses after a failed creation: the stack can only be deleted.
FAILED_CREATIONS = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
PATIENCE_SECS = 30 * 60
# The longest time until a stack shows an operation that has begun.
START_SECS = 60
FIRST_PAUSE_SECS = 0.5


def next_act(status):
    """The next act for a stack of this status: create, update, wait or delete."""
    if status in (None, "REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
        return "create"
    if status.endswith("_IN_PROGRESS"):
        return "wait"
    if status in FAILED_CREATIONS:
        return "delete"
    return "update"


def remedy(reason):
    """The next act of a person after a resource failed for this reason."""
    words = reason.lower()
    if "not authorized" in words or "accessdenied" in words or "access denied" in words:
        return "The deployer lacks a permission: deploy/deploy --permissions prints the whole policy."
    if "already exists" in words:
        return "A resource of this name is left from another stack: delete it, or choose another name with --stack."
    if "limit" in words or "quota" in words:
        return "A quota of the account is used up: raise it in Service Quotas."
    return "Remove this reason."


def parameters(wanted, known, deployed):
    """The parameters of a change set: the wanted values, and for the others the deployed ones."""
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise Trouble(f"The template has no parameter {', '.join(unknown)}. It has {', '.join(sorted(known))}.")
    kept = [name for name in known if name in deployed and name not in wanted]
    return [
        *({"ParameterKey": name, "ParameterValue": value} for name, value in wanted.items()),
        *({"ParameterKey": name, "UsePreviousValue": True} for name in kept),
    ]


def stages(wanted, exists, known):
    """The parameters of each operation of a deployment. A new stack protects its table only after its creation: a
    protected table would outlive a failed one."""
    if "DeletionProtection" not in known:
        # The template of an older release.
        return [wanted]
    protected = {"DeletionProtection": "true"} | wanted
    if exists or protected["DeletionProtection"] != "true":
        return [protected]
    return [protected | {"DeletionProtection": "false"}, protected]


def described(cloudformation, name):
    """The stack; None if it does not exist."""
    try:
        return cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def mark(stack):
    """The part of a stack that changes when an operation begins."""
    return stack and (stack["StackStatus"], stack.get("LastUpdatedTime"))


def _looks():
    """Looks at CloudFormation, without an end; the pause between two grows to five seconds."""
    pause_secs = FIRST_PAUSE_SECS
    while True:
        yield
        time.sleep(pause_secs)
        pause_secs = min(pause_secs * 1.5, 5)


def settle(cloudformation, name, before=None):
    """Waits while CloudFormation works on the stack; returns its status, None for a deleted one. `before`: the mark of
    the stack before an operation, which may not show yet."""
    seen, began = None, time.monotonic()
    for _ in _looks():
        stack = described(cloudformation, name)
        status = stack and stack["StackStatus"]
        hidden = before is not None and mark(stack) == before and time.monotonic() - began < START_SECS
        waits = hidden or next_act(status) == "wait"
        if status and status != seen and not hidden and (waits or seen):
            say(f"  {name}: {status}")
        seen = None if hidden else status
        if not waits:
            return None if status == "DELETE_COMPLETE" else status
        if time.monotonic() - began > PATIENCE_SECS:
            raise Trouble(f"CloudFormation still works on {name}. Run the same command again; it waits and goes on.")


def deploy(cloudformation, name, template_url, wanted, known):
    """Creates or updates the stack; returns its outputs."""
    status = settle(cloudformation, name)
    if next_act(status) == "delete":
        say(f"Deleting the rest of a failed creation of {name} ...")
        delete(cloudformation, name)
        status = None
    creates = next_act(status) == "create"
    deployed = [] if creates else [each["ParameterKey"] for each in described(cloudformation, name).get("Parameters", [])]
    say(f"{'Creating' if creates else 'Updating'} the stack {name} ...")
    began = cloudformation.create_change_set(
        StackName=name,
        ChangeSetName=f"mailqueue-{uuid.uuid4()}",
        ChangeSetType="CREATE" if creates else "UPDATE",
        TemplateURL=template_url,
        Parameters=parameters(wanted, known, deployed),
        Capabilities=CAPABILITIES,
    )
    if _has_changes(cloudformation, began["Id"]):
        before = mark(described(cloudformation, name))
        cloudformation.execute_change_set(ChangeSetName=began["Id"])
        status = settle(cloudformation, name, before)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise Trouble(f"The deployment failed; {name} is {status}.\n{_failures(cloudformation, name)}\nThen run the same command again.")
    else:
        say(f"  {name}: no changes")
    stack = described(cloudformation, name)
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def delete(cloudformation, name):
    """Deletes the stack, and waits until it is gone."""
    before = mark(described(cloudformation, name))
    cloudformation.delete_stack(StackName=name)
    status = settle(cloudformation, name, before)
    if status:
        raise Trouble(f"{name} could not be deleted; it is {status}.\n{_failures(cloudformation, name)}\nThen run the same command again.")


def _has_changes(cloudformation, change_set):
    """Waits for the change set; false if it changes nothing."""
    for _ in _looks():
        made = cloudformation.describe_change_set(ChangeSetName=change_set)
        if made["Status"] == "CREATE_COMPLETE":
            return True
        if made["Status"] == "FAILED":
            cloudformation.delete_change_set(ChangeSetName=change_set)
            reason = made.get("StatusReason", "")
            if any(words in reason for words in NOTHING):
                return False
            raise Trouble(f"CloudFormation refused the change: {reason}\n{remedy(reason)}")


def _failures(cloudformation, name):
    """The first failed resources of the last operation, each with its remedy."""
    found = {}
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
    for event in (event for page in pages for event in page["StackEvents"]):
        reason = event.get("ResourceStatusReason", "")
        if event["LogicalResourceId"] == name and reason == "User Initiated":
            break
        if event["ResourceStatus"].endswith("FAILED") and "cancelled" not in reason:
            found[event["LogicalResourceId"]] = reason
    return "\n".join(f"  {resource}: {reason}\n    {remedy(reason)}" for resource, reason in reversed(found.items()))
