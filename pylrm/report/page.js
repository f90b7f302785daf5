// Draws the page's charts: small ones of the same shape, which show the same updates and runs.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const LEFT = 44, RIGHT = 8, TOP = 8, BOTTOM = 22;
  const hidden = new Set(); // numbers of runs
  const reset = document.getElementById("reset");
  let zoom = null; // [first, last] of the updates shown; null: all

  const finite = Number.isFinite;
  const shown = (chart) => chart.series.filter((one) => !hidden.has(one.run));

  function node(name, attributes, parent, text) {
    const made = document.createElementNS(SVG, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  }

  function element(name, look, parent, text) {
    const made = document.createElement(name);
    if (look) made.className = look;
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }

  function say(value) {
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
    return value.toLocaleString("en", { maximumSignificantDigits: size >= 1e3 ? 7 : 4 });
  }

  // The ends of what is shown from left to right.
  function across(chart) {
    if (chart.square) return [0, 1];
    if (zoom) return zoom;
    return allUpdates();
  }

  function allUpdates() {
    let low = Infinity, high = -Infinity;
    for (const chart of Object.values(data.charts)) {
      if (chart.across !== "update") continue;
      for (const one of chart.series) {
        low = Math.min(low, one.x[0]);
        high = Math.max(high, one.x[one.x.length - 1]);
      }
    }
    return low < high ? [low, high] : [low - 1, high + 1];
  }

  // The ends of the values within [low, high].
  function upwards(chart, [low, high]) {
    if (chart.square) return [0, 1];
    let least = Infinity, most = -Infinity;
    for (const one of shown(chart)) {
      for (const value of between(one, low, high)) {
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
    }
    if (!finite(least)) return chart.log ? [1, 10] : [0, 1];
    if (chart.log) {
      least = Math.max(least, most / 1e4); // a rate that begins near 0 would take all of the height
      return least < most ? [least / 1.06, most * 1.06] : [least / 2, most * 2];
    }
    if (least >= 0) return [0, most > 0 ? most * 1.06 : 1];
    const margin = 0.06 * (most - least) || 1;
    return [least - margin, most + margin];
  }

  // The values of a curve's points from low to high, and where its line enters and leaves.
  function between(one, low, high) {
    const found = one.y.filter((_, at) => one.x[at] >= low && one.x[at] <= high);
    for (const end of [low, high]) {
      const at = one.x.findIndex((x) => x > end);
      if (at < 1 || one.x[at - 1] === end) continue;
      const part = (end - one.x[at - 1]) / (one.x[at] - one.x[at - 1]);
      found.push(one.y[at - 1] + part * (one.y[at] - one.y[at - 1]));
    }
    return found;
  }

  function steps(low, high, count) {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((one) => one * power >= rough) * power;
    const found = [];
    for (let at = Math.ceil(low / step - 1e-9); at * step <= high * (1 + 1e-9); at++) found.push(at * step + 0); // + 0: no -0
    return found;
  }

  function powers(low, high) {
    const decades = Math.log10(high / low);
    const subs = decades < 1.5 ? [1, 2, 5] : decades < 3 ? [1, 3] : [1];
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const sub of subs) {
        const value = sub * 10 ** power;
        if (value >= low && value <= high) found.push(value);
      }
    }
    return found.length > 1 ? found : steps(low, high, 5).filter((one) => one > 0);
  }

  // A chart in its frame: draw() renews it, read() shows the values at a place.
  function Chart(frame, chart) {
    let cursor = null, marks = null, x = null, y = null, width = 0, height = 0, from = null, own = "";
    const svg = node("svg", { "aria-hidden": "true" }, frame);
    const tip = element("div", "tip", frame);
    const spoken = element("div", "hidden-text", frame);
    spoken.setAttribute("role", "status");
    tip.hidden = true;

    function scales() {
      const [low, high] = across(chart), [least, most] = upwards(chart, [low, high]);
      const inner = [width - LEFT - RIGHT, height - TOP - BOTTOM];
      const up = chart.log ? Math.log : (value) => value;
      x = (value) => LEFT + ((value - low) / (high - low)) * inner[0];
      x.at = (pixel) => low + ((pixel - LEFT) / inner[0]) * (high - low);
      y = (value) => TOP + inner[1] * (1 - (up(value) - up(least)) / (up(most) - up(least)));
      return { low, high, least, most };
    }

    function draw() {
      width = frame.clientWidth;
      height = frame.clientHeight;
      if (!width || !height) return;
      svg.replaceChildren();
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      const { low, high, least, most } = scales();
      const up = chart.log ? powers(least, most) : steps(least, most, height > 230 ? 5 : 4);
      for (const value of up) {
        node("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: "gridline" }, svg);
        node("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, svg, say(value));
      }
      for (const value of steps(low, high, Math.max(3, Math.floor(width / 75)))) {
        const end = x(value) > width - 24;
        node("text", { x: end ? width - RIGHT : x(value), y: height - 5, "text-anchor": end ? "end" : "middle" }, svg, say(value));
      }
      node("line", { x1: LEFT, x2: width - RIGHT, y1: height - BOTTOM, y2: height - BOTTOM, class: "axis" }, svg);
      own = own || `clip-${frame.dataset.chart}`;
      const clip = node("clipPath", { id: own }, svg);
      node("rect", { x: LEFT - 4, y: TOP - 4, width: width - LEFT - RIGHT + 8, height: height - TOP - BOTTOM + 8 }, clip);
      const inside = node("g", { "clip-path": `url(#${own})` }, svg);
      for (const one of shown(chart)) drawSeries(one, inside);
      marks = node("g", {}, svg);
      if (cursor !== null) read(cursor, false);
    }

    function drawSeries(one, parent) {
      const look = one.look === "points" ? "main" : one.look;
      const group = node("g", { class: `run-${one.run}` }, parent);
      const path = one.x.map((value, at) => `${at ? "L" : "M"}${x(value).toFixed(1)} ${y(one.y[at]).toFixed(1)}`);
      node("path", { d: path.join(""), class: look }, group);
      if (one.look !== "points") return;
      one.x.forEach((value, at) => {
        const size = one.n ? Math.min(2 + Math.log10(1 + one.n[at]), 7) : 3.2;
        node("circle", { cx: x(value), cy: y(one.y[at]), r: size, class: "dot" }, group);
      });
    }

    // Show the values nearest to a place; loud: say them too.
    function read(place, loud) {
      cursor = place;
      marks.replaceChildren();
      tip.replaceChildren();
      const [low, high] = across(chart);
      const words = [];
      for (const one of shown(chart)) {
        if (one.run < 0 || (one.look !== "main" && one.look !== "points")) continue;
        const at = nearest(one.x, place, low, high);
        if (at < 0) continue;
        const group = node("g", { class: `run-${one.run}` }, marks);
        node("circle", { cx: x(one.x[at]), cy: y(one.y[at]), r: 4, class: "dot" }, group);
        words.push([one.run, say(one.y[at]) + (one.n ? ` of ${say(one.n[at])}` : "")]);
      }
      node("line", { x1: x(place), x2: x(place), y1: TOP, y2: height - BOTTOM, class: "cursor" }, marks);
      const where = `${chart.across} ${chart.square ? place.toFixed(2) : say(Math.round(place))}`;
      element("div", "", tip, where);
      for (const [run, text] of words) {
        const line = element("div", "", tip);
        const sample = node("svg", { viewBox: "0 0 22 10", class: `swatch run-${run}` }, line);
        node("line", { x1: 1, y1: 5, x2: 21, y2: 5, class: "main" }, sample);
        if (data.runs.length > 1) element("span", "", line, data.runs[run]);
        element("b", "", line, text);
      }
      const right = x(place) < width / 2;
      tip.hidden = false;
      tip.style.left = right ? "auto" : `${LEFT + 4}px`;
      tip.style.right = right ? `${RIGHT}px` : "auto";
      if (loud) spoken.textContent = `${where}: ${words.map(([run, text]) => `${data.runs[run]} ${text}`).join("; ")}`;
    }

    function leave() {
      cursor = null;
      tip.hidden = true;
      if (marks) marks.replaceChildren();
    }

    function place(event) {
      const [low, high] = across(chart);
      return Math.min(Math.max(x.at(event.clientX - frame.getBoundingClientRect().left), low), high);
    }

    function select(to) {
      for (const old of svg.querySelectorAll(".selection")) old.remove();
      const [low, high] = [Math.min(x(from), x(to)), Math.max(x(from), x(to))];
      node("rect", { x: low, y: TOP, width: high - low, height: height - TOP - BOTTOM, class: "selection" }, svg);
    }

    frame.addEventListener("pointerdown", (event) => {
      if (event.button || chart.square) return;
      from = place(event);
      frame.setPointerCapture(event.pointerId);
    });
    frame.addEventListener("pointermove", (event) => {
      if (!x) return;
      read(place(event), false);
      if (from !== null) select(place(event));
    });
    frame.addEventListener("pointerup", (event) => {
      if (from === null) return;
      const to = place(event), start = from;
      from = null;
      if (Math.abs(x(to) - x(start)) > 6) setZoom(Math.min(start, to), Math.max(start, to));
      else draw();
    });
    frame.addEventListener("pointercancel", () => { from = null; draw(); });
    frame.addEventListener("pointerleave", () => { if (from === null) leave(); });
    frame.addEventListener("blur", leave);
    frame.addEventListener("dblclick", showAll);
    frame.addEventListener("keydown", (event) => {
      const [low, high] = across(chart);
      const at = cursor === null ? (low + high) / 2 : cursor;
      const step = (high - low) / (event.shiftKey ? 10 : 50);
      const keys = {
        ArrowLeft: () => read(Math.max(at - step, low), true),
        ArrowRight: () => read(Math.min(at + step, high), true),
        Home: () => read(low, true),
        End: () => read(high, true),
        "+": () => { if (!chart.square) around(at, (high - low) / 2); },
        "-": () => { if (!chart.square) around(at, (high - low) * 2); },
        Escape: () => { leave(); showAll(); },
      };
      const key = event.key === "=" ? "+" : event.key;
      if (!keys[key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      keys[key]();
    });
    new ResizeObserver(draw).observe(frame);
    return { draw };
  }

  // The index of the value from low to high that is nearest to a place; -1: there is none.
  function nearest(values, place, low, high) {
    let best = -1;
    values.forEach((value, at) => {
      if (value < low || value > high) return;
      if (best < 0 || Math.abs(value - place) < Math.abs(values[best] - place)) best = at;
    });
    return best;
  }

  function around(middle, length) {
    const [low, high] = allUpdates();
    const start = Math.max(Math.min(middle - length / 2, high - length), low);
    setZoom(start, Math.min(start + length, high));
  }

  function setZoom(first, last) {
    const [low, high] = allUpdates();
    if (last - first < 1) return;
    zoom = first <= low && last >= high ? null : [first, last];
    drawAll();
  }

  function showAll() {
    zoom = null;
    drawAll();
  }

  const charts = [...document.querySelectorAll(".plot")].map((frame) => Chart(frame, data.charts[frame.dataset.chart]));

  function drawAll() {
    reset.hidden = zoom === null;
    for (const chart of charts) chart.draw();
  }

  for (const box of document.querySelectorAll("input[data-run]")) {
    box.addEventListener("change", () => {
      hidden[box.checked ? "delete" : "add"](Number(box.dataset.run));
      drawAll();
    });
    if (!box.checked) hidden.add(Number(box.dataset.run)); // as a browser remembers it
  }
  reset.addEventListener("click", showAll);
  drawAll();
})();
