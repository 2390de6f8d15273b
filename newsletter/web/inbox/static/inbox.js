// New mail appears in the list without a reload; without this script, reloading does the same.
const news = document.getElementById("news");
let under_way = false;
let again = false;

async function refresh() {
  if (under_way) {
    again = true;
    return;
  }
  under_way = true;
  const answer = await fetch(location.href);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const list = document.getElementById("list");
  const focused = document.activeElement?.getAttribute?.("href");
  list.replaceChildren(...fresh.getElementById("list").childNodes);
  if (focused) list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  news.textContent = list.querySelector(".count").textContent;
  under_way = false;
  if (again) {
    again = false;
    refresh();
  }
}

new EventSource("/events").addEventListener("message", refresh);
