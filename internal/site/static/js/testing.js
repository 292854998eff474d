// The testing grid: cells walked with the arrows, marked with single keys. What
// is pressed shows at once; what the server answers decides. Every cell is a
// link to a page where the same is done without this.
(() => {
  "use strict";
  const card = document.querySelector("[data-testing]");
  const table = card && card.querySelector("[role=grid]");
  if (!table) return;
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const inField = (element) => element instanceof Element && element.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  const words = { agrees: "agrees", deviation: "deviation", not_applicable: "not applicable", reperformed: "reperformed", untested: "not tested", confirm: "proposals confirmed" };
  const shownAs = { agrees: "agrees", deviation: "deviation", not_applicable: "na", reperformed: "reperformed", untested: "none" };

  // Announcements: one at a time, the newest stands.
  const status = card.querySelector("[data-testing-said]");
  const say = (text) => { status.textContent = text; };

  // Where we are.
  const pane = () => document.getElementById("tm-pane");
  const body = () => document.getElementById("tm-grid-rows");
  const here = () => table.querySelector("td[data-at]");
  const rowOf = (cell) => cell.closest("tr");
  const letterOf = (cell) => cell.dataset.letter;
  const cellIn = (row, letter) => row && row.querySelector(`td[data-letter="${CSS.escape(letter)}"]`);
  const rowAt = (ordinal) => document.getElementById(`row-${ordinal}`);
  const textOf = (letter) => { const head = table.querySelector(`th[data-letter="${CSS.escape(letter)}"]`); return head ? head.dataset.text : ""; };
  const nameOf = (cell) => `${rowOf(cell).dataset.item}, ${letterOf(cell)}`;

  const stripNow = (ordinal) => {
    for (const box of all("#tm-strip [data-from]")) box.toggleAttribute("data-now", Number(box.dataset.from) <= ordinal && ordinal <= Number(box.dataset.to));
  };
  const place = (cell) => {
    const old = here(), row = rowOf(cell);
    if (old && old !== cell) {
      old.removeAttribute("data-at");
      old.setAttribute("aria-selected", "false");
      old.firstElementChild.tabIndex = -1;
      rowOf(old).removeAttribute("data-now");
    }
    cell.toggleAttribute("data-at", true);
    cell.setAttribute("aria-selected", "true");
    cell.firstElementChild.tabIndex = 0;
    row.toggleAttribute("data-now", true);
    stripNow(Number(row.dataset.rank));
  };
  const choose = (cell, { focus = true } = {}) => {
    if (!cell) return false;
    leaveForm();
    typing = null;
    place(cell);
    if (focus) cell.firstElementChild.focus({ preventScroll: true });
    rowOf(cell).scrollIntoView({ block: "nearest" });
    show(cell);
    return true;
  };

  // The pane. What was read once is kept until it is marked.
  const kept = new Map(), drafts = new Map();
  const keyOf = (item, letter) => `${item}\n${letter}`;
  const addressOf = (item, letter) => card.dataset.pane.replace("{item}", encodeURIComponent(item)) + `?a=${encodeURIComponent(letter)}`;
  const read = async (address, options = {}) => {
    const answer = await fetch(address, { ...options, headers: { "HX-Request": "true", ...(options.headers || {}) } });
    const html = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.redirected && new URL(answer.url).pathname.startsWith("/sign-in")) throw new Error("You are signed out. Sign in again in another window, then try again.");
    if (!answer.ok) {
      const fault = html.querySelector("[data-fault], main h1");
      const error = new Error(fault ? fault.textContent.trim() : `The server answered ${answer.status}.`);
      error.refused = answer.status < 500;
      throw error;
    }
    return html;
  };
  const fetchPane = (item, letter) => {
    const key = keyOf(item, letter);
    if (!kept.has(key)) {
      const asked = read(addressOf(item, letter)).then((html) => html.getElementById("tm-pane"));
      asked.catch(() => kept.delete(key));
      kept.set(key, asked);
      if (kept.size > 300) kept.delete(kept.keys().next().value);
    }
    return kept.get(key);
  };
  let wanted = "", soon = 0;
  const put = (fresh) => {
    const old = pane();
    if (!fresh || !old) return;
    // What somebody is writing is not pulled away from under them.
    if (old.dataset.item === fresh.dataset.item && old.dataset.letter === fresh.dataset.letter && old.querySelector("[data-mark-form][data-open]")) return;
    const copy = document.importNode(fresh, true), key = keyOf(copy.dataset.item, copy.dataset.letter);
    old.replaceWith(copy);
    const note = copy.querySelector("textarea");
    if (note && drafts.has(key)) note.value = drafts.get(key);
  };
  const show = (cell, quiet = false) => {
    const item = rowOf(cell).dataset.item, letter = letterOf(cell), key = keyOf(item, letter);
    wanted = key;
    clearTimeout(soon);
    const at = pane();
    if (at && (at.dataset.item !== item || at.dataset.letter !== letter) && !quiet) at.dataset.dim = "";
    // A key held down passes rows without asking for each.
    soon = setTimeout(async () => {
      try {
        const fresh = await fetchPane(item, letter);
        if (wanted !== key) return;
        put(fresh);
        if (!quiet) say(`${item}, ${letter} ${textOf(letter)}: ${saidOf(cell)}`);
        history.replaceState(null, "", addressHere(item, letter));
        // The row below is read ahead once nothing else is on its way.
        soon = setTimeout(() => {
          const row = rowAt(Number(rowOf(cell).dataset.rank) + 1);
          if (wanted === key && row && !sending) fetchPane(row.dataset.item, letter).catch(() => {});
        }, 120);
      } catch (error) {
        if (wanted !== key) return;
        const old = pane();
        if (old) delete old.dataset.dim;
        say(`The evidence of ${item} could not be read. ${error.message}`);
      }
    }, kept.has(key) ? 0 : 40);
  };
  const addressHere = (item, letter) => {
    const address = new URL(location.href);
    address.searchParams.set("item", item);
    address.searchParams.set("a", letter);
    return address;
  };
  const saidOf = (cell) => {
    const mark = cell.querySelector("[aria-label]");
    return mark ? mark.getAttribute("aria-label").replace(/^[^,]*, /, "") : "";
  };

  // Moving.
  const move = async (down, across) => {
    const cell = here(), row = rowOf(cell);
    if (across !== 0) {
      const cells = all("td[data-letter]", row);
      return choose(cells[Math.min(cells.length - 1, Math.max(0, cells.indexOf(cell) + across))]);
    }
    const rows = all("tr", body()), at = rows.indexOf(row), to = at + down;
    if (to >= 0 && to < rows.length) return choose(cellIn(rows[to], letterOf(cell)));
    const first = Number(body().dataset.first), last = Number(body().dataset.last), total = Number(body().dataset.total);
    if (to < 0 && first > 1) return goto(first - 1, letterOf(cell));
    if (to >= rows.length && last < total) return goto(last + 1, letterOf(cell));
    return choose(cellIn(rows[to < 0 ? 0 : rows.length - 1], letterOf(cell)));
  };

  // Pages of rows: the one with an ordinal, fetched if it is not here.
  const pages = new Map();
  const fetchRows = (ordinal) => {
    const address = `${card.dataset.find}${card.dataset.find.includes("?") ? "&" : "?"}at=${ordinal}`;
    if (!pages.has(address)) {
      const asked = read(address);
      asked.catch(() => pages.delete(address));
      pages.set(address, asked);
      if (pages.size > 4) pages.delete(pages.keys().next().value);
    }
    return pages.get(address);
  };
  const goto = async (ordinal, letter) => {
    if (!rowAt(ordinal)) {
      table.setAttribute("aria-busy", "true");
      try {
        const html = await fetchRows(ordinal);
        pages.clear();
        const rows = html.getElementById("tm-grid-rows"), nav = html.getElementById("tm-grid-pages");
        if (!rows) throw new Error("The rows did not come.");
        body().replaceWith(document.importNode(rows, true));
        const old = document.getElementById("tm-grid-pages");
        if (old && nav) old.replaceWith(document.importNode(nav, true));
      } catch (error) {
        say(`The rows could not be read. ${error.message}`);
        return false;
      } finally {
        table.removeAttribute("aria-busy");
      }
      for (const entry of [...queue, ...failed]) restore(entry);
    }
    const row = rowAt(ordinal);
    return row ? choose(cellIn(row, letter) || row.querySelector("td[data-letter]")) : false;
  };

  // The strip as a word: a letter for each item of the whole sample.
  const states = () => { const strip = document.getElementById("tm-strip"); return strip && strip.dataset.states || ""; };
  const untested = (cell) => cell.dataset.tick === "none" || cell.dataset.tick === "";
  const seek = (fits, letters, nothing) => {
    const cell = here();
    const cells = all("td[data-letter]", body()), from = cells.indexOf(cell) + 1;
    const near = cells.slice(from).find(fits);
    const last = Number(body().dataset.last), first = Number(body().dataset.first), word = states();
    if (near) return choose(near);
    const search = (start, end) => {
      for (let i = start; i <= end; i++) if (letters.includes(word[i - 1])) return i;
      return 0;
    };
    const ordinal = search(last + 1, word.length) || search(1, first - 1);
    if (ordinal) return goto(ordinal, letterOf(cell)).then((done) => {
      const there = done && all("td[data-letter]", rowAt(ordinal)).find(fits);
      return there ? choose(there) : done;
    });
    const wrapped = cells.slice(0, from).find(fits);
    if (wrapped && wrapped !== cell) return choose(wrapped);
    say(nothing);
    return true;
  };

  // Marks. They are sent one answer after the other; those of one kind that
  // have gathered meanwhile go together.
  const queue = [], failed = [], undo = JSON.parse(sessionStorage.getItem(`undo ${location.pathname}`) || "[]");
  const remember = () => sessionStorage.setItem(`undo ${location.pathname}`, JSON.stringify(undo.slice(-50)));
  const sample = (tick) => document.querySelector(`.tm-tick-legend .tm-tick-${tick}`);
  const draw = (cell, mark) => {
    const tick = shownAs[mark], from = sample(tick), svg = cell.querySelector("svg");
    if (!from || !svg) return;
    svg.setAttribute("class", `tm-tick tm-tick-${tick}`);
    svg.querySelector("use").setAttribute("href", from.querySelector("use").getAttribute("href"));
    svg.setAttribute("aria-label", `${letterOf(cell)}, ${words[mark]}, being recorded`);
  };
  const cellOf = (entry) => {
    const row = rowAt(entry.ordinal);
    return row && row.dataset.item === entry.item ? cellIn(row, entry.letter) : null;
  };
  const restore = (entry) => {
    const cell = cellOf(entry);
    if (!cell) return;
    draw(cell, entry.mark);
    cell.toggleAttribute("data-sending", !entry.wrong);
    cell.toggleAttribute("data-failed", Boolean(entry.wrong));
  };
  const locked = () => {
    if (!card.dataset.locked) return false;
    say(card.dataset.locked);
    return true;
  };
  const once = () => crypto.getRandomValues(new Uint32Array(4)).reduce((s, n) => s + n.toString(16).padStart(8, "0"), "");
  const mark = (cell, what, reason, { undoing = false, code = "" } = {}) => {
    if (locked()) return true;
    const row = rowOf(cell);
    const entry = { item: row.dataset.item, ordinal: Number(row.dataset.rank), letter: letterOf(cell), mark: what, reason: reason.trim(), code, key: once(),
      before: { mark: cell.dataset.mark || "untested", reason: cell.dataset.reason || "" }, html: cell.innerHTML, undoing };
    cell.removeAttribute("data-failed");
    draw(cell, what);
    cell.toggleAttribute("data-sending", true);
    drop(failed, (x) => x.item === entry.item && x.letter === entry.letter);
    queue.push(entry);
    drafts.delete(keyOf(entry.item, entry.letter));
    listFailed();
    send();
    return true;
  };
  const drop = (list, fits) => { for (let i = list.length - 1; i >= 0; i--) if (fits(list[i])) list.splice(i, 1); };
  const together = () => {
    const first = queue[0], batch = [first];
    if (first.mark === "confirm") return batch;
    for (const x of queue.slice(1)) {
      if (x.mark !== first.mark || x.reason !== first.reason || x.code !== first.code || x.letter !== first.letter || batch.some((y) => y.item === x.item)) break;
      batch.push(x);
    }
    return batch;
  };
  let sending = false;
  const send = async () => {
    if (sending || queue.length === 0) return;
    sending = true;
    const batch = together(), first = batch[0];
    const form = new URLSearchParams();
    for (const x of batch) form.append("items", x.item);
    if (first.mark === "confirm") {
      form.append("confirm", "true");
    } else {
      form.append("attributes", first.letter);
      form.append("mark", first.mark);
    }
    form.append("reason", first.reason);
    if (first.code) form.append("code", first.code);
    form.append("key", first.key);
    try {
      const html = await read(card.dataset.marks, { method: "POST", body: form, headers: { "Content-Type": "application/x-www-form-urlencoded" } });
      drop(queue, (x) => batch.includes(x));
      for (const x of batch) {
        if (!x.undoing && x.mark !== "confirm") undo.push({ item: x.item, ordinal: x.ordinal, letter: x.letter, before: x.before });
      }
      remember();
      settle(html, batch);
    } catch (error) {
      drop(queue, (x) => batch.includes(x));
      // A key stands for one request: those that went together go alone now.
      for (const x of batch) {
        if (batch.length > 1) x.key = once();
        fail(x, error);
      }
    }
    sending = false;
    send();
  };
  const settle = (html, batch) => {
    const at = here(), item = at ? rowOf(at).dataset.item : "", letter = at ? letterOf(at) : "", focused = at && at.contains(document.activeElement);
    for (const row of all("tr[id]", html)) {
      const old = document.getElementById(row.id);
      for (const key of [...kept.keys()]) if (key.startsWith(`${row.dataset.item}\n`)) kept.delete(key);
      if (old && old.dataset.item === row.dataset.item) old.replaceWith(document.importNode(row, true));
    }
    const ordinal = at ? Number(rowOf(at).dataset.rank) : 0;
    for (const part of all("[data-part]", html)) {
      const old = document.getElementById(part.id);
      if (old) old.replaceWith(document.importNode(part, true));
    }
    for (const entry of [...queue, ...failed]) restore(entry);
    const cell = ordinal && rowAt(ordinal) ? cellIn(rowAt(ordinal), letter) : null;
    if (cell) {
      place(cell);
      if (focused || document.activeElement === document.body) cell.firstElementChild.focus({ preventScroll: true });
      const open = form() && form().dataset.open;
      if (open && questionOf(cell, open)) cell.toggleAttribute("data-asking", true);
      if (!open && batch.some((x) => x.item === item)) show(cell, true);
    }
    const first = batch[0];
    const more = batch.length > 1 ? ` and ${batch.length - 1} more` : "";
    say(first.mark === "confirm" ? `${first.item}: proposals confirmed.` : `${first.item}, ${first.letter}${more}: ${words[first.mark]}. Recorded.`);
  };
  const fail = (entry, error) => {
    entry.wrong = error.message || "The server did not answer.";
    entry.refused = Boolean(error.refused);
    if (!entry.refused) entry.wrong = `The server did not answer. ${entry.wrong}`;
    failed.push(entry);
    const cell = cellOf(entry);
    if (cell) {
      cell.removeAttribute("data-sending");
      cell.toggleAttribute("data-failed", true);
      cell.title = entry.wrong;
    }
    if (entry.reason) drafts.set(keyOf(entry.item, entry.letter), entry.reason);
    listFailed();
    say(`${entry.item}, ${entry.letter} was not recorded. ${entry.wrong}`);
  };

  // What was not recorded stays in sight until it is, or until somebody lets it go.
  const unsent = card.querySelector(".tm-grid-unsent");
  const listFailed = () => {
    unsent.hidden = failed.length === 0;
    const list = document.createElement("ul");
    for (const entry of failed) {
      const line = document.createElement("li"), id = document.createElement("span"), text = document.createElement("span");
      id.className = "tm-mono";
      id.textContent = `${entry.item} ${entry.letter}`;
      text.textContent = `${words[entry.mark]}, not recorded. ${entry.wrong}`;
      const again = document.createElement("button"), leave = document.createElement("button");
      again.type = leave.type = "button";
      again.className = leave.className = "btn btn-sm";
      again.textContent = "Try again";
      leave.textContent = "Leave it as it was";
      again.addEventListener("click", () => retry(entry));
      leave.addEventListener("click", () => letGo(entry));
      line.append(id, text, again, leave);
      list.append(line);
    }
    unsent.replaceChildren(...(failed.length ? [list] : []));
  };
  const retry = (entry) => {
    drop(failed, (x) => x === entry);
    delete entry.wrong;
    queue.push(entry);
    restore(entry);
    listFailed();
    send();
  };
  const letGo = (entry) => {
    drop(failed, (x) => x === entry);
    const cell = cellOf(entry);
    if (cell) {
      cell.innerHTML = entry.html;
      cell.firstElementChild.tabIndex = cell === here() ? 0 : -1;
      cell.removeAttribute("data-failed");
      cell.removeAttribute("title");
    }
    listFailed();
    const at = here();
    if (at) at.firstElementChild.focus();
  };
  window.addEventListener("online", () => { for (const entry of [...failed]) if (!entry.refused) retry(entry); });
  window.addEventListener("beforeunload", (event) => {
    if (queue.length > 0 || failed.length > 0 || drafts.size > 0) event.preventDefault();
  });

  // The note of a cell, and the reason without which two marks do not count.
  const form = () => pane() && pane().querySelector("[data-mark-form]");
  const asking = { deviation: "What deviates?", not_applicable: "Why does it not apply?", confirm: "A deviation is among the proposals: what deviates?" };
  // What is typed while the form is on its way belongs into it.
  let typing = null;
  const type = (event) => {
    if (event.key === "Escape") typing = null;
    else if (event.key === "Enter") typing.enter = true;
    else if (event.key === "Backspace") typing.text = typing.text.slice(0, -1);
    else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !typing.enter) typing.text += event.key;
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const taken = (cell, what) => cell.dataset.mark === "deviation" && what !== "deviation" && what !== "note";
  const questionOf = (cell, what) => taken(cell, what) ? "Why is the deviation taken back?" : asking[what];
  const open = async (cell, what, text) => {
    if (locked()) return true;
    const item = rowOf(cell).dataset.item, letter = letterOf(cell), at = pane();
    const typed = typing = { text: "" };
    if (!at || at.dataset.item !== item || at.dataset.letter !== letter) {
      try {
        put(await fetchPane(item, letter));
      } catch (error) {
        if (typing === typed) typing = null;
        say(`The evidence of ${item} could not be read. ${error.message}`);
        return true;
      }
      if (typing !== typed) return true;
      // The row may have been replaced meanwhile; what counts is where we are.
      cell = here();
      if (!cell || rowOf(cell).dataset.item !== item || letterOf(cell) !== letter) return true;
    }
    const f = form();
    typing = null;
    if (!f) return true;
    const label = f.querySelector("[data-mark-label]"), note = f.querySelector("textarea"), act = f.querySelector("[data-mark-submit]");
    f.dataset.open = what;
    if (questionOf(cell, what)) {
      label.textContent = `${questionOf(cell, what)} The mark counts with your reason.`;
      act.textContent = { deviation: "Record the deviation", confirm: "Confirm the proposals", not_applicable: "Record it as not applicable" }[what] || "Take the deviation back";
      cell.toggleAttribute("data-asking", true);
      if (taken(cell, what)) note.value = text || "";
    } else {
      act.textContent = "Record the note";
    }
    f.querySelector("#tm-mark-help").textContent = "Enter records, Shift and Enter starts a line, Esc leaves the cell as it was.";
    note.value += typed.text;
    note.focus();
    note.setSelectionRange(note.value.length, note.value.length);
    note.scrollIntoView({ block: "nearest" });
    if (typed.enter) submit();
    return true;
  };
  const leaveForm = () => {
    const f = form();
    if (!f || !f.dataset.open) return;
    delete f.dataset.open;
    const label = f.querySelector("[data-mark-label]");
    label.textContent = label.dataset.usual;
    wrong(f, "");
    for (const cell of all("[data-asking]", table)) cell.removeAttribute("data-asking");
  };
  const wrong = (f, text) => {
    const line = f.querySelector("[data-mark-error]"), note = f.querySelector("textarea");
    line.textContent = text;
    line.classList.toggle("tm-empty-error", text === "");
    note.toggleAttribute("aria-invalid", text !== "");
  };
  const submit = () => {
    const f = form(), cell = here();
    if (!f || !cell) return;
    const what = f.dataset.open || "note", reason = f.querySelector("textarea").value;
    if (questionOf(cell, what) && reason.trim() === "") {
      wrong(f, "Give a reason: without one the mark does not count.");
      say("Give a reason: without one the mark does not count.");
      f.querySelector("textarea").focus();
      return;
    }
    if (what === "note" && (cell.dataset.mark || "untested") === "untested") {
      drafts.set(keyOf(rowOf(cell).dataset.item, letterOf(cell)), reason);
      leaveForm();
      cell.firstElementChild.focus();
      say("The note is recorded with your mark: press 1, 2, 3 or 4.");
      return;
    }
    const missing = f.querySelector("[name=code]"), kind = what === "note" ? cell.dataset.mark : what;
    leaveForm();
    cell.firstElementChild.focus();
    mark(cell, kind, reason, { code: kind === "deviation" && missing && missing.checked ? missing.value : "" });
  };
  document.addEventListener("submit", (event) => {
    const f = event.target instanceof Element && event.target.closest("#tm-pane [data-mark-form]");
    if (!f) return;
    event.preventDefault();
    submit();
  });
  document.addEventListener("input", (event) => {
    const f = event.target instanceof Element && event.target.closest("#tm-pane [data-mark-form]");
    if (!f) return;
    const p = pane();
    drafts.set(keyOf(p.dataset.item, p.dataset.letter), event.target.value);
    if (!f.dataset.open) f.dataset.open = "note";
    wrong(f, "");
  });
  document.addEventListener("focusin", (event) => {
    const f = event.target instanceof Element && event.target.matches("#tm-pane [data-mark-form] textarea") && event.target.form;
    if (f && !f.dataset.open) open(here(), "note");
  });

  // What the keys do.
  const simple = (what) => () => {
    const cell = here(), key = keyOf(rowOf(cell).dataset.item, letterOf(cell));
    if (taken(cell, what)) return open(cell, what);
    return mark(cell, what, drafts.get(key) || "");
  };
  const confirm = () => {
    const cells = all("td[data-proposed]", rowOf(here())).filter(untested);
    if (cells.length === 0) {
      say("Nothing is proposed in this row.");
      return true;
    }
    if (cells.some((cell) => cell.dataset.proposed === "deviation")) return open(here(), "confirm");
    return mark(here(), "confirm", "");
  };
  const takeBack = () => {
    if (locked()) return true;
    const last = undo.pop();
    remember();
    if (!last) {
      say("There is no mark of yours on this page to take back.");
      return true;
    }
    return goto(last.ordinal, last.letter).then((found) => {
      if (!found) return false;
      if (taken(here(), last.before.mark)) return open(here(), last.before.mark, last.before.reason);
      return mark(here(), last.before.mark, last.before.reason, { undoing: true });
    });
  };
  const ask = () => {
    if (!card.dataset.asks) return false;
    location.assign(card.dataset.asks.replace("{item}", encodeURIComponent(rowOf(here()).dataset.item)));
    return true;
  };
  const page = (step) => () => {
    const first = Number(body().dataset.first), last = Number(body().dataset.last), total = Number(body().dataset.total);
    const to = step > 0 ? last + 1 : first - 1;
    if (to < 1 || to > total) {
      say(step > 0 ? "These are the last ranks." : "These are the first ranks.");
      return true;
    }
    return goto(to, letterOf(here()));
  };
  const keys = {
    1: simple("agrees"), 4: simple("reperformed"), 2: () => open(here(), "deviation"), 3: () => open(here(), "not_applicable"),
    n: () => open(here(), "note"), z: takeBack, e: ask, j: page(1), k: page(-1),
    u: () => seek(untested, "poae", "Every cell is tested."),
    d: () => seek((cell) => cell.dataset.tick === "deviation", "d", "There is no deviation."),
  };
  const arrows = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], PageDown: [10, 0], PageUp: [-10, 0], Home: [0, -99], End: [0, 99] };
  // A key that opened or closed the note must not be written into it as well.
  let pressed = "";
  document.addEventListener("keyup", () => { pressed = ""; }, true);
  document.addEventListener("beforeinput", (event) => {
    if (pressed === "" || !(event.target instanceof Element) || !event.target.closest("#tm-pane")) return;
    if (event.data === pressed || pressed === "Enter" && /^insert(LineBreak|Paragraph)$/.test(event.inputType)) event.preventDefault();
  });
  let went = 0; // when "g" was pressed, which leads elsewhere
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open], :popover-open")) return;
    if (typing) {
      type(event);
      return;
    }
    const f = event.target instanceof Element && event.target.closest("#tm-pane [data-mark-form]");
    if (f && event.target.matches("textarea")) {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        pressed = "Enter";
        submit();
      } else if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        const p = pane(), cell = here();
        drafts.delete(keyOf(p.dataset.item, p.dataset.letter));
        leaveForm();
        show(cell, true);
        kept.delete(keyOf(p.dataset.item, p.dataset.letter));
        cell.firstElementChild.focus();
      }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || inField(event.target) || !here()) return;
    const inGrid = table.contains(event.target), nowhere = event.target === document.body || event.target.id === "main";
    if (event.key === "g") {
      went = event.timeStamp;
      return;
    }
    if (went > 0 && event.timeStamp - went < 1200) {
      went = 0;
      return;
    }
    if ((inGrid || nowhere) && arrows[event.key]) {
      event.preventDefault();
      event.stopPropagation();
      move(...arrows[event.key]);
      return;
    }
    if (inGrid && event.shiftKey && event.key === "Enter") {
      event.preventDefault();
      pressed = "Enter";
      confirm();
      return;
    }
    if (root.dataset.keys === "off" || event.shiftKey) return;
    if (event.target instanceof Element && event.target.closest("summary, .tm-menu, .tm-table")) return;
    const act = keys[event.key];
    if (!act) return;
    pressed = event.key;
    if (act() !== false) {
      event.preventDefault();
      event.stopPropagation();
    }
  }, true);

  // The same by pointer.
  card.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const button = event.target.closest("[data-grid-key]");
    if (button) {
      const key = button.dataset.gridKey;
      if (key === "?") document.getElementById("tm-keys")?.togglePopover();
      else if (arrows[key]) move(...arrows[key]);
      else keys[key]();
      return;
    }
    const turn = event.target.closest("[data-grid-page]");
    if (turn) {
      event.preventDefault();
      page(turn.dataset.gridPage === "after" ? 1 : -1)();
      return;
    }
    const row = event.target.closest("#tm-grid-rows tr");
    if (!row || event.target.closest(".tm-grid-item a")) return;
    const cell = event.target.closest("td[data-letter]") || cellIn(row, letterOf(here()));
    event.preventDefault();
    choose(cell);
  });
  card.addEventListener("focusin", (event) => {
    const cell = event.target instanceof Element && event.target.closest("td[data-letter]");
    if (cell && cell !== here()) choose(cell, { focus: false });
  });
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    // The button names no item of its own: it is for the cell one stands on.
    if (event.target.closest("[data-testing-ask]") && !event.metaKey && !event.ctrlKey && ask()) event.preventDefault();
    const box = event.target.closest("#tm-strip [data-from]");
    if (box) goto(Number(box.dataset.from), letterOf(here()));
    if (event.target.closest("#tm-pane [data-mark-leave]")) {
      leaveForm();
      here().firstElementChild.focus();
    }
  });
  document.addEventListener("scroll", () => {
    const last = Number(body().dataset.last), total = Number(body().dataset.total), cell = here();
    if (cell && last < total && Number(rowOf(cell).dataset.rank) > last - 20) fetchRows(last + 1).catch(() => {});
  }, true);
  const strip = document.getElementById("tm-strip");
  if (strip) strip.dataset.walks = "";
  const first = here(), box = document.getElementById("tm-grid-scroll");
  if (first && box.scrollHeight > box.clientHeight) rowOf(first).scrollIntoView({ block: "nearest" });
})();
