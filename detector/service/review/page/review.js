// The page: the queue, the open file, and what keeps the two in step with the service.

import * as api from "./api.js";
import { button, element } from "./dom.js";
import { nothingWaits, OpenFile } from "./file.js";
import { fillSettings, Preferences } from "./preferences.js";
import { drawDecided, drawQueue } from "./queue.js";
import { keyPrompt } from "./session.js";
import { fillHelp, listen } from "./shortcuts.js";
import { decided } from "./words.js";

const REFRESH_MS = 4000;
const STEP = 50;
const MOST = 200;

const at = (id) => document.getElementById(id);
const preferences = new Preferences();
const state = { limit: STEP, waiting: [], next: null, reviewer: null, decided: [], open: null, wanted: null, decisions: 0, asking: false };

function say(words) {
  at("said").textContent = words;
}

function complain(words) {
  at("banner").textContent = words ?? "";
  at("banner").hidden = !words;
}

/** Fetch the queue and show it; what is open stays open. */
async function refresh() {
  const { decisions } = state;
  state.asking = true;
  try {
    const { items, next, reviewer } = await api.queue(state.limit);
    // A list from before a decision would bring back what was just decided.
    if (decisions !== state.decisions) return;
    const before = state.waiting.length;
    Object.assign(state, { waiting: items, next, reviewer });
    complain(null);
    draw();
    if (items.length > before && before > 0) say(`${items.length - before} more wait`);
    await keepUp();
  } catch (error) {
    complain(error.message);
  } finally {
    state.asking = false;
    drawLive();
  }
}

/** Open the first file where none is; show what another reviewer decided on the open one. */
async function keepUp() {
  const { open, waiting } = state;
  if (!open && !state.wanted && !narrow()) return waiting.length ? choose(waiting[0].item_id, false) : showNothing();
  if (!open && !waiting.length) return showNothing();
  if (open && !waiting.some((item) => item.item_id === open.item.item_id)) {
    const { review } = await api.file(open.item.item_id);
    if (review && review.number !== open.form.seen && state.open === open) open.form.show(review, true);
  }
}

function draw() {
  const open = state.open?.item.item_id;
  const me = state.reviewer ?? preferences.get("name");
  const count = `${state.waiting.length}${state.next ? "+" : ""}`;
  document.title = `(${count}) Review`;
  at("count").textContent = count;
  drawQueue(at("waiting"), state.waiting, open, choose);
  drawDecided(at("decided"), state.decided, open, choose);
  at("decided-part").hidden = !state.decided.length;
  at("more").hidden = !state.next || state.limit >= MOST;
  at("who").textContent = me ? `You are ${me}` : "No key needed";
  at("name-part").hidden = state.reviewer !== null;
  at("forget").hidden = !api.hasKey();
}

function drawLive() {
  const offline = !at("banner").hidden;
  const words = offline ? "Out of reach" : preferences.get("live") ? "Live" : "Paused";
  at("live").textContent = words;
  at("live").dataset.state = words;
}

/** Open a file. */
async function choose(id, move = true) {
  state.wanted = id;
  try {
    const item = await api.file(id);
    if (state.wanted === id) show(item, move);
  } catch (error) {
    complain(error.message);
  }
}

function show(item, move) {
  state.open?.close();
  state.open = new OpenFile(item, { preferences, record, back });
  at("file").replaceChildren(state.open.element);
  at("desk").classList.add("opened");
  history.replaceState(null, "", `#${item.item_id}`);
  draw();
  if (move) {
    state.open.title.focus();
    window.scrollTo(0, 0);
  }
}

function showNothing() {
  if (at("file").querySelector(".empty")) return;
  leave();
  at("file").replaceChildren(nothingWaits());
}

function leave() {
  state.open?.close();
  Object.assign(state, { open: null, wanted: null });
  history.replaceState(null, "", location.pathname);
}

/** On a narrow page, from the file to the queue. */
function back() {
  leave();
  at("desk").classList.remove("opened");
  at("file").replaceChildren();
  draw();
  at("waiting").querySelector("button")?.focus();
}

/** Send a decision; where somebody was faster, say what they said and keep what was entered. */
async function record(open, decision) {
  try {
    const named = state.reviewer === null && preferences.get("name") ? { reviewer: preferences.get("name") } : {};
    done(open, await api.decide(open.item.item_id, { ...decision, ...named }));
  } catch (error) {
    open.form.refuse(error.message);
    if (error.kind !== "conflict") return;
    const { review } = await api.file(open.item.item_id);
    open.form.show(review, true);
  }
}

function done(open, review) {
  const item = { ...open.item, review };
  state.decisions += 1;
  const place = state.waiting.findIndex((one) => one.item_id === item.item_id);
  state.waiting = state.waiting.filter((one) => one.item_id !== item.item_id);
  state.decided = [item, ...state.decided.filter((one) => one.item_id !== item.item_id)];
  const words = `${item.path}: ${decided(review)}`;
  say(words);
  at("toast").replaceChildren(element("p", {}, words), button("Change it", undo), button("×", () => { at("toast").hidden = true; }, { class: "quiet", "aria-label": "Close" }));
  at("toast").hidden = false;
  const following = state.waiting[Math.min(Math.max(place, 0), state.waiting.length - 1)];
  leave();
  draw();
  if (following) choose(following.item_id);
  else showNothing();
}

function undo() {
  at("toast").hidden = true;
  if (state.decided.length) choose(state.decided[0].item_id);
}

function step(by) {
  if (!state.waiting.length) return;
  const place = state.waiting.findIndex((item) => item.item_id === state.open?.item.item_id);
  const next = place < 0 ? 0 : Math.min(Math.max(place + by, 0), state.waiting.length - 1);
  if (next === place) say(by > 0 ? "This is the last one" : "This is the first one");
  else choose(state.waiting[next].item_id);
}

/** Choose in the form, and say what Enter will do. */
function prepare(action, label) {
  state.open?.form.choose(action, label);
  if (state.open) say(`Chosen: ${label}, ${action === "review" ? "keep for review" : action}. Enter records it.`);
}

const narrow = () => matchMedia("(max-width: 760px)").matches;
const toggle = (name) => state.open?.look.set({ [name]: !state.open.look[name] });

const actions = {
  next: () => step(1),
  previous: () => step(-1),
  allow: () => prepare("allow", "real"),
  block: () => prepare("block", "fake"),
  unsure: () => prepare("review", "unsure"),
  note: () => state.open?.form.note.focus(),
  show: () => toggle("veiled"),
  heatmap: () => toggle("heatmap"),
  face: (digit) => { if (digit <= (state.open?.item.faces.length ?? 0)) state.open.look.set({ face: digit - 1 }); },
  undo,
  help: () => at("help-dialog").showModal(),
};

function applyPreferences() {
  document.documentElement.classList.toggle("grey", preferences.get("grey"));
  drawLive();
  draw();
}

function start() {
  api.whenKeyIsNeeded(keyPrompt(at("key-dialog")));
  fillSettings(at("settings-dialog"), preferences, () => { api.forgetKey(); location.reload(); });
  fillHelp(at("help-dialog"));
  listen(actions, () => preferences.get("shortcuts"));
  preferences.addEventListener("change", applyPreferences);
  at("open-settings").addEventListener("click", () => at("settings-dialog").showModal());
  at("open-help").addEventListener("click", actions.help);
  at("more").addEventListener("click", () => { state.limit += STEP; refresh(); });
  setInterval(() => { if (preferences.get("live") && !state.asking && document.visibilityState === "visible") refresh(); }, REFRESH_MS);
  applyPreferences();
  const [linked] = location.hash.match(/[0-9a-f]{32}$/) ?? [];
  state.wanted = linked || null;
  refresh().then(() => { if (linked) choose(linked); });
}

start();
