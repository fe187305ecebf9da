// What else is known of a file.

import { element } from "./dom.js";
import { bytes, moment } from "./words.js";

/** The part of the page. */
export function facts(item) {
  const warnings = item.warnings.map((warning) => element("li", {}, warning));
  return element(
    "section", { class: "card facts", "aria-labelledby": "facts-title" },
    element("h3", { id: "facts-title" }, "Facts"),
    warnings.length > 0 && element("div", { class: "warnings" }, element("h4", {}, "Warnings"), element("ul", {}, ...warnings)),
    element("dl", {}, ...rows(item).map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)))),
  );
}

function rows(item) {
  const models = Object.entries(item.models).map(([name, version]) => `${name} ${version}`).join(", ");
  return [
    ["File", `${item.path} · ${item.media}, ${bytes(item.size)}`],
    ["Received", moment(item.created_at)],
    ["Scored", item.finished_at === null ? "not yet" : `${moment(item.finished_at)}, in ${item.elapsed_s.toFixed(1)} s`],
    ["Policy", item.decision ? `${item.decision.reason} (version ${item.decision.policy})` : "none"],
    ["Models", models || "none were needed"],
    ["SHA-256", item.sha256],
    ["Job, file", `${item.job_id}, ${item.item_id}`],
    ["Upload", item.media_kept ? "kept" : "not kept"],
  ];
}
