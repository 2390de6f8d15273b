// Builds DOM without markup in strings: nothing an author writes can become markup here.

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name in element && typeof value === "boolean") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Replaces the children only when they differ, so that focus and scrolling survive a save that changes nothing here.
export function fill(parent, ...children) {
  const fresh = document.createElement(parent.tagName);
  fresh.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  if (fresh.isEqualNode(emptied(parent))) return;
  if (parent.childNodes.length && parent.innerHTML === fresh.innerHTML) return;
  parent.replaceChildren(...fresh.childNodes);
}

function emptied(parent) {
  return parent.cloneNode(false);
}

// A sentence whose `words in backticks` are code.
export function prose(text) {
  return (text ?? "").split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

export function kilobytes(bytes) {
  if (bytes === null || bytes === undefined) return "…";
  return bytes < 10000 ? `${(bytes / 1000).toFixed(1)} kB` : `${Math.round(bytes / 1000)} kB`;
}

export function counted(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

export function place(finding) {
  return finding.path ? finding.path + (finding.line ? `:${finding.line}` : "") : "";
}
