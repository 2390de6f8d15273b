// The right side: what there is to know about the open page.

import { counted, fill, h, kilobytes, place, prose } from "./elements.js";
import { phoneRow } from "./inbox_rows.js";
import { isExported, sendTest } from "./source.js";

export class Panel {
  constructor(change) {
    this.change = change;
    this.parts = Object.fromEntries(["inbox", "findings", "size", "reader", "page"].map((name) => [name, h("div", {})]));
    this.titles = { findings: h("span", {}, "Findings") };
    this.send = new SendTest();
    this.onlyWithMail = [
      section("Merged for", this.parts.reader),
      isExported ? null : section("Send a test", this.send.element),
      section("This page", this.parts.page),
    ].filter(Boolean);
    this.element = h("aside", { class: "panel", "aria-label": "About this page" },
      section("In the inbox", this.parts.inbox),
      section(this.titles.findings, this.parts.findings),
      section("Size", this.parts.size),
      ...this.onlyWithMail);
  }

  paint(state, data, due) {
    this.element.hidden = !data;
    if (!data) return;
    for (const part of this.onlyWithMail) part.hidden = data.path === undefined;
    const mail = { sender: data.sender ?? "", subject: data.subject ?? data.title ?? "", preheader: data.preheader ?? "", due };
    fill(this.parts.inbox, data.subject === undefined ? h("p", { class: "dim" }, "No mail yet.")
      : [h("div", { class: "phone-box" }, phoneRow(mail)),
        h("p", { class: "dim" }, `Subject ${counted([...mail.subject].length, "character")}, preheader ${counted([...mail.preheader].length, "character")}`)]);
    this.paintFindings(data);
    this.paintSize(data);
    fill(this.parts.reader, data.values ? h("dl", {}, Object.entries(data.values).map(([name, value]) => [h("dt", {}, name), h("dd", { dir: "auto" }, value)])) : null);
    fill(this.parts.page, h("dl", {},
      h("dt", {}, "File"), h("dd", { class: "place" }, data.path ?? ""),
      h("dt", {}, "State"), h("dd", {}, data.draft ? "Draft: never sent" : "Sent in its turn"),
      data.lang ? [h("dt", {}, "Language"), h("dd", {}, data.lang)] : null),
      data.html === undefined ? null : h("p", {}, h("a", { class: "button", href: emlAddress(state), download: true }, "Download .eml")));
    this.send.page = state.page;
    this.send.persona = state.persona;
    this.send.isDraft = data.draft;
  }

  paintFindings(data) {
    const all = data.findings ?? [];
    const [own, shared] = [all.filter((one) => !isShared(one)), all.filter(isShared)];
    this.titles.findings.textContent = own.length ? `Findings (${own.length})` : "Findings";
    fill(this.parts.findings,
      own.length ? this.list(own, data) : h("p", { class: "all-well" }, "Nothing to mend on this page."),
      shared.length ? [h("h2", {}, "In every mail"), this.list(shared, data)] : null);
    for (const button of this.parts.findings.querySelectorAll("button[data-line]")) {
      button.onclick = () => this.change({ view: "source", source: "page", line: button.dataset.line }, true);
    }
  }

  list(findings, data) {
    return h("ul", { class: "findings" }, findings.map((finding) => h("li", { class: finding.severity },
      h("span", { class: `badge ${finding.severity}` }, finding.severity),
      h("span", { class: "message" }, prose(finding.message)),
      place(finding) ? this.placeButton(finding, data) : null,
      finding.remedy ? h("span", { class: "remedy" }, prose(finding.remedy)) : null,
      h("code", { class: "rule" }, finding.code))));
  }

  placeButton(finding, data) {
    const isHere = finding.line && finding.path === data.path;
    return isHere ? h("button", { type: "button", class: "place", "data-line": finding.line, title: "Show this line" }, place(finding)) : h("span", { class: "place" }, place(finding));
  }

  paintSize(data) {
    if (data.html_bytes === undefined) return fill(this.parts.size, h("p", { class: "dim" }, "Nothing to weigh."));
    const share = data.html_bytes / data.clips_at;
    const level = share >= 1 ? "error" : share >= 0.8 ? "warning" : "good";
    const total = data.weights.reduce((sum, one) => sum + one.size, 0) || 1;
    const bar = h("div", { class: `meter ${level}`, role: "img", "aria-label": `${Math.round(share * 100)} % of what Gmail shows` }, h("i", {}));
    bar.firstChild.style.width = `${Math.min(100, share * 100)}%`;
    fill(this.parts.size,
      h("p", {}, h("b", {}, kilobytes(data.html_bytes)), ` of HTML, ${Math.round(share * 100)} % of the 102 kB at which Gmail clips`),
      bar,
      h("ul", { class: "weights" }, data.weights.map((one) => {
        const line = h("li", {}, h("span", {}, one.name), h("i", {}), h("span", {}, kilobytes(one.size)));
        line.children[1].style.setProperty("--share", `${(100 * one.size) / total}%`);
        return line;
      })),
      h("p", { class: "dim" }, `${kilobytes(data.bytes)} in transit, both parts and embedded pictures`));
  }
}

// What the settings bring is the same in every mail.
function isShared(finding) {
  return finding.path === "newsletter.toml";
}

export function emlAddress(state) {
  if (isExported) return `mails/${state.page.replaceAll("/", "--")}.eml`;
  return `message.eml?${new URLSearchParams({ page: state.page, persona: state.persona })}`;
}

function section(title, content) {
  return h("details", { open: true }, h("summary", {}, title), content);
}

class SendTest {
  constructor() {
    this.to = h("input", { type: "email", required: true, placeholder: "you@example.com", "aria-label": "Send to", autocomplete: "email" });
    this.button = h("button", { type: "submit" }, "Send");
    this.answer = h("p", { role: "status", class: "answer" });
    this.element = h("form", { class: "send", onsubmit: (event) => this.submit(event) }, h("div", { class: "send-line" }, this.to, this.button), this.answer);
    this.to.value = remembered("send-to");
  }

  async submit(event) {
    event.preventDefault();
    this.button.disabled = true;
    this.answer.className = "answer";
    this.answer.textContent = "Sending…";
    try {
      const reply = await sendTest(this.page, this.persona, this.to.value);
      this.answer.textContent = `Sent${this.isDraft ? ", marked as a draft" : ""}: ${reply}`;
      remember("send-to", this.to.value);
    } catch (error) {
      this.answer.className = "answer failed";
      this.answer.textContent = [error.message, error.finding?.remedy].filter(Boolean).join(" ");
    }
    this.button.disabled = false;
  }
}

export function remembered(name) {
  try {
    return localStorage.getItem(`newsletter-preview:${name}`) ?? "";
  } catch {
    return ""; // storage is switched off
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`newsletter-preview:${name}`, value);
  } catch {
    // storage is switched off; nothing depends on it
  }
}
