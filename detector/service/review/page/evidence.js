// The score of each face, and what its regions say.

import { button, element, placed } from "./dom.js";
import { gauge } from "./queue.js";
import { clock, compared, percent, plain, signed } from "./words.js";

const FIRST = 3;
const FEW_UNSCORED = 2;

/** The part of the page; it follows `look`. */
export function evidence(item, look) {
  const body = element("div", {});
  const part = element("section", { class: "card evidence", "aria-labelledby": "evidence-title" }, element("h3", { id: "evidence-title" }, "Evidence"), faces(item, look), body);
  let shown = null;
  look.follow(() => {
    if (look.face !== null && look.face !== shown) body.replaceChildren(...about(item, item.faces[look.face]));
    shown = look.face;
  });
  if (!item.faces.length) body.append(element("p", {}, "There is no face that could give evidence."));
  return part;
}

/** A button a face; many that could not be scored are folded away. */
function faces(item, look) {
  if (item.faces.length < 2) return null;
  const choices = item.faces.map((face, row) => {
    const words = face.probability === null ? "not scored" : percent(face.probability);
    return button(`Face ${row + 1} · ${words}`, () => look.set({ face: row }));
  });
  look.follow(() => choices.forEach((choice, row) => choice.setAttribute("aria-pressed", String(row === look.face))));
  const unscored = choices.filter((_, row) => item.faces[row].probability === null);
  const folded = unscored.length > FEW_UNSCORED && unscored.length < choices.length;
  const shown = folded ? choices.filter((choice) => !unscored.includes(choice)) : choices;
  const rest = folded && element("details", {}, element("summary", {}, `${unscored.length} faces without a score`), element("div", { class: "faces" }, ...unscored));
  return element("div", { role: "group", "aria-label": "Faces" }, element("div", { class: "faces" }, ...shown), rest);
}

function about(item, face) {
  const when = item.media === "video" ? ` Most suspicious at ${clock(face.time_s)}.` : "";
  if (face.probability === null) return [element("p", {}, `This face has no score: ${plain(face.reason ?? "not said")}.${when}`)];
  const [share, threshold] = compared(face.probability, item.threshold);
  const over = face.probability >= item.threshold;
  const verdict = element("p", { class: "verdict" }, element("strong", {}, `${share} likely synthetic`), `, ${over ? "over" : "under"} the threshold of ${threshold}.${when}`);
  return [gauge(face.probability, item.threshold), verdict, ...(face.regions.length ? [table(face.regions)] : [])];
}

/** A table whose last column is also a bar from a common zero line. */
function table(regions) {
  const sorted = [...regions].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  const reach = Math.abs(sorted[0].contribution) || 1;
  const rows = sorted.map((region, row) => regionRow(region, reach, row >= FIRST));
  const grid = element(
    "table", {},
    element("caption", {}, "What each region adds to the log-odds of “fake”."),
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Region"), element("th", { scope: "col", class: "ends" }, element("span", {}, "← real"), element("span", {}, "fake →")))),
    element("tbody", {}, ...rows),
  );
  return element("div", {}, grid, sorted.length > FIRST && allOf(sorted.length, rows));
}

function allOf(count, rows) {
  const toggle = button(`Show all ${count} regions`, () => {
    const open = toggle.getAttribute("aria-expanded") === "false";
    toggle.setAttribute("aria-expanded", String(open));
    toggle.textContent = open ? `Show the ${FIRST} strongest` : `Show all ${count} regions`;
    rows.slice(FIRST).forEach((row) => { row.hidden = !open; });
  }, { class: "quiet", "aria-expanded": "false" });
  return toggle;
}

function regionRow({ region, contribution, words }, reach, hidden) {
  const name = plain(region);
  const what = words.startsWith(`${name}: `) ? words.slice(name.length + 2) : words;
  const half = Math.abs(contribution) / reach / 2;
  const fill = placed(element("span", { class: contribution < 0 ? "real" : "fake" }), { width: half, left: contribution < 0 ? 0.5 - half : 0.5 });
  return element(
    "tr", { hidden },
    element("th", { scope: "row" }, name, element("span", { class: "what" }, what)),
    element("td", {}, element("span", { class: "bar", "aria-hidden": "true" }, fill), element("span", { class: "figure" }, signed(contribution))),
  );
}
