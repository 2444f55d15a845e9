"""Without the earlier table, the audit log repeats some requests, and a person the others."""

import re
import unittest

import paths
from restored import KEY, REVOKED, SENT, Fake, item, key, run
from reapplication import LOST_WITH_A_RESTORE, NOT_LOST, for_a_person, is_lost, made_with, tombstone


class AuditLog(unittest.TestCase):
    def test_the_log_repeats_revocations_and_erasures(self):
        line = {"status": 200, "key": "deployer", "tenant": "main"}
        fake = Fake(
            ("access", line | {"route": "revoke_api_key", "object": "k"}),
            ("access", line | {"route": "change_tenant", "object": "acme", "flags": "hold=true"}),
            ("access", line | {"route": "revoke_api_key", "object": "gone"}),
            ("domains", line | {"route": "verify_domain", "object": "7"}),
            ("manage", line | {"route": "erase_email", "object": "1"}),
            ("manage", line | {"route": "erase_email", "object": "9"}),
            ("manage", line | {"route": "cancel_email", "object": "2", "status": 409}),
            ("manage", line | {"route": "get_email", "object": "2"}),
            new=[dict(KEY), SENT, item("main#1", "body#abc", z="x")],
        )
        code, out = run(fake, old=None)
        self.assertEqual(code, 1, "a person has to repeat the rest")
        self.assertEqual(fake.tables["new"]["key:k", "key"]["revoked_at"], {"N": "5000"})
        self.assertEqual(fake.tables["new"]["main#1", "email"], tombstone(SENT, 30))
        self.assertEqual(len(fake.tables["new"]), 2)
        for said in (
            "1970-01-01T00:00:05Z PATCH /tenants/acme?hold=true of tenant main (by deployer)",
            "1970-01-01T00:00:05Z POST /domains/7/verify of tenant main (by deployer)",
            "DELETE /api-keys/k: revoked k.",
            "DELETE /api-keys/gone: the restored table has no such key.",
            "DELETE /emails/1: erased.",
            "DELETE /emails/9: the restored table has no such email.",
        ):
            self.assertIn(said, out)
        self.assertNotIn("/emails/2", out)

    def revoke(self, flags, *keys, **options):
        line = {"status": 200, "key": "deployer", "tenant": None, "route": "revoke_api_key", "object": "k", "flags": flags}
        fake = Fake(("access", line), new=[dict(each) for each in keys])
        code, out = run(fake, old=None, **options)
        return code, out, {each["pk"]["S"][4:] for each in fake.tables["new"].values() if each.get("revoked_at") == {"N": "5000"}}

    def test_the_keys_of_a_revoked_key_are_revoked_too(self):
        child, between = key("child", "k"), item("key:between", "key", tenant="main", created_by="child", revoked_at=4)
        keys = [KEY, child, between, key("last", "between"), key("other", "deployer")]
        code, out, revoked = self.revoke("children=true", *keys)
        self.assertEqual((code, revoked), (0, {"k", "child", "last"}))
        self.assertIn("DELETE /api-keys/k?children=true: revoked k, child, last.", out)
        self.assertEqual(self.revoke(None, *keys)[2], {"k"}, "its keys stay if they stayed then")
        self.assertEqual(self.revoke("children=true", REVOKED, child)[2], {"child"})
        code, out, revoked = self.revoke("children=true", *keys, dry_run=True)
        self.assertEqual(revoked, set())
        self.assertIn("would be revoked k, child, last.", out)

    def test_a_hold_is_left_to_a_person(self):
        code, out, revoked = self.revoke("children=true&hold=true", KEY)
        self.assertEqual((code, revoked), (1, {"k"}))
        self.assertIn("1970-01-01T00:00:05Z DELETE /api-keys/k?children=true&hold=true of tenant - (by deployer)", out)

    def test_a_key_is_found_by_each_of_its_makers(self):
        keys = {"a": key("a", "deployer"), "b": key("b", "a"), "c": key("c", "b"), "d": key("d", "lost")}
        self.assertEqual(made_with("a", keys), ["b", "c"])
        self.assertEqual(made_with("lost", keys), ["d"])

    def test_only_successful_commands_are_lost(self):
        self.assertTrue(is_lost({"route": "cancel_email", "status": 200}))
        self.assertFalse(is_lost({"route": "cancel_email", "status": 409}))
        self.assertFalse(is_lost({"route": "get_email", "status": 200}))
        line = {"time": "t", "route": "pause_queue", "object": "news", "key": "k"}
        self.assertEqual(for_a_person(line), "t POST /queues/news/pause of tenant - (by k)")
        line |= {"route": "cancel_emails", "object": "shop.example", "tenant": "main", "flags": "restored=true"}
        self.assertEqual(for_a_person(line), "t POST /emails/cancel?restored=true (shop.example) of tenant main (by k)")


class Routes(unittest.TestCase):
    """The routes of the functions; a new one must be in one of the two lists."""

    FORM = re.compile(r'\b(post|put|patch|delete)\(\s*"(/[^"]*)",\s*"(\w+)"')

    def routes(self):
        found = {}
        for path in paths.ROOT.glob("functions/*/src/routes.rs"):
            table = path.read_text().partition("const ROUTES")[2].partition("#[cfg(test)]")[0]
            entries = {name: (f"{method.upper()} {route}", path.parts[-3]) for method, route, name in self.FORM.findall(table)}
            # No entry has a form that the expression misses.
            self.assertEqual(len(entries), len(re.findall(r"(?<![.\w])(?:post|put|patch|delete)\(", table)), path)
            found |= entries
        return found

    def test_each_changing_route_is_lost_or_has_a_reason(self):
        routes = self.routes()
        self.assertEqual({name: request for name, (request, _) in routes.items() if name not in NOT_LOST}, LOST_WITH_A_RESTORE)
        self.assertEqual(set(NOT_LOST) - set(routes), set())

    def test_the_log_of_each_function_with_lost_changes_is_read(self):
        fake = Fake(new=[])
        run(fake, old=None)
        self.assertEqual(set(fake.groups), {function for name, (_, function) in self.routes().items() if name in LOST_WITH_A_RESTORE})


if __name__ == "__main__":
    unittest.main()
