// What Gmail and Outlook apps do to mails in dark mode, as react-email and Maizzle model it: in CIE LCH, light
// backgrounds become dark (L ≥ 50 → 50 − 0.75 (L − 50)), dark text light, and chroma drops to four fifths.

const CHROMA = 0.8;
const SLOPE = 0.75;

export function invertColours(root) {
  const view = root.ownerDocument.defaultView;
  const changes = [];
  for (const element of [root, ...root.querySelectorAll("*")]) {
    const style = view.getComputedStyle(element);
    const background = parseColour(style.backgroundColor);
    if (background && background[3] > 0) changes.push([element, "background-color", darkened(background)]);
    const colour = parseColour(style.color);
    if (colour) changes.push([element, "color", lightened(colour)]);
    for (const side of ["top", "right", "bottom", "left"]) {
      if (parseFloat(style.getPropertyValue(`border-${side}-width`)) > 0) {
        const border = parseColour(style.getPropertyValue(`border-${side}-color`));
        if (border) changes.push([element, `border-${side}-color`, darkened(border)]);
      }
    }
  }
  // Measured first, written after: writing in between would hand inverted colours down and invert them again.
  for (const [element, property, value] of changes) element.style.setProperty(property, value, "important");
  if (parseColour(view.getComputedStyle(root).backgroundColor)?.[3] === 0) {
    root.style.setProperty("background-color", darkened([255, 255, 255, 1]), "important");
  }
}

export function darkened(rgba) {
  const [light, a, b] = labOf(rgba);
  const changed = light >= 50 ? 50 - SLOPE * (light - 50) : light;
  return light >= 50 ? cssOf(changed, a * CHROMA, b * CHROMA, rgba[3]) : cssOf(light, a, b, rgba[3]);
}

export function lightened(rgba) {
  const [light, a, b] = labOf(rgba);
  return light < 50 ? cssOf(50 + SLOPE * (50 - light), a * CHROMA, b * CHROMA, rgba[3]) : cssOf(light, a, b, rgba[3]);
}

function parseColour(text) {
  const numbers = text.match(/^rgba?\(([^)]*)\)$/)?.[1].split(/[\s,/]+/).map(Number);
  return numbers && numbers.length >= 3 ? [numbers[0], numbers[1], numbers[2], numbers[3] ?? 1] : null;
}

// sRGB → XYZ (D65) → CIE Lab and back: IEC 61966-2-1, CIE 15.
const WHITE = [0.95047, 1, 1.08883];

function labOf([red, green, blue]) {
  const [r, g, b] = [red, green, blue].map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const [x, y, z] = [
    0.4124564 * r + 0.3575761 * g + 0.1804375 * b,
    0.2126729 * r + 0.7151522 * g + 0.072175 * b,
    0.0193339 * r + 0.119192 * g + 0.9503041 * b,
  ].map((value, index) => {
    const share = value / WHITE[index];
    return share > 216 / 24389 ? Math.cbrt(share) : ((24389 / 27) * share + 16) / 116;
  });
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function cssOf(light, a, b, alpha) {
  const fy = (light + 16) / 116;
  const [x, y, z] = [fy + a / 500, fy, fy - b / 200].map((value, index) => {
    const cube = value ** 3;
    return WHITE[index] * (cube > 216 / 24389 ? cube : (116 * value - 16) / (24389 / 27));
  });
  const channels = [
    3.2404542 * x - 1.5371385 * y - 0.4985314 * z,
    -0.969266 * x + 1.8760108 * y + 0.041556 * z,
    0.0556434 * x - 0.2040259 * y + 1.0572252 * z,
  ].map((value) => {
    const bounded = Math.min(1, Math.max(0, value));
    return Math.round(255 * (bounded <= 0.0031308 ? 12.92 * bounded : 1.055 * bounded ** (1 / 2.4) - 0.055));
  });
  return `rgba(${channels.join(", ")}, ${alpha})`;
}
