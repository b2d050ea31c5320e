// Forms that act: what stands in them goes to the API as JSON, and what came of it is said.
import { ask, Refusal } from "./api.js";
import { load, refresh } from "./follow.js";

const READ = {
  text: (field) => field.value,
  number: (field) => Number(field.value),
  days: (field) => Number(field.value) * 86_400,
  json: (field) => {
    try {
      return JSON.parse(field.value);
    } catch (error) {
      field.focus();
      throw new Refusal({ code: "no_json", detail: `This is no JSON: ${error.message}.` }, 0);
    }
  },
  list: (field) => field.value.split(",").map((one) => one.trim()).filter((one) => one !== ""),
  pairs: (field) => {
    const lines = field.value.split("\n").map((line) => line.trim()).filter((line) => line !== "");
    return Object.fromEntries(lines.map((line) => (line.includes("=") ? [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1).trim()] : [line, ""])));
  },
  flag: (field) => field.checked,
};

// A name such as `document.name` is one in an object. What is left empty is left out, unless empty is a value.
function bodyOf(form, button) {
  const body = {};
  for (const field of form.elements) {
    const kind = field.dataset.type ?? "text";
    if (!field.name || field.disabled || field.tagName === "BUTTON" || kind === "place") continue;
    if (kind !== "flag" && field.value === "" && field.dataset.empty === undefined) continue;
    const names = field.name.split(".");
    const last = names.pop();
    const inside = names.reduce((object, name) => (object[name] ??= {}), body);
    inside[last] = READ[kind](field);
  }
  if (button?.name) body[button.name] = button.value;
  return body;
}

// An address with `{name}` in it: of a field of the form, or of what was made.
function filled(address, of) {
  return address.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(of(name)));
}

// One key for one content: sent again, by impatience or after a failure, it has one effect.
const keys = new WeakMap();
function keyOf(form, content) {
  const kept = keys.get(form);
  if (kept?.content === content) return kept.key;
  const key = crypto.randomUUID();
  keys.set(form, { content, key });
  return key;
}

export function tell(form, text) {
  const place = form.querySelector(".problem");
  if (!place) return;
  place.textContent = text;
  place.hidden = text === "";
}

export async function actOn(form, button) {
  const needed = button?.dataset.needs;
  if (needed && form.elements[needed].value.trim() === "") {
    tell(form, "Say why: a rejection needs a comment.");
    form.elements[needed].focus();
    return;
  }
  const method = form.dataset.act;
  const buttons = form.querySelectorAll("button");
  for (const one of buttons) one.disabled = true;
  tell(form, "");
  try {
    const fields = bodyOf(form, button);
    const body = form.dataset.body === "none" || method === "DELETE" ? undefined : fields;
    const to = filled(form.dataset.to, (name) => form.elements[name].value);
    const made = await ask(method, to, body, { key: keyOf(form, JSON.stringify([to, fields])), match: form.dataset.match });
    keys.delete(form);
    await then(form, made);
  } catch (refusal) {
    if (refusal.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    tell(form, (refusal.code === "revision_mismatch" && (await catchUp(form))) || refusal.message);
  } finally {
    for (const one of buttons) one.disabled = false;
  }
}

// Somebody else was quicker: what they changed comes into the form, but not over what was typed. What to say then.
async function catchUp(form) {
  const page = await load().catch(() => null);
  const next = page && [...page.forms].find((one) => one.dataset.to === form.dataset.to && one.dataset.act === form.dataset.act);
  if (!next || next.dataset.match === form.dataset.match) return null;
  const both = [];
  for (const field of form.elements) {
    const now = field.name && field.tagName !== "BUTTON" ? next.elements[field.name] : null;
    if (!now) continue;
    const [initial, value] = field.type === "checkbox" ? ["defaultChecked", "checked"] : ["defaultValue", "value"];
    if (now[initial] === undefined || now[initial] === field[initial]) continue;
    if (field[value] === field[initial]) field[value] = now[initial];
    else if (field[value] !== now[initial]) both.push(`${labelOf(field)} is now “${now[initial]}”`);
    field[initial] = now[initial];
  }
  form.dataset.match = next.dataset.match;
  const ask = both.length > 0 ? `${both.join(", ")}. Yours still stands here, and takes its place if you save again.` : "It stands here now, beside what you changed. Save again.";
  return `Somebody changed this meanwhile. ${ask}`;
}

function labelOf(field) {
  const label = field.labels?.[0];
  const words = [...(label?.childNodes ?? [])].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.textContent.trim());
  return words.join(" ").trim() || field.name;
}

// What came of it stands in the form itself.
const SHOW = {
  secret: (form, made) => {
    form.reset();
    const place = form.querySelector("[data-secret]");
    place.querySelector("code").textContent = made.token;
    place.hidden = false;
  },
  decision: (form, made) => {
    const place = form.querySelector("[data-decision]");
    const outcome = place.querySelector(".outcome");
    outcome.textContent = made.outcome;
    outcome.className = `outcome outcome-${made.outcome}`;
    const said = [["missing", made.reasons], ["satisfied", made.satisfied], ["waived", made.waived]];
    place.querySelector("ul").replaceChildren(...said.flatMap(([word, reasons]) => reasons.map((reason) => verdict(word, reason))));
    place.hidden = false;
  },
};

function verdict(word, reason) {
  const line = document.createElement("li");
  const mark = document.createElement("span");
  mark.className = word === "satisfied" ? "mark mark-passed" : word === "missing" ? "mark mark-missing" : "mark";
  mark.textContent = word;
  line.append(mark, ` ${reason.message}`);
  return line;
}

async function then(form, made) {
  const next = form.dataset.then;
  if (next === "url") location.assign(made.url);
  else if (next === "reload") location.reload();
  else if (next?.startsWith("/")) location.assign(filled(next, (name) => made[name]));
  else if (next in SHOW) {
    SHOW[next](form, made);
    await refresh(form.dataset.said ?? "Done.");
  }
  else {
    form.reset();
    form.closest("details")?.removeAttribute("open");
    await refresh(form.dataset.said ?? "Done.");
  }
}

// What a review led to, as the reviewer reads it.
function became(verdict, phase) {
  if (verdict === "reject" && phase === "REJECTED") return "You rejected it.";
  const next = { PENDING: "something is still missing", APPROVED: "it has yet to be applied" }[phase] ?? `it is ${phase.toLowerCase()}`;
  return `You ${verdict === "approve" ? "approved" : "rejected"} it; ${next}.`;
}

// Many reviews at once, each bound to the digest that stood beside it, and each with its own outcome.
export async function actOnMany(form, button) {
  const chosen = [...form.querySelectorAll("input[name=chosen]:checked")];
  const comment = form.elements.comment.value.trim();
  const verdict = button.value;
  if (chosen.length === 0) return tell(form, "Choose at least one.");
  if (verdict === "reject" && comment === "") return tell(form, "Say why: a rejection needs a comment.");
  const reviews = chosen.map((one) => ({ promotion: one.value, verdict, digest: one.dataset.digest, comment }));
  for (const one of form.querySelectorAll("button")) one.disabled = true;
  tell(form, "");
  try {
    const { outcomes } = await ask("POST", "/api/v1/reviews", { reviews }, { key: keyOf(form, JSON.stringify(reviews)) });
    for (const outcome of outcomes) {
      const row = form.querySelector(`tr[data-promotion="${CSS.escape(outcome.promotion_id)}"]`);
      row.querySelector("[data-outcome]").textContent = outcome.reviewed ? became(verdict, outcome.phase) : outcome.message;
      const box = row.querySelector("input");
      box.checked = false;
      box.disabled = outcome.reviewed;
    }
    await refresh(`${outcomes.filter((one) => one.reviewed).length} of ${outcomes.length} reviewed.`);
  } catch (refusal) {
    tell(form, refusal.message);
  } finally {
    for (const one of form.querySelectorAll("button")) one.disabled = false;
  }
}
