// nodemailer with the transport @documenso/nodemailer-resend, which uses the Node SDK.
import { BINARY, KEY, MAIL_HEADERS, NOTE, PNG, TO, require, run } from "./driver.mjs";

const { createTransport } = require("nodemailer");
const { ResendTransport } = require("@documenso/nodemailer-resend");
const mailer = createTransport(ResendTransport.makeTransport({ apiKey: KEY }));
const send = async (fields = {}) => {
  const { messageId } = await mailer.sendMail({
    from: "shop@mailqueue.example",
    to: TO,
    subject: "Hello",
    text: "Hello",
    ...fields,
  });
  return { id: messageId };
};

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
  attachment_base64: () =>
    send({ attachments: [{ filename: "data.bin", content: BINARY.toString("base64"), encoding: "base64" }] }),
  attachment_inline: () =>
    send({
      html: '<img src="cid:logo">',
      attachments: [{ filename: "logo.png", content: PNG, contentType: "image/png", cid: "logo" }],
    }),
  attachment_text: () => send({ attachments: [{ filename: "note.txt", content: NOTE.toString() }] }),
  bad_address: () => send({ to: "nobody" }),
  wrong_key: () => send(),
  gateway_429: () => send(),
});
