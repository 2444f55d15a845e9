"""Writes many copies of a sent email straight into the table, and prints how many.

usage: fill.py TENANT EMAIL_ID COUNT

Role: run by many.test.js. The copied record was written by the functions, so that its form is always the present one.
Every fiftieth copy has failed. Each copy has an id, a time of acceptance and a place in the list of its own.
"""

import os
import sys
import uuid

import boto3
from botocore.config import Config

# The parameter of the template.
SHARDS = 16
FAILED_EACH = 50
# A failed email has no message at SES and no delivery.
NOT_IN_FAILED = ("sc", "si", "sa", "da", "f", "dg", "oc")


def copies(items, tenant, count):
    """The items of the copies, from newest to oldest."""
    born = next(int(item["b"]["N"]) for item in items if item["sk"]["S"] == "email")
    for number in range(count):
        email = uuid.uuid4()
        at = born - 1000 * (number + 1)
        for item in items:
            copy = item | {"pk": {"S": f"{tenant}#{email}"}}
            if copy["sk"]["S"] == "email":
                shard = int.from_bytes(email.bytes[:2], "big") % SHARDS
                copy |= {
                    "b": {"N": str(at)},
                    "tenant_shard": {"S": f"{tenant}#{shard:02}"},
                    "created_sk": {"S": f"{at:015}#{email}"},
                }
                if number % FAILED_EACH == 0:
                    kept = {name: value for name, value in copy.items() if name not in NOT_IN_FAILED}
                    copy = kept | {"s": {"S": "failed"}, "e": {"S": "rejected"}}
            yield copy


def main(tenant, email, count):
    table = os.environ["MAILQUEUE_TABLE"]
    dynamodb = boto3.client(
        "dynamodb",
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        region_name=os.environ["AWS_REGION"],
        config=Config(proxies={}),
    )
    found = dynamodb.query(
        TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": f"{tenant}#{email}"}}
    )
    written = list(copies(found["Items"], tenant, count))
    for start in range(0, len(written), 25):
        left = {table: [{"PutRequest": {"Item": item}} for item in written[start : start + 25]]}
        while left:
            left = dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"]
    print(count)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
