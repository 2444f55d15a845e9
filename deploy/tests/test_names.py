"""The lengths of names, compared with the template."""

import dataclasses
import json
import unittest

import paths  # noqa: I001  (it comes first: it adds the folders of the others)
import template as templates
from names import LONGEST, beginning, is_bucket, room
from target import Target, permissions

TEMPLATE = templates.load(paths.ROOT / "template.yaml")
TARGET = Target("aws", "111122223333", "eu-west-1", "mailqueue")
# Kinds of resources that AWS names, or that have the name of another resource.
WITHOUT_A_NAME = {
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Lambda::Permission",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}


def resources(name, kind="AWS::Serverless::Function", prop="FunctionName"):
    return {"Resources": {"Thing": {"Type": kind, "Properties": {prop: name}}}}


class Room(unittest.TestCase):
    def test_every_kind_of_resource_is_known(self):
        kinds = {resource["Type"] for resource in TEMPLATE["Resources"].values()}
        self.assertEqual(kinds - set(LONGEST) - WITHOUT_A_NAME, set())

    def test_the_longest_function_name_limits_the_stack(self):
        self.assertEqual(room(TEMPLATE), (51, "SuppressionsFunction"))

    def test_each_form_of_a_name_is_measured(self):
        self.assertEqual(room(resources({"Fn::Sub": "${AWS::StackName}-send"})), (59, "Thing"))
        self.assertEqual(room(resources({"Ref": "AWS::StackName"}, "AWS::SES::ConfigurationSet", "Name")), (64, "Thing"))
        queue = resources({"Fn::Sub": "${AWS::StackName}-feedback"}, "AWS::SQS::Queue", "QueueName")
        self.assertEqual(room(queue), (71, "Thing"))


class GeneratedNames(unittest.TestCase):
    def test_the_policy_matches_shortened_names(self):
        stack = "m" * 30
        self.assertEqual(beginning("mailqueue"), "mailqueue-")
        self.assertEqual(beginning(stack), "m" * 24)
        text = json.dumps(permissions(dataclasses.replace(TARGET, stack=stack)))
        for resource in ("iam::111122223333:role/", "events:eu-west-1:111122223333:rule/", "sqs:eu-west-1:111122223333:", "s3:::"):
            self.assertIn(f"{resource}{'m' * 24}*", text)
        # The template gives these names, so they are never shortened.
        self.assertIn(f"function:{stack}-*", text)

    def test_the_names_of_buckets(self):
        self.assertTrue(is_bucket("mailqueue-code-111122223333-ap-southeast-1"))
        self.assertFalse(is_bucket("a..b"))


if __name__ == "__main__":
    unittest.main()
