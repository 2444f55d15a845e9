"""Describes the things that outlive a stack, with their price and the command that ends each.

Invariant: no I/O.
Sources: Amazon DynamoDB, S3 and Systems Manager pricing pages for us-east-1, read 2026-11-29.
"""

from dataclasses import dataclass

GB = 1e9
TABLE_USD_PER_GB = 0.25
# Point-in-time recovery.
BACKUP_USD_PER_GB = 0.20
BUCKET_USD_PER_GB = 0.023


@dataclass(frozen=True)
class Remains:
    """The things that outlive a stack. A size of None is not known."""

    region: str
    table: str | None
    table_bytes: int | None
    secret_table: str | None
    bucket: str | None
    bucket_bytes: int | None
    code_bucket: str
    key_parameter: str


def lines(remains):
    """The lines for a person."""
    end = f" --region {remains.region}"
    if remains.table:
        yield f"The table {remains.table} stays, with all emails, API keys and suppressions: {price(remains.table_bytes, TABLE_USD_PER_GB + BACKUP_USD_PER_GB)}."
        yield from _deletion_of_table(remains.table, end)
    if remains.secret_table:
        yield f"The table {remains.secret_table} stays, with the signing secrets of webhooks: less than $0.01 a month."
        yield from _deletion_of_table(remains.secret_table, end)
    if remains.bucket:
        yield f"The bucket {remains.bucket} stays, with the large contents: {price(remains.bucket_bytes, BUCKET_USD_PER_GB)}."
        yield f"    Delete it: aws s3 rb --force s3://{remains.bucket}{end}"
    yield f"The bucket {remains.code_bucket} stays, with the packages of each version: about 30 MB each, less than $0.01 a month."
    yield f"    Delete it after the last stack: aws s3 rb --force s3://{remains.code_bucket}{end}"
    yield f"The parameter {remains.key_parameter} stays, with the deployer's key: it costs nothing."
    yield f"    Delete it: aws ssm delete-parameter --name {remains.key_parameter}{end}"
    yield "Your SES identities stay. All other resources go, with their logs and the messages in SQS."


def _deletion_of_table(table, end):
    yield f"    Delete it: aws dynamodb update-table --no-deletion-protection-enabled --table-name {table}{end}"
    yield f"               aws dynamodb delete-table --table-name {table}{end}"


def price(size, usd_per_gb):
    """A size with its price per month."""
    if size is None:
        return f"its size is not known; each GB costs ${usd_per_gb:.3f} a month"
    return f"{size / GB:.3f} GB, ${size / GB * usd_per_gb:.2f} a month"
