// Single keys, and the dialog that lists them.

import { button, element } from "./dom.js";

const SHORTCUTS = [
  ["j", "next", "next file"],
  ["k", "previous", "previous file"],
  ["a", "allow", "choose: allow it, it is real"],
  ["b", "block", "choose: block it, it is fake"],
  ["u", "unsure", "choose: keep it for review, unsure"],
  ["n", "note", "write a note"],
  ["s", "show", "show or hide a blurred picture"],
  ["h", "heatmap", "picture or heatmap"],
  ["1…9", "face", "choose a face"],
  ["z", "undo", "open the last decision again"],
  ["?", "help", "this list"],
];
const TYPING = "input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]";

/** Call `actions[name](digit)` for each shortcut, unless somebody types, a dialog is open or `enabled()` says no. */
export function listen(actions, enabled) {
  document.addEventListener("keydown", (event) => {
    if (!enabled() || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.target.closest(TYPING) || document.querySelector("dialog[open]")) return;
    const digit = /^[1-9]$/.test(event.key) ? Number(event.key) : null;
    const found = SHORTCUTS.find(([key, name]) => (digit === null ? key === event.key : name === "face"));
    if (!found) return;
    event.preventDefault();
    actions[found[1]](digit);
  });
}

/** Fill the dialog with the list. */
export function fillHelp(dialog) {
  const rows = SHORTCUTS.map(([key, , words]) => element("div", {}, element("dt", {}, element("kbd", {}, key)), element("dd", {}, words)));
  dialog.append(
    element("h2", { id: "help-title" }, "Shortcuts"),
    element("dl", { class: "keys" }, ...rows),
    element("p", {}, "After a, b or u, Enter records the decision. They rest while you type, and can be turned off in the settings."),
    element("p", { class: "buttons" }, button("Close", () => dialog.close(), { class: "main" })),
  );
}
