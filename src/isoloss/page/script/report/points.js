// The points of one chart, and where they are in its drawing.
function pointsOf(chart) {
  return [...chart.querySelectorAll(".point")].map(element => {
    const [x, y] = element.getAttribute("transform").match(/-?[\d.]+/g).map(Number);
    return { element, x, y, line: element.parentNode };
  });
}

// Where an event is in a chart's drawing, and how long a pixel is there.
function placeIn(chart, event) {
  const box = chart.getBoundingClientRect(), size = chart.viewBox.baseVal;
  const scale = size.width / box.width;
  return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale, scale };
}

const isSeen = point => point.element.getClientRects().length > 0;

// The nearest of some points that is no farther than `reach`.
function nearest(points, x, y, reach) {
  let best = null, least = reach;
  for (const point of points) {
    const far = Math.hypot(point.x - x, point.y - y);
    if (far < least && isSeen(point)) { best = point; least = far; }
  }
  return best;
}

// The share of a line that is certified within a radius.
function certifiedWithin(steps, radius) {
  let share = steps[0][1];
  for (const [from, left] of steps) { if (from > radius) break; share = left; }
  return share;
}
