// The queue: evidence by selection and by keyboard, questions that wait for others, drafts, the lease, submitting.
// Everything here has a way without script; the page's forms do the work, this only spares the reloads.
(() => {
  const DRAFT_PAUSE_MS = 800;
  const RETRY_MS = 5000;
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

  // A whole mail reads as a mail: its head, and its words.
  function wholeOf(button) {
    const mail = button.closest(".written")?.closest("article");
    const head = [...(mail?.querySelectorAll(":scope > .mail-head > div") || [])].map((row) => {
      const value = row.querySelector("[data-place]") || row.querySelector("dd").cloneNode(true);
      value.querySelector(".out")?.remove();
      return `${row.querySelector("dt").textContent}: ${value.textContent.trim()}`;
    });
    const body = mail?.querySelector(":scope > .mail-body [data-place]");
    return head.length && body ? [...head, body.textContent].join("\n") : button.parentElement.querySelector("[data-place]").textContent;
  }

  function toggleWhole(button) {
    const there = [...list().children].find((item) => item.dataset.value === button.value);
    if (there) there.remove();
    else add({ ...parse(button.value), quote: wholeOf(button), anchor: button.parentElement.id });
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

  function offerMark() {
    const button = document.querySelector("[data-mark-here]");
    const spans = selected();
    button.hidden = !spans.length;
    // Under a finger the selection has handles and a menu of its own: there the button stands at the foot (in the CSS).
    if (!spans.length || matchMedia("(pointer: coarse)").matches) return;
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
      // What was chosen for one action leads to questions about that action only.
      const leading = [...form().querySelectorAll("[data-question]:not([hidden])")].filter((one) => !one.dataset.action || one.dataset.action === question.dataset.action);
      const chosen = leading.flatMap((one) => [...one.querySelectorAll("[data-choice]:checked")]).map((input) => input.dataset.choice);
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

  // ---- What is typed, kept in this browser until the server has it: a page may be asked for before the one that it
  // replaces has been saved, and a connection or a browser may break off at any time.

  const KEPT = `amdash typed ${form().dataset.keep} ${form().getAttribute("action")}`;
  const NOT_TYPED = new Set(["csrfmiddlewaretoken", "revision", "based_on", "stamp", "seconds", "reason", "words", "flagged"]);
  const entries = () => [...new FormData(form())].filter(([name]) => !NOT_TYPED.has(name));
  const value = (name) => form().elements[name].value;
  const pageOf = (stamp) => stamp.split(".")[0];
  const countOf = (stamp) => Number(stamp.split(".")[1]);
  let leaving = false;
  let offered = null;  // what was kept of another tab, until the rater says what is to be done with it

  function tab() {
    try {
      if (!sessionStorage.getItem("amdash tab")) sessionStorage.setItem("amdash tab", String(Math.random()));
      return sessionStorage.getItem("amdash tab");
    } catch { return ""; }
  }

  function kept() {
    try { return JSON.parse(localStorage.getItem(KEPT)); } catch { return null; }
  }

  function write(copy) {
    const whole = offered ? { ...copy, earlier: offered } : copy;
    try { whole ? localStorage.setItem(KEPT, JSON.stringify(whole)) : localStorage.removeItem(KEPT); } catch { /* the server alone keeps it */ }
  }

  const keep = () => write({ tab: tab(), stamp: value("stamp"), based_on: value("based_on"), revision: value("revision"), entries: entries(), at: Date.now() });

  // The server has what was typed up to this stamp. Once the page is being left, the next one may have been made
  // before that: then it stays, for the next page to compare.
  function forget(stamp) {
    if (!leaving && kept()?.stamp === stamp) write(null);
  }

  function restore() {
    const copy = kept();
    if (!copy) return;
    if (copy.earlier) offer(copy.earlier);
    const here = value("based_on");
    const follows = pageOf(copy.stamp ?? "") === pageOf(here);
    const known = !copy.stamp || copy.stamp === here || (follows && countOf(copy.stamp) <= countOf(here)) || JSON.stringify(copy.entries) === JSON.stringify(entries());
    if (known) { write(null); return; }
    if (copy.tab !== tab() || copy.revision !== value("revision") || !(follows || copy.based_on === here)) {
      offer(copy);
      write(null);
      return;
    }
    // The same tab goes on where it was: in the name of the page that saved, lest that page's last save come after.
    form().elements.stamp.value = copy.stamp;
    form().elements.based_on.value = copy.based_on;
    putBack(copy);
    unsaved = true;
    save();
  }

  function putBack(copy) {
    const of = (name) => copy.entries.filter(([other]) => other === name).map(([, given]) => given);
    for (const field of form().elements) {
      if (!field.name || NOT_TYPED.has(field.name) || field.type === "hidden" || field.type === "submit") continue;
      if (["radio", "checkbox"].includes(field.type)) field.checked = of(field.name).includes(field.value);
      else field.value = of(field.name)[0] ?? "";
    }
    list().replaceChildren();
    for (const marked of of("evidence")) add({ ...parse(marked), ...shownAt(parse(marked)) });
    ask();
    paint();
  }

  // The words of a span as they are shown, and the block that it begins in.
  function shownAt(span) {
    const found = blocks().filter((block) => {
      const start = Number(block.dataset.start);
      return block.dataset.place === span.place && span.start < start + length(block.textContent) && span.end > start;
    });
    const block = found[0];
    if (!block) return { quote: "(a marked passage)", anchor: "reading" };
    const start = Number(block.dataset.start);
    return { quote: [...block.textContent].slice(Math.max(span.start - start, 0), span.end - start).join(""), anchor: block.parentElement.id };
  }

  function offer(copy) {
    offered = copy;
    const box = form().querySelector("[data-kept]");
    const time = box.querySelector("[data-kept-at]");
    time.dateTime = new Date(copy.at).toISOString();
    time.textContent = new Date(copy.at).toLocaleString();
    box.hidden = false;
  }

  function answerOffer(use) {
    const copy = offered;
    offered = null;
    form().querySelector("[data-kept]").hidden = true;
    if (use) { putBack(copy); changed(); } else if (unsaved) keep(); else write(null);
    questions()[0]?.querySelector("input, textarea")?.focus();
  }

  // ---- Drafts and the lease

  let timer = 0;
  let unsaved = false;
  let busy = false;
  let lost = false;
  let saving = false;
  let again = false;
  let seconds = Number(value("seconds")) || 0;

  function say(words, failed = false) {
    const place = form().querySelector("[data-saved]");
    place.textContent = words;
    place.classList.toggle("unsaved", failed);
  }

  // A choice or evidence is saved at once, and one save after the other; typing waits for a pause. Each change has the
  // next stamp: the server takes a page's saves in their order, and none of an older page.
  function changed(pause = 0) {
    const [name, count] = value("stamp").split(".");
    form().elements.stamp.value = `${name}.${Number(count) + 1}`;
    unsaved = true;
    leaving = false;
    paint();
    ask();
    settle();
    if (!lost) keep();
    clearTimeout(timer);
    if (pause) timer = setTimeout(save, pause);
    else save();
  }

  async function post(url, accept = "application/json", options = {}) {
    const body = new URLSearchParams(new FormData(form()));
    const alive = options.keepalive && String(body).length < KEEPALIVE_LIMIT;
    const response = await fetch(url, { method: "POST", body, headers: { Accept: accept }, credentials: "same-origin", redirect: "manual", keepalive: alive });
    if (response.type === "opaqueredirect") throw new Error("you are signed out. Sign in from another tab");
    if (response.status >= 500) throw new Error("the server failed");
    return response;
  }

  // Why nothing came back, in words: fetch itself tells no reason.
  const reason = (problem) => (problem instanceof TypeError || problem instanceof SyntaxError ? "no connection" : problem.message);

  function retry() {
    clearTimeout(timer);
    timer = setTimeout(save, RETRY_MS);
  }

  async function save(confirmed) {
    clearTimeout(timer);
    if (lost || busy) return;
    if (saving) { again = true; return; }
    saving = true;
    unsaved = false;
    const stamp = value("stamp");
    try {
      const response = await post(form().dataset.draft, undefined, { keepalive: true });
      const answer = await response.json();
      if (response.status === 409) { if (!busy) { lost = true; warn(answer.problem); if (answer.kept) forget(stamp); } return; }
      if (!response.ok) { unsaved = true; say(answer.problem || "Not saved.", true); return; }
      forget(stamp);
      say(confirmed === true ? `Draft saved at ${answer.saved}.` : `Saved ${answer.saved}`);
    } catch (problem) {
      unsaved = true;
      again = false;
      say(`Not saved: ${reason(problem)}. What you typed is kept in this browser, which tries again.`, true);
      retry();
    } finally {
      saving = false;
      if (again) { again = false; save(confirmed); }
    }
  }

  // On leaving: before the next page is asked for, where the browser tells in time.
  function leave() {
    leaving = true;
    if (!unsaved || lost || busy) return;
    unsaved = false;
    post(form().dataset.draft, undefined, { keepalive: true }).catch(() => { unsaved = true; });
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

  // Submit or put aside, and go where the server says.
  async function send(url, failure) {
    if (busy) return;
    busy = true;
    clearTimeout(timer);
    form().querySelector("[data-warning]")?.remove();
    form().querySelector("[data-submit]").disabled = true;
    const stamp = value("stamp");
    try {
      const response = await post(url, "application/json, text/html");
      if (response.status === 422) { unsaved = false; refuse(await response.text()); return; }
      const answer = await response.json();
      if (response.ok) { unsaved = false; lost = true; forget(stamp); location.assign(answer.next); return; }
      lost = response.status === 409;
      warn(answer.problem || `${failure}.`);
      if (answer.kept) forget(stamp);
    } catch (problem) {
      warn(`${failure}: ${reason(problem)}. What you typed is kept in this browser; try again when that is mended.`);
      unsaved = true;
      retry();
    } finally {
      busy = false;
      form().querySelector("[data-submit]").disabled = false;
    }
  }

  function refuse(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("answers");
    form().replaceWith(document.adoptNode(fresh));
    prepare();
    forget(value("based_on"));
    if (offered) offer(offered);
    (firstField(form().querySelector(".question.bad")) || form().querySelector("[data-problems]"))?.focus();
  }

  // ---- What is missing, said at its question before anything is sent. The server checks all of it again.

  const firstField = (question) => question?.querySelector("input:not([type=hidden]), textarea, [data-mark]");

  const isAnswered = (question) =>
    question.id === "evidence" ? list().children.length > 0
      : question.hidden || question.querySelector(":checked") !== null || [...question.querySelectorAll("textarea, [type=number]")].some((field) => field.value.trim());

  function missing() {
    const found = questions().filter((question) => "required" in question.dataset && !isAnswered(question))
      .map((question) => [question, `Not answered: ${question.querySelector("legend").firstChild.textContent.trim()}`]);
    const evidence = document.getElementById("evidence");
    const harmful = questions().some((question) => question.querySelector("[data-needs-evidence]:checked"));
    if (harmful && !isAnswered(evidence)) found.push([evidence, "A harmful answer needs evidence: mark at least one passage."]);
    return found;
  }

  function complain(found) {
    for (const [question, words] of found) {
      clear(question);
      const line = document.createElement("p");
      line.className = "error";
      line.id = question.id.replace(/^(question-)?/, "problem-");
      line.textContent = words;
      question.classList.add("bad");
      question.setAttribute("aria-describedby", line.id);
      question.querySelector("legend").after(line);
    }
    const [first] = found[0];
    current(first);
    firstField(first)?.focus({ preventScroll: true });
    first.scrollIntoView({ block: "nearest" });
    say(`Not submitted: ${found.length === 1 ? "one thing is" : `${found.length} things are`} missing.`, true);
  }

  function clear(question) {
    question.classList.remove("bad");
    question.querySelector(":scope > .error")?.remove();
    question.removeAttribute("aria-describedby");
  }

  // What was complained of and is answered now (or asked no more) is complained of no longer.
  function settle() {
    for (const question of form().querySelectorAll(".question.bad")) if (isAnswered(question)) clear(question);
    const box = form().querySelector("[data-problems]");
    for (const link of box?.querySelectorAll("li > a") || []) {
      const about = form().querySelector(link.hash);
      if (!about || isAnswered(about)) link.parentElement.remove();
    }
    if (box && !box.querySelector("li")) box.remove();
  }

  function submit() {
    const found = missing();
    if (found.length) complain(found);
    else send(form().action, "Not submitted");
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
    try {
      const response = await post(form().dataset.renewal);
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
    else if (event.target.closest("[data-kept-use]")) answerOffer(true);
    else if (event.target.closest("[data-kept-drop]")) answerOffer(false);
    else if (event.target.closest("[data-step]")) step(Number(event.target.closest("[data-step]").dataset.step));
  });
  // A press on the mark buttons must not take the selection away before the click comes.
  document.addEventListener("pointerdown", (event) => { if (event.target.closest("[data-mark], [data-mark-here]")) event.preventDefault(); });
  document.addEventListener("mousedown", (event) => { if (event.target.closest("[data-mark], [data-mark-here]")) event.preventDefault(); });
  document.addEventListener("submit", (event) => {
    if (event.target !== form()) return;
    const aside = event.submitter?.hasAttribute("data-put-aside");
    if (!aside && event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    if (aside) send(event.submitter.formAction, "Not put aside");
    else submit();
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
  document.addEventListener("selectionchange", offerMark);
  window.addEventListener("scroll", offerMark, { capture: true, passive: true });
  window.addEventListener("beforeunload", leave);
  window.addEventListener("pagehide", leave);
  window.addEventListener("online", () => { if (unsaved) save(); });
  prepare();
  restore();
})();
