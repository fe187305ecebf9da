// The probability through a video, with its gaps, beside the video itself.

import { media } from "./api.js";
import { button, drawn, element } from "./dom.js";
import { shownTime } from "./look.js";
import { bytes, clock, percent, plain } from "./words.js";

const HEIGHT = 170;
const EDGE = { left: 44, right: 10, top: 14, bottom: 26 };

/** The part of the page, for a video. */
export function timeline(item, look, blobs) {
  const chart = element("div", { class: "chart" });
  const player = element("div", { class: "player" });
  const part = element(
    "section", { class: "card timeline", "aria-labelledby": "timeline-title" },
    element("h3", { id: "timeline-title" }, "Timeline"), chart, asTable(item), player,
  );
  if (item.timeline.some((point) => point.probability === null)) chart.after(element("p", { class: "aside" }, "Dashed: no face could be scored there."));
  const seek = (seconds) => { const video = player.querySelector("video"); if (video) video.currentTime = seconds; };
  new ResizeObserver(([{ contentRect }]) => chart.replaceChildren(drawing(item, contentRect.width, seek))).observe(chart);
  offer(player, item, look, blobs, (seconds) => moveHead(chart, item, seconds));
  return part;
}

/** Runs of points with a score, and what lies between them: [[from, to, points or null], ...]. */
export function runs(points) {
  const found = [];
  for (const point of points) {
    const scored = point.probability !== null;
    const last = found.at(-1);
    if (last && last.scored === scored) last.points.push(point);
    else found.push({ scored, points: [point] });
  }
  return found;
}

function scales(item, width) {
  const times = item.timeline.map((point) => point.time_s);
  const [start, end] = [Math.min(0, ...times), Math.max(0.1, ...times)];
  const x = (seconds) => EDGE.left + ((seconds - start) / (end - start)) * (width - EDGE.left - EDGE.right);
  const y = (share) => EDGE.top + (1 - share) * (HEIGHT - EDGE.top - EDGE.bottom);
  return { x, y, start, end };
}

function drawing(item, width, seek) {
  const { x, y, start, end } = scales(item, width);
  const svg = drawn("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": summary(item) });
  svg.append(...grid(x, y, start, end, width), ...runs(item.timeline).flatMap((run, row, all) => (run.scored ? line(run.points, x, y, item.threshold) : gap(run.points, all, row, x, y))));
  if (item.threshold !== null) svg.append(...limit(y(item.threshold), width, item.threshold));
  svg.append(drawn("line", { class: "head", x1: x(shownTime(item)), x2: x(shownTime(item)), y1: y(1), y2: y(0) }));
  svg.addEventListener("click", (event) => {
    const share = (event.offsetX - x(start)) / (x(end) - x(start));
    seek(Math.max(0, start + share * (end - start)));
  });
  return svg;
}

function grid(x, y, start, end, width) {
  const shares = [0, 0.5, 1].flatMap((share) => [
    drawn("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(share), y2: y(share) }),
    drawn("text", { x: EDGE.left - 6, y: y(share) + 4, "text-anchor": "end" }, `${100 * share}%`),
  ]);
  const times = [0, 0.5, 1].map((share) => {
    const anchor = ["start", "middle", "end"][2 * share];
    const seconds = start + share * (end - start);
    return drawn("text", { x: x(seconds), y: HEIGHT - 8, "text-anchor": anchor }, clock(seconds));
  });
  return [...shares, ...times];
}

function line(points, x, y, threshold) {
  const path = points.map((point) => `${x(point.time_s)},${y(point.probability)}`).join(" ");
  const dots = points.map((point) => {
    const over = threshold !== null && point.probability >= threshold;
    return drawn("circle", { class: over ? "over" : "under", cx: x(point.time_s), cy: y(point.probability), r: over ? 4.5 : 3 },
      drawn("title", {}, `${clock(point.time_s)}: ${percent(point.probability)}`));
  });
  return [drawn("polyline", { class: "run", points: path }), ...dots];
}

/** Where no face was scored: from the last scored time before it to the next one after. */
function gap(points, all, row, x, y) {
  const from = x(all[row - 1]?.points.at(-1).time_s ?? points[0].time_s);
  const to = x(all[row + 1]?.points[0].time_s ?? points.at(-1).time_s);
  const wide = to - from > 120;
  return [
    drawn("rect", { class: "gap", x: from + 4, width: Math.max(2, to - from - 8), y: y(1), height: y(0) - y(1) }, drawn("title", {}, "no face was scored here")),
    ...(wide ? [drawn("text", { class: "gap-words", x: (from + to) / 2, y: y(0.5) + 4, "text-anchor": "middle" }, "no face scored")] : []),
  ];
}

function limit(height, width, threshold) {
  const words = `fake from ${percent(threshold)}`;
  return [
    drawn("line", { class: "limit", x1: EDGE.left, x2: width - EDGE.right, y1: height, y2: height }),
    drawn("text", { class: "limit-words", x: width - EDGE.right, y: height > 30 ? height - 5 : height + 14, "text-anchor": "end" }, words),
  ];
}

function moveHead(chart, item, seconds) {
  const svg = chart.querySelector("svg");
  const { x } = scales(item, Number(svg.getAttribute("width")));
  for (const end of ["x1", "x2"]) svg.querySelector(".head").setAttribute(end, x(seconds));
}

function summary(item) {
  const scored = item.timeline.filter((point) => point.probability !== null);
  const over = scored.filter((point) => point.probability >= item.threshold).length;
  const gaps = item.timeline.length - scored.length;
  return `Probability over time: ${scored.length} frames scored, ${over} of them over the threshold, ${gaps} without a scored face.`;
}

function asTable(item) {
  const rows = item.timeline.map((point) => element(
    "tr", {}, element("th", { scope: "row" }, clock(point.time_s)),
    element("td", {}, point.probability === null ? "no face scored" : percent(point.probability)),
  ));
  const head = element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Time"), element("th", { scope: "col" }, "Most suspicious face")));
  return element("details", {}, element("summary", {}, "As a table"), element("table", { class: "times" }, head, element("tbody", {}, ...rows)));
}

function offer(player, item, look, blobs, played) {
  if (!item.media_kept) {
    player.append(element("p", { class: "nothing small" }, "The video itself was not kept."));
    return;
  }
  const load = button(`Load the video (${bytes(item.size)})`, async () => {
    load.disabled = true;
    try {
      const video = element("video", { class: "photo", controls: true, playsinline: true, "aria-label": "The video", src: await blobs.url("video", () => media(item)) });
      video.muted = true;
      video.addEventListener("timeupdate", () => played(video.currentTime));
      player.replaceChildren(video);
      look.follow(() => video.classList.toggle("veiled-video", look.veiled));
    } catch (error) {
      load.disabled = false;
      load.after(element("p", { role: "alert" }, plain(error.message)));
    }
  });
  player.append(load);
}
