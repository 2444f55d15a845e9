"""The sending domains of a restored table follow the earlier one."""

import unittest

from restored import Fake, item, run


# The restore point of the tests is this many milliseconds.
SINCE_MS = 1_795_512_600_000


def domain(name, id, no=1, verification="never", tenant="main", at=1000):
    """The item of a domain, and the item of its id."""
    sk = ".".join(reversed(name.split(".")))
    whole = item("domains", sk, id=id, tenant=tenant, no=no, verification=verification, created_at=at)
    return [whole, item("domains", f"id#{id}", name=name)]


def registry(no, *names):
    return [item("domains", "registry#", no=no) | ({"names": {"SS": sorted(names)}} if names else {})]


class Domains(unittest.TestCase):
    def copied(self, old, new, **options):
        """The restored table after the copy, the exit code and the output; a repetition changes nothing."""
        fake = Fake(old=[each for part in old for each in part], new=[each for part in new for each in part])
        code, out = run(fake, **options)
        written, after = fake.writes, dict(fake.tables["new"])
        run(fake, **options)
        self.assertEqual((fake.writes, fake.tables["new"]), (written, after), "a repetition changes nothing")
        return list(after.values()), code, out

    def assert_items(self, found, *parts):
        by_key = {Fake.key(each): each for part in parts for each in part}
        self.assertEqual({Fake.key(each): each for each in found}, by_key)

    def test_a_domain_verified_since_leaves_the_registry(self):
        verified = domain("shop.example", "1", 3, "now")
        found, code, out = self.copied([verified, registry(1)], [domain("shop.example", "1"), registry(1, "shop.example")])
        self.assert_items(found, verified, registry(2))
        self.assertEqual(code, 0)
        self.assertIn("1 copied: sending domains", out)

    def test_a_registered_domain_is_added_with_its_id(self):
        new = domain("shop.example", "1", at=SINCE_MS + 1)
        found, *_ = self.copied([new, registry(1, "shop.example")], [])
        self.assert_items(found, new, registry(2, "shop.example"))

    def test_a_deleted_domain_is_removed_with_its_id(self):
        found, *_ = self.copied([registry(4)], [domain("shop.example", "1"), registry(4, "shop.example")])
        self.assert_items(found, registry(5))

    def test_a_domain_registered_again_gets_its_new_owner(self):
        again = domain("shop.example", "2", tenant="acme", at=SINCE_MS + 1)
        found, *_ = self.copied([again, registry(6, "shop.example")], [domain("shop.example", "1", 5, "now"), registry(5)])
        self.assert_items(found, again, registry(7, "shop.example"))

    def test_the_number_of_the_registry_never_falls(self):
        found, *_ = self.copied([registry(3)], [registry(8)])
        self.assert_items(found, registry(8))
        found, *_ = self.copied([registry(9)], [registry(8)])
        self.assert_items(found, registry(9))

    def test_later_requests_on_the_restored_table_stay(self):
        later, changed = domain("new.example", "7", at=SINCE_MS + 5), domain("shop.example", "1", 9, "now")
        found, code, _ = self.copied(
            [domain("shop.example", "1", 2), registry(2, "shop.example")], [later, changed, registry(3, "new.example")]
        )
        self.assert_items(found, later, changed, registry(3, "new.example"))
        self.assertEqual(code, 0)

    def test_conflicting_domains_are_left_to_a_person(self):
        mine, theirs = domain("shop.example", "1", at=SINCE_MS + 1), domain("a.shop.example", "2", tenant="acme", at=SINCE_MS + 5)
        found, code, out = self.copied([mine, registry(1, "shop.example")], [theirs, registry(1, "a.shop.example")])
        self.assert_items(found, theirs, registry(1, "a.shop.example"))
        self.assertEqual(code, 1)
        self.assertIn("shop.example cannot come back: another tenant has registered a.shop.example", out)
        again = domain("shop.example", "3", at=SINCE_MS + 5)
        found, _, out = self.copied([mine, registry(1, "shop.example")], [again, registry(1, "shop.example")])
        self.assert_items(found, again, registry(1, "shop.example"))
        self.assertIn("shop.example was registered again", out)

    def test_an_old_domain_that_is_missing_does_not_return(self):
        old = domain("shop.example", "1", 3, "now")
        found, code, out = self.copied([old, registry(1)], [registry(1)])
        self.assert_items(found, registry(1))
        self.assertEqual(code, 1)
        self.assertIn("or --since is wrong", out)

    def test_a_dry_run_and_other_kinds_leave_domains_alone(self):
        verified, waiting = domain("shop.example", "1", 3, "now"), domain("shop.example", "1")
        for options in ({"dry_run": True}, {"only": ["keys"]}):
            found, *_ = self.copied([verified, registry(1)], [waiting, registry(1, "shop.example")], **options)
            self.assert_items(found, waiting, registry(1, "shop.example"))

    def test_a_registration_meanwhile_makes_a_repetition_necessary(self):
        fake = Fake(old=[*domain("shop.example", "1", 3, "now"), *registry(1)], new=[*domain("shop.example", "1"), *registry(1, "shop.example")])
        read = fake.batch_get_item

        def late(RequestItems):  # noqa: N803
            answer = read(RequestItems)
            if len(RequestItems["new"]["Keys"]) == 1:
                fake.tables["new"]["domains", "registry#"] = registry(2, "shop.example", "new.example")[0]
            return answer

        fake.batch_get_item = late
        code, out = run(fake, only=["domains"])
        self.assertEqual(code, 1)
        self.assertIn("1 items changed meanwhile", out)
        self.assertEqual(fake.tables["new"]["domains", "registry#"], registry(2, "shop.example", "new.example")[0])


if __name__ == "__main__":
    unittest.main()
