// What scripts add to a part of a page: buttons that copy, how long ago things were, and on a narrow screen that the
// keyboard reaches tables, which scroll there.
import { tellTimes } from "./times.js";

// As the style sheet has it.
const narrow = matchMedia("(max-width: 45rem)");
narrow.addEventListener("change", () => reachTables(document));

function reachTables(root) {
  for (const table of root.querySelectorAll("table")) {
    if (narrow.matches) table.setAttribute("tabindex", "0");
    else table.removeAttribute("tabindex");
  }
}

export function dress(root) {
  for (const block of root.querySelectorAll("pre.copy")) {
    if (block.querySelector("button")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.copy = "";
    button.textContent = "copy";
    block.append(button);
  }
  reachTables(root);
  tellTimes(root);
}
