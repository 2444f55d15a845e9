"""Reads template.yaml and puts each function's built code in the place of its CodeUri.

Invariant: nothing but CodeUri (and the build's Metadata beside it) differs from what is
deployed to AWS.
"""

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
    """{logical id: binary} of every function that is built from this workspace."""
    return {
        logical_id: resource["Metadata"]["BuildProperties"]["Binary"]
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def with_code(template, bucket, keys):
    """The template with `s3://bucket/keys[binary]` as the code of each function."""
    for logical_id, binary in functions(template).items():
        resource = template["Resources"][logical_id]
        del resource["Metadata"]
        resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": keys[binary]}
    del template["Globals"]["Function"]["CodeUri"]
    return template
