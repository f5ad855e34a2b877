const CLOSER = 1.12, STEP = 12;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// What can be switched: its name, what it is called, its key.
const SWITCHES = [
  ["contours", "Contours", "c"],
  ["floor_contours", "Contours on the floor", "C"],
  ["trajectory", "Trajectory", "p"],
  ["minima", "Minima", ""],
  ["markers", "Pins", ""],
  ["wireframe", "Wireframe overlay", "w"],
  ["axes", "Axes", "a"],
];

const isThere = {
  trajectory: layer => layer.about.paths.length > 0,
  minima: layer => layer.about.minima.length > 0,
  markers: layer => layer.about.markers.length > 0,
};

// Those that change anything in some view.
const switchesOf = views => SWITCHES.filter(([name]) => !isThere[name] || views.some(view => view.layers.some(isThere[name])));

Object.assign(Reader.prototype, {
  key(view, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event, way = ARROWS[key], low = key.toLowerCase(), back = event.shiftKey ? -1 : 1;
    const found = SWITCHES.find(([, , each]) => each && (each === key || (each === low && each !== "c")));
    if (way && event.shiftKey) this.steer(view, c => pan(c, STEP * way[0], STEP * way[1], view.size));
    else if (way) this.steer(view, c => orbit(c, STEP * way[0], STEP * way[1]));
    else if (key === "+" || key === "=") this.steer(view, c => zoom(c, CLOSER));
    else if (key === "-") this.steer(view, c => zoom(c, 1 / CLOSER));
    else if (key === "1" || key === "3" || key === "7") this.steer(view, c => axisView(c, key));
    else if (low === "o") this.steer(view, c => ({ ...c, orthographic: !c.orthographic }));
    else if (low === "r") this.reset(view);
    else if (low === "t") this.next(back);
    else if (key === " " && this.epochs) this.epochs.play();
    else if ((key === "." || key === ",") && this.epochs) this.epochs.step(key === "." ? 1 : -1);
    else if (found) this.toggle(found[0]);
    else return;
    event.preventDefault();
  },
});
