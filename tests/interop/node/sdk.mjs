// The official Node SDK, from 4.0 on. It reads RESEND_BASE_URL and RESEND_API_KEY itself.
import { readFileSync } from "node:fs";
import {
  BINARY,
  DOMAIN,
  HOOK,
  ID,
  INVITE,
  MAIL_HEADERS,
  NOTE,
  NotOffered,
  PNG,
  TO,
  WEBHOOK,
  require,
  run,
  tampered,
} from "./driver.mjs";

const { Resend } = require("resend");
const resend = new Resend();
const types = readFileSync(require.resolve("resend").replace(/\.(c?)js$/, ".d.$1ts"), "utf8");
const options = { idempotencyKey: process.env.INTEROP_IDEMPOTENCY_KEY };
const plain = { from: "shop@mailqueue.example", to: TO, subject: "Hello", text: "Hello" };

// The data of an answer. The SDK returns errors instead of throwing them.
async function data(answer) {
  const { data, error } = await answer;
  if (error) throw Object.assign(new Error(error.message), { name: error.name ?? "error without a name" });
  return data;
}

function offered(resource, method) {
  if (typeof resend[resource]?.[method] !== "function") throw new NotOffered(`The SDK has no ${resource}.${method}.`);
}

function declared(...names) {
  const name = names.find((name) => types.includes(`${name}?:`));
  if (!name) throw new NotOffered(`The SDK has no ${names[0]}.`);
  return name;
}

async function domainList() {
  const answer = await data(resend.domains.list());
  return answer.data ?? answer;
}

run({
  send: () => data(resend.emails.send(plain)),
  all_fields: () =>
    data(
      resend.emails.send({
        from: "Ada's Bücher <shop@mailqueue.example>",
        to: [TO],
        cc: ["cc@example.com"],
        bcc: "bcc@example.com",
        replyTo: "help@mailqueue.example",
        subject: "Ihre Bestellung ✓",
        html: "<p>Danke für alles!</p>",
        text: "Danke für alles!",
        headers: { "X-Order": "4711" },
        tags: [{ name: "kind", value: "order" }],
      }),
    ),
  display_name: () => data(resend.emails.send({ ...plain, from: "Acme, Inc. <shop@mailqueue.example>" })),
  mail_headers: () => data(resend.emails.send({ ...plain, subject: "Headers", headers: MAIL_HEADERS })),
  scheduled: () => data(resend.emails.send({ ...plain, scheduledAt: process.env.INTEROP_TIME })),
  attachment_bytes: () =>
    data(
      resend.emails.send({
        ...plain,
        attachments: [
          { filename: "note.txt", content: NOTE, contentType: "text/plain" },
          { filename: "data.bin", content: BINARY },
        ],
      }),
    ),
  attachment_base64: () =>
    data(
      resend.emails.send({ ...plain, attachments: [{ filename: "data.bin", content: BINARY.toString("base64") }] }),
    ),
  attachment_calendar: () => {
    const invite = { filename: "invite.ics", content: INVITE.toString(), contentType: "text/calendar" };
    return data(resend.emails.send({ ...plain, attachments: [invite] }));
  },
  attachment_inline: () => {
    const contentId = declared("contentId", "inlineContentId");
    const image = { filename: "logo.png", content: PNG, contentType: "image/png", [contentId]: "logo" };
    return data(resend.emails.send({ ...plain, html: '<img src="cid:logo">', attachments: [image] }));
  },
  batch: async () => {
    // Versions before 4.1.2 send each field by the SDK's own name.
    const [first, second] = [plain, { ...plain, to: `second-${TO}` }].map((email) => ({
      ...email,
      cc: ["cc@example.com"],
      bcc: "bcc@example.com",
      replyTo: "help@mailqueue.example",
      html: "<p>Hello</p>",
      headers: { "X-Order": "4711" },
      tags: [{ name: "kind", value: "order" }],
      attachments: [{ filename: "note.txt", content: NOTE, contentType: "text/plain" }],
      scheduledAt: new Date().toISOString(),
    }));
    const answer = await data(resend.batch.send([first, second]));
    return { ids: answer.data.map(({ id }) => id) };
  },
  batch_permissive: async () => {
    declared("batchValidation");
    const answer = await data(resend.batch.send([plain, { ...plain, to: "nobody" }], { batchValidation: "permissive" }));
    return { ids: answer.data.map(({ id }) => id), refused: answer.errors?.map(({ index }) => index) };
  },
  idempotency: async () => {
    if (!types.includes("idempotencyKey?:")) throw new NotOffered("The SDK has no idempotencyKey.");
    const [first, second] = [await resend.emails.send(plain, options), await resend.emails.send(plain, options)];
    const third = await resend.emails.send({ ...plain, subject: "Other" }, options);
    return { first: (await data(first)).id, second: (await data(second)).id, third_raised: third.error !== null };
  },
  list: async () => {
    offered("emails", "list");
    return { ids: (await data(resend.emails.list({ limit: 100 }))).data.map(({ id }) => id) };
  },
  get: () => data(resend.emails.get(ID)),
  attachment_download: async () => {
    if (!resend.emails.attachments) throw new NotOffered("The SDK has no emails.attachments.");
    const listed = await data(resend.emails.attachments.list({ emailId: ID }));
    const file = await data(resend.emails.attachments.get({ emailId: ID, id: listed.data[0].id }));
    return { filename: file.filename, url: file.download_url };
  },
  metrics: async () => {
    offered("emails", "metrics");
    return data(resend.emails.metrics());
  },
  update: () => data(resend.emails.update({ id: ID, scheduledAt: process.env.INTEROP_TIME })),
  cancel: () => data(resend.emails.cancel(ID)),
  suppressions: async () => {
    offered("suppressions", "add");
    await data(resend.suppressions.add({ email: TO }));
    const got = await data(resend.suppressions.get(TO));
    const { data: listed } = await data(resend.suppressions.list({ limit: 100 }));
    await data(resend.suppressions.remove(TO));
    return { got: got.email, listed: listed.map(({ email }) => email) };
  },
  api_keys: async () => {
    const { id, token } = await data(resend.apiKeys.create({ name: "interop" }));
    const answer = await data(resend.apiKeys.list());
    await data(resend.apiKeys.remove(id));
    return { id, token, listed: (answer.data ?? answer).map((key) => key.id) };
  },
  domains: async () => {
    const { id, records } = await data(resend.domains.create({ name: DOMAIN }));
    const listed = (await domainList()).map((entry) => entry.id);
    const { name } = await data(resend.domains.get(id));
    await data(resend.domains.verify(id));
    await data(resend.domains.update({ id, openTracking: false }));
    await data(resend.domains.remove(id));
    return { id, name, records, listed };
  },
  domain_verified: async () => {
    const verified = (await domainList()).filter(({ status }) => status === "verified");
    return { verified: verified.map(({ name }) => name) };
  },
  webhooks: async () => {
    offered("webhooks", "create");
    const { id, signing_secret: first } = await data(
      resend.webhooks.create({ endpoint: HOOK, events: ["email.delivered", "contact.created"] }),
    );
    const { data: listed } = await data(resend.webhooks.list({ limit: 100 }));
    await data(resend.webhooks.update(id, { events: ["email.bounced"], status: "disabled" }));
    const { endpoint, events, status } = await data(resend.webhooks.get(id));
    const rotates = typeof resend.webhooks.rotateSigningSecret === "function";
    const second = rotates ? (await data(resend.webhooks.rotateSigningSecret(id))).signing_secret : undefined;
    const { deleted } = await data(resend.webhooks.remove(id));
    return { id, endpoint, events, status, first, second, deleted, listed: listed.map((webhook) => webhook.id) };
  },
  webhook_events: async () => {
    offered("webhooks", "create");
    if (!resend.webhooks.events) throw new NotOffered("The SDK has no webhooks.events.");
    const [webhookId, eventId] = ID.split("/");
    const { data: listed } = await data(resend.webhooks.events.list({ webhookId, limit: 10 }));
    const { type, payload } = await data(resend.webhooks.events.get({ webhookId, eventId }));
    const { data: attempts } = await data(resend.webhooks.events.attempts.list({ webhookId, eventId }));
    const replayed = await data(resend.webhooks.events.replay({ webhookId, eventId }));
    return { listed: listed.map(({ id }) => id), type, payload: payload.type, attempts, replayed: replayed.id };
  },
  webhook_verify: () => {
    offered("webhooks", "verify");
    const { secret: webhookSecret, headers } = WEBHOOK;
    const [id, timestamp, signature] = ["id", "timestamp", "signature"].map((part) => headers[`svix-${part}`]);
    const verify = (payload) => resend.webhooks.verify({ payload, headers: { id, timestamp, signature }, webhookSecret });
    const event = verify(WEBHOOK.body) ?? JSON.parse(WEBHOOK.body);
    return { type: event.type, refused: tampered(verify) };
  },
  bad_address: () => data(resend.emails.send({ ...plain, to: "nobody" })),
  wrong_key: () => data(resend.emails.send(plain)),
  cancel_too_late: () => data(resend.emails.cancel(ID)),
  gateway_429: () => data(resend.emails.send(plain)),
});
