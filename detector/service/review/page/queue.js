// The list of what waits, and of what was decided in this tab.

import { element, placed } from "./dom.js";
import { age, decided, moment, percent, plain } from "./words.js";

/** Draw the queue; focus stays on the file that had it. */
export function drawQueue(list, items, open, choose) {
  redraw(list, items.map((item) => entry(item, open, choose, waitingLines(item))));
}

/** Draw what was decided here, the last first. */
export function drawDecided(list, items, open, choose) {
  redraw(list, items.map((item) => entry(item, open, choose, [element("span", { class: "why" }, decided(item.review))])));
}

function redraw(list, entries) {
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  list.replaceChildren(...entries);
  if (focused) list.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

function entry(item, open, choose, lines) {
  const name = element("span", { class: "name" }, item.path);
  const time = element("time", { datetime: new Date(1000 * item.created_at).toISOString(), title: moment(item.created_at) }, age(item.created_at));
  const press = element(
    "button", { type: "button", "data-id": item.item_id, "aria-current": item.item_id === open && "true", click: () => choose(item.item_id) },
    element("span", { class: "line" }, name, time), ...lines,
  );
  return element("li", {}, press);
}

function waitingLines(item) {
  return [
    element("span", { class: "line" }, element("span", { class: "chip" }, item.media), score(item)),
    item.review && element("span", { class: "kept" }, decided(item.review)),
    item.decision && element("span", { class: "why" }, item.decision.reason),
  ];
}

function score(item) {
  if (item.fake_probability === null) return element("span", { class: "score" }, `no score: ${plain(item.reason ?? item.status)}`);
  const words = element("span", {}, `${percent(item.fake_probability)} fake`);
  return element("span", { class: "score" }, gauge(item.fake_probability, item.threshold), words);
}

/** A bar up to the probability with a tick at the threshold; the figures stand beside it in words. */
export function gauge(share, threshold) {
  const over = share >= threshold;
  return element(
    "span", { class: `gauge ${over ? "over" : "under"}`, "aria-hidden": "true" },
    placed(element("span", { class: "fill" }), { width: share }),
    placed(element("span", { class: "tick" }), { left: threshold }),
  );
}
