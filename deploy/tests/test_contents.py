"""The look for the contents of a table in its bucket, against made answers."""

import unittest

import paths  # noqa: F401
from account import takes_over
from botocore.exceptions import ClientError
from contents import PAGES, SAMPLE, Contents, read


class Table:
    """A table with pages of records."""

    def __init__(self, *pages):
        self.pages, self.read = pages, 0

    def get_paginator(self, operation):
        assert operation == "scan"
        return self

    def paginate(self, **_):
        for page in self.pages:
            self.read += 1
            yield {"Items": page}


class Bucket:
    """A bucket with these objects; None does not exist."""

    def __init__(self, *names, error=None):
        self.names, self.error = names, error

    def head_bucket(self, **_):
        if self.error:
            raise ClientError({"Error": {"Code": self.error}}, "HeadBucket")

    def list_objects_v2(self, Prefix, **_):
        found = sorted(name for name in self.names if name.startswith(Prefix))
        return {"Contents": [{"Key": name} for name in found[:1]]} if found else {}


def record(number):
    return {"pk": {"S": f"main#{number}"}, "h": {"S": "ab"}}


class Looks(unittest.TestCase):
    def test_the_missing_contents_are_counted(self):
        table = Table([record(1)], [], [record(2), record(3)])
        self.assertEqual(read(table, Bucket("main/1/ab", "main/3/ab/copy", "main/2/a"), "t", "large"), Contents("large", 3, 2))

    def test_a_table_without_large_contents_lacks_none(self):
        self.assertEqual(read(Table([]), Bucket(), "t", "large"), Contents("large"))

    def test_a_bounded_number_of_contents_is_looked_for(self):
        many = Table(*[[record(number) for number in range(SAMPLE)]] * 3)
        self.assertEqual(read(many, Bucket(), "t", "large"), Contents("large", SAMPLE, SAMPLE))
        self.assertEqual(many.read, 1)
        empty = Table(*[[]] * 100)
        read(empty, Bucket(), "t", "large")
        self.assertEqual(empty.read, PAGES)

    def test_a_new_stack_has_an_empty_bucket(self):
        self.assertEqual(read(Table([record(1)]), None, "t", None), Contents(None, 1, 1))

    def test_a_missing_bucket_is_no_error(self):
        self.assertEqual(read(Table(), Bucket(error="404"), "t", "large"), Contents("large", exists=False))

    def test_an_upgrade_of_a_running_stack_looks_for_nothing(self):
        old = {"ExistingTableArn": "old", "ExistingBucketName": ""}
        self.assertFalse(takes_over(old, old | {"FromDomain": "example.com"}))
        self.assertTrue(takes_over(old, old | {"ExistingTableArn": "new"}))
        self.assertTrue(takes_over(old, old | {"ExistingBucketName": "new"}))
        self.assertTrue(takes_over({}, old))

    def test_a_refused_look_is_an_error(self):
        with self.assertRaises(ClientError):
            read(Table(), Bucket(error="403"), "t", "large")


if __name__ == "__main__":
    unittest.main()
