async function begin() {
  const stage = $("stage"), still = $("still"), probe = document.createElement("canvas").getContext("webgl2");
  if (!probe || typeof DecompressionStream === "undefined") return;
  await unpacked();
  if (still) still.hidden = true;
  const count = content.views.length;
  stage.dataset.count = count;
  try {
    const reader = new Reader(content.views.map(about => new View(about, stage)));
    document.documentElement.dataset.ready = "true";
    globalThis.isolossPage = reader;
  } catch (error) {
    document.querySelectorAll(".view").forEach(place => place.remove());
    $("tools").hidden = true;
    if (still) still.hidden = false;
    throw error;
  }
}

begin();
