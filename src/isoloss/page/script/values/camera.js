const FLOOR = -0.22, BOX_HEIGHT = 0.9, TARGET = [0, 0, 0.13], DISTANCE = 6.3, ABOVE = 5.3, FIELD = 26 * Math.PI / 180;
const UPRIGHT = 1.15, FROM_ABOVE = 75, MARGIN = 0.9, PER_PIXEL = 0.35;

const upright = size => size[1] > UPRIGHT * size[0];
const boxUnit = size => Math.min(size[1], size[0] / (1.4 - 0.2 * clamp((size[1] / Math.max(size[0], 1) - UPRIGHT) / 0.25, 0, 1)));
const fromAbove = c => c.elevation >= FROM_ABOVE;

function axesOf(c) {
  const a = c.azimuth * Math.PI / 180, e = c.elevation * Math.PI / 180;
  const [ca, sa, ce, se] = [Math.cos(a), Math.sin(a), Math.cos(e), Math.sin(e)];
  return [[ca, sa, 0], [-sa * se, ca * se, ce], [sa * ce, -ca * ce, se]];
}

function halfExtent(c, size) {
  const half = c.distance * Math.tan(FIELD / 2), unit = boxUnit(size);
  return [half * size[0] / Math.max(unit, 1), half * size[1] / Math.max(unit, 1)];
}

const perPixel = (c, size) => 2 * halfExtent(c, size)[1] / size[1];
const eyeOf = c => { const back = axesOf(c)[2]; return c.target.map((t, k) => t + c.distance * back[k]); };

function viewMatrix(c) {
  const axes = axesOf(c), eye = eyeOf(c);
  return [...axes.flatMap(row => [...row, -dot(row, eye)]), 0, 0, 0, 1];
}

function projection(c, size) {
  const [w, h] = halfExtent(c, size), back = axesOf(c)[2];
  const centre = c.distance + dot(c.target.map((t, k) => t - TARGET[k]), back), reach = 4;
  if (c.orthographic) {
    const [near, far] = [centre - 2 * reach, centre + 2 * reach];
    return [1 / w, 0, 0, 0, 0, 1 / h, 0, 0, 0, 0, -2 / (far - near), -(far + near) / (far - near), 0, 0, 0, 1];
  }
  const near = Math.max(centre - reach, 0.01 * c.distance, 0.01), far = Math.max(centre + reach, 1);
  return [c.distance / w, 0, 0, 0, 0, c.distance / h, 0, 0, 0, 0, -(far + near) / (far - near), -2 * far * near / (far - near), 0, 0, -1, 0];
}

const product = (a, b) => Array.from({ length: 16 }, (_, k) => {
  const i = k >> 2, j = k & 3;
  return a[4 * i] * b[j] + a[4 * i + 1] * b[4 + j] + a[4 * i + 2] * b[8 + j] + a[4 * i + 3] * b[12 + j];
});

function toPixels(c, size) {
  const axes = axesOf(c), eye = eyeOf(c), [w, h] = halfExtent(c, size);
  return point => {
    const away = point.map((v, k) => v - eye[k]), [x, y, z] = axes.map(row => dot(row, away));
    const scale = c.orthographic ? 1 : c.distance / Math.max(-z, 1e-6);
    return [(x * scale / w + 1) * size[0] / 2, (1 - y * scale / h) * size[1] / 2, -z];
  };
}

function rayOf(c, px, py, size) {
  const [right, up, back] = axesOf(c), [w, h] = halfExtent(c, size), eye = eyeOf(c);
  const across = [0, 1, 2].map(k => w * (2 * px / size[0] - 1) * right[k] + h * (1 - 2 * py / size[1]) * up[k]);
  if (c.orthographic) return { origin: eye.map((v, k) => v + across[k]), direction: back.map(v => -v) };
  const way = across.map((v, k) => v - c.distance * back[k]), length = Math.hypot(...way);
  return { origin: eye, direction: way.map(v => v / length) };
}

function orbit(c, dx, dy) {
  const azimuth = ((c.azimuth - dx * PER_PIXEL + 180) % 360 + 360) % 360 - 180;
  return { ...c, azimuth, elevation: clamp(c.elevation + dy * PER_PIXEL, -90, 90) };
}

function pan(c, dx, dy, size) {
  const [right, up] = axesOf(c), unit = perPixel(c, size);
  return { ...c, target: c.target.map((t, k) => t + unit * (-dx * right[k] + dy * up[k])) };
}

function zoom(c, factor, at, size) {
  const closer = { ...c, distance: clamp(c.distance / factor, 0.05, 100) };
  if (!at) return closer;
  const [right, up] = axesOf(c), gained = perPixel(c, size) - perPixel(closer, size);
  const [dx, dy] = [at[0] - size[0] / 2, at[1] - size[1] / 2];
  return { ...closer, target: c.target.map((t, k) => t + gained * (dx * right[k] - dy * up[k])) };
}

function filling(c, size, corners, [left, top, right, bottom]) {
  const free = [size[0] - left - right, size[1] - top - bottom], middle = [left + free[0] / 2, top + free[1] / 2];
  for (let k = 0; k < 12; k++) {
    const places = corners.map(toPixels(c, size)), along = [0, 1].map(a => places.map(p => p[a]));
    const ends = along.map(values => [Math.min(...values), Math.max(...values)]);
    const nearness = Math.min(...[0, 1].map(a => Math.max(free[a], 1) / Math.max(ends[a][1] - ends[a][0], 1)));
    const [dx, dy] = [0, 1].map(a => middle[a] - (ends[a][0] + ends[a][1]) / 2);
    c = zoom(pan(c, dx, dy, size), nearness);
  }
  return c;
}

// As far away as it takes to see all corners, and no closer than it is.
function fitting(c, size, corners) {
  const axes = axesOf(c), [width, height] = halfExtent(c, size).map(half => MARGIN * half / c.distance);
  const needed = corners.map(corner => {
    const [x, y, z] = axes.map(row => dot(row, corner.map((v, k) => v - c.target[k])));
    const reach = Math.max(Math.abs(x) / width, Math.abs(y) / height);
    return c.orthographic ? reach : reach + z;
  });
  return { ...c, distance: Math.max(c.distance, ...needed) };
}

function axisView(c, key) {
  const [azimuth, elevation] = { 1: [0, 0], 3: [90, 0], 7: [0, 90] }[key];
  const distance = key === "7" && c.distance === DISTANCE ? ABOVE : key !== "7" && c.distance === ABOVE ? DISTANCE : c.distance;
  return { ...c, azimuth, elevation, distance, orthographic: c.orthographic || key === "7" };
}
