// Completes the last name of a filter: the browser's own list of suggestions, with what stands before the name kept.

const BEFORE_A_NAME = /^(.*(?:\(|\b(?:AND|OR|NOT)\b)\s*|\s*)([\w.`]*)$/is;
const AFTER_A_VALUE = /^(.*(?:['"\d)]|\b(?:true|false|NULL)))\s+$/is;
const SHOWN = 40;

function suggestions(text, words) {
  const after = AFTER_A_VALUE.exec(text);
  if (after) return ["AND ", "OR "].map((next) => `${after[1]} ${next}`);
  const found = BEFORE_A_NAME.exec(text);
  if (!found) return [];
  const [, before, begun] = found;
  return words.filter((word) => word.toLowerCase().startsWith(begun.toLowerCase()) && word !== begun).map((word) => before + word);
}

export function complete(field) {
  const list = field.list;
  const words = [...list.options].map((option) => option.value);
  const suggest = () => {
    const found = suggestions(field.value, words).slice(0, SHOWN);
    list.replaceChildren(
      ...found.map((value) => {
        const option = document.createElement("option");
        option.value = value;
        return option;
      }),
    );
  };
  field.addEventListener("input", suggest);
  suggest();
}
