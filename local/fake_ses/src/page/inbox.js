// The inbox page. Every part of a message is set by textContent or by an element's properties.
// Thus no part of a message is ever parsed as markup here.
"use strict";

const REFRESH_MS = 1500;
// The number of recipients above which the rest are folded away.
const SHOWN_RECIPIENTS = 4;
const place = (id) => document.getElementById(id);
let revision = null;
let open = null;
let tab = null;

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// Decodes RFC 2047's encoded words, as a mail program does.
function decoded(text) {
  return text.replace(/=\?utf-8\?([bq])\?([^?]*)\?=(?:\s+(?==\?))?/gi, (word, kind, data) => {
    try {
      const bytes = kind.toLowerCase() === "b" ? atob(data)
        : data.replace(/_/g, " ").replace(/=([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
      return new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
    } catch {
      return word;
    }
  });
}

// Shows hidden and direction-changing characters by their numbers.
function plain(text) {
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e]/g, (hidden) =>
    `\u27e8U+${hidden.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`);
}

// Returns a head's text as a mail program shows it, with all hidden characters visible.
function shown(text) {
  return plain(decoded(text));
}

// Returns the display name of an address, or the address without one.
function short(address) {
  const name = shown(address).replace(/<[^<]*>$/, "").trim().replace(/^"(.*)"$/, "$1");
  return name || plain(address);
}

function time(text) {
  const date = new Date(text);
  const today = date.toDateString() === new Date().toDateString();
  const shown = today ? date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
    : date.toLocaleDateString([], { day: "numeric", month: "short" });
  return make("time", { dateTime: text, title: date.toLocaleString(), textContent: shown });
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

function count(number, thing) {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

function subject(message) {
  return shown(message.subject) || "(no subject)";
}

function summary(message) {
  const [first, ...others] = message.to;
  const more = others.length ? ` and ${others.length} more` : "";
  const row = make("a", { className: "row", href: `#${encodeURIComponent(message.id)}` },
    make("span", { className: "from", textContent: short(message.from), title: message.from }),
    time(message.received_at),
    make("span", { className: "subject", textContent: subject(message) }),
    make("span", { className: "to", textContent: `to ${short(first)}${more}`, title: message.to.join(", ") }));
  if (message.attachments) {
    row.append(make("span", { className: "attached", textContent: count(message.attachments, "file") }));
  }
  row.dataset.id = message.id;
  return row;
}

function showList({ count: all, messages }) {
  const part = messages.length < all ? `, the newest ${messages.length} shown` : "";
  place("count").textContent = `${count(all, "message")}${part}`;
  document.title = all ? `Inbox (${all})` : "Inbox";
  place("clear").disabled = all === 0;
  const focused = document.activeElement?.dataset?.id;
  const rows = messages.map(summary);
  place("list").replaceChildren(...(rows.length ? rows : [make("p", {
    className: "empty", textContent: "No messages yet. New messages appear automatically.",
  })]));
  if (focused) rows.find((row) => row.dataset.id === focused)?.focus();
  mark();
}

function mark() {
  document.body.classList.toggle("reading", open !== null);
  for (const row of place("list").querySelectorAll(".row")) {
    row.setAttribute("aria-current", String(row.dataset.id === open));
  }
}

// The fields of a message's head: each a name and the submitted value, in a mail program's form.
function facts(message) {
  const list = make("dl");
  const add = (name, ...parts) => list.append(make("dt", { textContent: name }), make("dd", {}, ...parts));
  const address = (text) => make("bdi", { textContent: shown(text), title: text });
  const addresses = (name, all) => {
    const parts = all.flatMap((text, index) => (index ? [", ", address(text)] : [address(text)]));
    if (all.length > SHOWN_RECIPIENTS) {
      add(name, make("details", {}, make("summary", { textContent: `${all.length} addresses` }), ...parts));
    } else if (all.length) add(name, ...parts);
  };
  add("From", address(message.from));
  addresses("To", message.to);
  addresses("Cc", message.cc);
  addresses("Bcc", message.bcc);
  addresses("Reply to", message.reply_to);
  add("Received", new Date(message.received_at).toLocaleString());
  add("Message id", message.id);
  return list;
}

function files(message) {
  return make("div", { className: "files" }, ...message.attachments.map((file, index) =>
    make("a", {
      href: `/messages/${encodeURIComponent(message.id)}/attachments/${index}`,
      title: `${file.content_type ?? "unknown type"}, SHA-256 ${file.sha256}`,
    }, make("bdi", { textContent: plain(file.filename) }), ` · ${size(file.size)}`)));
}

function pairs(title, list) {
  const body = make("tbody", {}, ...list.map(({ name, value }) =>
    make("tr", {}, make("th", { scope: "row", textContent: plain(name) }), make("td", { textContent: plain(value) }))));
  return make("table", {}, make("caption", { textContent: title }), body);
}

// The tabs of a message: the name of each, and the function that creates its content.
function panels(message) {
  const all = new Map();
  if (message.html !== null) {
    all.set("HTML", () => make("iframe", {
      // Links open in a new tab; scripts, forms and the page around stay out of reach.
      sandbox: "allow-popups allow-popups-to-escape-sandbox",
      title: "The message's HTML",
      src: `/messages/${encodeURIComponent(message.id)}/html`,
    }));
  }
  if (message.text !== null) all.set("Text", () => make("pre", { textContent: message.text }));
  if (message.html !== null) all.set("Source", () => make("pre", { textContent: message.html }));
  all.set("Headers and tags", () => {
    const tables = make("div");
    if (message.headers.length) tables.append(pairs("Headers", message.headers));
    if (message.tags.length) tables.append(pairs("Tags", message.tags));
    if (!tables.childNodes.length) tables.append(make("p", { className: "empty", textContent: "Neither headers nor tags." }));
    return tables;
  });
  return all;
}

function showMessage(message) {
  const all = panels(message);
  const panel = make("div", { className: "panel", role: "tabpanel" });
  const tabs = make("div", { className: "tabs", role: "tablist" });
  const choose = (name) => {
    for (const button of tabs.children) button.setAttribute("aria-selected", String(button.textContent === name));
    panel.replaceChildren(all.get(name)());
  };
  for (const name of all.keys()) {
    const button = make("button", { type: "button", role: "tab", textContent: name });
    button.addEventListener("click", () => { tab = name; choose(name); });
    tabs.append(button);
  }
  choose(all.has(tab) ? tab : all.keys().next().value);

  const parts = [make("h2", { textContent: subject(message) }), facts(message)];
  if (message.attachments.length) parts.push(files(message));
  place("message").replaceChildren(...parts, tabs, panel);
  place("message").scrollTop = 0;
}

function showNone(text) {
  place("message").replaceChildren(make("p", { className: "empty", textContent: text }));
}

// Returns the id after the `#`; malformed text there is no message's id.
function idFromHash() {
  const hash = location.hash.slice(1);
  try {
    return decodeURIComponent(hash) || null;
  } catch {
    return hash;
  }
}

async function openFromHash() {
  open = idFromHash();
  mark();
  if (!open) return showNone("Choose a message to read it.");
  const wanted = open;
  try {
    const answer = await fetch(`/messages/${encodeURIComponent(wanted)}`);
    if (wanted !== open) return;
    if (answer.ok) showMessage(await answer.json());
    else showNone("This message no longer exists.");
  } catch {
    showNone("The message cannot be loaded.");
  }
}

async function refresh() {
  try {
    const answer = await fetch("/inbox/summaries");
    const summaries = await answer.json();
    place("state").textContent = "";
    if (summaries.revision !== revision) {
      revision = summaries.revision;
      showList(summaries);
    }
  } catch {
    place("state").textContent = "Not connected; trying again.";
    revision = null;
  }
}

async function keepFresh() {
  if (!document.hidden) await refresh();
  setTimeout(keepFresh, REFRESH_MS);
}

place("clear").addEventListener("click", async () => {
  if (!confirm("Delete all messages?")) return;
  await fetch("/messages", { method: "DELETE" });
  location.hash = "";
  await refresh();
});
window.addEventListener("hashchange", openFromHash);
openFromHash();
keepFresh();
