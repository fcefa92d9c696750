// What pages do beyond showing: they follow what goes on. Everything can be read without it.

const AGAIN = 10_000; // milliseconds after which a connection that was refused is tried once more
const QUIET = 3_000; // milliseconds between two announcements
const MOST = 600; // events that are kept on a page that is followed
const NEAR_THE_END = 160; // pixels

const place = document.querySelector("[data-live]");
if (place) follow(place);

function follow(place) {
  const bar = document.getElementById("live");
  const tell = (text, live) => {
    if (bar.textContent !== text) bar.textContent = text;
    bar.classList.toggle("on", live);
  };
  let seen = "", news = 0, quiet, source, again;
  const announce = () => {
    quiet = undefined;
    if (news) tell(news === 1 ? "Live: one new event." : `Live: ${news} new events.`, true);
    news = 0;
  };
  const connect = () => {
    const address = new URL(place.dataset.live, location.href);
    if (seen) address.searchParams.set("after", seen);
    source = new EventSource(address);
    source.addEventListener("open", () => tell("Live: changes appear by themselves.", true));
    source.addEventListener("put", (event) => {
      if (put(place, event.data)) news += 1;
      quiet ??= setTimeout(announce, QUIET);
    });
    source.addEventListener("drop", (event) => document.getElementById(event.data)?.remove());
    source.addEventListener("seen", (event) => (seen = event.lastEventId));
    source.addEventListener("error", () => {
      const ended = source.readyState === EventSource.CLOSED;
      tell(ended ? "Not live now: reload to see what is new." : "Not live now: connecting again.", false);
      if (ended) again = setTimeout(connect, AGAIN);
    });
  };
  // A browser has few connections to one server: pages that nobody sees leave them to the others.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(again);
    source?.close();
    if (!document.hidden) connect();
  });
  if (!document.hidden) connect();
}

// Shows a part of the page: in place of the one with its id, or after all others. Whether it is a new one.
function put(place, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const part = template.content.firstElementChild;
  const before = document.getElementById(part.id);
  if (before) {
    keep(before, part);
    return false;
  }
  if (!("list" in place.dataset)) return false;
  const atTheEnd = innerHeight + scrollY > document.documentElement.scrollHeight - NEAR_THE_END;
  document.getElementById("none")?.remove();
  place.append(part);
  while (place.childElementCount > MOST) place.firstElementChild.remove();
  if (atTheEnd) scrollTo(0, document.documentElement.scrollHeight);
  return true;
}

// Puts a part in place of another, with what was open and where the keyboard was.
function keep(before, part) {
  const open = [...before.querySelectorAll("details")].map((one) => one.open);
  part.querySelectorAll("details").forEach((one, at) => (one.open = open[at] ?? one.open));
  for (const one of before.querySelectorAll("input:checked")) {
    const again = part.querySelector(`input[value="${CSS.escape(one.value)}"]`);
    if (again) again.checked = true;
  }
  const focused = before.contains(document.activeElement) && document.activeElement.getAttribute("href");
  before.replaceWith(part);
  if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}
