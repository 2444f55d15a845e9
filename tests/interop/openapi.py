"""Facts of an OpenAPI document, and the differences between the facts of two documents.

Role: `resend_openapi` reads Resend's document and openapi.json with it.
A fact is an entry of an operation, such as `request attachments[].filename`, with its types, its values and whether it
is required. A path parameter is no entry, because a client cannot see its name.
Invariant: a fact has names, types and values, and no text of a document.
"""

JSON = "application/json"
METHODS = ("get", "post", "put", "patch", "delete")
# Lower limits are left out: they only say that a text is not empty.
LIMITS = ("maxItems", "maxLength", "maximum")
# Objects may contain each other without end.
DEEPEST = 6


def operations(document):
    """{"POST /emails": {entry: fact}}"""
    found = {}
    for path, item in document["paths"].items():
        plain = "/".join("{}" if part.startswith("{") else part for part in path.split("/"))
        for method in METHODS:
            if method in item:
                both = item.get("parameters", []) + item[method].get("parameters", [])
                found[f"{method.upper()} {plain}"] = entries(document, item[method], both)
    return dict(sorted(found.items()))


def webhooks(document):
    """{"email.sent": {entry: fact}} of the payloads that a webhook gets."""
    found = {}
    for name, item in sorted(document["webhooks"].items()):
        body = resolved(document, item["post"]["requestBody"])
        facts = {}
        add(document, facts, "payload", merged(document, body["content"][JSON]["schema"]), True)
        found[name] = dict(sorted(facts.items()))
    return found


def entries(document, operation, parameters):
    found = {}
    for parameter in (resolved(document, parameter) for parameter in parameters):
        if parameter["in"] != "path":
            place = f"{parameter['in']} {parameter['name'].lower()}"
            whole = merged(document, parameter["schema"])
            # A list in a query is one text with commas.
            whole = merged(document, whole["items"]) if whole["items"] else whole
            add(document, found, place, whole, parameter.get("required", False))
    if body := operation.get("requestBody", {}).get("content", {}).get(JSON):
        add(document, found, "request", merged(document, body["schema"]), True)
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            content = resolved(document, answer).get("content", {}).get(JSON)
            add(document, found, f"answer {status}", merged(document, content["schema"] if content else {}), True)
    return dict(sorted(found.items()))


def add(document, found, place, whole, required, depth=0):
    """Adds the fact of a merged schema and those of its fields."""
    fact = {"types": sorted(whole["types"])}
    if whole["values"]:
        fact["values"] = sorted(whole["values"])
    if whole["limits"]:
        fact["limits"] = dict(sorted(whole["limits"].items()))
    found[place] = fact | ({"required": True} if required else {})
    if depth == DEEPEST:
        return
    items = merged(document, whole["items"]) if whole["items"] else None
    if items and depth:
        add(document, found, f"{place}[]", items, False, depth + 1)
    # A list as a whole body has the entries of one item.
    parts, separator = (whole, ".") if depth else (items or whole, " ")
    for name, field in parts["fields"].items():
        add(document, found, f"{place}{separator}{name}", merged(document, field), name in parts["required"], depth + 1)


def merged(document, schema):
    """The types, values, fields, required names and items of a schema with its parts.

    The first object of a union has the fields: an ordinary request, and an answer to a tenant's key.
    """
    schema = resolved(document, schema)
    types = schema.get("type", [])
    whole = {
        "types": {types} if isinstance(types, str) else set(types),
        "values": {str(value) for value in schema.get("enum", []) if value is not None},
        "limits": {name: schema[name] for name in LIMITS if name in schema},
        "fields": dict(schema.get("properties", {})),
        "required": set(schema.get("required", [])),
        "items": schema.get("items"),
    }
    if "const" in schema:
        whole["types"].add({bool: "boolean", int: "integer", str: "string"}[type(schema["const"])])
        whole["values"].add(str(schema["const"]))
    for part in schema.get("allOf", []):
        join(whole, merged(document, part), True)
    for part in schema.get("anyOf", []) + schema.get("oneOf", []):
        join(whole, merged(document, part), not whole["fields"])
    return whole


def join(whole, part, with_fields):
    whole["types"] |= part["types"]
    whole["values"] |= part["values"]
    whole["limits"] |= part["limits"]
    whole["items"] = whole["items"] or part["items"]
    if with_fields:
        whole["fields"] |= part["fields"]
        whole["required"] |= part["required"]


def resolved(document, schema):
    while "$ref" in schema:
        target = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema


# ------------------------------------------------------------------ differences


def differences(theirs, ours):
    """The differences of the operations on paths that both documents have, as (operation, entry, difference)."""
    paths = {name.split()[1] for name in theirs} & {name.split()[1] for name in ours}
    for name in sorted(theirs.keys() | ours.keys()):
        if name.split()[1] not in paths:
            continue
        if name in theirs and name in ours:
            yield from ((name, *difference) for difference in of_operation(theirs[name], ours[name]))
        else:
            yield name, "the operation", "only Resend" if name in theirs else "only mailqueue"


def of_operation(theirs, ours):
    for entry in sorted(theirs.keys() | ours.keys()):
        if entry in theirs and entry in ours:
            compare = of_answer if entry.startswith("answer") else of_input
            yield from ((entry, difference) for difference in compare(theirs[entry], ours[entry]))
            continue
        side, other, name = (theirs, ours, "only Resend") if entry in theirs else (ours, theirs, "only mailqueue")
        # A missing object is one difference, without those of its fields.
        if parent(entry) in other or parent(entry) not in side:
            yield entry, name


def parent(entry):
    return entry.removesuffix("[]") if entry.endswith("[]") else entry.rpartition("." if "." in entry else " ")[0]


def of_input(theirs, ours):
    """The differences that a request can meet. A null is always accepted, as an absent field."""
    if refused := set(theirs["types"]) - set(ours["types"]):
        yield f"not {listed(refused)}"
    if more := set(ours["types"]) - set(theirs["types"]) - {"null"}:
        yield f"also {listed(more)}"
    known, values = set(theirs.get("values", [])), set(ours.get("values", []))
    if values and not known:
        yield f"only the values {listed(values)}"
    elif values and known - values:
        yield f"without the values {listed(known - values)}"
    if known and not values:
        yield "any value"
    elif known and values - known:
        yield f"also the values {listed(values - known)}"
    known, limits = theirs.get("limits", {}), ours.get("limits", {})
    yield from (f"{name} {limit}" for name, limit in limits.items() if known.get(name) != limit)
    yield from (f"no {name}" for name in known if name not in limits)
    if theirs.get("required", False) != ours.get("required", False):
        yield "required" if ours.get("required") else "optional"


def of_answer(theirs, ours):
    """The differences that a reader of an answer can meet. A narrower promise of ours is none."""
    if theirs["types"] and (more := set(ours["types"]) - set(theirs["types"])):
        yield f"also {listed(more)}"
    known, values = set(theirs.get("values", [])), set(ours.get("values", []))
    if known and not values:
        yield "any value"
    elif known and values - known:
        yield f"also the values {listed(values - known)}"
    if theirs.get("required") and not ours.get("required"):
        yield "optional"


def listed(names):
    return ", ".join(sorted(names))
