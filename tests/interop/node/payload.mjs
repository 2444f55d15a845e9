// Payload's adapter @payloadcms/email-resend. Its URL is fixed, so this driver rewrites the adapter's requests.
import { pathToFileURL } from "node:url";
import { KEY, run } from "./driver.mjs";
import { PLAIN, cases } from "./fields.mjs";

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

run(cases((fields = {}) => adapter.sendEmail({ ...PLAIN, ...fields })));
