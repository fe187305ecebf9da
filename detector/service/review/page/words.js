// Figures in words.

/** A probability; never rounded to a certainty that it is not. */
export function percent(share, digits = 0) {
  if (share > 0 && share < 0.005) return "<1%";
  if (share < 1 && share >= 0.995) return ">99%";
  return `${(100 * share).toFixed(digits)}%`;
}

/** A probability and the threshold, with as many digits as show which is larger. */
export function compared(share, threshold) {
  const over = share >= threshold;
  const digits = [0, 1, 2].find((count) => rounded(share, count) >= rounded(threshold, count) === over) ?? 3;
  return [percent(share, digits), percent(threshold, digits)];
}

const rounded = (share, digits) => Number((100 * share).toFixed(digits));

/** How long ago, given seconds since 1970. */
export function age(then, now = Date.now() / 1000) {
  const seconds = Math.max(0, now - then);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

/** A date and time as people here write it. */
export function moment(seconds) {
  return new Date(1000 * seconds).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** Bytes. */
export function bytes(count) {
  if (count < 1000) return `${count} bytes`;
  const power = Math.min(3, Math.floor(Math.log10(count) / 3));
  return `${(count / 1000 ** power).toFixed(count / 1000 ** power < 10 ? 1 : 0)} ${["", "kB", "MB", "GB"][power]}`;
}

/** Seconds into a video. */
export function clock(seconds) {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

/** "left_eye" -> "left eye". */
export const plain = (code) => String(code).replaceAll("_", " ");

/** A contribution to the log-odds with its sign; a real minus. */
export function signed(value) {
  const shown = Math.abs(value).toFixed(1);
  return `${value < 0 ? "−" : "+"}${shown}`;
}

/** What somebody decided; who gave no name where none is needed is called "open" in the log. */
export function decided(review) {
  const action = { allow: "allowed it", block: "blocked it", review: "kept it for review" }[review.action];
  return `${review.reviewer === "open" ? "Somebody" : review.reviewer} ${action} (${review.label})`;
}

/** What was found, in one line. */
export function finding(item) {
  if (item.fake_probability === null) return `No score: ${plain(item.reason ?? item.state)}`;
  const [share, threshold] = compared(item.fake_probability, item.threshold);
  return `${share} likely synthetic; called fake from ${threshold} on`;
}
