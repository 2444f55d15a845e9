// Payload's adapter @payloadcms/email-resend. Its URL is fixed, so this driver rewrites the adapter's requests.
import { pathToFileURL } from "node:url";
import { BINARY, KEY, MAIL_HEADERS, NOTE, TO, run } from "./driver.mjs";

const rewritten = globalThis.fetch;
globalThis.fetch = (url, options) =>
  rewritten(String(url).replace("https://api.resend.com", process.env.INTEROP_URL), options);

const adapterPath = `${process.env.INTEROP_HOME}/node_modules/@payloadcms/email-resend/dist/index.js`;
const { resendAdapter } = await import(pathToFileURL(adapterPath));
const adapter = resendAdapter({
  apiKey: KEY,
  defaultFromAddress: "shop@mailqueue.example",
  defaultFromName: "Shop",
})({ payload: {} });
const send = (fields = {}) => adapter.sendEmail({ to: TO, subject: "Hello", text: "Hello", ...fields });

run({
  send: () => send(),
  all_fields: async () => ({
    ...(await send({
      from: { name: "Ada's Bücher", address: "shop@mailqueue.example" },
      cc: "cc@example.com",
      bcc: "bcc@example.com",
      replyTo: "help@mailqueue.example",
      subject: "Ihre Bestellung ✓",
      html: "<p>Danke für alles!</p>",
      text: "Danke für alles!",
      headers: { "X-Order": "4711" },
    })),
    without: ["tags"],
  }),
  display_name: () => send({ from: { name: "Acme, Inc.", address: "shop@mailqueue.example" } }),
  mail_headers: () => send({ subject: "Headers", headers: MAIL_HEADERS }),
  attachment_bytes: () =>
    send({
      attachments: [
        { filename: "note.txt", content: NOTE },
        { filename: "data.bin", content: BINARY },
      ],
    }),
  attachment_base64: () => send({ attachments: [{ filename: "data.bin", content: BINARY.toString("base64") }] }),
  attachment_text: () => send({ attachments: [{ filename: "note.txt", content: NOTE.toString() }] }),
  bad_address: () => send({ to: "nobody" }),
  wrong_key: () => send(),
  gateway_429: () => send(),
});
