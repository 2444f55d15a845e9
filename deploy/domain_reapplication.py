"""Decides how the partition of the sending domains of a restored table follows the earlier one.

The registry in this partition names the domains that were never verified, and their emails are refused. So the
partition is compared as a whole: a domain that the restored table lacks is added, one that was deleted is removed.
Invariant: no I/O. A repetition changes nothing. The number of the registry only rises, because a registration compares it.
Source of the forms: shared/aws/src/storage/domains.rs.
Start reading at `plan`.
"""

from dataclasses import dataclass, field

from reapplication import Step

PARTITION = "domains"
REGISTRY = "registry#"
ID = "id#"
# A registration is stored some seconds after its time.
WRITING_MS = 60_000


@dataclass
class Plan:
    """The steps for the domains, and the lines for a person."""

    steps: list = field(default_factory=list)
    left: list = field(default_factory=list)


@dataclass(frozen=True)
class RegistryChange:
    """The change of the registry from the number `before` to `number`, with the names that join and leave it."""

    before: int
    number: int
    joining: frozenset
    leaving: frozenset


def domains_of(items):
    """The domains among the items of the partition, by sort key."""
    return {item["sk"]["S"]: item for item in items if "#" not in item["sk"]["S"]}


def name_of(sk):
    """The name of the domain with this sort key, which has its labels in reverse."""
    return ".".join(reversed(sk.split(".")))


def id_key(domain):
    """The key of the item that names a domain by its id."""
    return {"pk": {"S": PARTITION}, "sk": {"S": ID + domain["id"]["S"]}}


def id_item(domain):
    """The item that names a domain by its id."""
    return id_key(domain) | {"name": {"S": name_of(domain["sk"]["S"])}}


def plan(old, new, since_ms):
    """The steps that bring the domains `new` of the restored table to those of the earlier one.

    `since_ms`: the restore point. A domain of the restored table with a later registration came with requests of the
    deployment that already uses this table, and stays.
    """
    found, own = Plan(), {sk: item for sk, item in new.items() if _number(item, "created_at") > since_ms}
    for sk, item in old.items():
        there = new.get(sk)
        if there is None:
            _add(found, item, own, since_ms)
        elif there["id"] == item["id"]:
            if _number(item, "no") > _number(there, "no"):
                found.steps.append(Step("domains", put=item, over=there))
        elif sk in own:
            found.left.append(f"{name_of(sk)} was registered again in the restored table, and stays as it is there.")
        else:
            found.steps.append(Step("domains", put=item, over=there))
    gone = (item for sk, item in new.items() if sk not in old and sk not in own)
    found.steps += [Step("domains", remove=item) for item in gone]
    return found


def _add(found, item, own, since_ms):
    sk = item["sk"]["S"]
    if _number(item, "created_at") <= since_ms - WRITING_MS:
        found.left.append(f"{name_of(sk)} is missing, although it is older than --since: it was deleted since, or --since is wrong.")
        return
    rivals = [other for other in own.values() if other["tenant"] != item["tenant"] and _related(sk, other["sk"]["S"])]
    if rivals:
        taken = ", ".join(name_of(rival["sk"]["S"]) for rival in rivals)
        found.left.append(f"{name_of(sk)} cannot come back: another tenant has registered {taken} meanwhile.")
        return
    found.steps.append(Step("domains", put=item))


def _related(one, other):
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def registry_change(old, new, domains, is_changed):
    """The change of the registry `new` after the steps; None if it is right. `domains`: those of the restored table."""
    wanted = {name_of(sk) for sk, item in domains.items() if item["verification"]["S"] == "never"}
    known = set(new.get("names", {}).get("SS", []))
    before = _number(new, "no")
    change = RegistryChange(
        before=before,
        number=max(_number(old, "no"), before) + (is_changed or wanted != known),
        joining=frozenset(wanted - known),
        leaving=frozenset(known - wanted),
    )
    return change if (change.number, wanted) != (before, known) else None


def registry_updates(change):
    """The updates that make a change. The first one compares the number; a set cannot grow and shrink in one update."""
    key = {"pk": {"S": PARTITION}, "sk": {"S": REGISTRY}}
    values = {":number": {"N": str(change.number)}}
    first = {
        "UpdateExpression": "SET #no = :number",
        "ConditionExpression": "attribute_not_exists(pk)",
        "ExpressionAttributeNames": {"#no": "no"},
        "ExpressionAttributeValues": values,
    }
    if change.before:
        first["ConditionExpression"] = "#no = :before"
        values[":before"] = {"N": str(change.before)}
    if change.joining:
        first["UpdateExpression"] += " ADD #names :names"
        first["ExpressionAttributeNames"]["#names"] = "names"
        values[":names"] = {"SS": sorted(change.joining)}
    yield {"Key": key} | first
    if change.leaving:
        yield {
            "Key": key,
            "UpdateExpression": "DELETE #names :names",
            "ExpressionAttributeNames": {"#names": "names"},
            "ExpressionAttributeValues": {":names": {"SS": sorted(change.leaving)}},
        }


def _number(item, name):
    return int(item.get(name, {}).get("N", 0))
