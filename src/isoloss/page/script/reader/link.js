// A fragment of the page's address says what is seen, view by view: page/link.py writes the same.
const rounded = v => Number(v.toPrecision(6));

const written = view => {
  const { camera: c } = view;
  return [
    "camera=" + [...[c.azimuth, c.elevation, ...c.target, c.distance].map(rounded), ...(c.orthographic ? ["orthographic"] : [])],
    "texture=" + view.texture.name,
    "contours=" + Number(view.shows.contours),
    "layers=" + view.visible.map(layer => layer.about.number),
    ...(view.shows.epoch === null ? [] : ["epoch=" + rounded(view.shows.epoch)]),
  ].join("&");
};

// What each key of a fragment says of a view; what says nothing changes nothing.
const READ = {
  camera(view, text) {
    const [azimuth, elevation, x, y, z, distance, projection] = text.split(",").map((v, k) => k < 6 ? parseFloat(v) : v);
    if (![azimuth, elevation, x, y, z, distance].every(Number.isFinite)) return;
    const target = [x, y, z].map(v => clamp(v, -1e3, 1e3));
    view.camera = { azimuth, elevation: clamp(elevation, -90, 90), target, distance: clamp(distance, 0.05, 100), orthographic: projection === "orthographic" };
  },
  texture(view, name) {
    const found = view.about.looks.findIndex(look => look.name === name);
    if (found >= 0) view.look = found;
  },
  contours(view, text) { if (text === "0" || text === "1") view.shows.contours = text === "1"; },
  layers(view, text) {
    const shown = text.split(",").map(Number), numbers = view.layers.map(layer => layer.about.number);
    if (numbers.some(number => shown.includes(number))) view.hidden = new Set(numbers.filter(number => !shown.includes(number)));
  },
  epoch(view, text) {
    const epoch = parseFloat(text);
    if (Number.isFinite(epoch)) view.shows.epoch = epoch;
  },
};

Object.assign(Reader.prototype, {
  fragment() { return "#" + this.views.map(written).join(";"); },

  recall() {
    let text = location.hash.slice(1);
    try { text = decodeURIComponent(text); } catch { /* as it is */ }
    text.split(";").forEach((part, k) => {
      const told = part.split("&").map(pair => pair.split("=")), view = this.views[k];
      for (const [key, value] of told) if (view && value !== undefined && Object.hasOwn(READ, key)) READ[key](view, value);
    });
    this.mark();
    this.epochs?.tell();
    this.ask();
  },

  async link(button) {
    const fragment = this.fragment();
    try { history.replaceState(null, "", fragment); } catch { location.hash = fragment; }
    const [short, long] = await isCopied(location.href) ? ["Copied", "Link copied"] : self === top ? ["In address", "The link is in the address"] : ["Forbidden", "This frame may not copy"];
    this.say(long);
    button.textContent = short;
    setTimeout(() => { button.textContent = "Link"; }, 1500);
  },
});

// Over http, and in the frames of other sites, only the older way is allowed.
async function isCopied(text) {
  try { await navigator.clipboard.writeText(text); return true; } catch { /* the older way */ }
  const before = document.activeElement, field = added(document.body, "textarea", { value: text, className: "heard" });
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  before.focus();
  return done;
}
