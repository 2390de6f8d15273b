// A frame that shows a mail. Its sandbox allows no scripts, forms, popups or navigation; it shares our origin only so
// that this page can keep its scroll position and change how the mail looks.

import { h } from "./elements.js";
import { invertColours } from "./inversion.js";

export function makeFrame(title) {
  return h("iframe", { title, sandbox: "allow-same-origin", class: "mail" });
}

export function showMail(frame, html, look, keepScroll) {
  const view = frame.contentWindow;
  const scroll = keepScroll ? [view.scrollX, view.scrollY] : [0, 0];
  const page = frame.contentDocument;
  page.open();
  page.write(html);
  page.close();
  dress(page, look);
  view.scrollTo(...scroll);
}

function dress(page, look) {
  // Links lead nowhere: their target is a new window, and the sandbox opens none.
  page.head.append(Object.assign(page.createElement("base"), { target: "_blank" }));
  for (const element of page.querySelectorAll("[target]")) element.removeAttribute("target");
  if (look.styles === "off") for (const style of page.querySelectorAll("style, link")) style.remove();
  for (const sheet of page.styleSheets) settleScheme(sheet.cssRules, look.scheme === "dark");
  page.documentElement.style.colorScheme = look.scheme === "dark" ? "dark" : "light";
  if (look.images === "off") for (const picture of page.images) withoutPicture(picture);
  if (look.scheme === "inverted") invertColours(page.documentElement);
}

// The mail shall answer to the switch on the screen, not to the author's own system.
function settleScheme(rules, isDark) {
  for (const rule of rules) {
    if (rule.media?.mediaText.includes("prefers-color-scheme")) {
      rule.media.mediaText = rule.media.mediaText
        .replace(/\(\s*prefers-color-scheme\s*:\s*dark\s*\)/g, isDark ? "(min-width: 0px)" : "(max-width: 0px)")
        .replace(/\(\s*prefers-color-scheme\s*:\s*light\s*\)/g, isDark ? "(max-width: 0px)" : "(min-width: 0px)");
    }
    if (rule.cssRules) settleScheme(rule.cssRules, isDark);
  }
}

function withoutPicture(picture) {
  picture.removeAttribute("srcset");
  picture.src = "data:image/png,";
  for (const element of [picture, picture.parentElement]) element?.removeAttribute("background");
}
