"""Adds properties of the template that MiniStack 1.5.33's CloudFormation drops or misreads.

Role: enabled by `emulator.py`.
- `TimeToLiveSpecification` of a table is ignored. Here it enables TTL.
- `MaximumConcurrency` of an event source mapping stays a text, and the poller of the mapping then fails. Here it
  becomes a number, as in the type's schema.
- An alarm on several metrics is refused. Here it watches the first of them.
- A function replaces another one of the same name. Here its creation fails, as on AWS.
"""

TABLE = "AWS::DynamoDB::Table"
MAPPING = "AWS::Lambda::EventSourceMapping"
FUNCTION = "AWS::Lambda::Function"


def fill(provisioners, dynamodb, functions):
    """Wraps the provisioners of these types."""
    table, mapping, function = (provisioners._RESOURCE_HANDLERS[kind] for kind in (TABLE, MAPPING, FUNCTION))

    def create_table(logical_id, props, stack_name, original=table["create"]):
        made = original(logical_id, props, stack_name)
        ttl = props.get("TimeToLiveSpecification")
        if ttl:
            enabled = str(ttl["Enabled"]).lower() == "true"
            dynamodb._update_ttl({"TableName": made[0], "TimeToLiveSpecification": ttl | {"Enabled": enabled}})
        return made

    def create_function(logical_id, props, stack_name, original=function["create"]):
        name = props.get("FunctionName")
        if name in functions._functions:
            raise ValueError(f"Resource of type '{FUNCTION}' with identifier '{name}' already exists.")
        return original(logical_id, props, stack_name)

    def with_number(original, at):
        def provision(*arguments):
            props = dict(arguments[at])
            scaling = props.get("ScalingConfig")
            if scaling and "MaximumConcurrency" in scaling:
                props["ScalingConfig"] = scaling | {"MaximumConcurrency": int(scaling["MaximumConcurrency"])}
            return original(*arguments[:at], props, *arguments[at + 1 :])

        return provision

    def record_alarm(name, props, original=provisioners._cw_metric_alarm_record):
        found = [each["MetricStat"] for each in props.get("Metrics", []) if "MetricStat" in each]
        if found:
            props = {key: value for key, value in props.items() if key != "Metrics"}
            props |= found[0]["Metric"] | {"Statistic": found[0]["Stat"], "Period": found[0]["Period"]}
        return original(name, props)

    provisioners._cw_metric_alarm_record = record_alarm
    table["create"] = create_table
    function["create"] = create_function
    mapping["create"] = with_number(mapping["create"], 1)
    mapping["update"] = with_number(mapping["update"], 2)
