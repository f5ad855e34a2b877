const REST = 250;

// Once the browser has shown what was drawn: a slow device holds its frames up.
const afterFrames = (count, run) => requestAnimationFrame(() => count > 1 ? afterFrames(count - 1, run) : run());

// Who looks at the page: what is asked of one view goes from here to all that are linked with it.
class Reader {
  constructor(views) {
    this.views = views;
    this.active = views[0];
    this.pressed = new Map();
    for (const view of views) {
      this.point(view);
      view.canvas.addEventListener("focus", () => { this.active = view; this.mark(); });
      view.canvas.addEventListener("keydown", event => this.key(view, event));
      view.canvas.addEventListener("webglcontextlost", event => this.wait(event));
      view.canvas.addEventListener("webglcontextrestored", () => location.reload());
    }
    this.tools();
    dress((name, isPrint) => {
      [themeName, theme] = [name, content.themes[name]];
      if (isPrint) this.draw(false);
      else this.ask();
    });
    document.body.addEventListener("keydown", event => { if (event.target === document.body) this.key(this.active, event); });
    addEventListener("resize", () => this.ask());
    addEventListener("hashchange", () => this.recall());
    this.recall();
    this.draw(true);
    this.ask(true);
  }

  // Draw before the next frame: quickly where a whole picture takes long, and then, at rest, whole.
  ask(moving = false) {
    const asked = this.asked = {};
    this.moving = moving || (this.moving && this.due);
    this.due ??= requestAnimationFrame(() => { this.due = null; this.draw(this.moving); });
    clearTimeout(this.rest);
    if (moving) afterFrames(3, () => { if (asked === this.asked) this.rest = setTimeout(() => this.ask(), REST); });
  }

  // A browser keeps few contexts, and takes the oldest back: whoever comes to it again has a new one.
  wait(event) {
    event.preventDefault();
    addEventListener("pointermove", () => location.reload(), { once: true });
  }

  draw(moving) { for (const view of this.views) view.draw(moving && view.isSlow); }

  // Of one view, or of all whose cameras are linked.
  steer(view, change) {
    view.camera = change(view.camera);
    if (content.linked) for (const other of this.views) other.camera = view.camera;
    this.ask(true);
  }

  // What one view shows, or all whose looks are linked; `said` is for whom cannot see it.
  show(change, said = "") {
    for (const view of content.linked_look ? this.views : [this.active]) change(view);
    this.mark();
    this.ask();
    if (said) this.say(said);
  }

  say(text) { $("said").textContent = text; }

  reset(view) { this.steer(view, () => view.first); }

  toggle(name) {
    const shown = !this.active.shows[name], [, label] = SWITCHES.find(([each]) => each === name);
    this.show(view => { view.shows[name] = shown; }, `${label} ${shown ? "shown" : "hidden"}`);
  }

  // The texture of this name, where a view has it.
  paint(name) {
    this.show(view => { view.look = Math.max(view.about.looks.findIndex(look => look.name === name), 0); });
    this.say("Texture: " + this.active.texture.label);
  }

  next(step) {
    const { look, about: { looks } } = this.active;
    this.paint(looks[(look + step + looks.length) % looks.length].name);
  }

  hide(number, hidden) {
    this.show(view => { if (hidden) view.hidden.add(number); else view.hidden.delete(number); });
  }
}
