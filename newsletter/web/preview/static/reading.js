// The mail as text, as source with search, and as the message that goes over the wire.

import { counted, fill, h, kilobytes } from "./elements.js";
import { differences } from "./differences.js";
import { emlAddress } from "./panel.js";

export class TextView {
  constructor() {
    this.element = h("div", { class: "reading text-view", hidden: true, tabindex: "0", role: "region", "aria-label": "Plain text" });
  }

  paint(state, data, older) {
    const text = data?.text ?? "";
    fill(this.element, h("pre", { dir: "auto" }, state.version && older?.text !== undefined ? diffLines(older.text, text) : text || "There is no plain text."));
  }
}

export class SourceView {
  constructor(change) {
    this.change = change;
    this.search = h("input", { type: "search", placeholder: "Find", "aria-label": "Find in the source", oninput: () => this.find(), onkeydown: (event) => this.step(event) });
    this.count = h("span", { class: "dim", role: "status" });
    this.choices = ["mail", "page"].map((name) => h("button", { type: "button", "data-source": name, onclick: () => change({ source: name, line: "" }) }, name === "mail" ? "HTML of the mail" : "Page file"));
    this.code = h("ol", { class: "code" });
    this.scroller = h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Source" }, this.code);
    this.element = h("div", { class: "reading source-view", hidden: true },
      h("div", { class: "bar" }, h("div", { class: "segments", role: "group", "aria-label": "Which source" }, this.choices), this.search, this.count), this.scroller);
    this.marks = [];
    this.at = 0;
  }

  paint(state, data, older) {
    for (const button of this.choices) button.setAttribute("aria-pressed", String(button.dataset.source === state.source));
    const key = state.source === "page" ? "source" : "code";
    const text = data?.[key] ?? "";
    const shown = JSON.stringify([state.source, state.line, text, state.version, older?.[key]]);
    if (shown === this.shown) return;
    this.shown = shown;
    const before = state.version ? older?.[key] : undefined;
    const lines = before === undefined ? text.split("\n").map((line) => ["same", line]) : differences(before, text);
    this.code.replaceChildren(...lines.map(([kind, line], index) => h("li", { class: `${kind} ${String(index + 1) === state.line ? "target" : ""}` }, h("code", {}, line || " "))));
    this.find();
    this.code.querySelector(".target")?.scrollIntoView({ block: "center" });
  }

  find() {
    for (const mark of this.marks) mark.replaceWith(...mark.childNodes);
    this.code.normalize();
    this.marks = [];
    this.at = -1;
    const wanted = this.search.value.toLowerCase();
    if (wanted.length > 1) for (const code of this.code.querySelectorAll("code")) this.markLine(code, wanted);
    this.count.textContent = wanted.length > 1 ? counted(this.marks.length, "place") : "";
    this.go(1);
  }

  markLine(code, wanted) {
    let node = code.firstChild;
    while (node) {
      const index = node.data.toLowerCase().indexOf(wanted);
      if (index < 0) return;
      const found = node.splitText(index);
      node = found.splitText(wanted.length);
      const mark = h("mark", {});
      found.replaceWith(mark);
      mark.append(found);
      this.marks.push(mark);
    }
  }

  step(event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    this.go(event.shiftKey ? -1 : 1);
  }

  go(step) {
    if (!this.marks.length) return;
    this.marks[this.at]?.classList.remove("current");
    this.at = (this.at + step + this.marks.length) % this.marks.length;
    this.marks[this.at].classList.add("current");
    this.marks[this.at].scrollIntoView({ block: "center" });
    this.count.textContent = `${this.at + 1} of ${counted(this.marks.length, "place")}`;
  }
}

export class MessageView {
  constructor() {
    this.element = h("div", { class: "reading message-view", hidden: true, tabindex: "0", role: "region", "aria-label": "The message as it is sent" });
  }

  paint(state, data) {
    if (!data?.headers) return fill(this.element, h("p", { class: "dim" }, "There is no message."));
    fill(this.element,
      h("h2", {}, "Envelope"),
      h("dl", { class: "headers" }, h("dt", {}, "MAIL FROM"), h("dd", {}, data.envelope.sender), h("dt", {}, "RCPT TO"), h("dd", {}, data.envelope.recipient)),
      h("h2", {}, "Headers"),
      h("dl", { class: "headers" }, data.headers.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      h("h2", {}, "Parts"),
      h("ul", { class: "tree" }, data.parts.map((part) => {
        const row = h("li", {}, h("code", {}, part.media_type), " ", h("span", { class: "dim" }, [part.encoding, part.size ? kilobytes(part.size) : "", part.content_id ? `cid:${part.content_id}` : ""].filter(Boolean).join(" · ")));
        row.style.setProperty("--depth", part.depth);
        return row;
      })),
      h("p", {}, h("a", { class: "button", href: emlAddress(state), download: true }, `Download .eml (${kilobytes(data.bytes)})`)),
      h("p", { class: "dim" }, "Links are signed with a key for examples, and the message carries no DKIM signature; both are added when it is sent."));
  }
}

function diffLines(before, after) {
  return differences(before, after).map(([kind, line]) => h(kind === "added" ? "ins" : kind === "removed" ? "del" : "span", {}, `${line}\n`));
}
