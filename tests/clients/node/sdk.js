// The calls of an application with the official Node SDK, with the base URL of this queue.
//
// Environment: RESEND_BASE_URL and RESEND_API_KEY, which the SDK reads itself; RECIPIENT, an
// address that nobody else uses. Prints {"single": id, "batch": [id, id]} when all went well.
"use strict";

const assert = require("node:assert/strict");
const { Resend } = require("resend");

const PATIENCE_MS = 400_000;
const recipient = process.env.RECIPIENT;
const resend = new Resend();

const email = {
  from: "Ada's Bücher <shop@mailqueue.example>",
  to: [recipient],
  cc: ["cc@example.com"],
  bcc: "bcc@example.com",
  replyTo: "help@mailqueue.example",
  subject: "Ihre Bestellung ✓",
  html: "<p>Danke!</p>",
  text: "Danke!",
  headers: { "X-Order": "4711" },
  tags: [{ name: "kind", value: "order" }],
  attachments: [
    { filename: "Rechnung Ä.pdf", content: Buffer.from("%PDF-") },
    { filename: "logo.png", content: "iVBORw==", contentType: "image/png", contentId: "logo" },
  ],
};

async function delivered(id) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const { data, error } = await resend.emails.get(id);
    assert.equal(error, null);
    assert.equal(data.id, id);
    if (data.last_event === "delivered") return data;
    assert.ok(Date.now() < deadline, `${id} is still ${data.last_event}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function single() {
  const options = { idempotencyKey: `node-single-${recipient}` };
  const first = await resend.emails.send(email, options);
  assert.equal(first.error, null);
  const again = await resend.emails.send(email, options);
  assert.equal(again.data.id, first.data.id);
  assert.equal(again.headers["idempotent-replayed"], "true");

  const other = await resend.emails.send({ ...email, subject: "Another" }, options);
  assert.equal(other.data, null);
  assert.equal(other.error.statusCode, 409);
  assert.equal(other.error.name, "invalid_idempotent_request");

  const got = await delivered(first.data.id);
  assert.equal(got.object, "email");
  assert.deepEqual(got.to, email.to);
  assert.equal(got.subject, email.subject);
  assert.equal(got.html, email.html);
  assert.deepEqual(got.attachments.map(({ filename, size }) => [filename, size]), [["Rechnung Ä.pdf", 5], ["logo.png", 4]]);
  return first.data.id;
}

async function batch() {
  const items = ["one", "two"].map((subject) => ({
    from: "shop@mailqueue.example",
    to: recipient,
    subject,
    text: subject,
    attachments: [{ filename: "note.txt", content: Buffer.from(subject) }],
  }));
  const options = { idempotencyKey: `node-batch-${recipient}` };
  const first = await resend.batch.send(items, options);
  assert.equal(first.error, null);
  const ids = first.data.data.map(({ id }) => id);
  assert.equal(new Set(ids).size, items.length);
  const again = await resend.batch.send(items, options);
  assert.deepEqual(again.data.data, first.data.data);

  const strict = await resend.batch.send([items[0], { ...items[1], to: "nobody" }]);
  assert.equal(strict.error.statusCode, 422);
  assert.equal(strict.error.name, "validation_error");
  assert.match(strict.error.message, /^\[1\]\.to: /);

  await Promise.all(ids.map(delivered));
  return ids;
}

// Scheduled for far away, brought near, and one of two canceled.
async function scheduled() {
  const later = { ...email, to: [`later-${recipient}`] };
  const schedule = (scheduledAt) => resend.emails.send({ ...later, scheduledAt });
  const [kept, taken] = await Promise.all([schedule("in 1 hour"), schedule("2030-01-01T00:00:00Z")]);
  assert.deepEqual([kept.error, taken.error], [null, null]);
  assert.equal((await resend.emails.get(taken.data.id)).data.scheduled_at, "2030-01-01T00:00:00.000Z");

  const updated = await resend.emails.update({ id: kept.data.id, scheduledAt: "in 1 second" });
  assert.deepEqual([updated.error, updated.data.id], [null, kept.data.id]);
  const canceled = await resend.emails.cancel(taken.data.id);
  assert.deepEqual([canceled.error, canceled.data.id], [null, taken.data.id]);
  assert.equal((await resend.emails.get(taken.data.id)).data.last_event, "canceled");

  await delivered(kept.data.id);
  const late = await resend.emails.cancel(kept.data.id);
  assert.equal(late.error.statusCode, 409);
  assert.equal(late.error.name, "validation_error");
}

async function list(ids) {
  const seen = new Set();
  let after;
  // Others send meanwhile: ours are on some page, and no page overlaps another.
  while (!ids.every((id) => seen.has(id))) {
    const { data, error } = await resend.emails.list({ limit: 50, after });
    assert.equal(error, null);
    assert.equal(data.object, "list");
    for (const { id } of data.data) {
      assert.ok(!seen.has(id), `${id} is listed twice`);
      seen.add(id);
      after = id;
    }
    assert.ok(data.has_more || ids.every((id) => seen.has(id)), "the list ended too early");
  }
}

async function suppressions() {
  const [one, two] = ["one", "two"].map((name) => `${name}+suppressed-${recipient}`);
  const added = await resend.suppressions.add({ email: one });
  assert.deepEqual([added.error, added.data.object], [null, "suppression"]);
  const { data } = await resend.suppressions.get(one);
  assert.deepEqual([data.id, data.email, data.origin, data.source_id], [added.data.id, one, "manual", null]);

  const both = await resend.suppressions.batch.add({ emails: [one, two] });
  assert.equal(both.error, null);
  assert.equal(both.data.data[0].id, added.data.id);
  const listed = await resend.suppressions.list({ origin: "manual", limit: 100 });
  assert.deepEqual([listed.error, listed.data.object], [null, "list"]);
  assert.ok(listed.data.data.some(({ email }) => email === one), "it is on the first page");

  const sent = await resend.emails.send({ ...email, to: [one], cc: [], bcc: [] });
  const deadline = Date.now() + PATIENCE_MS;
  while ((await resend.emails.get(sent.data.id)).data.last_event !== "suppressed") {
    assert.ok(Date.now() < deadline, "the email is not suppressed");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }

  const removed = await resend.suppressions.remove(one);
  assert.deepEqual(removed.data, { object: "suppression", id: added.data.id, deleted: true });
  const again = await resend.suppressions.remove(added.data.id);
  assert.equal(again.error.name, "not_found");
  const rest = await resend.suppressions.batch.remove({ ids: [both.data.data[1].id] });
  assert.equal(rest.data.data[0].deleted, true);
  const bad = await resend.suppressions.add({ email: "nobody" });
  assert.equal(bad.error.name, "validation_error");
  assert.match(bad.error.message, /^email: /);
}

async function errors() {
  const bad = await resend.emails.send({ ...email, to: [recipient, "nobody"] });
  assert.equal(bad.error.statusCode, 422);
  assert.equal(bad.error.name, "validation_error");
  assert.match(bad.error.message, /^to\[1\]: /);

  const remote = await resend.emails.send({ ...email, attachments: [{ path: "https://example.com/a.pdf" }] });
  assert.equal(remote.error.statusCode, 422);
  assert.equal(remote.error.name, "invalid_attachment");
  assert.match(remote.error.message, /^attachments\[0\]\.path: /);

  const missing = await resend.emails.get("00000000-0000-4000-8000-000000000000");
  assert.equal(missing.error.statusCode, 404);
  assert.equal(missing.error.name, "not_found");

  const stranger = await new Resend("mq_wrong").emails.send(email);
  assert.equal(stranger.error.statusCode, 403);
  assert.equal(stranger.error.name, "invalid_api_key");
}

async function main() {
  const ids = { single: await single(), batch: await batch() };
  await scheduled();
  await list([ids.single, ...ids.batch]);
  await suppressions();
  await errors();
  console.log(JSON.stringify(ids));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
