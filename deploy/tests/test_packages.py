"""The form of a release, and its template."""

import json
import tempfile
import unittest
from pathlib import Path

import paths  # noqa: I001  (it comes first: it adds the folders of the others)
import packages
import template as templates
from botocore.exceptions import ClientError
from stack import Trouble
from target import Target
from upload import ensure_bucket, prefix_of, upload

ARM64 = bytes(18) + (183).to_bytes(2, "little")


class WithRelease(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name) / "release"
        bootstrap = Path(folder.name) / "bootstrap"
        bootstrap.write_bytes(ARM64)
        self.functions = {"send": bootstrap, "enqueue": bootstrap}
        built = packages.write_packages(self.out, self.functions, "arm64")
        self.template = templates.load(paths.ROOT / "template.yaml")
        written = packages.write_template(self.out, self.template, "1.2.3")
        packages.write_sums(self.out, [written, *built.values()])


class Release(WithRelease):
    def test_a_release_is_verified_by_its_checksums(self):
        files = packages.verified(self.out, "arm64")
        self.assertEqual(sorted(files), ["arm64/enqueue.zip", "arm64/send.zip", "template.json"])
        first = prefix_of(files)
        (self.out / "arm64/send.zip").write_bytes(b"other")
        with self.assertRaisesRegex(Trouble, "send.zip is missing or differs"):
            packages.verified(self.out, "arm64")
        self.assertNotEqual(prefix_of(files), first)

    def test_a_release_without_the_architecture_is_refused(self):
        with self.assertRaisesRegex(Trouble, "no packages for x86_64"):
            packages.verified(self.out, "x86_64")
        with self.assertRaisesRegex(Trouble, "is not a release"):
            packages.verified(self.out.parent, "arm64")

    def test_a_package_of_another_architecture_is_refused(self):
        with self.assertRaisesRegex(Trouble, "is not built for x86_64"):
            packages.write_packages(self.out, self.functions, "x86_64")

    def test_equal_files_give_equal_packages(self):
        first = packages.digest(self.out / "arm64/send.zip")
        packages.write_packages(self.out, self.functions, "arm64")
        self.assertEqual(packages.digest(self.out / "arm64/send.zip"), first)

    def test_the_template_takes_its_code_from_the_parameters(self):
        template = json.loads((self.out / "template.json").read_text())
        codes = [
            each["Properties"]["CodeUri"]
            for each in template["Resources"].values()
            if each["Type"] == "AWS::Serverless::Function"
        ]
        functions = templates.functions(templates.load(paths.ROOT / "template.yaml"))
        self.assertEqual(len(codes), len(functions))
        for code in codes:
            self.assertEqual(code["Bucket"], {"Ref": "CodeBucket"})
            self.assertRegex(code["Key"]["Fn::Sub"], r"^\$\{CodePrefix}\$\{Architecture}/\w+\.zip$")
        self.assertEqual(template["Parameters"]["CodePrefix"]["Default"], "mailqueue/1.2.3/")
        self.assertNotIn("Default", template["Parameters"]["CodeBucket"])

    def test_the_documented_link_names_parameters(self):
        text = (paths.ROOT / "docs" / "OPERATIONS.md").read_text()
        known = json.loads((self.out / "template.json").read_text())["Parameters"]
        named = [part.partition("=")[0] for part in text.split("&param_")[1:]]
        self.assertEqual(named, ["CodeBucket"])
        self.assertTrue(set(named) <= set(known))
        hidden = [name for name, parameter in known.items() if parameter.get("NoEcho")]
        self.assertEqual(hidden, ["ApiKeySha256", "OriginSecretSha256"])


class Bucket:
    """S3 without an object. Records the bucket and the owner of each call."""

    meta = type("Meta", (), {"endpoint_url": "https://s3.example"})

    def __init__(self):
        self.calls = []

    def head_object(self, Bucket, Key, ExpectedBucketOwner):  # noqa: N803 (the names of AWS)
        self.calls.append((Bucket, ExpectedBucketOwner))
        raise ClientError({"ResponseMetadata": {"HTTPStatusCode": 404}}, "HeadObject")

    def put_object(self, Bucket, Key, Body, ExpectedBucketOwner):  # noqa: N803
        self.calls.append((Bucket, ExpectedBucketOwner))

    def head_bucket(self, Bucket, ExpectedBucketOwner):  # noqa: N803
        raise ClientError({"ResponseMetadata": {"HTTPStatusCode": 403}}, "HeadBucket")


class Upload(WithRelease):
    target = Target("aws", "111122223333", "eu-west-1", "mailqueue")

    def test_every_call_names_the_owner_of_the_bucket(self):
        s3, files = Bucket(), packages.verified(self.out, "arm64")
        prefix, url = upload(s3, "code", self.target, files)
        self.assertEqual(s3.calls, [("code", "111122223333")] * 6)
        self.assertEqual(url, f"https://s3.example/code/{prefix}template.json")

    def test_a_bucket_of_another_account_is_refused(self):
        with self.assertRaisesRegex(Trouble, "belongs to another account"):
            ensure_bucket(Bucket(), "code", self.target)


if __name__ == "__main__":
    unittest.main()
