"""The profiles fit the executions of an account."""

import unittest

import paths  # noqa: I001  (it comes first: it adds the folders of the others)
import template as templates
from profiles import PROFILES, UNSHARED, background

TEMPLATE = templates.load(paths.ROOT / "template.yaml")


class Profiles(unittest.TestCase):
    def test_the_small_profile_leaves_executions_to_the_api(self):
        self.assertEqual(background(TEMPLATE, {}), 12)
        self.assertEqual(background(TEMPLATE, PROFILES["small"]), 8)
        self.assertEqual(background(TEMPLATE, {"HighMaxConcurrency": "10"}), 20)
        self.assertEqual(background(TEMPLATE, {"HighMaxConcurrency": "10"} | PROFILES["small"]), 8)

    def test_the_standard_profile_undoes_the_small_one(self):
        self.assertEqual(background(TEMPLATE, PROFILES["small"] | PROFILES["standard"]), background(TEMPLATE, {}))

    def test_a_profile_sets_parameters_of_the_template(self):
        for name, values in PROFILES.items():
            for parameter, value in values.items():
                found = TEMPLATE["Parameters"][parameter]
                self.assertIn(value, found.get("AllowedValues", [value]), (name, parameter))
                self.assertGreaterEqual(int(value) if value.isdigit() else 2, found.get("MinValue", 0), (name, parameter))

    def test_a_queue_without_senders_gets_no_messages(self):
        for logical_id, resource in TEMPLATE["Resources"].items():
            properties = resource.get("Properties", {})
            for event in properties.get("Events", {}).values():
                if event["Type"] == "SQS":
                    stops = {"Fn::If": ["SharesPriorityQueue", False, True]}
                    unshared = event["Properties"]["Queue"]["Fn::GetAtt"][0] in UNSHARED
                    self.assertEqual(event["Properties"].get("Enabled"), stops if unshared else None, logical_id)
            for name, value in properties.get("Environment", {}).get("Variables", {}).items():
                if name in ("MAILQUEUE_LANE_HIGH_URL", "MAILQUEUE_LANE_LOW_URL"):
                    own = {"Ref": "HighLane" if "HIGH" in name else "LowLane"}
                    self.assertEqual(value["Fn::If"], ["SharesPriorityQueue", {"Ref": "NormalLane"}, own], logical_id)


if __name__ == "__main__":
    unittest.main()
