// The left side: every page on its day for a simulated subscriber, as a row of an inbox.

import { addressOf } from "./address.js";
import { counted, fill, h, kilobytes, place, prose } from "./elements.js";

const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const WHOLE_DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });

export function moment(local) {
  return new Date(`${local}Z`);
}

export function day(local) {
  return DAY.format(moment(local));
}

export class Timeline {
  constructor(change) {
    this.change = change;
    this.elements = new Map();
    this.series = h("select", { "aria-label": "Series", onchange: () => change({ series: this.series.value, page: "" }, true) });
    this.start = this.control("Joins on", h("input", { type: "date", name: "start" }));
    this.at = this.control("At", h("input", { type: "time", name: "at" }));
    this.cadence = this.control("Cadence", h("input", { name: "cadence", list: "cadences", placeholder: "3d", autocomplete: "off" }));
    this.zone = this.control("Zone", h("input", { name: "zone", list: "zones", placeholder: "reader's own", autocomplete: "off" }));
    this.cadences = h("datalist", { id: "cadences" });
    const zones = h("datalist", { id: "zones" }, (Intl.supportedValuesOf?.("timeZone") ?? []).map((zone) => h("option", { value: zone })));
    this.summary = h("summary", {});
    this.trouble = h("p", { class: "control-error", role: "alert", hidden: true });
    this.controls = h("details", { class: "simulated" }, this.summary,
      h("div", { class: "controls" }, this.start.label, this.at.label, this.cadence.label, this.zone.label), this.trouble);
    this.list = h("div", { class: "days" });
    this.element = h("nav", { class: "timeline", "aria-label": "Pages" }, h("div", { class: "series-choice" }, this.series),
      this.controls, this.list, this.cadences, zones);
  }

  control(text, input) {
    input.addEventListener("change", () => this.change({ [input.name]: input.value }));
    return { input, label: h("label", {}, h("span", {}, text), input) };
  }

  paint(state, data, trouble) {
    this.trouble.hidden = !trouble;
    this.trouble.textContent = trouble ? `${trouble.message}. ${trouble.remedy ?? ""}` : "";
    const shownAs = JSON.stringify([state.page, state.series, state.cadence, state.at, state.start, state.zone]);
    if (!data || (data === this.data && shownAs === this.shownAs)) return;
    [this.data, this.shownAs] = [data, shownAs];
    const all = data.series.length > 1 ? [h("option", { value: "" }, "All series")] : [];
    fill(this.series, all, data.series.map((one) => h("option", { value: one.name }, one.title)));
    this.series.value = state.series || (data.series.length > 1 ? "" : data.series[0]?.name ?? "");
    this.series.parentElement.hidden = data.series.length < 2;
    fill(this.cadences, ["1d", "3d", "1w", "2w", "mon, thu", "mon, tue, wed, thu, fri", "FREQ=MONTHLY;BYDAY=1MO",
      ...data.campaigns.map((one) => one.name)].map((value) => h("option", { value })));
    for (const name of ["cadence", "at"]) if (document.activeElement !== this[name].input) this[name].input.value = state[name];
    if (document.activeElement !== this.start.input) this.start.input.value = (state.start || data.start).slice(0, 10);
    if (document.activeElement !== this.zone.input) this.zone.input.value = state.zone;
    fill(this.summary, h("span", {}, `Joins ${day(data.start)}, a page ${cadenceInWords(state)}`), h("small", {}, data.zone));
    const shown = data.series.filter((one) => !state.series || one.name === state.series);
    settle(this.list, shown.flatMap((one) => this.seriesList(one, state, shown.length > 1)));
    if (state.page !== this.page) this.list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
    this.page = state.page;
  }

  seriesList(series, state, isTitled) {
    const first = series.pages.find((page) => page.due)?.due;
    const list = this.kept(`list ${series.name}`, "", () => h("ol"));
    settle(list, [
      ...series.pages.map((page) => this.kept(page.page, [page, first, page.page === state.page], () => this.row(page, first, state))),
      ...series.broken.map((finding) => this.kept(`${series.name} ${finding.path}`, [finding, state.page], () => this.brokenRow(series, finding, state))),
    ]);
    return [
      isTitled ? this.kept(`title ${series.name}`, series.title, () => h("h2", {}, series.title)) : null,
      ...series.findings.map((finding) => h("p", { class: "row-finding" }, prose(finding.message), " ", h("span", { class: "place" }, place(finding)))),
      list,
    ].filter(Boolean);
  }

  // The element made for `key` before, unless what it shows has changed: with hundreds of rows, most have not.
  kept(key, shows, make) {
    const mark = JSON.stringify(shows);
    const known = this.elements.get(key);
    if (known?.mark === mark) return known.element;
    const element = make();
    if (this.elements.size > 10000) this.elements.clear(); // pages that have gone leave their rows behind
    this.elements.set(key, { mark, element });
    return element;
  }

  row(page, first, state) {
    const isOpen = page.page === state.page;
    const number = page.due && first ? Math.round((moment(page.due.slice(0, 10) + "T00:00") - moment(first.slice(0, 10) + "T00:00")) / 864e5) : null;
    return h("li", { class: page.draft ? "draft" : "" },
      h("div", { class: "when" },
        page.due
          ? h("time", { datetime: page.due, title: WHOLE_DAY.format(moment(page.due)) }, h("b", {}, day(page.due)), h("span", {}, `${page.due.slice(11)} · day ${number + 1}`))
          : h("span", { class: "never" }, page.draft ? "Draft, never sent" : "After the end")),
      h("a", { href: addressOf({ ...state, page: page.page, version: "", line: "" }), "aria-current": isOpen ? "page" : null, "data-page": page.page },
        h("span", { class: "subject" }, page.subject),
        h("span", { class: "preheader" }, page.preheader),
        h("span", { class: "meta" }, h("span", { class: page.bytes > 80000 ? "size heavy" : "size" }, kilobytes(page.bytes)), badges(page.counts))),
      page.astray ? h("div", { class: "astray", title: page.astray.message }, h("span", {}, "next → "), h("s", {}, shortLink(page.next)), h("span", {}, " leads nowhere")) : null);
  }

  brokenRow(series, finding, state) {
    const page = `${series.name}/${finding.path}`;
    return h("li", { class: "unreadable" },
      h("div", { class: "when" }, h("span", { class: "never" }, "Can't be read")),
      h("a", { href: addressOf({ ...state, page, version: "", line: "" }), "aria-current": page === state.page ? "page" : null, "data-page": page },
        h("span", { class: "subject" }, place(finding)), h("span", { class: "preheader" }, prose(finding.message))));
  }
}

// Makes `wanted` the children of `parent`, touching only what is not in its place.
function settle(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  wanted.forEach((child, index) => parent.children[index] === child || parent.insertBefore(child, parent.children[index] ?? null));
}

export function badges(counts) {
  if (!counts) return null;
  return [["error", counts.error], ["warning", counts.warning]].filter(([, number]) => number)
    .map(([severity, number]) => h("span", { class: `badge ${severity}` }, counted(number, severity)));
}

function cadenceInWords(state) {
  const cadence = state.cadence || "3d";
  const span = cadence.match(/^(\d+)\s*([smhdw])$/);
  const units = { s: "second", m: "minute", h: "hour", d: "day", w: "week" };
  const hour = ` at ${state.at || "09:00"}`;
  if (!span) return `by “${cadence}”${hour}`;
  const every = span[1] === "1" ? `every ${units[span[2]]}` : `every ${span[1]} ${units[span[2]]}s`;
  return every + ("dw".includes(span[2]) ? hour : "");
}

function shortLink(href) {
  return href.replace(/^https?:\/\/[^/]+/, "");
}
