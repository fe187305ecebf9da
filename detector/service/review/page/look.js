// What the reviewer looks at in one file: shared by its parts, which redraw when it tells "change".

/** When the frame that was kept is; of a video, other faces were seen at other times. It shows the most suspicious one. */
export function shownTime(item) {
  if (item.exhibit) return item.exhibit.time_s;
  const rank = (face) => face.probability ?? -1;
  return item.faces.reduce((best, face) => (best === null || rank(face) >= rank(best) ? face : best), null)?.time_s ?? 0;
}

export class Look extends EventTarget {
  /** `face`: its row; `heatmap`: instead of the picture; `veiled`: blurred until the reviewer shows it. */
  constructor(item, veiled) {
    super();
    const ranks = item.faces.map((face) => face.probability ?? -1);
    this.face = ranks.length ? ranks.indexOf(Math.max(...ranks)) : null;
    this.heatmap = false;
    this.veiled = veiled;
  }

  set(change) {
    Object.assign(this, change);
    this.dispatchEvent(new Event("change"));
  }

  /** Draw now, and again on every change. */
  follow(draw) {
    this.addEventListener("change", draw);
    draw();
  }
}

/** Blobs as addresses, until the file is left. */
export class Blobs {
  constructor() {
    this.urls = new Map();
  }

  /** The address of what `load` fetches; fetched once a name. */
  url(name, load) {
    if (!this.urls.has(name)) this.urls.set(name, load().then((blob) => URL.createObjectURL(blob)));
    return this.urls.get(name);
  }

  close() {
    for (const url of this.urls.values()) url.then((made) => URL.revokeObjectURL(made), () => {});
    this.urls.clear();
  }
}
