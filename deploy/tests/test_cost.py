"""The price of a million emails, and of a deployment that sends nothing."""

import re
import unittest

import paths  # noqa: I001  (it comes first: it adds the folders of the others)
import cost
import template as templates

TEMPLATE = templates.load(paths.ROOT / "template.yaml")


class Document(unittest.TestCase):
    def test_the_document_has_the_printed_tables(self):
        document = (paths.ROOT / "docs" / "COST.md").read_text()
        for table in cost.tables(TEMPLATE):
            self.assertIn("\n".join(table), document, "run make cost")

    def test_the_named_tests_exist(self):
        document = (paths.ROOT / "docs" / "COST.md").read_text()
        named = re.findall(r"^- `(\w+)`$", document, re.MULTILINE)
        self.assertGreater(len(named), 10)
        sources = [file for folder in ("functions", "shared") for file in (paths.ROOT / folder).rglob("*.rs")]
        tests = {name for source in sources for name in re.findall(r"fn (\w+)\(", source.read_text())}
        self.assertEqual([name for name in named if name not in tests], [])


class Email(unittest.TestCase):
    def test_one_email_is_a_millionth_of_the_table(self):
        rows = cost.per_million(TEMPLATE)
        prices = {row.split("|")[1].strip(): row.split("|")[3].strip(" *") for row in rows}
        parts = [float(prices[name]) for name in ("**Queue, counted**", "CloudWatch Logs", "Storage for 30 days")]
        self.assertAlmostEqual(cost.email_usd() * cost.MILLION, sum(parts), delta=0.05)


class Idle(unittest.TestCase):
    def test_watching_stays_below_four_dollars(self):
        # In use, two more metrics may have values in every hour: failed and uncertain emails.
        in_use = 2 * cost.CUSTOM_METRIC_USD
        self.assertLess(cost.dollars(cost.watching(TEMPLATE)) + in_use, 4.005)

    def test_everything_else_stays_below_two_dollars(self):
        self.assertLess(cost.dollars(cost.working(TEMPLATE)), 2)


if __name__ == "__main__":
    unittest.main()
