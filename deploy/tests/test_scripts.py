"""The other decisions of the scripts: acts, parameters, keys, prices."""

import os
import unittest
from unittest import mock

import paths  # noqa: F401
import change
from change import next_act, parameters, remedy, stages
from botocore.exceptions import ClientError
from deployer_key import FORM, checked, given, hash_of, key_of, new_key
from first_email import read, stopped_at
from first_email import remedy as remedy_of_status
from remains import Remains, lines, price
from stack import Trouble
from target import Target

TARGET = Target("aws", "111122223333", "ap-southeast-1", "mailqueue")


class Acts(unittest.TestCase):
    def test_each_status_has_its_act(self):
        acts = {
            None: "create",
            "REVIEW_IN_PROGRESS": "create",
            "DELETE_COMPLETE": "create",
            "CREATE_IN_PROGRESS": "wait",
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "wait",
            "UPDATE_ROLLBACK_IN_PROGRESS": "wait",
            "DELETE_IN_PROGRESS": "wait",
            "ROLLBACK_COMPLETE": "delete",
            "ROLLBACK_FAILED": "delete",
            "CREATE_FAILED": "delete",
            "CREATE_COMPLETE": "update",
            "UPDATE_COMPLETE": "update",
            "UPDATE_ROLLBACK_COMPLETE": "update",
        }
        self.assertEqual({status: next_act(status) for status in acts}, acts)

    def test_deployed_parameters_keep_their_values(self):
        known = {"ApiKeySha256": {}, "FromDomain": {}, "New": {}}
        made = parameters({"CodePrefix": "x/"}, known | {"CodePrefix": {}}, ["ApiKeySha256", "CodePrefix", "Gone"])
        kept = {"ParameterKey": "ApiKeySha256", "UsePreviousValue": True}
        self.assertEqual(made, [{"ParameterKey": "CodePrefix", "ParameterValue": "x/"}, kept])

    def test_an_unknown_parameter_is_refused(self):
        with self.assertRaisesRegex(Trouble, "no parameter Domain. It has FromDomain"):
            parameters({"Domain": "x"}, {"FromDomain": {}}, [])

    def test_a_new_stack_protects_its_table_at_the_end(self):
        on, off, known = {"DeletionProtection": "true"}, {"DeletionProtection": "false"}, {"DeletionProtection": {}}
        self.assertEqual(stages({}, exists=False, known=known), [off, on])
        self.assertEqual(stages({}, exists=True, known=known), [on])
        self.assertEqual(stages(off, exists=False, known=known), [off])
        self.assertEqual(stages(off, exists=True, known=known), [off])
        self.assertEqual(stages({}, exists=False, known={}), [{}])

    def test_a_failed_resource_has_a_remedy(self):
        self.assertIn("--permissions", remedy("User is not authorized to perform: sqs:createqueue"))
        self.assertIn("--stack", remedy("Resource of type 'AWS::Lambda::Function' already exists."))
        self.assertIn("Service Quotas", remedy("Maximum limit exceeded"))


class Stack:
    """A stack whose status changes with each look."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)

    def describe_stacks(self, StackName):  # noqa: N803 (the name of AWS)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"Stacks": [{"StackName": StackName, "StackStatus": status}]}


class Waiting(unittest.TestCase):
    def setUp(self):
        change.FIRST_PAUSE_SECS = 0.001

    def test_a_status_from_before_the_operation_is_no_result(self):
        before = change.mark({"StackStatus": "REVIEW_IN_PROGRESS"})
        stack = Stack("REVIEW_IN_PROGRESS", "REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE")
        self.assertEqual(change.settle(stack, "s", before), "CREATE_COMPLETE")
        before = change.mark({"StackStatus": "UPDATE_COMPLETE"})
        stack = Stack("UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE")
        self.assertEqual(change.settle(stack, "s", before), "UPDATE_ROLLBACK_COMPLETE")

    def test_a_settled_stack_is_not_waited_for(self):
        self.assertEqual(change.settle(Stack("CREATE_COMPLETE"), "s"), "CREATE_COMPLETE")


class Keys(unittest.TestCase):
    def test_a_key_never_passes_for_its_hash(self):
        key = new_key()
        self.assertRegex(key, f"^{FORM.pattern}$")
        self.assertRegex(hash_of(key), "^[0-9a-f]{64}$")
        self.assertNotRegex(key, "^[0-9a-f]{64}$")
        with self.assertRaisesRegex(Trouble, "is not a deployer's key"):
            checked(hash_of(key), "It")
        self.assertNotEqual(new_key(), key)


class ParameterStore:
    """Parameter Store with one parameter."""

    def __init__(self, value=None, concurrent_key=None):
        self.value, self.concurrent_key = value, concurrent_key

    def get_parameter(self, **_):
        if self.value is None:
            raise ClientError({"Error": {"Code": "ParameterNotFound"}}, "GetParameter")
        return {"Parameter": {"Value": self.value}}

    def put_parameter(self, Value, Type, Overwrite, **_):  # noqa: N803 (the names of AWS)
        assert Type == "SecureString"
        self.value = self.concurrent_key or self.value
        if self.value and not Overwrite:
            raise ClientError({"Error": {"Code": "ParameterAlreadyExists"}}, "PutParameter")
        self.value = Value


class PlaceOfTheKey(unittest.TestCase):
    def test_a_new_stack_gets_a_stored_key(self):
        store = ParameterStore()
        self.assertEqual(key_of(store, TARGET, exists=False), (store.value, False))
        self.assertRegex(store.value, FORM)

    def test_a_repeated_deployment_takes_the_stored_key(self):
        store = ParameterStore(new_key())
        for exists in (False, True):
            self.assertEqual(key_of(store, TARGET, exists), (store.value, False))

    def test_of_two_deployers_the_first_one_stores(self):
        concurrent_key = new_key()
        self.assertEqual(key_of(ParameterStore(concurrent_key=concurrent_key), TARGET, exists=False), (concurrent_key, False))

    def test_a_stack_with_an_unknown_key_keeps_it(self):
        store = ParameterStore()
        self.assertEqual(key_of(store, TARGET, exists=True), (None, False))
        self.assertIsNone(store.value)

    def test_a_replaced_key_is_stored(self):
        old = new_key()
        store = ParameterStore(old)
        key, shows = key_of(store, TARGET, exists=True, replaces=True)
        self.assertEqual((key, shows), (store.value, False))
        self.assertNotEqual(key, old)

    def test_a_printed_key_is_not_stored(self):
        store = ParameterStore()
        key, shows = key_of(store, TARGET, exists=False, prints=True)
        self.assertRegex(key, FORM)
        self.assertEqual((shows, store.value), (True, None))
        self.assertEqual(key_of(store, TARGET, exists=True, prints=True), (None, False))

    def test_a_key_that_is_kept_elsewhere_is_not_stored(self):
        key, store = new_key(), ParameterStore()
        self.assertEqual(key_of(store, TARGET, exists=True, handed=key), (key, False))
        self.assertIsNone(store.value)
        with self.assertRaisesRegex(Trouble, "has another key"):
            key_of(ParameterStore(new_key()), TARGET, exists=True, handed=key)

    def test_a_key_from_the_environment_is_checked(self):
        with mock.patch.dict(os.environ, {"KEY": hash_of(new_key())}):
            with self.assertRaisesRegex(Trouble, "KEY is not a deployer's key"):
                given("KEY")
        self.assertIsNone(given(None))


class Answers(unittest.TestCase):
    def test_an_answer_that_is_no_object_is_a_message(self):
        self.assertEqual(read(b"<html>"), {"message": "<html>"})
        self.assertEqual(read(b"[]"), {"message": "[]"})

    def test_each_failure_has_a_next_act(self):
        self.assertIn("--new-key", remedy_of_status(401))
        self.assertIn("again", remedy_of_status(503))
        self.assertIn("event destination", stopped_at("sent"))
        self.assertIn("FromDomain", stopped_at("queued"))


class Removal(unittest.TestCase):
    def test_everything_that_stays_has_a_price_and_an_end(self):
        remains = Remains(
            region="eu-west-1",
            table="table",
            table_bytes=2_000_000_000,
            secret_table="secrets",
            bucket="bucket",
            bucket_bytes=None,
            code_bucket=TARGET.code_bucket,
            key_parameter=TARGET.key_parameter,
        )
        said = list(lines(remains))
        self.assertIn("2.000 GB, $0.90 a month", said[0])
        self.assertIn("its size is not known", said[6])
        self.assertIn("delete-table --table-name table --region eu-west-1", said[2])
        for name in ("--table-name table", "--table-name secrets", "s3://bucket", f"s3://{TARGET.code_bucket}", f"--name {TARGET.key_parameter}"):
            self.assertTrue(any(name in line and "Delete" in line for line in said), name)
        self.assertEqual(price(0, 0.25), "0.000 GB, $0.00 a month")


if __name__ == "__main__":
    unittest.main()
