"""A restored table gets what it lacks from the earlier one."""

import unittest

from restored import CANCELED, ERASED, FLAG, KEY, MARKS, QUEUED, REVOKED, SENT, Fake, email, item, run
from reapplication import kind_of, step
from stack import Trouble


class Steps(unittest.TestCase):
    def test_each_later_item_is_copied(self):
        for old, new in [
            (SENT, QUEUED),
            (CANCELED, QUEUED),
            (ERASED, SENT),
            (REVOKED, KEY),
            (KEY, None),
            (item("acme#tenant", "tenant", no=2, suspended="x"), item("acme#tenant", "tenant", no=1)),
            (item("main#queues", "queue#news", no=5), item("main#queues", "queue#news", no=4)),
            (item("main#suppressed#a", "suppression", a="x", b=7), item("main#suppressed#a", "suppression", released_at=6)),
            (item("main#suppressed#a", "suppression", released_at=8), item("main#suppressed#a", "suppression", a="x", b=7)),
            (item("main#idem-abc", "batch", h="abc"), None),
            (item("main#1", "body#abc", z="text"), None),
            (item("main#1", "fact#0123456789abcdef", j="{}"), None),
            (item("main#hooks", "hook#w", no=3), item("main#hooks", "hook#w", no=2)),
            (item("main#hooks", "hooks", n=0, v=3), item("main#hooks", "hooks", n=1, v=2)),
        ]:
            found = step(old, new)
            self.assertEqual((found.put, found.over, found.kind), (old, new, kind_of(old)))

    def test_nothing_earlier_is_copied(self):
        for old, new in [
            (QUEUED, QUEUED),
            (QUEUED, SENT),
            (QUEUED, ERASED),
            (email("queued", 1), email("uncertain", 2)),
            (KEY, REVOKED),
            (KEY | {"last_used_at": {"N": "9"}}, KEY),
            (item("acme#tenant", "tenant", no=1), item("acme#tenant", "tenant", no=2)),
            (item("main#queues", "job#news#1", no=9), item("main#queues", "job#news#1", no=9, done="x")),
            (item("tally:main", "2026"), None),
            (item("main#hooks", "hook#w", no=2), item("main#hooks", "hook#w", no=3)),
            (item("hook:main#w", "state", f=3), None),
            (item("event:main#1", "msg_1", p="{}"), None),
            (item("preview:00", "preview", email="1"), None),
            (item("code:00", "code", asked_by="deployer"), None),
            (item("main#allowance", "daily#1"), None),
            (item("account#pace", "account#pace"), None),
            (MARKS | {"m": {"BS": [b"a"]}}, MARKS | {"m": {"BS": [b"a", b"b"]}}),
            (MARKS | {"m": {"BS": [b"a"]}}, MARKS | {"too_many": {"BOOL": True}}),
        ]:
            self.assertIsNone(step(old, new), old)

    def test_a_flag_of_a_waiting_email_stays(self):
        self.assertEqual(step(email("queued", 1), QUEUED | FLAG).put, email("queued", 1) | FLAG)
        self.assertEqual(step(SENT, QUEUED | FLAG).put, SENT)


class Copies(unittest.TestCase):
    def test_a_table_is_copied_once(self):
        fake = Fake(
            old=[SENT, REVOKED, MARKS | {"m": {"BS": [b"a"]}}, email("queued", name="2"), item("main#2", "body#abc", z="x")],
            new=[QUEUED, KEY],
        )
        code, out = run(fake)
        self.assertEqual((code, fake.tables["new"]), (0, fake.tables["old"]))
        self.assertIn("3 copied: emails", out)
        written = fake.writes
        self.assertIn("0 copied: emails", run(fake)[1])
        self.assertEqual(fake.writes, written)

    def test_an_erasure_deletes_the_contents(self):
        told = [item("main#1", "fact#0123456789abcdef", j="{}"), item("event:main#1", "msg_1", p="{}")]
        fake = Fake(old=[ERASED], new=[SENT, item("main#1", "body#abc", z="x"), *told])
        run(fake)
        self.assertEqual(list(fake.tables["new"].values()), [ERASED])

    def test_a_dry_run_writes_nothing(self):
        fake = Fake(old=[SENT], new=[QUEUED])
        self.assertIn("1 would be copied: emails", run(fake, dry_run=True)[1])
        self.assertEqual(fake.writes, 0)

    def test_only_the_named_kinds_are_copied(self):
        fake = Fake(old=[SENT, REVOKED], new=[QUEUED, KEY])
        run(fake, only=["keys"])
        self.assertEqual(list(fake.tables["new"].values()), [QUEUED, REVOKED])

    def test_an_item_that_changed_meanwhile_stays(self):
        fake = Fake(old=[SENT], new=[QUEUED])
        read = fake.batch_get_item

        def late(RequestItems):  # noqa: N803
            answer = read(RequestItems)
            fake.tables["new"]["main#1", "email"] = email("uncertain", 3)
            return answer

        fake.batch_get_item = late
        code, out = run(fake)
        self.assertEqual((code, fake.writes), (1, 0))
        self.assertIn("1 items changed meanwhile", out)

    def test_bad_arguments_are_refused(self):
        with self.assertRaisesRegex(Trouble, "the same table"):
            run(Fake(), old="new")
        with self.assertRaisesRegex(Trouble, "is not a time"):
            run(Fake(), since="yesterday")
        with self.assertRaisesRegex(Trouble, "no time zone"):
            run(Fake(), since="2026-11-24T09:30:00")


if __name__ == "__main__":
    unittest.main()
