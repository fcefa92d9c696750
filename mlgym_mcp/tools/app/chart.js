// The chart: scores over steps, with what they are held against.
const chart = (() => {
  const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 220, 54, 12, 12, 30];

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

  const withTitle = (node, text) => {
    node.append(make("title", {}, text));
    return node;
  };

  const draw = (course) => {
    const scored = course.points.filter((point) => point.value !== null);
    const published = scored.some((point) => point.upstream !== null) ? Object.entries(course.published) : [];
    const lines = [["target", "target", course.target], ...published.map(([model, value]) => ["published", model, value])];
    if (course.baseline !== null) lines.unshift(["baseline", "baseline", course.baseline]);
    const errors = scored.flatMap(({ value, standard_error: error }) => [value - (error ?? 0), value + (error ?? 0)]);
    const upstream = scored.flatMap((point) => (point.upstream === null ? [] : [point.upstream]));
    const [low, high] = range([...lines.map(([, , value]) => value), ...errors, ...upstream]);
    const x = (step) => LEFT + (step / course.steps) * (WIDTH - LEFT - RIGHT);
    const y = (value) => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM);

    const said = scored.map(({ step, value }) => `step ${step}: ${figure(value)}`).join(", ") || "no score yet";
    const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${course.metric} over steps: ${said}` });
    const axis = (x1, y1, x2, y2) => svg.append(make("line", { class: "axis", x1, y1, x2, y2 }));
    axis(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM);
    axis(LEFT, TOP, LEFT, HEIGHT - BOTTOM);
    for (const value of [low, (low + high) / 2, high]) {
      svg.append(make("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, figure(value)));
    }
    for (const step of [0, Math.round(course.steps / 2), course.steps]) {
      svg.append(make("text", { x: x(step), y: HEIGHT - BOTTOM + 16, "text-anchor": step ? "end" : "start" }, `${step ? "" : "step "}${step}`));
    }
    for (const [kind, name, value] of lines) {
      const line = make("line", { class: kind, x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) });
      svg.append(withTitle(line, `${name}: ${figure(value)}`));
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
