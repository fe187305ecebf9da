// The form in which a person decides, and what others decided before.

import { element } from "./dom.js";
import { age, decided } from "./words.js";

const LABELS = [["real", "Real"], ["fake", "Fake"], ["unsure", "Unsure"]];
const ACTIONS = [["allow", "Allow"], ["block", "Block"], ["review", "Keep for review"]];
const NOTE_LENGTH = 2000;

/** `record(decision)` is called with what was chosen. */
export class DecisionForm {
  constructor(item, record) {
    this.seen = 0;
    this.notice = element("div", { class: "notice", role: "status" });
    this.wrong = element("p", { class: "wrong", role: "alert", hidden: true });
    this.note = element("textarea", { id: "note", rows: 1, maxlength: NOTE_LENGTH });
    this.submit = element("button", { class: "main" }, "Record decision");
    this.form = this.#form(record);
    this.element = element("section", { class: "card decide", "aria-labelledby": "decide-title" }, element("h3", { id: "decide-title" }, "Decision"), this.notice, this.form);
    this.show(item.review);
  }

  /** Choose an action with its usual label, ready to be recorded. */
  choose(action, label) {
    this.form.elements.action.value = action;
    this.form.elements.label.value = label;
    this.submit.focus();
  }

  /** Show the last decision of this file; `news` where it came while this form was open. */
  show(review, news = false) {
    this.seen = review?.number ?? 0;
    this.notice.hidden = !review;
    this.notice.classList.toggle("news", news);
    if (review) this.notice.replaceChildren(...said(review, news));
    this.submit.textContent = review ? "Record my decision as well" : "Record decision";
  }

  /** Tell why it was not recorded; what was entered stays. */
  refuse(words) {
    this.wrong.textContent = words;
    this.wrong.hidden = false;
  }

  #form(record) {
    const submit = async (event) => {
      event.preventDefault();
      if (this.submit.disabled) return;
      this.wrong.hidden = true;
      this.submit.disabled = true;
      await record(this.#decision());
      this.submit.disabled = false;
    };
    return element(
      "form", { submit },
      choice("label", "What is it?", LABELS),
      choice("action", "What happens to it?", ACTIONS),
      element("label", { for: "note" }, "Note ", element("span", { class: "aside" }, "(optional, is kept)")), this.note,
      this.wrong,
      element("p", { class: "buttons" }, this.submit),
    );
  }

  #decision() {
    const { action, label } = this.form.elements;
    return { action: action.value, label: label.value, note: this.note.value, seen: this.seen };
  }
}

function choice(name, words, options) {
  const radios = options.map(([value, shown]) => element(
    "label", { class: `option ${value}` }, element("input", { type: "radio", name, value, required: true }), element("span", {}, shown),
  ));
  return element("fieldset", {}, element("legend", {}, words), element("div", { class: "options" }, ...radios));
}

function said(review, news) {
  const beginning = news ? "While you looked, " : "";
  return [
    element("p", {}, element("strong", {}, `${beginning}${decided(review)}`), `, ${age(review.at)}.`),
    review.note && element("blockquote", {}, review.note),
    element("p", {}, "You can decide as well: yours is added to the log and then holds, theirs stays in it."),
  ].filter(Boolean);
}
