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

export function listen(changed, state) {
  if (isExported) return;
  const events = new EventSource("events");
  events.addEventListener("open", () => state(true));
  events.addEventListener("error", () => state(false));
  events.addEventListener("message", (event) => changed(JSON.parse(event.data)));
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
