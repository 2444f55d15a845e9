// The part that all Node drivers share: it runs one case and prints its result; see ../README.md.
import { createRequire } from "node:module";

// The client is installed in a folder of its own.
export const require = createRequire(`${process.env.INTEROP_HOME}/`);

export const TO = process.env.INTEROP_TO;
export const ID = process.env.INTEROP_ID;
export const DOMAIN = process.env.INTEROP_DOMAIN;
export const KEY = process.env.INTEROP_KEY;
export const HOOK = process.env.INTEROP_HOOK;
// A signed delivery: {secret, headers, body}.
export const WEBHOOK = JSON.parse(process.env.INTEROP_WEBHOOK || "null");
export const NOTE = Buffer.from("Grüße\n");
export const BINARY = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
export const INVITE = Buffer.from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n");
export const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);
export const MAIL_HEADERS = {
  Date: "Thu, 01 Jan 2026 00:00:00 +0000",
  "Message-ID": "<interop@mailqueue.example>",
  "Return-Path": "<bounces@mailqueue.example>",
};

// The client has no call for a case.
export class NotOffered extends Error {}

// Whether a receiver refuses the delivery with another body.
export function tampered(verify) {
  try {
    verify(WEBHOOK.body.replace("{", "{ "));
  } catch {
    return true;
  }
  return false;
}

export async function run(cases) {
  let result;
  try {
    const selected = cases[process.argv[2]];
    if (!selected) throw new NotOffered("The client has no such call.");
    result = { answer: (await selected()) ?? null };
  } catch (error) {
    result = error instanceof NotOffered ? { na: error.message } : { error: `${error.name}: ${error.message}` };
  }
  console.log(JSON.stringify(result));
}
