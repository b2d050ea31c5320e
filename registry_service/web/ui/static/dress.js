// What scripts add to a part of a page: buttons that copy, and how long ago things were.
import { tellTimes } from "./times.js";

export function dress(root) {
  for (const block of root.querySelectorAll("pre.copy")) {
    if (block.querySelector("button")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.copy = "";
    button.textContent = "copy";
    block.append(button);
  }
  tellTimes(root);
}
