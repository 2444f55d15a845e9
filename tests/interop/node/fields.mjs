// The cases of clients that take nodemailer's fields. `send` sends an email with the given fields besides the plain
// ones.
import { BINARY, INVITE, MAIL_HEADERS, NOTE } from "./driver.mjs";

export const PLAIN = { to: process.env.INTEROP_TO, subject: "Hello", text: "Hello" };

export const cases = (send) => ({
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
  attachment_base64: () =>
    send({ attachments: [{ filename: "data.bin", content: BINARY.toString("base64"), encoding: "base64" }] }),
  attachment_text: () => send({ attachments: [{ filename: "note.txt", content: NOTE.toString() }] }),
  attachment_calendar: () => send({ attachments: [{ filename: "invite.ics", content: INVITE.toString() }] }),
  bad_address: () => send({ to: "nobody" }),
  wrong_key: () => send(),
  gateway_429: () => send(),
});
