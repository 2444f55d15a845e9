"""Reads template.yaml and replaces each function's CodeUri by its built code.

By default, only CodeUri and the build's Metadata next to it differ from template.yaml. A packaged template also has the
parameters that name the code. `without` and `with_variables` change more, for one emulator.
"""

import json

import yaml


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (`!Ref X` becomes `{"Ref": "X"}`)."""


def _short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def load(path):
    return yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 (a SafeLoader)


def functions(template):
    """{logical id: binary} of every function of this workspace."""
    return {
        logical_id: resource["Metadata"]["BuildProperties"]["Binary"]
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def without(template, types):
    """The template without resources whose types start with one of `types`, and without the permissions, alarms and
    outputs that refer to them."""
    resources = template["Resources"]
    gone = {name for name, resource in resources.items() if resource["Type"].startswith(tuple(types))}

    def refers(thing):
        text = json.dumps(thing)
        return any(f'"{name}"' in text or f"${{{name}}}" in text or f"${{{name}." in text for name in gone)

    dependent = ("AWS::Lambda::Permission", "AWS::CloudWatch::Alarm")
    gone |= {name for name, resource in resources.items() if resource["Type"] in dependent and refers(resource)}
    template["Resources"] = {name: resource for name, resource in resources.items() if name not in gone}
    template["Outputs"] = {name: output for name, output in template["Outputs"].items() if not refers(output)}
    return template


def with_variables(template, variables):
    """The template with more environment variables for every function."""
    settings = template["Globals"]["Function"].setdefault("Environment", {}).setdefault("Variables", {})
    settings.update(variables)
    return template


def with_code(template, bucket, key_of):
    """The template with the object `key_of(binary)` of a bucket as the code of each function."""
    for logical_id, binary in functions(template).items():
        resource = template["Resources"][logical_id]
        del resource["Metadata"]
        resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key_of(binary)}
    del template["Globals"]["Function"]["CodeUri"]
    return template


def packaged(template, prefix):
    """The template with two more parameters, for the bucket and the prefix of the packages."""
    template["Parameters"]["CodeBucket"] = {
        "Type": "String",
        "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        "Description": "S3 bucket with the packages of the functions. It must be in the region of the stack.",
    }
    template["Parameters"]["CodePrefix"] = {
        "Type": "String",
        "Default": prefix,
        "AllowedPattern": "^([A-Za-z0-9._-]{1,200}/){0,4}$",
        "Description": "Prefix of the packages in the bucket, with a slash at its end. It differs for each version.",
    }
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    groups.append({"Label": {"default": "Code"}, "Parameters": ["CodeBucket", "CodePrefix"]})
    return with_code(
        template, {"Ref": "CodeBucket"}, lambda binary: {"Fn::Sub": f"${{CodePrefix}}${{Architecture}}/{binary}.zip"}
    )
