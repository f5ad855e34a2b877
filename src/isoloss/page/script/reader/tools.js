Object.assign(Reader.prototype, {
  tools() {
    const bar = $("tools"), looks = new Map(this.views.flatMap(view => view.about.looks.map(look => [look.name, look.label])));
    this.boxes = [];
    if (looks.size > 1) {
      this.texture = added(bar, "select", { title: "Texture (T)" }, { "aria-label": "Texture" });
      for (const [value, textContent] of looks) added(this.texture, "option", { value, textContent });
      this.texture.addEventListener("change", () => this.paint(this.texture.value));
    }
    this.menu(bar);
    const button = (textContent, title, run) => added(bar, "button", { type: "button", textContent, title }).addEventListener("click", run);
    if (/^(file|https?):$/.test(location.protocol)) button("Link", "Copy link to this view", event => this.link(event.target));
    button("Reset", "Reset camera (R)", () => this.reset(this.active));
    bar.hidden = false;
    this.epochs = Epochs.of(this);
    this.mark();
  },

  // What is shown and what is not: layers, where a view has several, and the switches.
  menu(bar) {
    const menu = added(bar, "details", { id: "show" }), list = (added(menu, "summary", { textContent: "Show" }), added(menu, "div"));
    const box = (text, key, isOn, change) => {
      const label = added(list, "label"), input = added(label, "input", { type: "checkbox" });
      added(label, "bdi", { textContent: text });
      if (key) added(label, "kbd", { textContent: key === key.toLowerCase() ? key.toUpperCase() : "⇧" + key });
      input.addEventListener("change", () => change(input.checked));
      this.boxes.push(() => { input.checked = isOn(this.active); });
    };
    const several = this.views.filter(view => view.layers.length > 1).flatMap(view => view.layers.map(({ about }) => [about.number, about.name.slice(0, 200)]));
    for (const [number, name] of new Map(several)) box(name, "", view => !view.hidden.has(number), shown => this.hide(number, !shown));
    if (several.length) added(list, "hr");
    for (const [name, text, key] of switchesOf(this.views)) box(text, key, view => view.shows[name], () => this.toggle(name));
    addEventListener("pointerdown", event => { if (!menu.contains(event.target)) menu.open = false; });
    menu.addEventListener("keydown", event => { if (event.key === "Escape") { menu.open = false; menu.firstChild.focus(); } });
  },

  // The tools say what the active view shows.
  mark() {
    if (this.texture) this.texture.value = this.active.texture.name;
    for (const update of this.boxes) update();
  },
});
