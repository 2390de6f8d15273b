// Keyboard shortcuts, and the sheet that lists them. They can be switched off (WCAG 2.1.4).

import { h } from "./elements.js";
import { remember, remembered } from "./panel.js";

export const KEYS = [
  ["j", "Next page"], ["k", "Page before"], ["o", "Overview of the series"],
  ["m", "Mail"], ["t", "Plain text"], ["s", "Source"], ["h", "Headers and parts"],
  ["1 – 4", "Phone, pane, tablet, desktop"], ["d", "Light, dark, inverted"], ["i", "Images off"], ["y", "Style tags stripped"],
  ["z", "200 % zoom"], ["p", "Next reader"], ["c", "Compare with the version before"], ["/", "Find in the source"], ["e", "Send a test"], ["?", "This sheet"],
];

export function makeSheet() {
  const isOff = h("input", { type: "checkbox", onchange: (event) => remember("keys", event.currentTarget.checked ? "off" : "") });
  isOff.checked = remembered("keys") === "off";
  const sheet = h("dialog", { class: "sheet", "aria-labelledby": "sheet-title" },
    h("form", { method: "dialog" }, h("h2", { id: "sheet-title" }, "Keyboard shortcuts"), h("button", { "aria-label": "Close" }, "Close")),
    h("dl", {}, KEYS.map(([key, what]) => h("div", {}, h("dt", {}, key.split(" ").map((one) => (one === "–" ? one : h("kbd", {}, one)))), h("dd", {}, what)))),
    h("label", { class: "keys-off" }, isOff, " Switch single-key shortcuts off"));
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
  return sheet;
}

export function listenForKeys(act) {
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea, [contenteditable]");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (remembered("keys") === "off" && event.key !== "?") return;
    if (act(event.key)) event.preventDefault();
  });
}
