// nodemailer with the transport @documenso/nodemailer-resend, which uses the Node SDK.
import { KEY, PNG, require, run } from "./driver.mjs";
import { PLAIN, cases } from "./fields.mjs";

const { createTransport } = require("nodemailer");
const { ResendTransport } = require("@documenso/nodemailer-resend");
const mailer = createTransport(ResendTransport.makeTransport({ apiKey: KEY }));
const send = async (fields = {}) => {
  const { messageId } = await mailer.sendMail({ from: "shop@mailqueue.example", ...PLAIN, ...fields });
  return { id: messageId };
};

run({
  ...cases(send),
  attachment_inline: () =>
    send({
      html: '<img src="cid:logo">',
      attachments: [{ filename: "logo.png", content: PNG, contentType: "image/png", cid: "logo" }],
    }),
});
