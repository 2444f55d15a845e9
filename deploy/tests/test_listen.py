"""`make listen` forwards each event until the program takes it, with its exact body and headers."""

import json
import tempfile
import unittest
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import paths  # noqa: I001, F401  (it comes first: it adds the folders of the others)
import listen
from listen import Listener, Trouble, Unavailable, settings

URL, FORWARD = "https://mail.example.com", "http://127.0.0.1:3000/hook"


def event(number):
    body = f'{{"type":"email.sent","n":{number}}}'
    headers = [{"name": "webhook-id", "value": f"msg_{number}"}]
    return {
        "id": f"msg_{number}",
        "type": "email.sent",
        "created_at": f"2026-11-29T10:00:{number % 60:02d}.000Z",
        "payload": {"data": {"to": ["ann@example.com"]}},
        "body": body,
        "headers": headers,
    }


class Api:
    """An API with one webhook, whose events are newest first, and the program that gets them."""

    def __init__(self):
        self.events, self.forwarded, self.calls = [], [], []
        # The answers of the program in place of 204, by the event's id; the first one is used up.
        self.answers = {}

    def send(self, method, url, body=None, headers=(), timeout_secs=35):
        headers = dict(headers)
        if url == FORWARD:
            assert "authorization" not in headers, "the key leaves"
            self.forwarded.append((body.decode(), headers))
            return (self.answers.get(headers["webhook-id"]) or [(204, "")]).pop(0)
        self.calls.append((method, url.removeprefix(URL), json.loads(body) if body else None))
        assert headers["authorization"] == "Bearer key"
        if method == "POST":
            return 201, json.dumps({"id": "w1", "signing_secret": "whsec_x", "active_at": "2026-11-29T10:01:00Z"})
        if method == "DELETE":
            return 200, "{}"
        query = parse_qs(urlsplit(url).query)
        ids = [each["id"] for each in self.events]
        begin = ids.index(query["after"][0]) + 1 if "after" in query else 0
        page = self.events[begin : begin + int(query["limit"][0])]
        return 200, json.dumps({"data": page, "has_more": begin + len(page) < len(ids)})


class Forwarding(unittest.TestCase):
    def setUp(self):
        self.api = Api()
        self.listener = Listener(URL, "key", FORWARD, send=self.api.send)
        self.listener.create()

    def forward(self):
        return [each["id"] for each, _, pause in self.listener.forward_new() if pause == 0]

    def pauses(self):
        return [pause for *_, pause in self.listener.forward_new()]

    def test_the_webhook_is_only_pulled(self):
        self.assertEqual(self.api.calls, [("POST", "/webhooks", {"delivery": "pull", "events": listen.EVENTS})])
        self.assertTrue(self.listener.delete())
        self.assertEqual(self.api.calls[-1][:2], ("DELETE", "/webhooks/w1"))

    def test_each_event_is_forwarded_once_and_oldest_first(self):
        self.api.events = [event(2), event(1)]
        self.assertEqual(self.forward(), ["msg_1", "msg_2"])
        self.assertEqual(self.forward(), [])
        self.api.events.insert(0, event(3))
        self.assertEqual(self.forward(), ["msg_3"])
        body, headers = self.api.forwarded[0]
        self.assertEqual((body, headers["webhook-id"]), (event(1)["body"], "msg_1"))

    def test_an_event_with_an_earlier_time_is_forwarded_too(self):
        self.api.events = [event(5), event(3)]
        self.forward()
        self.api.events.insert(1, event(4))
        self.assertEqual(self.forward(), ["msg_4"])

    def test_many_events_are_read_page_by_page(self):
        self.api.events = [event(number) for number in range(250, 0, -1)]
        self.assertEqual(len(self.forward()), 250)
        gets = [path for method, path, _ in self.api.calls if method == "GET"]
        self.assertEqual(len(gets), 3)

    def test_a_look_ends_behind_the_overlap(self):
        self.api.events = [event(number) for number in range(1000, 0, -1)]
        self.forward()
        self.api.calls.clear()
        self.forward()
        self.assertEqual(len(self.api.calls), 2, "200 known events, not all 1,000")

    def test_an_event_of_an_erased_email_is_not_posted(self):
        self.api.events = [event(1) | {"body": None, "payload": None}]
        self.assertEqual(self.forward(), ["msg_1"])
        self.assertEqual(self.api.forwarded, [])

    def test_a_refused_event_is_tried_again_and_later_ones_go_on(self):
        self.api.events = [event(2), event(1)]
        self.api.answers = {"msg_1": [(500, ""), (302, "")]}
        self.assertEqual(self.forward(), ["msg_2"])
        self.assertEqual([self.forward() for _ in range(4)], [[], [], ["msg_1"], []])
        ids = [headers["webhook-id"] for _, headers in self.api.forwarded]
        self.assertEqual(ids, ["msg_1", "msg_2", "msg_1", "msg_1"])

    def test_an_absent_program_gets_its_events_when_it_returns(self):
        self.api.events = [event(2), event(1)]
        self.api.answers = {"msg_1": [(0, "refused")]}
        self.assertEqual(self.forward(), [])
        self.assertEqual(len(self.api.forwarded), 1, "the second event would only wait")
        self.assertEqual(self.forward(), ["msg_1", "msg_2"])

    def test_the_waits_grow_to_ten_looks(self):
        self.api.events = [event(1)]
        self.api.answers = {"msg_1": [(503, "")] * 6}
        found = [pause for _ in range(40) for pause in self.pauses()]
        self.assertEqual(found, [1, 2, 4, 8, 10, 10, 0])

    def test_a_waiting_event_stays_within_the_look(self):
        self.api.events = [event(1)]
        self.api.answers = {"msg_1": [(500, "")] * 3}
        self.forward()
        self.api.events = [event(number) for number in range(1000, 0, -1)]
        found = [taken for _ in range(8) for taken in self.forward()]
        self.assertEqual((found[-1], len(found)), ("msg_1", 1000))

    def test_an_erased_event_waits_no_longer(self):
        self.api.events = [event(1)]
        self.api.answers = {"msg_1": [(500, "")]}
        self.forward()
        self.api.events = [event(2)]
        self.assertEqual(self.forward(), ["msg_2"])
        self.assertEqual(self.listener.waiting, {})

    def test_a_busy_api_is_asked_again(self):
        for status in (0, 429, 503):
            self.listener.send = lambda *_, status=status: (status, "busy")
            with self.assertRaises(Unavailable):
                self.forward()
        self.listener.send = self.api.send
        self.api.events = [event(1)]
        self.assertEqual(self.forward(), ["msg_1"])

    def test_a_report_says_when_an_event_is_tried_again(self):
        self.assertTrue(listen.line(event(1), (204, ""), 0).endswith(" 204"))
        self.assertTrue(listen.line(event(1), (500, ""), 4).endswith(" 500; again in 4 s"))
        self.assertTrue(listen.line(event(1), (0, "refused"), 1).endswith(" no answer (refused); again in 1 s"))

    def test_a_refusal_is_shown(self):
        with self.assertRaises(Trouble) as raised:
            Listener(URL, "key", FORWARD, send=lambda *_: (401, "restricted")).create()
        self.assertIn("401: restricted", str(raised.exception))
        self.assertNotIsInstance(raised.exception, Unavailable, "it is not repeated")


class Settings(unittest.TestCase):
    def test_the_environment_comes_before_the_file(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "env"
            file.write_text("export MAILQUEUE_URL='http://127.0.0.1:8080'\nexport MAILQUEUE_API_KEY='re_1'\n")
            self.assertEqual(settings({}, file), ("http://127.0.0.1:8080", "re_1"))
            given = {"MAILQUEUE_URL": f"{URL}/", "MAILQUEUE_API_KEY": "key"}
            self.assertEqual(settings(given, file), (URL, "key"))

    def test_missing_settings_are_named(self):
        with self.assertRaises(Trouble) as raised:
            settings({}, Path("/nowhere"))
        self.assertIn("MAILQUEUE_URL and MAILQUEUE_API_KEY missing", str(raised.exception))


if __name__ == "__main__":
    unittest.main()
