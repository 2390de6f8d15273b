// How the mail is looked at: view, width, dark mode, pictures, styles, zoom, reader, older version.

import { fill, h } from "./elements.js";
import { isExported, load } from "./source.js";
import { DEVICES } from "./stage.js";

const VIEWS = [["mail", "Mail"], ["text", "Text"], ["source", "Source"], ["message", "Message"]];
const SCHEMES = [["light", "Light"], ["dark", "Dark"], ["inverted", "Inverted"]];
const SCHEME_HINTS = { light: "As designed", dark: "Our own dark styles", inverted: "As a client inverts mails that have no dark styles" };

export class Toolbar {
  constructor(change, help) {
    this.change = change;
    this.views = group("View", VIEWS.map(([value, text]) => this.button("view", value, text)));
    this.devices = group("Width", DEVICES.map((device) => this.button("width", String(device.width), `${device.name} `, device.width)));
    this.schemes = group("Colours", SCHEMES.map(([value, text]) => this.button("scheme", value, text, null, SCHEME_HINTS[value])));
    this.switches = group("Worst readers", [
      this.toggle("images", "off", "on", "Images off"), this.toggle("styles", "off", "on", "No styles", "Style tags stripped, as Gmail does for other providers' accounts"),
      this.toggle("zoom", "200", "100", "200 %", "Zoomed to 200 %"),
    ]);
    this.persona = h("select", { "aria-label": "Reader", onchange: () => change({ persona: this.persona.value }) });
    this.search = h("input", { type: "search", class: "people-search", placeholder: "Find a subscriber", "aria-label": "Find a subscriber", onchange: () => this.findPeople() });
    this.version = h("select", { "aria-label": "Compare with", onchange: () => change({ version: this.version.value }) });
    this.live = h("span", { class: "live", role: "status" });
    this.found = [];
    this.looks = h("div", { class: "looks" }, this.devices, this.schemes, this.switches);
    this.element = h("header", { class: "toolbar" },
      h("a", { class: "home", href: "./", "data-home": true, title: "All pages" }, h("img", { src: "static/icon.svg", alt: "", width: "22", height: "22" }), h("span", {}, "Preview")),
      this.views,
      h("span", { class: "space" }),
      h("div", { class: "who" }, this.persona, isExported ? null : this.search, isExported ? null : this.version),
      this.live,
      h("button", { type: "button", class: "help-button", "aria-label": "Keyboard shortcuts", title: "Keyboard shortcuts (?)", onclick: help }, "?"));
  }

  button(key, value, text, small, title) {
    return h("button", { type: "button", "data-key": key, "data-value": value, title, onclick: () => this.change({ [key]: value, ...(key === "view" ? { line: "" } : {}) }) }, text, small ? h("small", {}, String(small)) : null);
  }

  toggle(key, on, off, text, title) {
    return h("button", { type: "button", "data-key": key, "data-value": on, title, onclick: (event) => this.change({ [key]: event.currentTarget.getAttribute("aria-pressed") === "true" ? off : on }) }, text);
  }

  paint(state, data, people) {
    for (const button of [...this.element.querySelectorAll("button[data-key]"), ...this.looks.querySelectorAll("button[data-key]")]) {
      button.setAttribute("aria-pressed", String(state[button.dataset.key] === button.dataset.value));
    }
    const isOpen = Boolean(state.page);
    for (const part of [this.views, this.version]) part.hidden = !isOpen;
    this.looks.hidden = !isOpen || state.view !== "mail";
    this.paintPeople(state, people);
    fill(this.version, h("option", { value: "" }, "Compare with…"), h("option", { value: "sent" }, "As last sent"),
      (data?.revisions ?? []).map((one) => h("option", { value: one.name }, `${one.date} ${one.subject}`)),
      state.version && state.version !== "sent" && !(data?.revisions ?? []).some((one) => one.name === state.version) ? h("option", { value: state.version }, state.version) : null);
    this.version.value = state.version;
  }

  paintPeople(state, people) {
    const known = [...people, ...this.found];
    const groups = [...new Set(known.map((one) => one.group))];
    fill(this.persona, groups.map((name) => h("optgroup", { label: name }, known.filter((one) => one.group === name).map((one) => h("option", { value: one === known[0] ? "" : one.key }, one.label)))),
      state.persona && !known.slice(1).some((one) => one.key === state.persona) ? h("option", { value: state.persona }, state.persona) : null);
    this.persona.value = state.persona;
  }

  async findPeople() {
    const wanted = this.search.value.trim();
    if (!wanted) return;
    this.found = (await load("people", { search: wanted }).catch(() => ({ people: [] }))).people;
    this.search.setCustomValidity(this.found.length ? "" : "Nobody found");
    this.search.reportValidity();
    if (this.found.length) this.change({ persona: this.found[0].key });
  }

  say(text, isWell) {
    this.live.textContent = text;
    this.live.classList.toggle("lost", !isWell);
  }
}

function group(label, buttons) {
  return h("div", { class: "segments", role: "group", "aria-label": label }, buttons);
}
