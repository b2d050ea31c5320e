// What every page does: acts on the registry, shows how long ago things were, copies, and follows what happens.
import { actOn, actOnMany } from "./acts.js";
import { complete } from "./complete.js";
import { dress } from "./dress.js";
import { follow } from "./follow.js";
import { walk } from "./steps.js";
import { tellTimes } from "./times.js";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("form[data-act]")) {
    event.preventDefault();
    actOn(form, event.submitter);
  } else if (form.matches("form[data-bulk]")) {
    event.preventDefault();
    actOnMany(form, event.submitter);
  } else if (form.matches("form[data-steps]")) {
    event.preventDefault();
    walk(form);
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) {
    navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
    button.textContent = "copied";
    setTimeout(() => (button.textContent = "copy"), 2000);
  }
  const open = document.querySelector("details.who[open]");
  if (open && !open.contains(event.target)) open.open = false;
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    document.getElementById("find")?.focus();
  }
  if (event.key === "Escape") {
    const open = document.querySelector("details.who[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  }
});

dress(document);
if (location.hash === "#begin") document.querySelector("form[data-begin]")?.requestSubmit();
for (const field of document.querySelectorAll("input[data-complete]")) complete(field);
setInterval(() => tellTimes(document), 30_000);
if (document.body.dataset.events) follow(document.body.dataset.events.split(","), document.body.dataset.model ?? null);
