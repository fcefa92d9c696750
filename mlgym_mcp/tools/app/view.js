// The view: what a session's answer says, in its places.
const view = (() => {
  const find = (id) => document.getElementById(id);
  const ENDED = 3;
  const words = (text) => text.replaceAll("_", " ");

  const show = (id, text) => {
    find(id).hidden = !text;
    find(id).textContent = text ?? "";
  };

  const duration = (seconds) => {
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
    return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(seconds)} s`;
  };

  const meter = (id, left, whole, text) => {
    find(id).max = whole;
    find(id).value = whole - left;
    find(`${id}-label`).textContent = text;
  };

  const row = (point) => {
    const line = document.createElement("tr");
    const error = point.standard_error ? ` ± ${chart.figure(point.standard_error)}` : "";
    const beside = point.upstream === null ? "" : ` (all examples: ${chart.figure(point.upstream)})`;
    for (const text of [point.step, point.phase, words(point.outcome), chart.figure(point.value) + error + beside]) {
      line.insertCell().textContent = text;
    }
    return line;
  };

  const legend = (course) => {
    const parts = [`target ${chart.figure(course.target)}`];
    if (course.baseline !== null) parts.unshift(`baseline ${chart.figure(course.baseline)}`);
    if (course.points.some((point) => point.upstream !== null)) {
      parts.push("□ on all examples of the original benchmark");
      const published = Object.entries(course.published).map(([model, value]) => `${model} ${chart.figure(value)}`);
      if (published.length) parts.push(`published, to be held against □: ${published.join(", ")}`);
    }
    if (course.points.some((point) => point.value === null)) parts.push("✕ could not be scored");
    return parts.join(" · ");
  };

  let drawn = {};
  const redraw = () => {
    const width = Math.round(find("chart").clientWidth);
    if (drawn.course && width !== drawn.width) {
      drawn.width = width;
      find("chart").replaceChildren(chart.draw(drawn.course, width));
    }
  };

  const scores = (course) => {
    find("scores").hidden = false;
    find("scores-title").textContent = `${words(course.metric)}, ${course.goal === "maximize" ? "more" : "less"} is better`;
    drawn = { course };
    redraw();
    find("legend").textContent = legend(course);
    find("points").tBodies[0].replaceChildren(...course.points.map(row));
  };

  const budget = (left, course) => {
    find("budget").hidden = false;
    meter("steps", left.steps, course.steps, `${course.steps - left.steps} of ${course.steps} steps used`);
    meter("time", left.wall_time, course.wall_time, `${duration(left.wall_time)} of wall time left`);
  };

  // Every command is a job; what runs counts, and beside it what ended last.
  const jobs = (listed) => {
    const latest = listed.toReversed();
    const ended = latest.filter((job) => !job.running).slice(0, ENDED);
    find("jobs").hidden = listed.length === 0;
    find("job-list").replaceChildren(
      ...[...latest.filter((job) => job.running), ...ended].map((job) => {
        const [line, name, command] = ["li", "span", "code"].map((tag) => document.createElement(tag));
        name.textContent = `${job.job} ${job.running ? "runs" : `exit ${job.exit_code}`}, ${duration(job.seconds)}`;
        command.textContent = command.title = job.command;
        line.append(name, command);
        return line;
      }),
    );
  };

  const session = (answer) => {
    show("task", answer.task);
    show("state", words(answer.state));
    show("reason", answer.reason);
    scores(answer.course);
    budget(answer.left, answer.course);
    jobs(answer.jobs);
    show("note", answer.exit_status ? `exit status: ${answer.exit_status}` : "");
  };

  const verdict = (answer) => {
    const [metric] = Object.keys(answer.scores);
    const reward = answer.reward === null ? "" : `, reward ${chart.figure(answer.reward)}`;
    show("task", metric ? `${words(metric)} ${chart.figure(answer.scores[metric])}${reward}` : words(answer.outcome));
    show("state", words(answer.state));
    show("reason", answer.fault);
  };

  return { find, redraw, session, show, verdict };
})();
