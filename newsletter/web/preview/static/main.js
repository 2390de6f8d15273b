// Puts the screen together: state in the address bar, data from the preview, a repaint after every change of either.

import { addressOf, readAddress, writeAddress } from "./address.js";
import { fill, h, place, prose } from "./elements.js";
import { gmailRow, overview } from "./inbox_rows.js";
import { listenForKeys, makeSheet } from "./keys.js";
import { Panel } from "./panel.js";
import { MessageView, SourceView, TextView } from "./reading.js";
import { isExported, listen, load } from "./source.js";
import { DEVICES, Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { Toolbar } from "./toolbar.js";

const TIMELINE_KEYS = ["start", "zone", "cadence", "at", "persona"];
const PAGE_KEYS = ["page", "persona", "version"];

let state = readAddress();
let timelineData = null;
let timelineTrouble = null;
let pageData = null;
let olderData = null;
let people = [];

const sheet = makeSheet();
const toolbar = new Toolbar(change, () => sheet.showModal());
const timeline = new Timeline(change);
const stage = new Stage(change);
const textView = new TextView();
const sourceView = new SourceView(change);
const messageView = new MessageView();
const panel = new Panel(change);
const overviewPlace = h("div", { class: "overviews" });
const banner = h("div", { class: "banner", role: "alert", hidden: true });
const inboxStrip = h("div", { class: "strip", role: "group", "aria-label": "In Gmail on a desktop" });
const heading = h("h1", { class: "unseen" });
const waiting = h("p", { class: "waiting", hidden: true }, "Composing…");
const main = h("main", {}, heading, banner, toolbar.looks, inboxStrip, waiting, stage.scaleNote, overviewPlace, stage.element, textView.element, sourceView.element, messageView.element);
document.body.append(toolbar.element, timeline.element, main, panel.element, sheet);

function change(patch, isNew = false) {
  const before = state;
  state = { ...state, ...patch };
  writeAddress(state, isNew);
  react(before);
}

function react(before) {
  if (TIMELINE_KEYS.some((key) => state[key] !== before[key])) loadTimeline();
  if (PAGE_KEYS.some((key) => state[key] !== before[key])) loadPage();
  paint();
}

async function loadTimeline() {
  const wanted = Object.fromEntries(TIMELINE_KEYS.map((key) => [key, state[key]]));
  try {
    timelineData = await load("timeline", wanted);
    timelineTrouble = null;
  } catch (error) {
    timelineTrouble = error.finding ?? { message: error.message };
  }
  paint();
}

let asked = 0;
async function loadPage() {
  asked += 1;
  const mine = asked;
  if (!state.page) {
    pageData = olderData = null;
    return paint();
  }
  const { page, persona, version } = state;
  const wanted = [load("page", { page, persona })];
  if (version) wanted.push(load("page", { page, persona, version }));
  const [now, older] = await Promise.all(wanted.map((answer) => answer.catch((error) => ({ page, missing: true, error: { message: error.message, remedy: error.finding?.remedy ?? "" } }))));
  if (mine !== asked) return; // another page was asked for meanwhile
  pageData = now;
  olderData = older ?? null;
  if (now.page && now.page !== page) {
    state = { ...state, page: now.page }; // it could not be read, and was known by its file
    writeAddress(state, false);
  }
  paint();
}

function paint() {
  const isOpen = Boolean(state.page);
  document.body.classList.toggle("open", isOpen);
  document.body.classList.toggle("comparing", isOpen && state.view === "mail" && Boolean(state.version));
  waiting.hidden = isOpen ? Boolean(pageData) : Boolean(timelineData ?? timelineTrouble);
  toolbar.paint(state, pageData, people);
  timeline.paint(state, timelineData, timelineTrouble);
  overviewPlace.hidden = isOpen;
  stage.element.hidden = stage.scaleNote.hidden = !isOpen || state.view !== "mail";
  textView.element.hidden = !isOpen || state.view !== "text";
  sourceView.element.hidden = !isOpen || state.view !== "source";
  messageView.element.hidden = !isOpen || state.view !== "message";
  if (!isOpen && timelineData) fill(overviewPlace, overview(state, timelineData));
  if (isOpen && pageData) {
    stage.paint(state, pageData, olderData);
    if (state.view === "text") textView.paint(state, pageData, olderData);
    if (state.view === "source") sourceView.paint(state, pageData, olderData);
    if (state.view === "message") messageView.paint(state, pageData);
  }
  const isMail = isOpen && state.view === "mail" && pageData?.subject !== undefined;
  inboxStrip.hidden = !isMail;
  if (isMail) fill(inboxStrip, gmailRow({ ...pageData, due: rowOf(state.page)?.due }));
  panel.paint(state, isOpen ? pageData : null, rowOf(state.page)?.due);
  paintBanner();
  heading.hidden = !isOpen;
  heading.textContent = pageData?.subject ?? pageData?.title ?? state.page;
  document.title = [pageData?.subject ?? pageData?.title, "Preview"].filter(Boolean).join(" · ");
}

function paintBanner() {
  const notes = [timelineData?.trouble, ...(timelineData?.notes ?? [])].filter(Boolean);
  banner.hidden = !notes.length;
  fill(banner, notes.map((note) => h("p", {}, place(note) ? h("span", { class: "place" }, `${place(note)} `) : null, h("b", {}, prose(note.message.replace(/[^.!?]$/, "$&."))), " ", prose(note.remedy))));
}

function rows() {
  return (timelineData?.series ?? []).filter((one) => !state.series || one.name === state.series).flatMap((one) => one.pages);
}

function rowOf(page) {
  return (timelineData?.series ?? []).flatMap((one) => one.pages).find((row) => row.page === page);
}

function step(by) {
  const all = rows();
  const index = all.findIndex((row) => row.page === state.page);
  const next = all[index < 0 ? 0 : index + by];
  if (next) change({ page: next.page, version: "", line: "" }, true);
}

function cycle(key, values) {
  change({ [key]: values[(values.indexOf(state[key]) + 1) % values.length] });
}

const ACTIONS = {
  j: () => step(1),
  k: () => step(-1),
  o: () => change({ page: "", version: "" }, true),
  m: () => change({ view: "mail" }),
  t: () => change({ view: "text" }),
  s: () => change({ view: "source" }),
  h: () => change({ view: "message" }),
  d: () => cycle("scheme", ["light", "dark", "inverted"]),
  i: () => cycle("images", ["on", "off"]),
  y: () => cycle("styles", ["on", "off"]),
  z: () => cycle("zoom", ["100", "200"]),
  p: () => cycle("persona", people.map((one, index) => (index ? one.key : ""))),
  c: () => change({ version: state.version ? "" : pageData?.revisions?.[0]?.name ?? "sent" }),
  e: () => {
    change({ version: "" });
    panel.send.to.focus();
  },
  "?": () => sheet.showModal(),
  "/": () => {
    change({ view: "source" });
    sourceView.search.focus();
  },
  ...Object.fromEntries(DEVICES.map((device) => [device.key, () => change({ width: String(device.width) })])),
};

listenForKeys((key) => {
  const action = ACTIONS[key];
  action?.();
  return Boolean(action);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-page], a[data-home]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  change({ page: link.dataset.page ?? "", version: "", line: "" }, true);
});

addEventListener("popstate", () => {
  const before = state;
  state = readAddress();
  react(before);
});

// The open page comes first: the rows of hundreds of others can wait until it is on the screen.
async function changed(news) {
  // Without `pages` it is a greeting: whoever has just begun to listen may have missed something.
  const isGreeting = !news.pages;
  if (isGreeting && [pageData, timelineData].every((data) => !data || data.count === news.count)) return;
  const concerns = isGreeting || news.all || news.rows || news.pages.includes(state.page) || news.pages.some((page) => page.endsWith("/") && state.page.startsWith(page));
  if (concerns) await loadPage();
  requestAnimationFrame(() => setTimeout(rowsChanged, 30, isGreeting || news.all));
}

let rowsAsked = 0;
async function rowsChanged(isAll) {
  rowsAsked += 1;
  const mine = rowsAsked;
  await new Promise((done) => setTimeout(done, 120));
  if (isAll) await loadPeople();
  if (mine === rowsAsked) loadTimeline();
}

async function loadPeople() {
  // Without an answer the preview has stopped, which the toolbar tells.
  const found = await load("people").catch(() => ({ people }));
  people = found.people;
  paint();
}

listen(changed, (isWell) => toolbar.say(isWell ? "live" : "preview stopped", isWell));
if (isExported) toolbar.say("exported", true);

loadPeople();
loadPage();
loadTimeline();
if (addressOf(state) !== location.search) writeAddress(state, false);
