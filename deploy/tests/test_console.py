"""`make console` makes a link with a one-time code, and says clearly why it cannot."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import paths  # noqa: I001, F401  (it comes first: it adds the folders of the others)
import console_link
from console_link import link, local_place, open_link
from stack import Trouble

URL, CODE = "https://mail.example.com", "6f" * 32


class Api:
    """An API with these answers, by method and path."""

    def __init__(self, answers):
        self.answers, self.calls = answers, []

    def call(self, method, path, body=None, headers=None):
        self.calls.append((method, path, headers))
        return self.answers[method, path]


def api(page=(200, {}), code=(201, {"code": CODE, "url": "https://inner.example/console/#code=x"})):
    return Api({("GET", "/console/"): page, ("POST", "/console-codes"): code})


class Links(unittest.TestCase):
    def test_a_link_has_the_given_address_and_the_code(self):
        asked = api()
        self.assertEqual(link(URL, "deployer_x", "acme", asked), f"{URL}/console/#code={CODE}")
        self.assertEqual(asked.calls[1], ("POST", "/console-codes", {"x-mailqueue-tenant": "acme"}))

    def test_each_problem_is_one_sentence_with_a_remedy(self):
        for asked, says in [
            (api(page=(0, {"message": "refused"})), "make local"),
            (api(page=(404, {"message": "Not found"})), "Console=on"),
            (api(page=(401, {"message": "no key"})), "Console=on"),
            (api(code=(404, {"message": "no tenant"})), "no tenant acme"),
            (api(code=(401, {"message": "restricted"})), "restricted"),
        ]:
            with self.assertRaises(Trouble) as raised:
                link(URL, "deployer_x", "acme", asked)
            self.assertIn(says, str(raised.exception))
            self.assertNotIn("deployer_x", str(raised.exception))


class LocalStack(unittest.TestCase):
    def test_the_settings_of_the_running_stack_are_read(self):
        with tempfile.TemporaryDirectory() as folder:
            env = Path(folder) / "env"
            with self.assertRaises(Trouble) as raised:
                local_place(env)
            self.assertIn("make local", str(raised.exception))
            env.write_text("export MAILQUEUE_URL='http://127.0.0.1:8080/'\n")
            with self.assertRaises(Trouble):
                local_place(env)
            env.write_text(env.read_text() + "export MAILQUEUE_DEPLOYER_KEY='deployer_x'\n")
            self.assertEqual(local_place(env), ("http://127.0.0.1:8080", "deployer_x"))


class Browser(unittest.TestCase):
    def opened(self, opens, found):
        out = io.StringIO()
        with mock.patch.object(console_link.webbrowser, "open", return_value=found) as browser, contextlib.redirect_stdout(out):
            open_link("https://x/#code=y", opens)
        return browser.call_count, out.getvalue()

    def test_the_link_is_printed_and_opened(self):
        self.assertEqual(self.opened(True, True)[0], 1)
        self.assertEqual(self.opened(False, True)[0], 0)
        for opens, found in [(True, True), (True, False), (False, False)]:
            self.assertIn("https://x/#code=y", self.opened(opens, found)[1])
        self.assertIn("open the link yourself", self.opened(True, False)[1])


if __name__ == "__main__":
    unittest.main()
