// What is looked at, and how, stands in the address bar, so that a view can be linked.

const isNarrow = window.matchMedia("(max-width: 760px)").matches; // on a phone a tablet's mail is too small to read

export const USUAL = {
  page: "", series: "", view: "mail", width: isNarrow ? "375" : "768", scheme: "light", images: "on", styles: "on", zoom: "100",
  persona: "", version: "", source: "mail", line: "", start: "", zone: "", cadence: "", at: "",
};

const CHOICES = {
  view: ["mail", "text", "source", "message"],
  scheme: ["light", "dark", "inverted"],
  images: ["on", "off"],
  styles: ["on", "off"],
  zoom: ["100", "200"],
  source: ["mail", "page"],
};

export function readAddress() {
  const given = new URLSearchParams(location.search);
  const state = { ...USUAL };
  for (const key of Object.keys(USUAL)) {
    const value = given.get(key);
    if (value !== null && (!CHOICES[key] || CHOICES[key].includes(value))) state[key] = value;
  }
  if (!/^\d{3,4}$/.test(state.width)) state.width = USUAL.width;
  return state;
}

export function addressOf(state) {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(state)) if (value !== USUAL[key]) parts.set(key, value);
  const query = parts.toString().replaceAll("%2F", "/").replaceAll("%3A", ":");
  return query ? `?${query}` : location.pathname.split("/").pop() || "./";
}

export function writeAddress(state, isNew) {
  const address = addressOf(state);
  if (address === (location.search || location.pathname.split("/").pop() || "./")) return;
  if (isNew) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}
