// Keys are declared in the HTML, and the help lists what is there, so the two cannot disagree.
//
//   data-key="f"            the key, or two strokes ("g t"), or "mod+Enter" (Ctrl or Cmd; the only kind that works while typing);
//                           several keys are separated by a comma
//   data-key-label="Focus"  what it does, for the help (else the element's own text)
//   data-key-group="Places" heading in the help, on the element or around it (else "This page")
//   data-key-scope          around elements that share a key with others: the scope with the focus, or with the class
//                           "current", has the key
//   data-stops="selector"   on a container: j and k move the focus through what matches inside it;
//                           data-stops-label says what those are
//
// A key clicks its element; on a text field it moves the focus there.
(() => {
  const SECOND_STROKE_MS = 900;
  let first = "";
  let firstAt = 0;

  const visible = (element) => element.checkVisibility({ visibilityProperty: true });
  const reachable = (element) => visible(element) || element.closest("[popover]") !== null;  // the menu of a narrow screen
  const isChoice = (element) => element.matches("input[type=radio], input[type=checkbox], input[type=button], input[type=submit]");
  const typing = (element) =>
    !isChoice(element) && (element.isContentEditable || element.matches("input, textarea, select, [role=combobox], [role=listbox], [role=textbox]"));
  const covered = () => document.querySelector("dialog[open], :popover-open") !== null;
  const keysOf = (element) => element.dataset.key.split(",").map((key) => key.trim() || ",");

  function stroke(event) {
    const mod = event.ctrlKey || event.metaKey;
    if (event.altKey) return "";
    return mod ? `mod+${event.key}` : event.key;
  }

  function owner(key) {
    const found = [...document.querySelectorAll("[data-key]")].filter((element) => keysOf(element).includes(key) && reachable(element));
    if (found.length < 2) return found[0];
    const scoped = (test) => found.find((element) => element.closest("[data-key-scope]") && test(element.closest("[data-key-scope]")));
    return scoped((scope) => scope.contains(document.activeElement)) || scoped((scope) => scope.matches(".current")) || found[0];
  }

  function press(element) {
    if (typing(element)) { element.focus(); if (element.select) element.select(); } else { element.click(); if (isChoice(element)) element.focus(); }
  }

  let latestStop = null;

  function step(direction) {
    const lists = [...document.querySelectorAll("[data-stops]")].filter(visible);
    if (!lists.length) return false;
    const list = lists.find((candidate) => candidate.contains(document.activeElement)) || lists[0];
    const stops = [...list.querySelectorAll(list.dataset.stops)].filter(visible);
    if (!stops.length) return false;
    const at = (element) => stops.findLastIndex((stop) => stop === element || stop.contains(element));
    const focused = at(document.activeElement);
    // From elsewhere, such as a question, it goes back to where the reading stopped.
    const left = stops.indexOf(latestStop);
    const next = focused >= 0 ? focused + direction : left >= 0 ? left : direction > 0 ? 0 : stops.length - 1;
    const stop = stops[Math.min(Math.max(next, 0), stops.length - 1)];
    if (!stop.matches("a, button, input, summary, [tabindex]")) stop.tabIndex = -1;
    latestStop = stop;
    stop.focus({ preventScroll: true });
    stop.scrollIntoView({ block: "nearest" });
    return true;
  }

  function help() {
    const dialog = document.getElementById("keys");
    const body = dialog.querySelector("[data-keys-list]");
    body.replaceChildren();
    const groups = new Map([["This page", []]]);
    const last = ["Places", "Everywhere"];
    const list = [...document.querySelectorAll("[data-stops]")].find(visible);
    if (list) groups.get("This page").push([["j", "k"], `Next and previous ${list.dataset.stopsLabel || "item"}`]);
    const seen = new Set();
    for (const element of document.querySelectorAll("[data-key]")) {
      const group = element.closest("[data-key-group]")?.dataset.keyGroup || "This page";
      const label = element.dataset.keyLabel || element.getAttribute("aria-label") || element.textContent.trim();
      if (seen.has(element.dataset.key + label) || !reachable(element)) continue;
      seen.add(element.dataset.key + label);
      if (!groups.has(group)) groups.set(group, []);
      const rows = groups.get(group);
      // Digits that do the same are one line, from the first to the last.
      const digits = /^[0-9]$/.test(element.dataset.key) && rows.find(([keys, meaning]) => meaning === label && /^[1-9]$/.test(keys[0]));
      if (digits) { const last = digits[0].at(-1); digits[0] = [digits[0][0], last > element.dataset.key ? last : element.dataset.key]; } else rows.push([keysOf(element), label]);
    }
    // What is the same on every page comes after the page's own.
    for (const [name, rows] of [...groups].sort(([one], [other]) => last.indexOf(one) - last.indexOf(other))) {
      if (!rows.length) continue;
      const heading = document.createElement("h3");
      heading.textContent = name;
      const definitions = document.createElement("dl");
      for (const [keys, label] of rows) {
        const term = document.createElement("dt");
        const isRange = keys.length > 1 && keys.every((key) => /^[1-9]$/.test(key));
        for (const [place, key] of keys.entries()) for (const part of key.split(/[ +](?=.)/)) {
          if (isRange && place) term.append("– ");
          const mark = document.createElement("kbd");
          mark.textContent = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", mod: "Ctrl/⌘" }[part] || part;
          term.append(mark, " ");
        }
        const meaning = document.createElement("dd");
        meaning.textContent = label;
        definitions.append(term, meaning);
      }
      body.append(heading, definitions);
    }
    dialog.showModal();
  }

  document.addEventListener("keydown", (event) => {
    const key = stroke(event);
    if (!key || event.repeat && !"jk".includes(key) || covered() || event.isComposing) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (key === "Escape" && typing(target)) { target.blur(); return; }
    if (typing(target) && !key.startsWith("mod+")) return;
    if (isChoice(target) && key.startsWith("Arrow")) return;
    if (["Enter", " ", "Tab"].includes(key)) return;
    const pair = Date.now() - firstAt < SECOND_STROKE_MS ? `${first} ${key}` : "";
    const found = (pair && owner(pair)) || owner(key);
    first = key;
    firstAt = Date.now();
    if (found) { event.preventDefault(); first = ""; press(found); }
    else if (key === "j" || key === "k") { if (step(key === "j" ? 1 : -1)) event.preventDefault(); }
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys-open]")) help();
  });
})();
