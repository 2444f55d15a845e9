"""Adds the restore point to the description of MiniStack's restored tables, as DynamoDB does.

Role: enabled by `emulator.py`. MiniStack 1.5.33 restores the present state, so the restore point is the time of the call.
Source: Amazon DynamoDB API reference, `RestoreSummary`, read 2026-11-29.
"""

import time


def show(dynamodb):
    """Wraps the restore and the description of a table."""

    def restore(data, original=dynamodb._restore_table_to_point_in_time):
        answer = original(data)
        if answer[0] == 200:
            source = dynamodb._tables[data["SourceTableName"]]
            dynamodb._tables[data["TargetTableName"]]["RestoreSummary"] = {
                "RestoreDateTime": time.time(),
                "RestoreInProgress": False,
                "SourceTableArn": source["TableArn"],
            }
        return answer

    def description(name, original=dynamodb._table_description):
        found = original(name)
        if "RestoreSummary" in dynamodb._tables[name]:
            found["RestoreSummary"] = dynamodb._tables[name]["RestoreSummary"]
        return found

    dynamodb._restore_table_to_point_in_time = restore
    dynamodb._table_description = description
