"""Uploads a release to the bucket of the packages.

Invariant: every call names the owner of the bucket, so that a bucket of another account is never used.
"""

import hashlib

from botocore.exceptions import ClientError
from packages import TEMPLATE, digest
from stack import Trouble


def ensure_bucket(s3, bucket, target):
    """Creates the bucket unless it exists. New buckets are private and encrypted."""
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=target.account)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 403:
            raise Trouble(f"The bucket {bucket} belongs to another account, or the caller may not list it: use --bucket.") from None
        if status != 404:
            raise
        # The default region must not be named.
        place = {} if target.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": target.region}}
        s3.create_bucket(Bucket=bucket, **place)
        s3.get_waiter("bucket_exists").wait(Bucket=bucket)


def prefix_of(files):
    """A prefix that names the content of the files, so that a changed release is a changed stack."""
    sums = "".join(f"{digest(path)}  {name}\n" for name, path in sorted(files.items()))
    return f"mailqueue/{hashlib.sha256(sums.encode()).hexdigest()[:16]}/"


def upload(s3, bucket, target, files):
    """Uploads the files of a release that the bucket lacks; returns the prefix and the template's URL."""
    prefix = prefix_of(files)
    for name, path in files.items():
        if not _exists(s3, bucket, target, prefix + name):
            s3.put_object(Bucket=bucket, Key=prefix + name, Body=path.read_bytes(), ExpectedBucketOwner=target.account)
    return prefix, f"{s3.meta.endpoint_url}/{bucket}/{prefix}{TEMPLATE}"


def _exists(s3, bucket, target, key):
    try:
        s3.head_object(Bucket=bucket, Key=key, ExpectedBucketOwner=target.account)
        return True
    except ClientError as error:
        # Without the permission to list, S3 answers 403 for a missing object.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):
            return False
        raise
