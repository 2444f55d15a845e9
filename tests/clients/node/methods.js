// Calls every method of the official Node SDK, and prints the result of each: {"emails.send":
// "works", "domains.list": "not_found", ...}. `local` means that the method made no request.
//
// Environment: RESEND_BASE_URL and RESEND_API_KEY, which the SDK reads itself; RECIPIENT. The methods
// are found in the SDK itself, so that none can be left out.
"use strict";

const fs = require("node:fs");
const { Resend } = require("resend");

const ID = "00000000-0000-4000-8000-000000000000";
const LATER = "2030-01-01T00:00:00Z";
const resend = new Resend();
const email = { from: "shop@mailqueue.example", to: process.env.RECIPIENT, subject: "Hello", text: "Hello" };

// The private methods of the SDK's types, which no application calls.
const types = fs.readFileSync(require.resolve("resend").replace("index.cjs", "index.d.mts"), "utf8");
const hidden = new Set([...types.matchAll(/private (\w+);/g)].map(([, name]) => name));

// Calls that need something real, so that they can work.
const real = {
  "emails.send": () => resend.emails.send(email),
  "emails.create": () => resend.emails.create(email),
  "emails.get": async () => resend.emails.get(await scheduled()),
  "emails.update": async () => resend.emails.update({ id: await scheduled(), scheduledAt: LATER }),
  "emails.cancel": async () => resend.emails.cancel(await scheduled()),
  "batch.send": () => resend.batch.send([email]),
  "batch.create": () => resend.batch.create([email]),
  "emails.attachments.list": async () => resend.emails.attachments.list({ emailId: await attached() }),
  "emails.attachments.get": async () => {
    const emailId = await attached();
    const { data } = await resend.emails.attachments.list({ emailId });
    return resend.emails.attachments.get({ emailId, id: data.data[0].id });
  },
  "emails.metrics": () => resend.emails.metrics({ granularity: "hourly", dimensions: ["period"] }),
  "apiKeys.create": () => resend.apiKeys.create({ name: "node", permission: "sending_access" }),
  "apiKeys.list": () => resend.apiKeys.list({ limit: 1 }),
  "apiKeys.update": async () => resend.apiKeys.update(await key(), { name: "node, renamed" }),
  "apiKeys.remove": async () => resend.apiKeys.remove(await key()),
  "domains.create": async () => resend.domains.create({ name: fresh() }),
  "domains.list": () => resend.domains.list({ limit: 1 }),
  "domains.get": async () => resend.domains.get(await domain()),
  "domains.verify": async () => resend.domains.verify(await domain()),
  "domains.update": async () => resend.domains.update({ id: await domain(), openTracking: false }),
  "domains.remove": async () => resend.domains.remove(await domain()),
  "suppressions.add": () => resend.suppressions.add({ email: nobody }),
  "suppressions.list": () => resend.suppressions.list({ limit: 1, origin: "manual" }),
  "suppressions.get": async () => resend.suppressions.get(await suppressed()),
  "suppressions.remove": async () => resend.suppressions.remove(await suppressed()),
  "suppressions.batch.add": () => resend.suppressions.batch.add({ emails: [nobody] }),
  "suppressions.batch.remove": () => resend.suppressions.batch.remove({ emails: [nobody] }),
  "webhooks.create": () => resend.webhooks.create(subscription),
  "webhooks.list": () => resend.webhooks.list({ limit: 1 }),
  "webhooks.get": async () => resend.webhooks.get(await webhook()),
  "webhooks.update": async () => resend.webhooks.update(await webhook(), { events: ["email.sent"] }),
  "webhooks.remove": async () => {
    const { data } = await resend.webhooks.create(subscription);
    return resend.webhooks.remove(data.id);
  },
  "webhooks.rotateSigningSecret": async () => resend.webhooks.rotateSigningSecret(await webhook()),
  "webhooks.events.list": async () => resend.webhooks.events.list({ webhookId: await webhook(), limit: 1 }),
  "webhooks.events.get": async () => resend.webhooks.events.get(await told()),
  "webhooks.events.replay": async () => resend.webhooks.events.replay(await told()),
  "webhooks.events.attempts.list": async () => resend.webhooks.events.attempts.list(await told()),
};

// A webhook that no other test uses. A tenant has at most ten, so that the end removes all of this run.
const endpoint = `https://hook.example.com/${process.env.RECIPIENT}`;
const subscription = { endpoint, events: ["email.delivered"] };
let first;

async function webhook() {
  first ??= resend.webhooks.create(subscription);
  return (await first).data.id;
}

// A test event of the webhook.
async function told() {
  const webhookId = await webhook();
  const { data } = await resend.post(`/webhooks/${webhookId}/test`, {});
  return { webhookId, eventId: data.id };
}

async function removeWebhooks() {
  const { data } = await resend.webhooks.list({ limit: 100 });
  for (const { id } of data.data.filter((one) => one.endpoint === endpoint)) await resend.webhooks.remove(id);
}

// A suppressed address, which no other test uses.
const nobody = `node-nobody-${process.env.RECIPIENT}`;

async function suppressed() {
  const { data } = await resend.suppressions.add({ email: nobody });
  return data.id;
}

// A domain that no other test uses.
const fresh = () => `node-${Math.random().toString(36).slice(2)}.example`;

async function domain() {
  const { data } = await resend.domains.create({ name: fresh() });
  return data.id;
}

async function key() {
  const { data } = await resend.apiKeys.create({ name: "node, for a moment" });
  return data.id;
}

async function scheduled() {
  const { data } = await resend.emails.send({ ...email, scheduledAt: LATER });
  return data.id;
}

async function attached() {
  const attachments = [{ filename: "a.txt", content: "aGk=" }];
  const { data } = await resend.emails.send({ ...email, attachments, scheduledAt: LATER });
  return data.id;
}

// Arguments for all other methods: enough for the SDK to make a request.
const anything = {
  ...email,
  name: "name",
  email: "a@example.com",
  emails: ["a@example.com"],
  file: new Blob(["email\na@example.com"]),
  labels: ["label"],
  events: ["email.sent"],
  steps: [],
  connections: [],
  html: "<p>Hello</p>",
};
const anyId = new Proxy(anything, {
  get: (known, name) => known[name] ?? (typeof name === "string" && /id$|Id$|^idOrEmail$/.test(name) ? ID : undefined),
});

function given(method) {
  const names = String(method)
    .match(/\(([^)]*)\)/)[1]
    .split(",")
    .slice(0, method.length);
  return names.map((name) => (/^(id|idOrEmail|identifier|domainId)$/.test(name.trim()) ? ID : anyId));
}

function methods(resource, path, found = {}, seen = new Set()) {
  if (seen.has(resource)) return found;
  seen.add(resource);
  for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(resource)))
    if (path.length > 0 && name !== "constructor" && !hidden.has(name))
      found[[...path, name].join(".")] = () => resource[name](...given(resource[name]));
  for (const [name, part] of Object.entries(resource))
    if (part !== null && typeof part === "object" && name !== "resend" && name !== "headers")
      methods(part, [...path, name], found, seen);
  return found;
}

let called = 0;
const fetchOnce = globalThis.fetch;
globalThis.fetch = (...request) => ((called += 1), fetchOnce(...request));

async function outcome(name, method) {
  called = 0;
  let answer;
  try {
    answer = await (real[name] ?? method)();
  } catch (error) {
    // Refused by the SDK itself, without a request. A TypeError is a bad argument of ours.
    return called === 0 && !(error instanceof TypeError) ? "local" : `crashes: ${error.stack}`;
  }
  if (called === 0) return `calls nobody: ${JSON.stringify(answer)}`;
  if (answer.error === null) return answer.data === null ? "nothing" : "works";
  const { name: kind, statusCode, message } = answer.error;
  if (kind === "not_found" && statusCode === 404 && /openapi\.json|has this id/.test(message)) return "not_found";
  return `${statusCode} ${kind}: ${message}`;
}

async function main() {
  const outcomes = {};
  try {
    for (const [name, method] of Object.entries(methods(resend, []))) outcomes[name] = await outcome(name, method);
  } finally {
    await removeWebhooks();
  }
  console.log(JSON.stringify(outcomes));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
