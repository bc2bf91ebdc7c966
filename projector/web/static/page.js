// What a page does by itself: times in the reader's zone, and looking again when the log has changed.
"use strict";

const RELATIVE = [["d", 86400000], ["h", 3600000], ["min", 60000], ["s", 1000]];

function ago(at, now) {
  const distance = Math.abs(now - at);
  const [unit, size] = RELATIVE.find(([, size]) => distance >= size) || [];
  if (!unit) return "now";
  const count = `${Math.floor(distance / size)} ${unit}`;
  return at < now ? `${count} ago` : `in ${count}`;
}

function lasting(milliseconds) {
  const at = RELATIVE.findIndex(([, size]) => milliseconds >= size);
  if (at < 0) return `${Math.max(0, milliseconds)} ms`;
  const [unit, size] = RELATIVE[at];
  if (unit === "s") return `${(Math.floor(milliseconds / 100) / 10).toFixed(1)} s`;
  const [smaller, rest] = RELATIVE[at + 1];
  return `${Math.floor(milliseconds / size)} ${unit} ${Math.floor((milliseconds % size) / rest)} ${smaller}`;
}

// The server's clock tells how old things are; the reader's may be wrong. The latest page knows best.
let skew = Number(document.documentElement.dataset.now) - Date.now();

function tellTimes(root) {
  const now = Date.now() + skew;
  for (const time of root.querySelectorAll("time[data-at]")) {
    const at = Number(time.dataset.at);
    time.title = new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "long" });
    time.textContent = time.dataset.as === "exact" ? time.title : ago(at, now);
  }
  for (const span of root.querySelectorAll("[data-since]")) {
    span.textContent = lasting(now - Number(span.dataset.since));
  }
  for (const label of root.querySelectorAll("svg text.time[data-at]")) {
    const at = new Date(Number(label.dataset.at));
    label.textContent = at.toLocaleString([], { weekday: "short", hour: "numeric", minute: "2-digit" });
  }
}

const markup = new Map(); // of each part, as the server sent it

// Puts new parts in place of old ones, but for a part in which somebody has selected text. The focus stays where it is:
// at the same link, counted from the end, because new rows come first.
function replaceParts(page) {
  const selection = document.getSelection();
  for (const part of page.querySelectorAll("[data-live]")) {
    const old = document.getElementById(part.id);
    if (!old) continue;
    if (selection && !selection.isCollapsed && selection.containsNode(old, true)) continue;
    if (part.outerHTML === markup.get(part.id)) continue;
    markup.set(part.id, part.outerHTML);
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const open = [...old.querySelectorAll("details[open][id]")].map((each) => each.id);
    const fresh = document.importNode(part, true);
    tellTimes(fresh);
    old.replaceWith(fresh);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) {
      const alike = (root) => [...root.querySelectorAll(focused.tagName)].filter((each) => each.href === focused.href);
      const before = alike(old);
      alike(fresh).at(before.indexOf(focused) - before.length)?.focus({ preventScroll: true });
    }
  }
}

const away = document.getElementById("away");
const state = document.getElementById("live-state");
let looking = false;
let again = false;
let later = 0;

function lookLater() {
  clearTimeout(later);
  later = setTimeout(() => document.hidden || look(), 4000 + 2000 * Math.random());
}

async function look() {
  if (looking) {
    again = true;
    return;
  }
  looking = true;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.status >= 500) lookLater();
    if (!document.querySelector("main [data-live]")) {
      if (answer.ok) location.reload(); // this page says why there was no answer
    } else if (answer.ok) {
      away.textContent = "";
      skew = Math.max(skew, Number(page.documentElement.dataset.now) - Date.now());
      replaceParts(page);
    } else {
      away.textContent = page.querySelector(".remark.bad:not(#away)")?.textContent || `The server says ${answer.status}.`;
    }
  } catch {
    away.textContent = "This page's server does not answer; trying again.";
    lookLater();
  } finally {
    looking = false;
    if (again) {
      again = false;
      look();
    }
  }
}

let stream = null;

function listen() {
  if (stream || document.hidden || !document.body.dataset.stream) return;
  stream = new EventSource(document.body.dataset.stream);
  stream.addEventListener("open", () => {
    state.textContent = "live";
    look(); // what has changed since the page was made, or while nobody listened
  });
  stream.addEventListener("changed", look);
  stream.addEventListener("away", (event) => {
    away.textContent = `${event.data}; trying again`;
  });
  stream.addEventListener("end", () => {
    state.textContent = "not live: the page's server has ended";
  });
  stream.addEventListener("error", () => {
    state.textContent = "not live: trying again";
    look(); // says so at the top if the server does not answer at all
    if (stream && stream.readyState === EventSource.CLOSED) {
      stream = null;
      setTimeout(listen, 5000);
    }
  });
}

// A tab that nobody sees holds no stream: a browser opens only six connections to a server.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    stream?.close();
    stream = null;
    state.textContent = "";
  } else {
    listen();
    look();
  }
});

document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
tellTimes(document);
setInterval(() => tellTimes(document), 5000);
listen();
