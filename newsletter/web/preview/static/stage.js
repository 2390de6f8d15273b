// The middle of the screen: the mail in its device, or beside an older version of itself.

import { counted, fill, h, place, prose } from "./elements.js";
import { makeFrame, showMail } from "./mail_frame.js";
import { isExported } from "./source.js";

export const DEVICES = [
  { name: "Phone", width: 375, height: 760, key: "1" },
  { name: "Pane", width: 600, height: 0, key: "2" },
  { name: "Tablet", width: 768, height: 0, key: "3" },
  { name: "Desktop", width: 1024, height: 0, key: "4" },
];
const NARROWEST = 240;
const WIDEST = 1600;

export class Stage {
  constructor(change) {
    this.change = change;
    this.now = this.makeDevice("The mail");
    this.before = this.makeDevice("The mail as it was");
    this.grip = h("div", {
      class: "grip", role: "slider", tabindex: "0", "aria-label": "Width of the mail", "aria-orientation": "horizontal",
      "aria-valuemin": NARROWEST, "aria-valuemax": WIDEST, title: "Drag to change the width",
      onpointerdown: (event) => this.drag(event), onkeydown: (event) => this.nudge(event),
    });
    this.now.device.append(this.grip);
    this.errorCard = h("div", { class: "error-card", role: "alert" });
    this.scaleNote = h("p", { class: "scale-note", "aria-live": "off" });
    this.element = h("div", { class: "stage", hidden: true }, this.before.column, this.now.column);
    new ResizeObserver(() => this.fit()).observe(this.element);
  }

  makeDevice(title) {
    const frame = makeFrame(title);
    const device = h("div", { class: "device" }, h("div", { class: "glass" }, frame));
    const label = h("p", { class: "device-label" });
    const missing = h("div", { class: "no-version", hidden: true });
    return { frame, device, label, missing, column: h("section", { class: "device-column", "aria-label": title }, label, missing, device) };
  }

  paint(state, data, older) {
    this.state = state;
    const isComparing = Boolean(state.version);
    this.element.classList.toggle("comparing", isComparing);
    this.before.column.hidden = !isComparing;
    this.show(this.now, state, data);
    this.now.label.textContent = isComparing ? "Now" : "";
    if (isComparing) {
      this.show(this.before, state, older);
      this.before.label.textContent = labelOf(state.version, data);
    }
    this.paintMissing(isComparing && older?.error);
    this.paintError(data);
    this.fit();
  }

  paintMissing(error) {
    const { missing, device } = this.before;
    missing.hidden = !error;
    device.hidden = Boolean(error);
    fill(missing, error ? [h("b", {}, prose(error.message)), place(error) ? h("span", { class: "place" }, place(error)) : null, h("span", { class: "dim" }, prose(error.remedy))] : []);
  }

  show(side, state, data) {
    side.device.classList.toggle("stale", Boolean(data?.error));
    if (!data || data.html === undefined) {
      if (data?.page !== side.page) this.blank(side, data?.page);
      return;
    }
    const look = [state.scheme, state.images, state.styles].join(" ");
    if (side.html === data.html && side.look === look && side.page === data.page) return;
    showMail(side.frame, data.html, state, side.page === data.page);
    Object.assign(side, { html: data.html, look, page: data.page });
    // Writing a document takes the listeners of its window away.
    side.frame.contentWindow.addEventListener("scroll", () => this.scrollTogether(side));
  }

  scrollTogether(side) {
    const other = side === this.now ? this.before : this.now;
    if (!this.state.version || !other.html) return;
    const [from, to] = [side.frame.contentWindow, other.frame.contentWindow];
    if (Math.abs(from.scrollY - to.scrollY) > 1) to.scrollTo(to.scrollX, from.scrollY);
  }

  blank(side, page) {
    showMail(side.frame, "<!DOCTYPE html><title>Nothing to show</title>", { scheme: "light" }, false);
    Object.assign(side, { html: "", look: "", page });
  }

  paintError(data) {
    const error = data?.error;
    if (!error) {
      this.errorCard.remove();
      return;
    }
    fill(
      this.errorCard,
      h("h2", {}, data.missing ? "There is nothing to show here" : "This page can't be mailed"),
      h("p", { class: "error-message" }, prose(error.message)),
      place(error) ? h("p", { class: "place" }, place(error)) : null,
      error.excerpt?.length
        ? h("pre", { class: "excerpt", tabindex: "0", "aria-label": "The lines around it" }, error.excerpt.map((line) =>
            h("span", { class: line.hit ? "hit" : "" }, `${String(line.number).padStart(4)}  ${line.text}\n`)))
        : null,
      error.remedy ? h("p", { class: "remedy" }, prose(error.remedy)) : null,
      data.missing ? h("p", {}, h("a", { href: "./", "data-home": true }, "All pages")) : null,
      isExported || data.missing ? null : h("p", { class: "dim" }, "Save the file again: this heals by itself."),
    );
    if (!this.errorCard.isConnected) this.now.column.append(this.errorCard);
  }

  // 200 % zoom halves the width the mail is laid out in, as a browser's zoom does, so its media queries answer.
  fit() {
    if (!this.state || this.element.hidden) return;
    const zoom = Number(this.state.zoom) / 100;
    const wide = Number(this.state.width);
    const device = DEVICES.find((one) => one.width === wide);
    for (const side of [this.now, this.before]) {
      const room = side.column.clientWidth;
      if (!room) continue;
      const height = this.element.clientHeight - side.label.offsetHeight - 34;
      const scale = Math.min(1, (room - 30) / wide);
      const tall = device?.height ? Math.min(device.height, height / scale) : height / scale;
      side.device.classList.toggle("phone", wide <= 480);
      side.device.style.width = `${wide * scale}px`;
      side.device.style.height = `${Math.max(260, tall * scale)}px`;
      side.frame.style.width = `${wide / zoom}px`;
      side.frame.style.height = `${Math.max(260, tall) / zoom}px`;
      side.frame.style.transform = `scale(${scale * zoom})`;
      this.scale = scale;
    }
    this.grip.setAttribute("aria-valuenow", String(wide));
    this.grip.setAttribute("aria-valuetext", counted(wide, "pixel"));
    this.scaleNote.textContent = `${wide} px${this.scale < 0.995 ? ` · shown at ${Math.round(this.scale * 100)} %` : ""}`;
  }

  drag(event) {
    event.preventDefault();
    this.grip.setPointerCapture(event.pointerId);
    document.body.classList.add("dragging");
    const start = event.clientX;
    const width = Number(this.state.width);
    // The device is centred, so its edge moves half as far as its width.
    const factor = 2 / (this.scale || 1);
    const move = (moved) => this.resize(width + (moved.clientX - start) * factor);
    const end = () => {
      document.body.classList.remove("dragging");
      this.grip.removeEventListener("pointermove", move);
    };
    this.grip.addEventListener("pointermove", move);
    this.grip.addEventListener("pointerup", end, { once: true });
    this.grip.addEventListener("pointercancel", end, { once: true });
  }

  nudge(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageDown: -50, PageUp: 50 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    this.resize(Number(this.state.width) + step * (event.shiftKey ? 10 : 1));
  }

  resize(width) {
    this.change({ width: String(Math.round(Math.min(WIDEST, Math.max(NARROWEST, width)))) });
  }
}

export function labelOf(version, data) {
  if (version === "sent") return "As last sent";
  const revision = data?.revisions?.find((one) => one.name === version);
  return revision ? `${revision.name} · ${revision.date} · ${revision.subject}` : version;
}
