// The picture with its faces, or a heatmap of one of them.

import { picture, media } from "./api.js";
import { button, element, placed } from "./dom.js";
import { shownTime } from "./look.js";
import { clock, percent, plain } from "./words.js";

const MEANING = "Bright where the face differs from what the autoencoder could make of it, dark where the two agree. "
  + "Brightness alone is no sign of a fake: real hair and teeth are bright too.";

const LABEL_PX = 36;

/** The figure; it follows `look`. */
export function stage(item, look, blobs) {
  const frame = element("div", { class: "frame" });
  const caption = element("figcaption", { id: "caption" });
  const figure = element("figure", { class: "stage" }, toolbar(item, look), frame, caption);
  let shown = null;
  look.follow(async () => {
    figure.classList.toggle("veiled", look.veiled);
    caption.textContent = captionOf(item, look);
    const source = sourceOf(item, look);
    if (source?.name !== shown) {
      shown = source?.name;
      await show(frame, source, blobs, () => shown === source?.name, item, look);
    }
    markFaces(frame, look);
  });
  return figure;
}

/** Whether there is a heatmap of the chosen face. */
export const hasHeatmap = (item, look) => look.face !== null && item.pictures.includes(`heatmap${look.face}.png`);

function sourceOf(item, look) {
  if (look.heatmap && hasHeatmap(item, look)) {
    const name = `heatmap${look.face}.png`;
    return { name, heatmap: true, load: () => picture(item.item_id, name) };
  }
  const name = ["frame.jpg", "frame.png"].find((one) => item.pictures.includes(one));
  if (name) return { name, load: () => picture(item.item_id, name) };
  // A file that our decoder gave up on is not given to the browser's either.
  const safe = item.media === "image" && item.media_kept && item.status === "ok";
  return safe ? { name: "upload", load: () => media(item) } : null;
}

async function show(frame, source, blobs, wanted, item, look) {
  if (!source) {
    frame.replaceChildren(element("p", { class: "nothing" }, "No picture of this file was kept."));
    return;
  }
  try {
    const image = element("img", { src: await blobs.url(source.name, source.load), alt: altOf(item, look), class: source.heatmap ? "heatmap" : "photo" });
    await image.decode();
    if (!wanted()) return;
    const canvas = element("div", { class: "canvas" }, image, ...(source.heatmap ? [] : boxes(item, look, image)), veil(look));
    frame.replaceChildren(canvas);
    for (const node of canvas.querySelectorAll(".face")) node.classList.toggle("high", node.offsetTop < LABEL_PX);
  } catch (error) {
    if (wanted()) frame.replaceChildren(element("p", { class: "nothing" }, `The picture cannot be shown. ${error.message}`));
  }
}

function altOf(item, look) {
  return look.heatmap ? `Heatmap of face ${look.face + 1}` : `Picture of ${item.path} with ${item.faces.length} marked faces`;
}

function boxes(item, look, image) {
  const time = shownTime(item);
  return item.faces.flatMap((face, row) => (face.time_s === time ? [box(item, face, row, look, image)] : []));
}

/** A face's box as a button over the picture: solid where scored, dashed where not, doubled where over the threshold. */
function box(item, face, row, look, image) {
  const [x0, y0, x1, y1] = face.box;
  const words = face.probability === null ? plain(face.reason ?? "not scored") : percent(face.probability);
  const kind = face.probability === null ? "unscored" : face.probability >= item.threshold ? "over" : "under";
  const label = `Face ${row + 1}: ${words}${kind === "over" ? ", over the threshold" : ""}`;
  const node = element(
    "button", { type: "button", class: `face ${kind}`, "aria-label": label, "data-row": row, click: () => look.set({ face: row }) },
    element("span", { "aria-hidden": "true" }, `${row + 1} · ${words}`),
  );
  const { width, height } = item.exhibit ?? { width: image.naturalWidth, height: image.naturalHeight };
  node.classList.toggle("far", x0 > 0.7 * width);
  return placed(node, { left: x0 / width, top: y0 / height, width: (x1 - x0) / width, height: (y1 - y0) / height });
}

function veil(look) {
  return button("Blurred. Show it", () => look.set({ veiled: false }), { class: "veil", title: "s" });
}

function markFaces(frame, look) {
  for (const node of frame.querySelectorAll(".face")) node.setAttribute("aria-pressed", String(Number(node.dataset.row) === look.face));
  for (const node of frame.querySelectorAll(".face")) node.disabled = look.veiled;
}

function toolbar(item, look) {
  const plainView = button("Picture", () => look.set({ heatmap: false }));
  const heat = button("Heatmap", () => look.set({ heatmap: true }));
  const hide = button("", () => look.set({ veiled: !look.veiled }), { class: "hide" });
  look.follow(() => {
    const mapped = look.heatmap && hasHeatmap(item, look);
    plainView.setAttribute("aria-pressed", String(!mapped));
    heat.setAttribute("aria-pressed", String(mapped));
    heat.disabled = !hasHeatmap(item, look);
    hide.textContent = look.veiled ? "Show" : "Blur";
  });
  return element("div", { class: "toolbar" }, element("div", { class: "pair", role: "group", "aria-label": "View" }, plainView, heat), hide);
}

function captionOf(item, look) {
  if (look.heatmap && hasHeatmap(item, look)) return MEANING;
  if (!item.faces.length) return "No face was found in it.";
  const when = item.media === "video" ? ` The frame at ${clock(shownTime(item))}, the most suspicious one.` : "";
  return `Each box is a face; choose one to see what speaks for and against it.${when}`;
}
