"""Looks whether a bucket has the large contents that a table names.

Role: called by `account` for a table that a stack takes over, and by `examination` for a running deployment.
Invariant: it reads names and no content. `findings` is pure.
Source of the forms: shared/aws/src/storage/bodies.rs and shared/aws/src/storage/records/item.rs.
"""

import time
from dataclasses import dataclass

from botocore.exceptions import ClientError
from finding import Finding

# The number of contents that are looked for, and of the table's pages (1 MB) that are read to find them.
SAMPLE = 20
PAGES = 5
REMEDY = (
    "Give the bucket that belongs to the table in ExistingBucketName, or copy its objects into this one (docs/OPERATIONS.md,"
    " \"Take over a table and a bucket\")."
)


@dataclass(frozen=True)
class Contents:
    """The contents that were looked for. `bucket`: None for a bucket that a new stack will create, and "" for none."""

    bucket: str | None
    looked: int = 0
    missing: int = 0
    exists: bool = True


def findings(contents):
    """The findings about the bucket; it is incomplete or belongs to another table."""
    if not contents.exists:
        yield Finding(
            f"The bucket {contents.bucket} does not exist. Emails with large contents are not accepted and not sent.",
            "Give an existing bucket in ExistingBucketName (docs/OPERATIONS.md, \"Take over a table and a bucket\").",
        )
    elif contents.missing and contents.bucket is None:
        yield Finding("The table names contents in a bucket, and a new stack has an empty one. Their emails would fail.", REMEDY)
    elif contents.missing:
        yield Finding(
            f"The bucket {contents.bucket} lacks {contents.missing} of {contents.looked} large contents of the table. Their emails"
            " wait with the cause body_missing, and fail after their last attempt. The API shows them without content.",
            REMEDY,
            # A few objects may have been deleted; without any, it is the wrong bucket.
            blocking=contents.missing == contents.looked,
        )


def read(dynamodb, s3, table, bucket):
    """Looks for some contents of the table in the bucket."""
    if bucket is not None:
        try:
            s3.head_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise
            return Contents(bucket, exists=False)
    names = _names(dynamodb, table)
    there = [name for name in names if bucket is not None and _has(s3, bucket, name)]
    return Contents(bucket, len(names), len(names) - len(there))


def _has(s3, bucket, name):
    return any(each["Key"] == name for each in s3.list_objects_v2(Bucket=bucket, Prefix=name, MaxKeys=1).get("Contents", []))


def _names(dynamodb, table):
    """The names of some contents in the bucket, without those of emails that count as deleted."""
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table,
        FilterExpression="#sk = :email AND #place = :bucket AND (attribute_not_exists(#ttl) OR #ttl > :now)",
        ProjectionExpression="#pk, #hash",
        ExpressionAttributeNames={"#pk": "pk", "#sk": "sk", "#place": "p", "#hash": "h", "#ttl": "ttl"},
        ExpressionAttributeValues={":email": {"S": "email"}, ":bucket": {"S": "bucket"}, ":now": {"N": str(int(time.time()))}},
    )
    found = []
    for number, page in enumerate(pages, start=1):
        found += [object_name(item) for item in page["Items"]]
        if number == PAGES or len(found) >= SAMPLE:
            break
    return found[:SAMPLE]


def object_name(record):
    """The name of the object with the content of an email."""
    tenant, _, email_id = record["pk"]["S"].partition("#")
    return f"{tenant}/{email_id}/{record['h']['S']}"
