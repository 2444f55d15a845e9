// Libraries that verify webhooks and call nothing: `standardwebhooks` and `svix`. Each reads its own headers.
import { WEBHOOK, require, run, tampered } from "./driver.mjs";

const name = process.env.INTEROP_LIBRARY;
const { Webhook } = require(name);

run({
  webhook_verify: () => {
    const { secret, headers, body } = WEBHOOK;
    const receiver = new Webhook(secret);
    // svix reads both families, and the other library only its own.
    const own = Object.fromEntries(Object.entries(headers).filter(([header]) => header.startsWith(name === "svix" ? "svix-" : "webhook-")));
    const event = receiver.verify(body, own);
    return { type: event?.type ?? JSON.parse(body).type, refused: tampered((changed) => receiver.verify(changed, own)) };
  },
});
