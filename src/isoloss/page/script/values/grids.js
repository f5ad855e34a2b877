function refinedAxis(axis, steps) {
  const fine = [];
  for (let k = 0; k + 1 < axis.length; k++)
    for (let s = 0; s < steps; s++) fine.push(axis[k] + (axis[k + 1] - axis[k]) * s / steps);
  return Float64Array.from([...fine, axis[axis.length - 1]]);
}

const toUnit = axis => {
  const low = axis[0], span = axis[axis.length - 1] - low;
  return axis.map(v => span > 0 ? 2 * (v - low) / span - 1 : 0);
};

// Bilinear between the points of a coarse grid. Of the fine points of either axis `at` is the coarse
// one before each, and `part` how far it lies towards the next.
function refined(values, columns, down, across) {
  const n = down.at.length, m = across.at.length, fine = new Float64Array(n * m);
  for (let r = 0, k = 0; r < n; r++) {
    const row = down.at[r] * columns, p = down.part[r], below = p ? columns : 0;
    for (let c = 0; c < m; c++, k++) {
      const at = row + across.at[c], q = across.part[c];
      const low = p ? values[at] * (1 - p) + values[at + below] * p : values[at];
      fine[k] = q ? low * (1 - q) + (p ? values[at + 1] * (1 - p) + values[at + below + 1] * p : values[at + 1]) * q : low;
    }
  }
  return fine;
}

function placesOf(count, place) {
  const at = new Int32Array(count), part = new Float64Array(count);
  for (let k = 0; k < count; k++) [at[k], part[k]] = place(k);
  return { at, part };
}

const split = (points, steps) => placesOf((points - 1) * steps + 1, k => [Math.floor(k / steps), k % steps / steps]);
const nearest = (points, steps) => placesOf((points - 1) * steps + 1, k => [Math.floor((k + (steps >> 1)) / steps), 0]);

function strided(points, stride) {
  const coarse = every(stride, points);
  return placesOf(points, k => {
    const at = Math.min(Math.floor(k / stride), coarse.length - 1), from = coarse[at], to = coarse[at + 1] ?? from;
    return [at, to > from ? (k - from) / (to - from) : 0];
  });
}

function every(stride, points) {
  const found = [];
  for (let k = 0; k < points; k += stride) found.push(k);
  if (found[found.length - 1] !== points - 1) found.push(points - 1);
  return found;
}

// The derivative along rows (`step` apart in memory) of values on an axis; one-sided beside holes.
function derivative(axis, values, count, lines, step, lineStep, most = 6e4) {
  const slopes = new Float32Array(values.length), n = count;
  if (n < 2) return slopes;
  const secant = new Float64Array(n - 1), slope = new Float64Array(n);
  for (let line = 0; line < lines; line++) {
    const at = line * lineStep;
    for (let k = 0; k < n - 1; k++) secant[k] = (values[at + (k + 1) * step] - values[at + k * step]) / (axis[k + 1] - axis[k]);
    for (let k = 0; k < n; k++) {
      const left = k ? secant[k - 1] : NaN, right = k < n - 1 ? secant[k] : NaN;
      const before = axis[Math.max(k, 1)] - axis[Math.max(k, 1) - 1], after = axis[Math.min(k, n - 2) + 1] - axis[Math.min(k, n - 2)];
      slope[k] = (left * after + right * before) / (before + after);
    }
    if (n > 2) {
      slope[0] = 2 * secant[0] - slope[1];
      slope[n - 1] = 2 * secant[n - 2] - slope[n - 2];
    }
    for (let k = 0; k < n; k++) {
      const left = k ? secant[k - 1] : NaN, right = k < n - 1 ? secant[k] : NaN;
      const found = Number.isNaN(slope[k]) ? (Number.isNaN(left) ? right : left) : slope[k];
      slopes[at + k * step] = Number.isNaN(found) ? 0 : clamp(found, -most, most);
    }
  }
  return slopes;
}

function placeOn(axis, value) {
  let low = 0, high = axis.length - 1;
  while (high - low > 1) { const middle = low + high >> 1; if (axis[middle] <= value) low = middle; else high = middle; }
  return [low, high > low ? clamp((value - axis[low]) / (axis[high] - axis[low]), 0, 1) : 0];
}
