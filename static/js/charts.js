// Draws the figures that the page carries as JSON, in the colours of the theme, and makes their marks lead to the transcripts.
//
//   <div class="plot" data-figure="id of the JSON" hidden>   shown once it is drawn
//   <button data-image="png" hidden>                         saves the drawing
//   <tr id="row-7"> … <a class="to-transcripts">             where mark 7 leads
(() => {
  const NARROW = 640;
  const WAIT_MS = 150;

  // A custom property may hold light-dark(…): only an element's computed colour says which it is now.
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colour = (name) => { probe.style.color = name; return getComputedStyle(probe).color; };

  function painted(value) {
    if (typeof value === "string") return /^var\(--[\w-]+\)$/.test(value) ? colour(value) : value;
    if (Array.isArray(value)) return value.map(painted);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, painted(inner)]));
    return value;
  }

  // On a phone the labels stand above their marks, and the figures beside them are left to the table.
  function narrowed(figure) {
    const narrow = figure.layout.meta?.narrow;
    if (narrow) {
      figure.layout.yaxis.ticktext = narrow.ticktext;
      for (const axis of [figure.layout.xaxis, figure.layout.yaxis]) axis.tickfont = { size: 11 };
      figure.layout.meta.least = narrow.least;
      figure.layout.height = narrow.height;
    }
    if (!figure.data.some((trace) => trace.meta === "words")) return figure;
    const { yaxis, xaxis } = figure.layout;
    figure.data = figure.data.filter((trace) => trace.meta !== "words");
    xaxis.domain = [0, 1];
    yaxis.showticklabels = false;
    figure.layout.annotations = yaxis.tickvals.map((y, i) => ({
      text: yaxis.ticktext[i], x: 0, y, xref: "paper", xanchor: "left", yanchor: "bottom", yshift: 6, showarrow: false, font: { size: 12 },
    }));
    figure.layout.height += yaxis.tickvals.length * 18;
    return figure;
  }

  function drawn(plot) {
    const figure = painted(JSON.parse(document.getElementById(plot.dataset.figure).textContent));
    return plot.clientWidth < NARROW ? narrowed(figure) : figure;
  }

  async function draw(plot) {
    plot.hidden = false;
    const { data, layout } = drawn(plot);
    await Plotly.react(plot, data, { ...layout, width: Math.max(plot.clientWidth, layout.meta?.least || 0) }, { displayModeBar: false });
    // What is wider than its box is scrolled, by keys as well, and the page says so.
    const wider = plot.scrollWidth > plot.clientWidth;
    if (wider) plot.tabIndex = 0; else plot.removeAttribute("tabindex");
    plot.parentElement.querySelector("[data-sideways]").hidden = !wider;
  }

  function follow(plot, point) {
    const link = document.querySelector(`#${plot.dataset.rows || ""}row-${point.points[0].customdata} a.to-transcripts`);
    const { ctrlKey = false, metaKey = false, shiftKey = false } = point.event || {};
    link?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey, metaKey, shiftKey }));
  }

  async function save(plot, format) {
    const { data, layout } = painted(JSON.parse(document.getElementById(plot.dataset.figure).textContent));
    const margin = { ...layout.margin, l: 24, r: 24, t: 64, b: 24 };
    const title = { text: plot.dataset.title.replace(/&/g, "&amp;").replace(/</g, "&lt;"), x: 0.02, xanchor: "left" };
    const picture = { ...layout, margin, title, height: layout.height + 72, width: 1200, paper_bgcolor: colour("var(--sheet)") };
    const url = await Plotly.toImage({ data, layout: picture }, { format, width: 1200, height: picture.height, scale: format === "png" ? 2 : 1 });
    const link = document.createElement("a");
    link.href = url;
    link.download = `${plot.dataset.title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.${format}`;
    link.click();
  }

  for (const plot of document.querySelectorAll("[data-figure]")) {
    const chart = plot.closest("[data-chart]");
    draw(plot).then(() => {
      plot.on("plotly_click", (point) => follow(plot, point));
      plot.on("plotly_hover", (point) => plot.classList.toggle("over", document.querySelector(`#${plot.dataset.rows || ""}row-${point.points[0].customdata} a.to-transcripts`) !== null));
      plot.on("plotly_unhover", () => plot.classList.remove("over"));
      for (const element of chart.querySelectorAll("[data-hint], [data-image]")) element.hidden = false;
      plot.dataset.drawn = "";
    });
    for (const button of chart.querySelectorAll("[data-image]")) button.addEventListener("click", () => save(plot, button.dataset.image));
    const again = () => draw(plot);
    document.addEventListener("amdash:theme", again);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    let timer = 0;
    addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(again, WAIT_MS); });
  }
})();
