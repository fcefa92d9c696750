// Parts of a page that are shown anew while what they tell of goes on: those with `data-refresh`, the seconds between.
const parts = () => [...document.querySelectorAll("[data-refresh]")];

async function refresh() {
  const answer = await fetch(location.href, { credentials: "same-origin" });
  if ([401, 403].includes(answer.status)) parts().forEach((part) => delete part.dataset.refresh);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts()) {
    const found = page.getElementById(part.id);
    // Whoever is at something in it is not disturbed.
    if (found && found.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) part.replaceWith(found);
    else if (found && !found.dataset.refresh) delete part.dataset.refresh;
  }
}

async function follow() {
  while (parts().length) {
    await new Promise((done) => setTimeout(done, 1000 * parts()[0].dataset.refresh));
    if (!document.hidden) await refresh().catch(() => {});
  }
}

follow();
