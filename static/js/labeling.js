// The queue: evidence by selection and by keyboard, questions that wait for others, drafts, the lease, submitting.
// Everything here has a way without script; the page's forms do the work, this only spares the reloads.
(() => {
  const DRAFT_PAUSE_MS = 800;
  const RETRY_MS = 5000;
  const RELOAD_MS = 250;
  const RELOADS = 12;
  const KEEPALIVE_LIMIT = 60_000;  // browsers refuse to keep more than 64 KiB alive
  const reading = document.getElementById("reading");
  const form = () => document.getElementById("answers");
  const list = () => form().querySelector("[data-evidence]");
  if (!reading || !form()) return;

  // ---- Offsets: the source counts code points, the browser counts UTF-16 units.

  const length = (text) => { let n = 0; for (const _ of text) n += 1; return n; };
  const blocks = () => [...reading.querySelectorAll("[data-place]")];

  function before(block, node, offset) {
    const range = document.createRange();
    range.setStart(block, 0);
    range.setEnd(node, offset);
    return range.toString();
  }

  // The stretches of the source that a selection covers: one per block, joined where only white space lies between.
  function spansOf(range) {
    const spans = [];
    for (const block of blocks()) {
      if (!range.intersectsNode(block) || !block.checkVisibility()) continue;
      const text = block.textContent;
      let from = block.contains(range.startContainer) ? before(block, range.startContainer, range.startOffset).length : 0;
      let to = block.contains(range.endContainer) ? before(block, range.endContainer, range.endOffset).length : text.length;
      while (from < to && /\s/.test(text[from])) from += 1;
      while (to > from && /\s/.test(text[to - 1])) to -= 1;
      if (from === to) continue;
      const base = Number(block.dataset.start);
      const span = { place: block.dataset.place, start: base + length(text.slice(0, from)), end: base + length(text.slice(0, to)), quote: text.slice(from, to), anchor: block.parentElement.id };
      const last = spans.at(-1);
      if (last && last.place === span.place && span.start >= last.end && span.start - last.end <= 8) { last.end = span.end; last.quote += ` ${span.quote}`; } else spans.push(span);
    }
    return spans;
  }

  function point(block, codePoints) {
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
    let left = codePoints;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const size = length(node.data);
      if (left <= size) return [node, [...node.data].slice(0, left).join("").length];
      left -= size;
    }
    return [block, block.childNodes.length];
  }

  function parse(value) {
    const [, place, start, end] = value.match(/^(.*):(\d+):(\d+)$/s) || [];
    return { place, start: Number(start), end: Number(end) };
  }

  function paint() {
    const ranges = [];
    const values = new Set();
    for (const item of list().children) {
      values.add(item.dataset.value);
      const span = parse(item.dataset.value);
      for (const block of blocks()) {
        const start = Number(block.dataset.start);
        if (block.dataset.place !== span.place || span.end <= start || span.start >= start + length(block.textContent)) continue;
        const range = document.createRange();
        range.setStart(...point(block, Math.max(span.start - start, 0)));
        range.setEnd(...point(block, Math.min(span.end - start, length(block.textContent))));
        ranges.push(range);
      }
    }
    if (window.CSS?.highlights) CSS.highlights.set("evidence", new Highlight(...ranges));
    for (const button of reading.querySelectorAll(".mark-whole")) {
      const on = values.has(button.value);
      button.classList.toggle("on", on);
      button.textContent = on ? "✓" : "+";
      button.setAttribute("aria-label", on ? "Remove this passage from the evidence" : "Mark this passage as evidence");
    }
    form().querySelector("[data-no-evidence]").hidden = list().children.length > 0;
  }

  // ---- Evidence

  let lastPassage = null;

  function add(span) {
    const value = `${span.place}:${span.start}:${span.end}`;
    if ([...list().children].some((item) => item.dataset.value === value)) return;
    const item = form().querySelector("[data-evidence-template]").content.firstElementChild.cloneNode(true);
    item.dataset.value = value;
    item.querySelector("input").value = value;
    item.querySelector("button").value = value;
    const link = item.querySelector("a");
    link.href = `#${span.anchor}`;
    link.textContent = span.quote;
    list().append(item);
  }

  function toggleWhole(button) {
    const there = [...list().children].find((item) => item.dataset.value === button.value);
    if (there) there.remove();
    else add({ ...parse(button.value), quote: button.parentElement.querySelector("[data-place]").textContent, anchor: button.parentElement.id });
    changed();
  }

  function selected() {
    const selection = document.getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return [];
    const range = selection.getRangeAt(0);
    return range.intersectsNode(reading) ? spansOf(range) : [];
  }

  function mark() {
    const spans = selected();
    if (spans.length) {
      spans.forEach(add);
      document.getSelection().removeAllRanges();
      changed();
      return;
    }
    const passage = document.activeElement.closest?.(".markable") || (lastPassage?.isConnected && lastPassage);
    if (passage) toggleWhole(passage.querySelector(".mark-whole"));
    else say("Select words first, or move to a passage with j and k.");
  }

  function offer() {
    const button = document.querySelector("[data-mark-here]");
    const spans = selected();
    button.hidden = !spans.length;
    if (!spans.length) return;
    const boxes = document.getSelection().getRangeAt(0).getClientRects();
    const box = boxes[boxes.length - 1];
    button.hidden = !box || box.bottom < 0 || box.top > innerHeight;
    if (button.hidden) return;
    button.style.left = `${Math.max(8, Math.min(box.right, innerWidth - button.offsetWidth - 8))}px`;
    button.style.top = `${Math.max(8, Math.min(box.bottom + 6, innerHeight - button.offsetHeight - 8))}px`;
  }

  // ---- Questions

  const questions = () => [...form().querySelectorAll("[data-question]")].filter((one) => one.checkVisibility());

  function ask() {
    for (const question of form().querySelectorAll("[data-question][data-after]")) {
      const chosen = [...form().querySelectorAll("[data-question]:not([hidden]) [data-choice]:checked")].map((input) => input.dataset.choice);
      const asked = question.dataset.after.split(" ").some((id) => chosen.includes(id));
      question.classList.toggle("asked", asked);
      question.hidden = !asked;
      for (const field of question.querySelectorAll("input, textarea")) field.disabled = !asked;
    }
  }

  function current(question) {
    for (const other of form().querySelectorAll(".question.current")) other.classList.remove("current");
    question?.classList.add("current");
  }

  function step(direction) {
    const all = questions();
    const here = all.findIndex((question) => question.classList.contains("current"));
    const next = all[Math.min(Math.max(here + direction, 0), all.length - 1)];
    const field = next?.querySelector("input:checked, input, textarea");
    if (!field) return;
    current(next);
    field.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  // ---- Drafts and the lease

  let timer = 0;
  let unsaved = false;
  let busy = false;
  let lost = false;
  let saving = false;
  let again = false;
  let seconds = Number(form().querySelector("[data-seconds]").value) || 0;

  const say = (words) => { form().querySelector("[data-saved]").textContent = words; };

  // A choice or evidence is saved at once, and one save after the other; typing waits for a pause.
  function changed(pause = 0) {
    unsaved = true;
    paint();
    ask();
    settle();
    clearTimeout(timer);
    if (pause) timer = setTimeout(save, pause);
    else save();
  }

  // What was complained of and is answered now (or asked no more) is complained of no longer.
  function settle() {
    const box = form().querySelector("[data-problems]");
    for (const link of box?.querySelectorAll("li > a") || []) {
      const about = form().querySelector(link.hash);
      const answered = !about || about.id === "evidence" ? list().children.length > 0
        : about.hidden || about.querySelector(":checked") || [...about.querySelectorAll("textarea, [type=number]")].some((field) => field.value);
      if (!answered) continue;
      link.parentElement.remove();
      about?.classList.remove("bad");
      about?.querySelector(".error")?.remove();
      about?.removeAttribute("aria-describedby");
    }
    if (box && !box.querySelector("li")) box.remove();
  }

  const post = (url, body, options = {}) =>
    fetch(url, { method: "POST", body, headers: { Accept: "application/json" }, credentials: "same-origin", redirect: "manual", ...options });

  // The form with the next stamp: the server takes this page's saves in their order, and none of an older page.
  function filled() {
    const field = form().querySelector("[data-stamp]");
    const [name, count] = field.value.split(".");
    field.value = `${name}.${Number(count) + 1}`;
    return new URLSearchParams(new FormData(form()));
  }

  function deliver() {
    const body = filled();
    remember({ stamp: body.get("stamp"), reloads: 0 });
    return post(form().dataset.draft, body, { keepalive: String(body).length < KEEPALIVE_LIMIT });
  }

  // The last save whose answer has not come: a page may be asked for before the one that it replaces has been saved.
  const pending = `amdash-pending ${form().dataset.draft}`;
  function remember(save) {
    try { save ? sessionStorage.setItem(pending, JSON.stringify(save)) : sessionStorage.removeItem(pending); } catch { /* this page only */ }
  }

  function remembered() {
    try { return JSON.parse(sessionStorage.getItem(pending)); } catch { return null; }
  }

  // Asks for the page again until that save is in it.
  function awaitPending() {
    const save = remembered();
    if (!save) return;
    if (save.stamp === form().elements.based_on.value) { remember(null); return; }
    if (save.reloads >= RELOADS) { remember(null); warn("What you typed last before this page was opened may not have been saved: see whether it is here."); return; }
    remember({ ...save, reloads: save.reloads + 1 });
    setTimeout(() => { if (!unsaved && !saving && !busy) location.reload(); }, RELOAD_MS);
  }

  async function save(confirmed) {
    clearTimeout(timer);
    if (lost || busy) return;
    if (saving) { again = true; return; }
    saving = true;
    unsaved = false;
    try {
      const sent = deliver();
      const stamp = form().querySelector("[data-stamp]").value;
      const response = await sent;
      if (response.type === "opaqueredirect") throw new Error("signed out");
      const answer = await response.json();
      if (response.status < 500 && remembered()?.stamp === stamp) remember(null);
      if (response.status === 409) { if (!lost && !busy) { lost = true; warn(answer.problem); } return; }
      if (!response.ok) { unsaved = true; say(answer.problem || "Not saved."); return; }
      say(confirmed === true ? `Draft saved at ${answer.saved}.` : `Saved ${answer.saved}`);
    } catch (problem) {
      unsaved = true;
      say(problem.message === "signed out" ? "Not saved: you are signed out. Sign in from another tab; this page keeps trying." : "Not saved: no connection. This page keeps trying.");
      again = false;
      timer = setTimeout(save, RETRY_MS);
    } finally {
      saving = false;
      if (again) { again = false; save(confirmed); }
    }
  }

  // On leaving: before the next page is asked for, where the browser tells in time.
  function leave() {
    if (!unsaved || lost || busy) return;
    unsaved = false;
    deliver().catch(() => { unsaved = true; });
  }

  function warn(words) {
    let box = form().querySelector("[data-warning]");
    if (!box) {
      box = document.createElement("p");
      box.className = "notice look";
      box.dataset.warning = "";
      box.setAttribute("role", "alert");
      form().prepend(box);
    }
    box.textContent = words;
    say("");
  }

  async function submit() {
    if (busy) return;
    busy = true;
    clearTimeout(timer);
    form().querySelector("[data-warning]")?.remove();
    const button = form().querySelector("[data-submit]");
    button.disabled = true;
    try {
      const response = await post(form().action, filled(), { headers: { Accept: "application/json, text/html" } });
      if (response.type === "opaqueredirect") throw new Error("signed out");
      if (response.status === 422) { unsaved = false; refuse(await response.text()); return; }
      const answer = await response.json();
      if (response.ok) { unsaved = false; lost = true; remember(null); location.assign(answer.next); return; }
      lost = response.status === 409;
      warn(answer.problem || "Not submitted.");
    } catch (problem) {
      warn(problem.message === "signed out" ? "Not submitted: you are signed out. Sign in from another tab, then submit again; what you typed stays here." : "Not submitted: no connection. What you typed stays here; submit again when it is back.");
      unsaved = true;
      timer = setTimeout(save, RETRY_MS);
    } finally {
      busy = false;
      const still = form().querySelector("[data-submit]");
      if (still) still.disabled = false;
    }
  }

  function refuse(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("answers");
    form().replaceWith(document.adoptNode(fresh));
    prepare();
    form().querySelector("[data-problems]")?.focus();
  }

  // Counts the time that the page is looked at, and keeps the lease while it is.
  const lease = Math.max(1, Number(form().dataset.lease));
  setInterval(() => {
    if (document.hidden) return;
    seconds += 1;
    const field = form().querySelector("[data-seconds]");
    field.value = String(seconds);
  }, 1000);
  setInterval(async () => {
    if (document.hidden || lost || unsaved) return;
    const body = new FormData();
    body.set("csrfmiddlewaretoken", form().elements.csrfmiddlewaretoken.value);
    try {
      const response = await post(form().dataset.renewal, body);
      if (response.status === 409) { lost = true; warn((await response.json()).problem); }
    } catch { /* the next sign of life will tell */ }
  }, (lease * 60_000) / 4);

  // ---- Wiring

  function prepare() {
    for (const button of form().querySelectorAll("[data-step], [data-mark]")) button.hidden = false;
    for (const button of reading.querySelectorAll(".mark-whole")) button.tabIndex = -1;
    document.documentElement.classList.add("scripted");
    ask();
    paint();
    if (!form().querySelector(".question.current")) current(questions().find((question) => !question.querySelector(":checked")) || questions()[0]);
  }

  document.addEventListener("click", (event) => {
    const whole = event.target.closest(".mark-whole");
    const unmark = event.target.closest("[data-unmark]");
    if (whole) { event.preventDefault(); toggleWhole(whole); }
    else if (unmark) { event.preventDefault(); unmark.closest("li").remove(); form().querySelector("[data-mark]").focus(); changed(); }
    else if (event.target.closest("[data-mark], [data-mark-here]")) mark();
    else if (event.target.closest("[data-save]")) { event.preventDefault(); save(true); }
    else if (event.target.closest("[data-step]")) step(Number(event.target.closest("[data-step]").dataset.step));
  });
  // A press on the mark buttons must not take the selection away before the click comes.
  document.addEventListener("pointerdown", (event) => { if (event.target.closest("[data-mark], [data-mark-here]")) event.preventDefault(); });
  document.addEventListener("mousedown", (event) => { if (event.target.closest("[data-mark], [data-mark-here]")) event.preventDefault(); });
  document.addEventListener("submit", (event) => {
    if (event.target !== form() || event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    submit();
  });
  document.addEventListener("input", (event) => { if (form().contains(event.target) && !event.target.closest("[popover]")) changed(event.target.matches("textarea, [type=number]") ? DRAFT_PAUSE_MS : 0); });
  document.addEventListener("focusin", (event) => {
    const question = event.target.closest?.("[data-question]");
    if (question && form().contains(question)) current(question);
    lastPassage = event.target.closest?.(".markable") || (event.target.closest?.("[data-mark]") ? lastPassage : null);
  });
  // Enter in a field would press the form's first button; in the dialog it puts aside, elsewhere it does nothing.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !event.target.matches?.("#answers input")) return;
    const aside = event.target.closest("[popover]");
    if (!aside && (event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (!event.repeat) aside?.querySelector("[data-put-aside]").click();
  });
  // Left and right change a radio's choice, up and down the question.
  document.addEventListener("keydown", (event) => {
    if (!["ArrowUp", "ArrowDown"].includes(event.key) || event.altKey || event.ctrlKey || event.metaKey) return;
    if (!event.target.matches?.("#answers [data-question] input:is([type=radio], [type=checkbox])")) return;
    event.preventDefault();
    event.stopPropagation();
    step(event.key === "ArrowUp" ? -1 : 1);
  }, true);
  document.addEventListener("selectionchange", offer);
  window.addEventListener("scroll", offer, { capture: true, passive: true });
  window.addEventListener("beforeunload", leave);
  window.addEventListener("pagehide", leave);
  prepare();
  awaitPending();
})();
