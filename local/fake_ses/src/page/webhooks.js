// The page of received webhook events. Every part of an event is set by textContent or by an element's properties.
// Thus no part of an event is ever parsed as markup here.
"use strict";

const REFRESH_MS = 1500;
const place = (id) => document.getElementById(id);
let revision = null;
let events = [];

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// Shows hidden and direction-changing characters by their numbers.
function plain(text) {
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/g, (hidden) =>
    `\u27e8U+${hidden.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`);
}

function payload(event) {
  try {
    const parsed = JSON.parse(event.request.body);
    return parsed && typeof parsed === "object" ? parsed : {};
  } catch {
    return {};
  }
}

function header(event, name) {
  return event.request.headers.find((each) => each.name === name)?.value ?? "";
}

// The address of an event in the list. A repeated attempt has the id of the first one, so the time is a part of it.
function key(event) {
  return `${event.request.received_at} ${header(event, "webhook-id")}`;
}

function about(event) {
  const data = payload(event).data ?? {};
  const to = Array.isArray(data.to) ? data.to[0] : null;
  return to ?? data.email ?? data.name ?? "";
}

function marks(event) {
  const { verified, problem, fault } = event.request;
  const all = [make("span", {
    className: verified ? "mark good" : "mark bad",
    textContent: verified ? "verified" : "not verified",
    title: plain(problem ?? "Both signatures are genuine."),
  })];
  if (fault) all.push(make("span", { className: "mark", textContent: `fault: ${fault}` }));
  return all;
}

function row(event) {
  const date = new Date(event.request.received_at);
  const line = make("a", { className: "row", href: `#${encodeURIComponent(key(event))}` },
    make("span", { className: "subject", textContent: plain(payload(event).type ?? "(no type)") }),
    make("span", { className: "to", textContent: plain(about(event)) }),
    make("time", { dateTime: event.request.received_at, title: date.toLocaleString(), textContent: date.toLocaleTimeString() }),
    make("span", { className: "to" }, ...marks(event)));
  line.dataset.key = key(event);
  return line;
}

function keyFromHash() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || null;
  } catch {
    return null;
  }
}

function pretty(event) {
  try {
    return JSON.stringify(JSON.parse(event.request.body), null, 2);
  } catch {
    return event.request.body;
  }
}

function show() {
  const open = keyFromHash();
  document.body.classList.toggle("reading", open !== null);
  for (const each of place("list").querySelectorAll(".row")) {
    each.setAttribute("aria-current", String(each.dataset.key === open));
  }
  const event = events.find((each) => key(each) === open);
  if (!event) {
    const text = open ? "This event no longer exists." : "Choose an event to read it.";
    place("message").replaceChildren(make("p", { className: "empty", textContent: text }));
    return;
  }
  const { request } = event;
  const list = make("dl");
  const add = (name, ...parts) => list.append(make("dt", { textContent: name }), make("dd", {}, ...parts));
  add("Id", make("bdi", { textContent: plain(header(event, "webhook-id")) }));
  add("Received", new Date(request.received_at).toLocaleString());
  if (event.box) add("Box", make("bdi", { textContent: plain(event.box) }));
  add("Signature", ...marks(event), request.problem ? ` ${plain(request.problem)}` : "");
  const headers = make("table", {}, make("caption", { textContent: "Headers" }),
    make("tbody", {}, ...request.headers.map(({ name, value }) => make("tr", {},
      make("th", { scope: "row", textContent: plain(name) }), make("td", { textContent: plain(value) })))));
  place("message").replaceChildren(
    make("h2", { textContent: plain(payload(event).type ?? "(no type)") }), list,
    make("pre", { textContent: plain(pretty(event)) }), headers);
}

function showList(count) {
  const part = events.length < count ? `, the newest ${events.length} shown` : "";
  place("count").textContent = `${count} event${count === 1 ? "" : "s"}${part}`;
  document.title = count ? `Webhooks (${count})` : "Webhooks";
  const focused = document.activeElement?.dataset?.key;
  const rows = events.map(row);
  place("list").replaceChildren(...(rows.length ? rows : [make("p", {
    className: "empty", textContent: "No events yet. Create a webhook whose endpoint is /webhook-inbox of this server.",
  })]));
  if (focused) rows.find((each) => each.dataset.key === focused)?.focus();
}

async function refresh() {
  try {
    const answer = await (await fetch("/webhook-inbox/newest")).json();
    place("state").textContent = "";
    if (answer.revision !== revision) {
      revision = answer.revision;
      events = answer.events;
      showList(answer.count);
      show();
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

window.addEventListener("hashchange", show);
show();
keepFresh();
