// What a reviewer has set for this browser, and the dialog to set it.

import { button, element } from "./dom.js";

const NAME = "detector-review";

const SWITCHES = [
  ["blur", true, "Blur pictures until I show them", "Nothing disturbing is seen before you choose to look."],
  ["grey", false, "Show pictures in grey", "Without colour, distressing pictures weigh less."],
  ["shortcuts", true, "Single-key shortcuts", "Turn them off if you dictate, or if they get in the way."],
  ["live", true, "Refresh the queue by itself", "Every few seconds, while this page is in view."],
];

/** Tells "change" whenever something was set. */
export class Preferences extends EventTarget {
  constructor() {
    super();
    const kept = JSON.parse(localStorage.getItem(NAME) ?? "{}");
    this.values = { name: "", ...Object.fromEntries(SWITCHES.map(([name, usual]) => [name, usual])), ...kept };
  }

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    this.values[name] = value;
    localStorage.setItem(NAME, JSON.stringify(this.values));
    this.dispatchEvent(new Event("change"));
  }
}

/** Fill the dialog with a switch for each preference, and a name where no key tells it. */
export function fillSettings(dialog, preferences, forget) {
  const rows = SWITCHES.map(([name, , words, why]) => row(preferences, name, words, why));
  const name = element("input", { type: "text", id: "name", maxlength: 100, autocomplete: "nickname", change: () => preferences.set("name", name.value.trim()) });
  name.value = preferences.get("name");
  const close = button("Close", () => dialog.close(), { class: "main" });
  dialog.append(
    element("h2", { id: "settings-title" }, "Settings"),
    ...rows,
    element("div", { id: "name-part", class: "named" }, element("label", { for: "name" }, "Your name in the log"), name, element("p", { class: "aside" }, "No key is needed here, so nobody checks it.")),
    element("p", { class: "buttons" }, close, button("Forget the API key", forget, { id: "forget" })),
  );
}

function row(preferences, name, words, why) {
  const box = element("input", {
    type: "checkbox", id: `set-${name}`, checked: preferences.get(name), "aria-describedby": `why-${name}`,
    change: () => preferences.set(name, box.checked),
  });
  const label = element("label", { for: `set-${name}` }, words);
  return element("div", { class: "switch" }, box, element("div", {}, label, element("p", { id: `why-${name}` }, why)));
}
