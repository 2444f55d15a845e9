"""The times of alarms fit those of the queues and functions that they watch."""

import unittest

import paths  # noqa: I001  (it comes first: it adds the folders of the others)
import template as templates

RESOURCES = templates.load(paths.ROOT / "template.yaml")["Resources"]
# SQS leaves a message out of the age from its third receive on. Source: Amazon SQS Developer Guide, "Available CloudWatch
# metrics for Amazon SQS", read 2026-11-29.
COUNTED_RECEIVES = 3


class Alarms(unittest.TestCase):
    def alarm(self, name):
        return RESOURCES[name]["Properties"]

    def test_an_event_that_fails_raises_the_alarm_of_feedback(self):
        alarm, queue = self.alarm("FeedbackAgeAlarm"), RESOURCES["FeedbackQueue"]["Properties"]
        third_receive = (COUNTED_RECEIVES - 1) * queue["VisibilityTimeout"]
        # One more period, because the periods begin at full minutes.
        watched = (alarm["EvaluationPeriods"] + 1) * alarm["Period"]
        self.assertLessEqual(alarm["Threshold"] + watched, third_receive)

    def test_one_failing_minute_of_the_api_alarms_nobody(self):
        alarm = self.alarm("ApiFailuresAlarm")
        self.assertEqual(alarm["DatapointsToAlarm"], 2)
        self.assertGreaterEqual(alarm["EvaluationPeriods"], 3)


if __name__ == "__main__":
    unittest.main()
