"""The plan of the staging checks, and their results against an API of this test."""

import sys
import unittest
from unittest import mock

import paths  # noqa: F401  (it comes first: it finds the others)
import staging_checks
import staging_kill
from staging_checks import FILE, Staging, delete_leftovers
from staging_plan import CASES, Check, Plan, cost, counted, lines, summary, suppression
from suppression import SuppressionList
from suppression import findings as suppression_findings
from suppression import read as read_suppression

SMALL = Plan(waiting=3, batches=2, batch=2)


class ThePlan(unittest.TestCase):
    def test_the_cost_names_every_email(self):
        self.assertIn("sends 6 emails, all to SES's mailbox simulator, and accepts 5500 more", cost(Plan()))
        self.assertIn("about $0.08", cost(Plan()))
        sending = cost(Plan(sends_batches=True), rate=14)
        self.assertIn("sends 5006 emails", sending)
        self.assertIn("accepts 500 more", sending)
        self.assertIn("at least 6 min", sending)
        self.assertIn("sends 7 emails", cost(Plan(deployments=1)))

    def test_a_result_shows_its_action_and_both_outcomes(self):
        said = list(lines(Check("One email", "this", "that", "another", False)))
        self.assertEqual(said[0], "PROBLEM      One email")
        self.assertEqual([line.split()[-1] for line in said[1:]], ["this", "that", "another"])

    def test_a_check_that_was_not_made_is_no_success(self):
        checks = [Check("a", "", "", "", holds) for holds in (True, False, None)]
        self.assertEqual(summary(checks), "1 of 3 checks hold; 1 failed, and 1 could not be made.")

    def test_equal_results_are_counted(self):
        self.assertEqual(counted([200, 503, 200]), "2 × 200, 1 × 503")
        self.assertEqual(counted([]), "none")


class Ses:
    """SES with the two configuration sets of a stack."""

    def __init__(self, plain, tracked=None):
        self.answers = {"mailqueue": plain, "mailqueue-tracked": plain if tracked is None else tracked}

    def get_configuration_set(self, ConfigurationSetName):  # noqa: N803 (the name of AWS)
        return {"ConfigurationSetName": ConfigurationSetName} | self.answers[ConfigurationSetName]


class SuppressionOfTheSet(unittest.TestCase):
    def test_only_an_empty_list_is_off(self):
        for answer, off, words in (
            ({"SuppressionOptions": {"SuppressedReasons": []}}, True, "an empty list"),
            ({"SuppressionOptions": {"SuppressedReasons": ["BOUNCE"]}}, False, "the reasons BOUNCE"),
            ({"SuppressionOptions": {}}, False, "the account's suppression list applies"),
            ({}, False, "the account's suppression list applies"),
        ):
            with self.subTest(answer=answer):
                found = read_suppression(Ses(answer), "mailqueue")
                self.assertEqual(found.is_off, off)
                self.assertIn(words, found.words)
                self.assertEqual(suppression(found).holds, off)
                self.assertEqual(len(list(suppression_findings(found))), 0 if off else 1)

    def test_both_sets_are_read(self):
        off, on = ({"SuppressionOptions": {"SuppressedReasons": reasons}} for reasons in ([], ["BOUNCE"]))
        for plain, tracked, name in ((off, off, "mailqueue"), (on, off, "mailqueue"), (off, on, "mailqueue-tracked")):
            self.assertEqual(read_suppression(Ses(plain, tracked), "mailqueue").configuration_set, name)

    def test_the_finding_has_its_remedy(self):
        (finding,) = suppression_findings(SuppressionList("mailqueue", None))
        self.assertIn("put-configuration-set-suppression-options --configuration-set-name mailqueue", finding.remedy)
        self.assertTrue(finding.blocking)

    def test_an_unread_list_is_not_checked(self):
        self.assertIsNone(suppression("denied").holds)
        self.assertIn("denied", suppression("denied").saw)


class Api:
    """An API that accepts emails, holds them in a paused queue, and purges them. `ends`: the event of each mailbox."""

    def __init__(self, answers=(), ends=None):
        self.emails, self.queues, self.calls, self.seen = {}, {}, [], {}
        self.answers, self.ends = list(answers), ends or {case.mailbox: case.event for case in CASES}

    def must(self, method, path, body=None, expected=200):
        status, answer = self.call(method, path, body)
        assert status == expected, (method, path, status)
        return answer

    def call(self, method, path, body=None, headers=None):
        self.calls.append((method, path))
        name = path.split("?")[0].split("/")
        if (method, path) == ("POST", "/emails"):
            return 200, {"id": self._accept(body)}
        if (method, path) == ("POST", "/emails/batch"):
            return self._batch(body, headers["idempotency-key"])
        if (method, path) == ("POST", "/queues"):
            self.queues[body["name"]] = {"name": body["name"]}
            return 201, {}
        if method == "POST" and name[-1] == "purge":
            held = [email for email in self._in(name[2]) if email["held"]]
            for email in held:
                email |= {"last_event": "canceled", "cause": "purged", "held": False}
            self.purged = len(held)
            return 202, {"id": "job"}
        if method == "POST":
            for email in self._in(name[2]) if name[-1] == "resume" else ():
                email |= {"held": False, "last_event": "delivered", "attempts": 1} if email["held"] else {}
            return 200, {}
        if method == "DELETE":
            return (200 if self.emails.pop(name[2], None) or self.queues.pop(name[2], None) else 404), {}
        if name[1] == "suppressions":
            return 404, {}
        if name[-1] == "attachments":
            return 200, {"data": [{"size": len(FILE)}]}
        if "jobs" in name:
            return 200, {"done": False, "emails": self.purged}
        if name[1] == "queues" and len(name) > 2:
            return 200, {"counts": {"held": sum(email["held"] for email in self._in(name[2]))}}
        if name[1] == "queues":
            return 200, {"data": list(self.queues.values())}
        if len(name) > 2:
            return 200, self.emails[name[2]]
        return 200, {"data": self._in(path.split("queue=")[1].split("&")[0]), "has_more": False}

    def _in(self, queue):
        return [email for email in self.emails.values() if email["queue"] == queue]

    def _accept(self, email):
        mailbox, _, host = email["to"][0].partition("+")
        assert host.endswith("@simulator.amazonses.com"), email
        queue = email.get("queue")
        found = {"queue": queue, "held": queue is not None, "cause": None, "maybe_duplicate": False, "attempts": 0 if queue else 1}
        email_id = f"email-{len(self.emails)}"
        self.emails[email_id] = found | {"last_event": "queued" if queue else self.ends[mailbox]}
        return email_id

    def _batch(self, emails, key):
        if self.answers:
            return self.answers.pop(0), {"message": "refused"}
        if key not in self.seen:
            self.seen[key] = [{"id": self._accept(email)} for email in emails]
        return 200, {"data": self.seen[key]}


def staged(api, plan=SMALL):
    """The results of all checks, and the run."""
    staging = Staging(api, "mailqueue@example.com", "0a1b", plan)
    return list(staging.checks()), staging


class Cloudformation:
    """A stack with one parameter."""

    def __init__(self, value="20"):
        self.value = value

    def describe_stacks(self, StackName):  # noqa: N803 (the name of AWS)
        parameters = [{"ParameterKey": staging_kill.PARAMETER, "ParameterValue": self.value}]
        return {"Stacks": [{"StackName": StackName, "StackStatus": "UPDATE_IN_PROGRESS", "Parameters": parameters}]}


class KilledDeployment(unittest.TestCase):
    def made(self, script, value="20"):
        """The check of a deployment that this Python script stands for. Its last argument is the parameter."""
        with mock.patch.object(staging_kill, "command", lambda _, number: [sys.executable, "-uc", script, str(number)]):
            return staging_kill.check(Cloudformation(value), "mailqueue", [], 0.1)

    def test_the_second_deployment_goes_on(self):
        script = """if True:
            import sys, time
            print("Updating the stack mailqueue ...")
            if sys.argv[1] == "21":
                time.sleep(60)
            print("  delivered after 1.0 s")
        """
        check = self.made(script)
        self.assertTrue(check.holds, check)
        self.assertIn("the stack was UPDATE_IN_PROGRESS after the kill; the second run ended with 0", check.saw)

    def test_a_second_deployment_that_fails_is_a_failure(self):
        check = self.made("import sys; print('Updating the stack'); sys.exit('It is stuck.')")
        self.assertIs(check.holds, False)
        self.assertIn("It is stuck.", check.saw)

    def test_a_deployment_that_ends_too_soon_proves_nothing(self):
        check = self.made("print('  delivered after 1.0 s')")
        self.assertIsNone(check.holds)
        self.assertIn("ended before it was killed", check.saw)


class Checks(unittest.TestCase):
    def setUp(self):
        # No test waits.
        patch = mock.patch.object(staging_checks.time, "sleep", lambda _: None)
        patch.start()
        self.addCleanup(patch.stop)

    def test_a_good_deployment_holds_every_check(self):
        checks, staging = staged(Api())
        self.assertEqual([check.holds for check in checks], [True] * 8)
        self.assertEqual(len(staging.ids), SMALL.accepted)

    def test_batches_are_sent_on_request(self):
        checks, _ = staged(Api(), Plan(3, 2, 2, sends_batches=True))
        self.assertTrue(checks[-1].holds)
        self.assertIn("4 delivered", checks[-1].saw)

    def test_a_bounce_of_the_first_email_is_a_failure(self):
        checks, _ = staged(Api(ends={case.mailbox: "bounced" for case in CASES}))
        self.assertIs(checks[0].holds, False)
        self.assertIn("bounced after", checks[0].saw)

    def test_a_busy_answer_is_repeated_and_shown(self):
        checks, _ = staged(Api(answers=[503]))
        self.assertTrue(checks[-2].holds)
        _, staging = staged(Api())
        staging.api.answers = [503, 429]
        with mock.patch.object(staging, "_wait_for_held", return_value=(4, 0)), mock.patch.object(staging, "_purge", return_value=(4, 0)):
            _, _, saw, holds = staging._batches(None)
        self.assertTrue(holds)
        self.assertIn("1 × 429, 1 × 503", saw)

    def test_an_internal_error_of_a_batch_is_a_failure(self):
        _, staging = staged(Api())
        staging.api.answers = [500]
        with mock.patch.object(staging, "_wait_for_held", return_value=(4, 0)), mock.patch.object(staging, "_purge", return_value=(4, 0)):
            _, _, saw, holds = staging._batches(None)
        self.assertFalse(holds)
        self.assertIn("1 × 500", saw)
        self.assertIn("; refused", saw)

    def test_a_refused_check_does_not_end_the_others(self):
        checks, _ = staged(Api(answers=[422]))
        self.assertIs(checks[-2].holds, False)
        self.assertIn("answered 422", checks[-2].saw)
        self.assertTrue(checks[-1].holds)

    def test_the_run_removes_its_queue_and_emails(self):
        api = Api()
        _, staging = staged(api)
        staging.clean(erases=True)
        self.assertEqual((api.emails, api.queues), ({}, {}))

    def test_after_a_failure_the_emails_stay(self):
        api = Api()
        _, staging = staged(api)
        staging.clean(erases=False)
        self.assertEqual((len(api.emails), api.queues), (SMALL.accepted, {}))

    def test_only_queues_of_staging_runs_are_left_over(self):
        api = Api()
        api.queues = {name: {"name": name} for name in ("staging", "staging-checks-1", "default")}
        delete_leftovers(api)
        self.assertEqual(sorted(api.queues), ["default", "staging"])


if __name__ == "__main__":
    unittest.main()
