// One file: its picture, its evidence, its facts, and the decision.

import { DecisionForm } from "./decide.js";
import { button, element } from "./dom.js";
import { evidence } from "./evidence.js";
import { facts } from "./facts.js";
import { Blobs, Look } from "./look.js";
import { stage } from "./stage.js";
import { timeline } from "./timeline.js";
import { finding } from "./words.js";

/** A file that is open: `element` is the page's part, `look` what is looked at, `form` the decision. */
export class OpenFile {
  constructor(item, { preferences, record, back }) {
    this.item = item;
    this.blobs = new Blobs();
    this.look = new Look(item, preferences.get("blur"));
    this.form = new DecisionForm(item, (decision) => record(this, decision));
    this.title = element("h2", { tabindex: "-1" }, item.path);
    this.element = element("article", { class: "file" }, this.#head(back), this.#left(), this.#right());
  }

  /** Let the pictures go. */
  close() {
    this.blobs.close();
  }

  #head(back) {
    const verdict = this.item.verdict ?? (this.item.status === "error" ? "error" : "no score");
    return element(
      "header", { class: "head" },
      button("← Queue", back, { class: "back" }),
      this.title,
      element("p", {}, element("span", { class: `chip ${this.item.verdict ?? ""}` }, verdictWords[verdict] ?? verdict), ` ${finding(this.item)}`),
      this.item.decision && element("p", { class: "why" }, `Here because: ${this.item.decision.reason}`),
    );
  }

  #left() {
    const video = this.item.timeline.length > 0 && timeline(this.item, this.look, this.blobs);
    return element("div", { class: "left" }, stage(this.item, this.look, this.blobs), video, facts(this.item));
  }

  #right() {
    return element("div", { class: "right" }, evidence(this.item, this.look), this.form.element);
  }
}

const verdictWords = { fake: "▲ called fake", real: "▽ called real" };

/** What to do where nothing waits. */
export function nothingWaits() {
  const command = `curl -F file=@photo.jpg ${location.origin}/v1/score`;
  return element(
    "div", { class: "empty" },
    element("div", { class: "done", "aria-hidden": "true" }, "✓"),
    element("h2", { tabindex: "-1" }, "Nothing waits"),
    element("p", {}, "Uploads that the policy leaves to a person appear here by themselves; this page can stay open."),
    element("p", {}, "To try it, send a photo of a face:"),
    element("pre", {}, element("code", {}, command)),
    element("p", { class: "aside" }, "What goes to a person is written in the policy: see GET /v1/policy."),
  );
}
