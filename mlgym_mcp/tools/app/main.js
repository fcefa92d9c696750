// What the window does: it shows what its tool answered, and asks `status` for all the rest.
const PROTOCOL = "2026-01-26";
const PAUSE = 15_000;
const LONGEST_PAUSE = 240_000;
const OVER = ["submitted", "cut_off", "ended", "lost"];
let named;
let ableToAsk = false;
let timer;
let pause = PAUSE;
let known;

const dress = ({ theme, styles }) => {
  if (theme) document.documentElement.dataset.theme = theme;
  for (const [name, value] of Object.entries(styles?.variables ?? {})) {
    if (name.startsWith("--") && value) document.documentElement.style.setProperty(name, value);
  }
};

const measure = () => {
  view.redraw();
  const { width, height } = document.documentElement.getBoundingClientRect();
  host.notify("ui/notifications/size-changed", { width: Math.ceil(width), height: Math.ceil(height) });
};

// Looks are calls like any other: a window that nobody sees makes none, and one that shows no change makes fewer.
const later = () => {
  clearTimeout(timer);
  timer = setTimeout(() => (document.hidden ? later() : refresh()), pause);
  pause = Math.min(2 * pause, LONGEST_PAUSE);
};

const refresh = async () => {
  clearTimeout(timer);
  const button = view.find("refresh");
  button.disabled = true;
  try {
    take(await host.request("tools/call", { name: "status", arguments: named ? { session: named } : {} }));
  } catch (error) {
    view.show("note", `The session could not be asked for: ${error.message}`);
    later();
  } finally {
    button.disabled = false;
  }
};

const take = (result) => {
  const answer = result?.structuredContent;
  if (!answer || result.isError) {
    const said = (result?.content ?? []).filter((block) => block.type === "text").map((block) => block.text);
    return view.show("note", said.join("\n") || "There is nothing to show.");
  }
  named = answer.session;
  if (answer.course) {
    view.session(answer);
    const told = JSON.stringify(answer.course);
    if (told !== known) pause = PAUSE;
    known = told;
    if (ableToAsk && !OVER.includes(answer.state)) later();
  } else {
    view.verdict(answer);
    if (ableToAsk) refresh();
  }
};

host.on("ui/notifications/host-context-changed", dress);
host.on("ui/notifications/tool-input", ({ arguments: given }) => (named = given?.session ?? named));
host.on("ui/notifications/tool-result", take);
host.on("ui/notifications/tool-cancelled", ({ reason }) => view.show("note", `Cancelled${reason ? `: ${reason}` : ""}.`));
host.on("ui/resource-teardown", () => clearTimeout(timer));
view.find("refresh").addEventListener("click", refresh);

(async () => {
  const { hostContext, hostCapabilities } = await host.request("ui/initialize", {
    protocolVersion: PROTOCOL,
    appInfo: { name: "mlgym-mcp", version: "1" },
    appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
  });
  ableToAsk = hostCapabilities?.serverTools !== undefined;
  view.find("refresh").hidden = !ableToAsk;
  dress(hostContext ?? {});
  host.notify("ui/notifications/initialized");
  new ResizeObserver(measure).observe(document.documentElement);
})();
