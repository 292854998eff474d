// What a page can do beyond links and forms. Everything here has a way without it.
(() => {
  "use strict";
  const root = document.documentElement;
  root.dataset.js = "on";
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const closest = (event, selector) => event.target instanceof Element ? event.target.closest(selector) : null;

  // Choices of the "me" menu: applied at once, kept in the cookie the server reads too.
  const cookies = { theme: "tickmark-theme", keys: "tickmark-keys", rows: "tickmark-rows" };
  document.addEventListener("submit", (event) => {
    const form = closest(event, "form[data-pref]");
    if (!form || !event.submitter) return;
    event.preventDefault();
    const name = form.dataset.pref, value = event.submitter.value;
    root.dataset[name] = value;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${cookies[name]}=${value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    for (const button of all("button", form)) button.setAttribute("aria-pressed", String(button === event.submitter));
  });

  // Menus: one open at a time, closed by a press elsewhere or Esc.
  const openMenus = () => all("details.tm-drop[open]");
  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
  });

  // Words of the glossary. Without this a word is a link to its place among all.
  document.addEventListener("click", (event) => {
    const term = closest(event, "a[data-means]"), panel = document.getElementById("tm-help");
    if (!term || !panel || !panel.showPopover || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    panel.querySelector("h2").textContent = term.dataset.term;
    panel.querySelector("[data-help-means]").textContent = term.dataset.means;
    const avoid = panel.querySelector("[data-help-avoid]");
    avoid.hidden = !term.dataset.avoid;
    avoid.querySelector("span").textContent = term.dataset.avoid;
    panel.querySelector("[data-help-all]").href = term.getAttribute("href");
    if (panel.matches(":popover-open")) panel.hidePopover();
    panel.showPopover();
    panel.querySelector("h2").focus();
  });

  // Dialogs. Without this the button is a link to a page with the same form.
  document.addEventListener("click", (event) => {
    const opener = closest(event, "[data-opens]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.opens);
      if (dialog && dialog.showModal) {
        event.preventDefault();
        dialog.showModal();
      }
    }
    const closer = closest(event, "[data-closes]");
    if (closer) closer.closest("dialog").close();
  });

  // Putting a word where the cursor was in a text area. Without this the button
  // sends the form, which comes back with the word at its end.
  document.addEventListener("click", (event) => {
    const button = closest(event, "[data-insert]");
    const area = button && document.getElementById(button.dataset.into);
    if (!area) return;
    event.preventDefault();
    area.setRangeText(button.dataset.insert, area.selectionStart, area.selectionEnd, "end");
    area.focus();
  });

  // Copying an id or a digest whole.
  const copy = async (text) => {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  document.addEventListener("click", async (event) => {
    const button = closest(event, "[data-copy]");
    if (!button) return;
    event.preventDefault();
    await copy(button.dataset.copy);
    button.focus();
    button.classList.add("tm-copied");
    const use = button.querySelector("use"), before = use.getAttribute("href");
    use.setAttribute("href", before.replace(/#.*/, "#i-done"));
    setTimeout(() => {
      button.classList.remove("tm-copied");
      use.setAttribute("href", before);
    }, 1500);
  });

  // Files. A form that takes some sends them itself, so that one sees how far
  // they are and can stop; without this the browser sends it. Files can be
  // dropped on such a form and, where it takes several, pasted into its page.
  const bytes = (n) => {
    if (n < 1000) return `${n} B`;
    const units = ["kB", "MB", "GB", "TB"];
    let tenths = Math.floor(n / 100), unit = 0;
    for (; tenths >= 10000 && unit < units.length - 1; unit++) tenths = Math.floor(tenths / 1000);
    return `${tenths >= 1000 || tenths % 10 === 0 ? Math.floor(tenths / 10).toLocaleString("en") : tenths / 10} ${units[unit]}`;
  };
  const fileField = (form) => form.querySelector("input[type=file]");
  const sayFiles = (field) => {
    let said = field.parentElement.querySelector("output.tm-chosen");
    if (!said) {
      said = document.createElement("output");
      said.className = "tm-note tm-chosen";
      field.after(said);
    }
    said.textContent = [...field.files].map((file) => `${file.name}, ${bytes(file.size)}`).join("; ");
  };
  const takeFiles = (field, files) => {
    const list = new DataTransfer();
    if (field.multiple) for (const file of field.files) list.items.add(file);
    for (const file of field.multiple ? files : files.slice(0, 1)) list.items.add(file);
    field.files = list.files;
    sayFiles(field);
  };
  document.addEventListener("change", (event) => {
    const field = closest(event, "form[data-upload] input[type=file]");
    if (field) sayFiles(field);
  });
  document.addEventListener("paste", (event) => {
    const field = document.querySelector("form[data-upload] input[type=file][multiple]");
    const files = event.clipboardData ? [...event.clipboardData.files] : [];
    if (!field || files.length === 0) return; // text goes where the cursor is
    event.preventDefault();
    takeFiles(field, files);
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      const form = closest(event, "form[data-upload]");
      if (!form || !fileField(form) || !event.dataTransfer || ![...event.dataTransfer.types].includes("Files")) return;
      form.classList.toggle("tm-over", kind === "dragover");
      if (kind === "dragleave") return;
      event.preventDefault();
      if (kind === "drop") takeFiles(fileField(form), [...event.dataTransfer.files]);
    });
  }
  // The answer to a form that was sent stands where the page stood, as if the
  // browser had sent it; where it leads on, the browser goes there.
  const answered = (form, request) => {
    const here = new URL(form.getAttribute("action"), location.href).href.replace(/#.*/, "");
    if (request.responseURL && request.responseURL !== here) {
      location.assign(request.responseURL);
      return true;
    }
    if (!(request.getResponseHeader("Content-Type") || "").startsWith("text/html")) return false;
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    if (location.href.replace(/#.*/, "") !== here) history.pushState(null, "", here);
    document.title = page.title;
    document.body.replaceWith(document.adoptNode(page.body));
    if (window.htmx) window.htmx.process(document.body);
    scrollTo(0, 0);
    focusSummary();
    return true;
  };
  const send = (form, submitter) => {
    const field = fileField(form), state = form.querySelector("[data-upload-state]"), said = form.querySelector("[data-upload-said]");
    const text = state.querySelector("[data-upload-text]"), bar = state.querySelector("progress"), cancel = state.querySelector("[data-upload-cancel]");
    const what = field.files.length === 1 ? field.files[0].name : `${field.files.length} files`;
    const request = new XMLHttpRequest(), buttons = all("button[type=submit]", form);
    const show = (now, words) => {
      state.hidden = false;
      state.dataset.uploadState = now;
      text.textContent = words;
      bar.hidden = now === "stopped";
      cancel.hidden = now !== "sending";
      for (const button of buttons) button.disabled = now !== "stopped";
    };
    const stopped = (words) => {
      const held = document.activeElement === cancel;
      show("stopped", words);
      said.textContent = words;
      if (held && buttons[0]) buttons[0].focus();
    };
    let quarter = 0, spoke = 0; // what was said aloud, and when
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      bar.max = event.total;
      bar.value = event.loaded;
      show("sending", `Sending ${what}: ${bytes(event.loaded)} of ${bytes(event.total)}`);
      const now = Math.floor((event.loaded / event.total) * 4);
      if (now > quarter && now < 4 && event.timeStamp - spoke > 5000) {
        quarter = now;
        spoke = event.timeStamp;
        said.textContent = `${now * 25} percent sent`;
      }
    });
    request.upload.addEventListener("load", () => {
      bar.removeAttribute("value");
      show("arrived", `${what} has arrived and is being read.`);
      said.textContent = text.textContent;
    });
    request.addEventListener("load", () => {
      if (!answered(form, request)) stopped(`The server answered ${request.status}. Send it again.`);
    });
    request.addEventListener("error", () => stopped("The connection ended before the answer came: the file may be larger than what is taken here. See whether it is recorded, or send it again."));
    request.addEventListener("abort", () => stopped("Cancelled. Nothing was recorded."));
    cancel.onclick = () => request.abort();
    const data = new FormData(form, submitter);
    request.open("POST", form.getAttribute("action"));
    request.send(data);
    show("sending", `Sending ${what}`);
    said.textContent = text.textContent;
    spoke = performance.now();
  };
  document.addEventListener("submit", (event) => {
    const form = event.target, field = form.matches("form[data-upload]") && fileField(form);
    if (!field || event.defaultPrevented || ![...field.files].some((file) => file.size > 0) || !form.querySelector("[data-upload-state]")) return;
    event.preventDefault();
    send(form, event.submitter);
  });

  // Rows: a press opens, the box selects.
  document.addEventListener("click", (event) => {
    const row = closest(event, "tr[data-href]");
    if (!row || event.defaultPrevented || closest(event, "a, button, input, label, select, summary, textarea")) return;
    if (closest(event, ".tm-pick") || String(getSelection()) !== "") return;
    if (event.metaKey || event.ctrlKey) window.open(row.dataset.href, "_blank", "noopener");
    else location.assign(row.dataset.href);
  });
  const count = (form) => {
    const boxes = all("tbody .tm-pick input", form), checked = boxes.filter((box) => box.checked).length;
    const output = form.querySelector("[data-bulk-count]"), pickAll = form.querySelector("[data-pick-all]");
    if (output) output.textContent = String(checked);
    if (pickAll) {
      pickAll.checked = checked > 0 && checked === boxes.length;
      pickAll.indeterminate = checked > 0 && checked < boxes.length;
    }
  };
  document.addEventListener("click", (event) => {
    const every = closest(event, "[data-pick-every]");
    if (!every) return;
    const form = every.closest("form");
    for (const box of all("tbody .tm-pick input", form)) box.checked = true;
    count(form);
  });
  document.addEventListener("change", (event) => {
    const form = closest(event, "form[data-bulk]");
    if (!form || !closest(event, ".tm-pick")) return;
    if (event.target.hasAttribute("data-pick-all")) {
      for (const box of all("tbody .tm-pick input", form)) box.checked = event.target.checked;
    }
    count(form);
  });

  // Keys. Single ones work only while no field has the focus, and can be switched off.
  const inField = (element) => element instanceof Element && element.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  const rows = () => all("[data-rows-keys] tbody tr").filter((row) => row.offsetParent !== null && row.querySelector("a[href], input"));
  const rowOf = () => document.activeElement && document.activeElement.closest("[data-rows-keys] tbody tr");
  const move = (step) => {
    const list = rows();
    if (list.length === 0) return false;
    const at = list.indexOf(rowOf());
    const next = list[at < 0 ? (step > 0 ? 0 : list.length - 1) : Math.min(list.length - 1, Math.max(0, at + step))];
    const target = next.querySelector("a[href]") || next.querySelector("input");
    if (!target) return false;
    target.focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  };
  const select = () => {
    const row = rowOf(), box = row && row.querySelector(".tm-pick input");
    if (!box) return false;
    box.checked = !box.checked;
    box.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  };
  const search = () => {
    const input = document.querySelector(".tm-search-top input");
    if (!input || input.offsetParent === null) return false;
    input.focus();
    input.select();
    return true;
  };
  const asOf = () => {
    const menu = document.querySelector(".tm-asof");
    if (!menu) return false;
    menu.open = true;
    menu.querySelector("input").focus();
    return true;
  };
  const help = () => {
    const keys = document.getElementById("tm-keys");
    if (!keys || !keys.togglePopover) return false;
    keys.togglePopover();
    return true;
  };
  const escape = (event) => {
    const menus = openMenus();
    for (const menu of menus) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    if (menus.length === 0 && inField(event.target) && event.target.closest(".tm-search-top")) event.target.blur();
    return menus.length > 0;
  };
  let went = 0; // when "g" was pressed
  const go = (key) => {
    const item = document.querySelector(`.tm-side [data-go="${CSS.escape(key)}"]`);
    if (!item) return false;
    item.click();
    return true;
  };
  const single = { "/": search, "?": help, a: asOf, x: select, ArrowDown: () => move(1), ArrowUp: () => move(-1) };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      escape(event);
      return;
    }
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (inField(event.target) || root.dataset.keys === "off" || document.querySelector("dialog[open]")) return;
    if (event.target instanceof Element && event.target.closest(".tm-menu, summary") && event.key.startsWith("Arrow")) return;
    if (event.key === "g") {
      went = event.timeStamp;
      return;
    }
    if (went > 0 && event.timeStamp - went < 1200) {
      went = 0;
      if (go(event.key)) event.preventDefault();
      return;
    }
    const act = single[event.key];
    if (act && act()) event.preventDefault();
  });

  // The summary of a form that came back takes the focus.
  const focusSummary = () => {
    const summary = document.querySelector("[data-focus]");
    if (summary) summary.focus();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", focusSummary);
  else focusSummary();
})();
