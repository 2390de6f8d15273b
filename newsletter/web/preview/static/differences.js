// Two texts, line by line: what stayed, what went, what came (longest common subsequence).

const MOST_CELLS = 4_000_000;

export function differences(before, after) {
  const old = before.split("\n");
  const fresh = after.split("\n");
  let start = 0;
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) start += 1;
  let end = 0;
  while (end < old.length - start && end < fresh.length - start && old.at(-1 - end) === fresh.at(-1 - end)) end += 1;
  const middle = between(old.slice(start, old.length - end), fresh.slice(start, fresh.length - end));
  const same = (lines) => lines.map((line) => ["same", line]);
  return [...same(fresh.slice(0, start)), ...middle, ...same(fresh.slice(fresh.length - end))];
}

function between(old, fresh) {
  if (old.length * fresh.length > MOST_CELLS) {
    return [...old.map((line) => ["removed", line]), ...fresh.map((line) => ["added", line])];
  }
  const width = fresh.length + 1;
  const longest = new Uint32Array((old.length + 1) * width);
  for (let row = old.length - 1; row >= 0; row -= 1) {
    for (let column = fresh.length - 1; column >= 0; column -= 1) {
      longest[row * width + column] = old[row] === fresh[column]
        ? longest[(row + 1) * width + column + 1] + 1
        : Math.max(longest[(row + 1) * width + column], longest[row * width + column + 1]);
    }
  }
  const lines = [];
  let [row, column] = [0, 0];
  while (row < old.length || column < fresh.length) {
    if (row < old.length && column < fresh.length && old[row] === fresh[column]) {
      lines.push(["same", fresh[column]]);
      row += 1;
      column += 1;
    } else if (column >= fresh.length || (row < old.length && longest[(row + 1) * width + column] >= longest[row * width + column + 1])) {
      lines.push(["removed", old[row]]);
      row += 1;
    } else {
      lines.push(["added", fresh[column]]);
      column += 1;
    }
  }
  return lines;
}
