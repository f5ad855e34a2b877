// One point of a chart takes the page's order of focus; arrows go from point to point: along a line,
// and up and down to the next line at the same place.
function stepped(points, at, key) {
  const own = points.filter(p => p.line === at.line && isSeen(p));
  const k = own.indexOf(at);
  if (key === "ArrowRight") return own[k + 1] ?? at;
  if (key === "ArrowLeft") return own[k - 1] ?? at;
  if (key === "Home") return own[0];
  if (key === "End") return own[own.length - 1];
  const lines = [...new Set(points.filter(isSeen).map(p => p.line))];
  const next = lines[lines.indexOf(at.line) + (key === "ArrowDown" ? 1 : -1)];
  const there = points.filter(p => p.line === next);
  return there.length ? there.reduce((a, b) => Math.abs(b.x - at.x) < Math.abs(a.x - at.x) ? b : a) : at;
}

const STEPS = ["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"];

function readByKeys(chart, points) {
  for (const point of points) {
    point.element.addEventListener("focus", () => {
      for (const other of points) other.element.setAttribute("tabindex", other === point ? 0 : -1);
      show(chart, point);
    });
    point.element.addEventListener("blur", () => hush(chart));
    point.element.addEventListener("keydown", event => {
      if (event.key === "Escape") hush(chart);
      if (!STEPS.includes(event.key)) return;
      event.preventDefault();
      stepped(points, point, event.key).element.focus();
    });
  }
}
