// Long work, step by step until it is done: it shows how far it is, can be stopped, and goes on where it was.
import { tell } from "./acts.js";
import { ask } from "./api.js";
import { refresh } from "./follow.js";

export async function walk(form) {
  const [begin, stop] = form.querySelectorAll("button");
  const progress = form.querySelector("[data-progress]");
  let stopped = false;
  stop.addEventListener("click", () => (stopped = true), { once: true });
  begin.disabled = true;
  stop.hidden = false;
  tell(form, "");
  try {
    let at;
    do {
      at = await ask("POST", form.dataset.to);
      progress.textContent = `${at[form.dataset.tells]} ${form.dataset.count}`;
    } while (at.phase !== form.dataset.until && !stopped);
    if (location.hash) history.replaceState(null, "", location.pathname + location.search);
    await refresh(stopped ? "It stopped, and can go on from here." : "Done.");
  } catch (refusal) {
    tell(form, refusal.message);
  } finally {
    begin.disabled = false;
    stop.hidden = true;
  }
}
