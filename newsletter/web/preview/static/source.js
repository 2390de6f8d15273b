// Where the data comes from: the running preview, or the files of an export.

export const isExported = document.documentElement.hasAttribute("data-exported");

export async function load(name, query = {}) {
  if (isExported) return loadExported(name, query);
  const wanted = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  const answer = await fetch(`data/${name}?${wanted}`);
  const data = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(data.error.message), { finding: data.error });
  return data;
}

export async function sendTest(page, persona, to) {
  const answer = await fetch("send", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ page, persona, to }),
  });
  const data = await answer.json().catch(() => ({ error: { message: "The preview did not answer." } }));
  if (!answer.ok) throw Object.assign(new Error(data.error.message), { finding: data.error });
  return data.reply;
}

// Calls `take` with what the preview announces, and `tell` with whether it can be reached. A browser opens six
// connections to a server at most, so only one tab listens and hands on to the others what it hears.
export function listen(take, tell) {
  if (isExported) return;
  const channel = "locks" in navigator ? new BroadcastChannel("newsletter-preview") : null;
  let last = null;
  const hear = (heard) => {
    if ("isWell" in heard) tell(heard.isWell);
    if (heard.news) take(heard.news);
  };
  const say = (heard) => {
    channel?.postMessage(heard);
    hear(heard);
  };
  const lead = () => {
    const events = new EventSource("events");
    events.addEventListener("open", () => say({ isWell: true }));
    events.addEventListener("error", () => say({ isWell: false }));
    events.addEventListener("message", (event) => {
      last = JSON.parse(event.data);
      say({ news: last });
    });
    channel?.addEventListener("message", ({ data }) => {
      if (data.isNew && last) channel.postMessage({ isWell: events.readyState === EventSource.OPEN, news: { count: last.count } });
    });
    return new Promise(() => {}); // for as long as this tab is there
  };
  if (!channel) return void lead();
  channel.addEventListener("message", ({ data }) => data.isNew || hear(data));
  channel.postMessage({ isNew: true });
  navigator.locks.request("newsletter-preview", lead);
}

// A file opened from a disk may not fetch others, but it may load scripts that lie beside it.
const exportedData = new Map();
window.previewData = (name, data) => exportedData.set(name, data);

async function loadExported(name, query) {
  const file = name === "page" ? `${query.page.replaceAll("/", "--")}--${query.persona || "first"}` : name;
  if (!exportedData.has(file)) {
    await new Promise((done) => {
      const script = document.createElement("script");
      script.src = `data/${encodeURIComponent(file)}.js`;
      script.addEventListener("load", done);
      script.addEventListener("error", done);
      document.head.append(script);
    });
  }
  const data = exportedData.get(file);
  if (!data) throw new Error("This is not part of the export.");
  return data;
}
