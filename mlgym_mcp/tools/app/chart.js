// The chart: scores over steps, with what they are held against.
const chart = (() => {
  const [HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [220, 50, 12, 12, 30];

  const make = (name, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  };

  const figure = (value) => (value === null ? "–" : Number(value.toPrecision(4)).toString());

  const range = (values) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = (high - low || Math.abs(high) || 1) * 0.08;
    return [low - room, high + room];
  };

  // Round figures, three to six of them.
  const ticks = (low, high) => {
    const size = 10 ** Math.floor(Math.log10(high - low));
    const pause = [0.2, 0.5, 1, 2].map((part) => part * size).find((one) => (high - low) / one <= 6);
    const first = Math.ceil(low / pause);
    return Array.from({ length: Math.floor(high / pause) - first + 1 }, (_, index) => (first + index) * pause);
  };

  const withTitle = (node, text) => {
    node.append(make("title", {}, text));
    return node;
  };

  const draw = (course, width) => {
    const scored = course.points.filter((point) => point.value !== null);
    const published = scored.some((point) => point.upstream !== null) ? Object.entries(course.published) : [];
    const lines = [["target", "target", course.target], ...published.map(([model, value]) => ["published", model, value])];
    if (course.baseline !== null) lines.unshift(["baseline", "baseline", course.baseline]);
    const errors = scored.flatMap(({ value, standard_error: error }) => [value - (error ?? 0), value + (error ?? 0)]);
    const upstream = scored.flatMap((point) => (point.upstream === null ? [] : [point.upstream]));
    const [low, high] = range([...lines.map(([, , value]) => value), ...errors, ...upstream]);
    const x = (step) => LEFT + (step / course.steps) * (width - LEFT - RIGHT);
    const y = (value) => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM);

    const said = scored.map(({ step, value }) => `step ${step}: ${figure(value)}`).join(", ") || "no score yet";
    const svg = make("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": `${course.metric} over steps: ${said}` });
    const axis = (x1, y1, x2, y2) => svg.append(make("line", { class: "axis", x1, y1, x2, y2 }));
    axis(LEFT, HEIGHT - BOTTOM, width - RIGHT, HEIGHT - BOTTOM);
    axis(LEFT, TOP, LEFT, HEIGHT - BOTTOM);
    for (const value of ticks(low, high)) {
      svg.append(make("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, figure(value)));
    }
    const anchors = [["start", 0], ["middle", Math.round(course.steps / 2)], ["end", course.steps]];
    for (const [anchor, step] of anchors) {
      const place = { x: x(step), y: HEIGHT - BOTTOM + 16, "text-anchor": anchor };
      svg.append(make("text", place, step ? `${step}` : "step 0"));
    }
    for (const [kind, name, value] of lines) {
      const line = make("line", { class: kind, x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) });
      svg.append(withTitle(line, `${name}: ${figure(value)}`));
      if (kind === "published") continue; // many, and close together: the legend names them
      const above = y(value) > TOP + 14;
      svg.append(make("text", { x: width - RIGHT, y: y(value) + (above ? -4 : 13), "text-anchor": "end" }, name));
    }
    svg.append(make("polyline", { class: "course", points: scored.map((one) => `${x(one.step)},${y(one.value)}`).join(" ") }));
    for (const point of course.points) svg.append(...marks(point, x, y));
    return svg;
  };

  const marks = (point, x, y) => {
    const at = x(point.step);
    if (point.value === null) {
      const bottom = HEIGHT - BOTTOM;
      const path = `M${at - 4},${bottom - 10}l8,8m0,-8l-8,8`;
      return [withTitle(make("path", { class: "fault", d: path }), `step ${point.step}: ${point.outcome.replaceAll("_", " ")}`)];
    }
    const found = [];
    if (point.standard_error) {
      const [from, to] = [y(point.value - point.standard_error), y(point.value + point.standard_error)];
      found.push(make("line", { class: "error", x1: at, x2: at, y1: from, y2: to }));
    }
    const mark = make("circle", { class: `point ${point.phase}`, cx: at, cy: y(point.value), r: 4 });
    found.push(withTitle(mark, `${point.phase} at step ${point.step}: ${figure(point.value)}`));
    if (point.upstream !== null) {
      const square = make("rect", { class: "upstream", x: at - 4, y: y(point.upstream) - 4, width: 8, height: 8 });
      found.push(withTitle(square, `on all examples of the original: ${figure(point.upstream)}`));
    }
    return found;
  };

  return { draw, figure };
})();
