// The service over HTTP. The key lives in this tab's sessionStorage and goes into a header, so pictures are fetched.

const KEY = "detector-api-key";
const NOTHING_KNOWN = {
  status: "error", reason: null, verdict: null, fake_probability: null, threshold: null,
  exhibit: null, faces: [], timeline: [], models: {}, warnings: [], elapsed_s: 0,
};
let askForKey = async () => {};
let asking = null;

/** An answer that is a refusal, told in words. */
export class Refused extends Error {
  constructor(status, problem, retryAfter) {
    const again = retryAfter ? ` Try again in ${retryAfter} s.` : "";
    super(`${problem.title ?? `The service answered ${status}`}: ${problem.detail ?? "it did not say why"}${again}`);
    this.status = status;
    this.kind = String(problem.type ?? "").split("#").pop();
  }
}

/** `ask(refused)` shows where to enter a key, and ends once there is one. */
export function whenKeyIsNeeded(ask) {
  askForKey = ask;
}

export const hasKey = () => sessionStorage.getItem(KEY) !== null;
export const setKey = (key) => sessionStorage.setItem(KEY, key);
export const forgetKey = () => sessionStorage.removeItem(KEY);

/** The oldest files that wait. */
export const queue = (limit) => json(`v1/review?limit=${limit}`);

/** One file with all that is known of it; one without a report has what there is of it. */
export const file = async (id) => ({ ...NOTHING_KNOWN, ...(await json(`v1/review/${encodeURIComponent(id)}`)) });

/** Record a decision. */
export function decide(id, decision) {
  const headers = { "Content-Type": "application/json" };
  return json(`v1/review/${encodeURIComponent(id)}/decision`, { method: "POST", headers, body: JSON.stringify(decision) });
}

/** A kept picture of a file, as a blob. */
export const picture = (id, name) => blob(`v1/review/${encodeURIComponent(id)}/picture/${encodeURIComponent(name)}`);

/** The upload itself, as a blob. */
export const media = (item) => blob(`v1/jobs/${encodeURIComponent(item.job_id)}/media?item=${item.position}`);

const json = async (path, options) => (await answered(path, options)).json();
const blob = async (path) => (await answered(path)).blob();

async function answered(path, options = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const response = await sent(path, options, key);
    if (response.ok) return response;
    if (response.status !== 401) throw await refusal(response);
    if (sessionStorage.getItem(KEY) === key) await newKey(key !== null);
  }
}

async function sent(path, options, key) {
  const headers = new Headers(options.headers);
  if (key !== null) headers.set("Authorization", `Bearer ${key}`);
  try {
    return await fetch(new URL(path, document.baseURI), { ...options, headers, cache: "no-store" });
  } catch {
    throw new Refused(0, { title: "The service cannot be reached", detail: "check the connection; nothing was changed." });
  }
}

async function refusal(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // A proxy's page, or nothing: the status is all there is.
  }
  return new Refused(response.status, problem, response.headers.get("Retry-After"));
}

/** Several requests that are refused together ask once. */
function newKey(refused) {
  asking ??= askForKey(refused).finally(() => {
    asking = null;
  });
  return asking;
}
