"""The lengths of the names that a stack gives to its resources.

Invariant: no I/O. A new kind of resource with a name must be in `LONGEST`; a test compares it with the template.
Start reading at `room`.
Sources: API references of the services, read 2026-11-29. CloudFormation shortens the names that it generates, and AWS
does not document how. A stack of 26 characters kept 25 in the name of a role and of a bucket
(github.com/KensioSoftware/yulin/issues/1113).
"""

import re

STACK = "${AWS::StackName}"
# The property with the name of each kind of resource, and the longest name.
LONGEST = {
    "AWS::ApiGatewayV2::Api": ("Name", 128),
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::DynamoDB::Table": ("TableName", 255),
    "AWS::IAM::Role": ("RoleName", 64),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::Logs::MetricFilter": ("FilterName", 512),
    "AWS::S3::Bucket": ("BucketName", 63),
    "AWS::SES::ConfigurationSet": ("Name", 64),
    "AWS::SES::ConfigurationSetEventDestination": ("EventDestination", 64),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::SQS::Queue": ("QueueName", 80),
    "AWS::Serverless::Function": ("FunctionName", 64),
}
# The characters of a stack's name that a generated name certainly begins with.
KEPT = 24
BUCKET = re.compile("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
ROLE_PATH_MAX = 512


def room(template):
    """(characters, resource): the longest name of a stack, and the resource that limits it."""
    return min(_rooms(template))


def _rooms(template):
    for logical_id, resource in template["Resources"].items():
        prop, most = LONGEST.get(resource["Type"], (None, None))
        name = resource["Properties"].get(prop)
        if name == {"Ref": "AWS::StackName"}:
            name = STACK
        elif isinstance(name, dict):
            name = name.get("Fn::Sub", "")
        # CloudFormation generates a name that is not given, and shortens it.
        if name and STACK in name:
            yield most - len(name.replace(STACK, "")), logical_id


def beginning(stack):
    """The certain beginning of the names that CloudFormation generates for a stack."""
    return f"{stack}-" if len(stack) <= KEPT else stack[:KEPT]


def is_bucket(name):
    """True for a name that S3 accepts."""
    return BUCKET.fullmatch(name) is not None and ".." not in name
