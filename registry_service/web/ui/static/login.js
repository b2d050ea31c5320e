// Logging in: by a token that is typed, or by the one that stands in the fragment of a one-time link.
import { ask } from "./api.js";

const form = document.getElementById("login-form");
const problem = document.getElementById("problem");

// Only to a page of this service: `//host` and `/\host` lead elsewhere.
function whereNext(given) {
  return given !== null && /^\/(?![/\\])/.test(given) ? given : "/";
}

async function open(token, next, said) {
  problem.hidden = true;
  try {
    await ask("POST", "/login", { token });
    location.replace(next);
  } catch (refusal) {
    document.getElementById("using").hidden = true;
    form.hidden = false;
    problem.textContent = refusal.status === 401 ? (said ?? refusal.message) : refusal.message;
    problem.hidden = false;
    document.getElementById("token").focus();
  }
}

const asked = new URLSearchParams(location.search).get("next");

// The secret goes out of the address, and so out of the history, before anything else happens.
function openLink() {
  const found = /^#(mreg_login_[0-9A-Za-z]+)(\/.*)?$/.exec(location.hash);
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  if (!found) return;
  form.hidden = true;
  document.getElementById("using").hidden = false;
  open(found[1], whereNext(found[2] ?? asked), "This link was used before, or is older than a minute. Make another with: model-registry browse");
}

openLink();
// Another link in the same tab changes the fragment alone, and loads nothing.
addEventListener("hashchange", openLink);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  open(form.elements.token.value.trim(), whereNext(asked));
});
