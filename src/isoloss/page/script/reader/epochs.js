const LASTS = 6000;

// The paths up to an epoch: a bar to draw, and what plays it.
class Epochs {
  // Nothing, where the paths have no epochs to choose from.
  static of(reader) {
    const paths = reader.views.flatMap(view => view.layers.flatMap(layer => layer.about.paths));
    const epochs = [...new Set(paths.flatMap(path => path.epoch))].sort((a, b) => a - b);
    return epochs.length > 1 && !epochs.includes(null) ? new Epochs(reader, epochs, paths[0].clock) : null;
  }

  constructor(reader, epochs, clock) {
    [this.reader, this.epochs, this.clock] = [reader, epochs, clock];
    const bar = added($("stage").parentNode, "div", { id: "epochs" }, { role: "group", "aria-label": clock });
    this.button = added(bar, "button", { type: "button", title: "Play trajectory (Space)" });
    this.range = added(bar, "input", { type: "range", min: epochs[0], max: this.last, step: "any" }, { "aria-label": clock });
    this.said = added(bar, "output");
    this.button.addEventListener("click", () => this.play());
    this.range.addEventListener("input", () => { this.stop(); this.set(Number(this.range.value)); });
    this.stop();
    this.tell();
  }

  get last() { return this.epochs[this.epochs.length - 1]; }
  get at() { return this.reader.active.shows.epoch ?? this.last; }

  set(epoch) {
    for (const view of this.reader.views) view.shows.epoch = epoch >= this.last ? null : epoch;
    this.tell();
    this.reader.ask(true);
  }

  tell() {
    this.range.value = this.at;
    this.said.textContent = `${this.clock} ${number(this.at)}`;
    this.range.setAttribute("aria-valuetext", this.said.textContent);
  }

  // To the checkpoint after, or before, what is shown.
  step(by) {
    this.stop();
    this.set((by > 0 ? this.epochs.find(e => e > this.at + 1e-9) : this.epochs.findLast(e => e < this.at - 1e-9)) ?? this.at);
  }

  play() {
    if (this.playing) { this.stop(); return; }
    const [first] = this.epochs, from = this.at < this.last ? this.at : first;
    let began;
    const move = now => {
      began ??= now;
      const epoch = from + (now - began) / LASTS * (this.last - first);
      this.set(epoch);
      if (epoch < this.last) this.playing = requestAnimationFrame(move);
      else this.stop();
    };
    this.button.textContent = "Pause";
    this.playing = requestAnimationFrame(move);
  }

  stop() {
    cancelAnimationFrame(this.playing);
    this.playing = null;
    this.button.textContent = "Play";
  }
}
