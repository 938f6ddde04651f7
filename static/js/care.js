// Reminds of a break after so many minutes at work, in this tab. Nothing stops and nothing is taken away: a line appears,
// is read out politely, and goes when it is answered or when a break was made.
(() => {
  const box = document.querySelector("[data-break]");
  if (!box) return;
  const KEY = "amdash-at-work";
  const TICK_S = 5;
  const REST_S = 300;  // away for so long is a break
  const after = Number(box.dataset.break) * 60;
  const words = box.querySelector("[data-break-words]");
  const go = box.querySelector("button");
  const now = () => Date.now() / 1000;

  function read() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEY));
      if (kept && now() - kept.seen < REST_S) return kept;
    } catch { /* this page only */ }
    return { worked: 0, due: after, seen: now() };
  }

  let work = read();
  function keep() {
    work.seen = now();
    try { sessionStorage.setItem(KEY, JSON.stringify(work)); } catch { /* this page only */ }
  }

  function show() {
    const due = work.worked >= work.due;
    box.classList.toggle("due", due);
    go.hidden = !due;
    const text = due ? `You have been reading for ${Math.floor(work.worked / 60)} minutes. A short break does good: what you typed is saved.` : "";
    if (words.textContent !== text && (!due || !words.textContent)) words.textContent = text;
  }

  setInterval(() => {
    if (document.hidden) return;
    if (now() - work.seen >= REST_S) work = { worked: 0, due: after, seen: now() };
    else work.worked += TICK_S;
    keep();
    show();
  }, TICK_S * 1000);

  go.addEventListener("click", () => {
    work.due = work.worked + after;
    keep();
    show();
  });
  keep();
  show();
})();
