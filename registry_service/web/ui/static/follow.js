// The page follows the log: what changed is shown without losing what somebody types.
//
// Of all tabs of this browser one holds the stream, as a browser has few connections for one host; it tells the others.
import { dress } from "./dress.js";

const SETTLE_MS = 250;
const REFUSED_MS = 30_000;
const SAID_MS = 10_000;

// Whether something in a part of the page is being used: it then stays as it is, until it isn't.
function inUse(part) {
  if (part.contains(document.activeElement) && document.activeElement !== document.body) return true;
  if (part.querySelector("details.act[open]")) return true;
  return [...part.querySelectorAll("input, textarea")].some((field) => field.type !== "hidden" && (field.type === "checkbox" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue));
}

let waiting = null;
let late = false;
let saying = null;

// This page as it is now; null where it leads elsewhere, such as to the login.
export async function load() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
  return answer.redirected ? null : new DOMParser().parseFromString(await answer.text(), "text/html");
}

export async function refresh(said) {
  const fresh = await load();
  if (fresh === null) {
    location.reload();
    return;
  }
  let changed = 0;
  late = false;
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    // Both tell how long ago things were as of now: only what is otherwise is a change.
    if (next) for (const one of [part, next]) dress(one);
    if (!next || next.innerHTML === part.innerHTML) continue;
    if (said === undefined && inUse(part)) {
      late = true;
      continue;
    }
    part.replaceChildren(...next.childNodes);
    part.classList.remove("changed");
    void part.offsetWidth;
    part.classList.add("changed");
    changed += 1;
  }
  if (said !== undefined || changed > 0) say(said ?? "The page shows what just changed.");
}

// What is new is said at the bottom of the window for a while, then in the foot of the page; it covers nothing in use.
function say(text) {
  const news = document.getElementById("news");
  news.textContent = text;
  news.classList.add("now");
  clearTimeout(saying);
  saying = setTimeout(() => news.classList.remove("now"), SAID_MS);
  const used = document.activeElement;
  if (used !== document.body && used.getBoundingClientRect().bottom > news.getBoundingClientRect().top) used.scrollIntoView({ block: "nearest" });
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(() => refresh().catch(() => {}), SETTLE_MS);
}

function matches(patterns, kind) {
  return patterns.some((pattern) => pattern === "*" || pattern === kind || (pattern.endsWith("*") && kind.startsWith(pattern.slice(0, -1))));
}

// A browser connects again by itself where a stream ends, and not where it is refused: then it is asked for later.
function listen(tell) {
  const stream = new EventSource("/api/v1/events/stream");
  stream.addEventListener("message", (message) => {
    const { kind, model_name } = JSON.parse(message.data);
    tell({ kind, model_name });
  });
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => listen(tell), REFUSED_MS);
  });
}

export function follow(patterns, model) {
  const channel = new BroadcastChannel("model-registry");
  const heard = (event) => {
    if (matches(patterns, event.kind) && (model === null || event.model_name === model)) soon();
  };
  channel.addEventListener("message", (message) => heard(message.data));
  // What was late because it was in use is shown when it no longer is.
  document.addEventListener("focusout", () => late && soon());
  navigator.locks.request("model-registry-stream", () => {
    listen((event) => {
      channel.postMessage(event);
      heard(event);
    });
    // Held as long as this page is open; then another one takes over.
    return new Promise(() => {});
  });
}
