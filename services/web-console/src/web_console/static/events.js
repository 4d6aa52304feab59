// The list of events stays short, and holds still while it is paused: what comes meanwhile is shown afterwards.
(() => {
  const KEPT = 500;
  const list = document.getElementById("events");
  const pause = document.getElementById("pause");
  if (!list || !pause) return;
  let held = [];
  const paused = () => pause.getAttribute("aria-pressed") === "true";
  const shorten = () => {
    while (list.children.length > KEPT) list.lastElementChild.remove();
  };
  list.addEventListener("htmx:sseBeforeMessage", (event) => {
    if (!paused()) return;
    event.preventDefault();
    held.push(event.detail.data);
    held = held.slice(-KEPT);
  });
  list.addEventListener("htmx:sseMessage", shorten);
  pause.addEventListener("click", () => {
    pause.setAttribute("aria-pressed", String(!paused()));
    if (paused()) return;
    for (const line of held) htmx.swap(list, line, { swapStyle: "afterbegin" });
    held = [];
    shorten();
  });
  pause.hidden = false;
})();
