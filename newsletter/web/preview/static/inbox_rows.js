// How a page arrives: the row in Gmail on a desktop and the row on a phone, cut by width as they cut it.

import { counted, h, prose } from "./elements.js";
import { addressOf } from "./address.js";
import { badges, day, moment } from "./timeline.js";

const SHORT = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

export function gmailRow(mail) {
  return h("div", { class: "gmail-row" },
    h("span", { class: "from" }, mail.sender),
    h("span", { class: "line" }, h("b", {}, mail.subject), h("span", {}, mail.preheader ? ` - ${mail.preheader}` : "")),
    h("span", { class: "date" }, mail.due ? SHORT.format(moment(mail.due)) : ""));
}

export function phoneRow(mail) {
  return h("div", { class: "phone-row" },
    h("span", { class: "avatar", "aria-hidden": "true" }, initial(mail.sender)),
    h("span", { class: "from" }, mail.sender), h("span", { class: "date" }, mail.due ? SHORT.format(moment(mail.due)) : ""),
    h("b", {}, mail.subject), h("span", { class: "pre" }, mail.preheader));
}

export function initial(name) {
  return [...(name.trim() || "?")][0].toUpperCase();
}

// The middle of the screen while no page is chosen: the whole series as its reader will find it.
export function overview(state, data) {
  const shown = data.series.filter((one) => !state.series || one.name === state.series);
  return [aboutTheProject(data.project ?? []), ...shown.map((series) => {
    const sent = series.pages.filter((page) => page.due);
    const drafts = series.pages.filter((page) => page.draft).length;
    const days = sent.length ? Math.round((moment(sent.at(-1).due) - moment(sent[0].due)) / 864e5) + 1 : 0;
    const facts = [counted(sent.length, "mail"), days > 1 ? `over ${days} days` : "", drafts ? `${counted(drafts, "draft")} held back` : "",
      series.broken.length ? `${series.broken.length} unreadable` : ""].filter(Boolean);
    return h("section", { class: "overview" },
      h("header", {}, h("h1", {}, series.title), h("p", {}, facts.join(" · "), ` · from ${series.sender} <${series.address}>`)),
      h("div", { class: "inboxes" },
        h("div", { class: "gmail" }, h("h2", {}, "Gmail on a desktop"), h("ol", {}, series.pages.map((page) => overviewRow(page, state, gmailRow({ ...page, sender: series.sender }))))),
        h("div", { class: "phone-inbox" }, h("h2", {}, "On a phone"), sent.length ? null : h("p", { class: "dim" }, "Nothing arrives: no page would be sent."), h("ol", {}, series.pages.filter((page) => page.due).map((page) => overviewRow(page, state, phoneRow({ ...page, sender: series.sender })))))));
  })];
}

function aboutTheProject(findings) {
  if (!findings.length) return null;
  return h("section", { class: "about-the-project" }, h("h2", {}, "In every mail"),
    h("ul", {}, findings.map((finding) => h("li", {}, h("span", { class: `badge ${finding.severity}` }, finding.severity),
      h("span", {}, prose(finding.message), " ", h("span", { class: "remedy" }, prose(finding.remedy)))))));
}

function overviewRow(page, state, row) {
  const isPhone = row.classList.contains("phone-row");
  return h("li", { class: page.draft ? "draft" : "" },
    isPhone ? null : h("span", { class: "on" }, page.due ? day(page.due) : page.draft ? "draft" : "–"),
    h("a", { href: addressOf({ ...state, page: page.page }), "data-page": page.page }, row),
    isPhone ? null : h("span", { class: "at-a-glance" }, badges(page.counts)));
}
