// Asking for the API key, where the service wants one.

import { setKey } from "./api.js";
import { element } from "./dom.js";

/** A function that shows the dialog and ends once a key was entered. */
export function keyPrompt(dialog) {
  return (refused) => new Promise((entered) => {
    const input = element("input", {
      type: "password", id: "key", required: true, autocomplete: "off", spellcheck: "false", pattern: "[!-~]+",
      title: "letters, digits and signs without spaces", "aria-describedby": "key-why",
    });
    const submit = (event) => {
      event.preventDefault();
      setKey(input.value);
      dialog.close();
      entered();
    };
    dialog.replaceChildren(form(input, refused, submit));
    // Escape would leave a page that can do nothing.
    dialog.oncancel = (event) => event.preventDefault();
    dialog.showModal();
    input.focus();
  });
}

function form(input, refused, submit) {
  return element(
    "form", { submit },
    element("h2", { id: "key-title" }, "API key"),
    refused && element("p", { class: "wrong", role: "alert" }, "That key was not taken: it is unknown, or was revoked. Check it and enter it again."),
    element("label", { for: "key" }, "A key with the scope “review”"),
    input,
    element("p", { id: "key-why" }, "It stays in this tab until you close it. Somebody who runs the service makes one with: ", element("code", {}, "detector keys add NAME --scope review")),
    element("p", { class: "buttons" }, element("button", { class: "main" }, "Go on")),
  );
}
