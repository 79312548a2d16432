"use strict";
// Adds to a page that is complete without it. It never writes HTML: names reach the page as text.
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const el = (tag, props = {}, ...kids) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (name in node && typeof value !== "string") node[name] = value;
      else node.setAttribute(name, value);
    }
    node.append(...kids);
    return node;
  };
  const tables = $$("table.board");
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [sheet];

  // --- theme ---------------------------------------------------------------------------
  const root = document.documentElement;
  const themes = { auto: "◐ Auto", light: "○ Light", dark: "● Dark" };
  const theme = el("button", { type: "button", id: "theme" });
  const paint = () => {
    const now = root.dataset.theme || "auto";
    theme.textContent = themes[now];
    theme.setAttribute("aria-label", `Colours: ${now}. Change`);
  };
  theme.onclick = () => {
    const next = { auto: "light", light: "dark", dark: "auto" }[root.dataset.theme || "auto"];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    try { localStorage.setItem("harness-theme", next); } catch { /* not kept, that is all */ }
    paint();
  };
  paint();
  $(".top").append(theme);

  // --- filter and columns --------------------------------------------------------------
  const tools = $("#tools");
  const find = el("input", { type: "search", id: "find", placeholder: "Filter entries  ( / )", "aria-label": "Filter entries", autocomplete: "off", spellcheck: false });
  const count = el("span", { class: "count", role: "status" });
  const rows = tables.flatMap((table) => [...table.tBodies[0].rows]);
  const names = new Map(rows.map((row) => [row, row.cells[1].textContent.toLowerCase()]));
  // A group of buttons, one pressed; nothing where there is nothing to choose.
  const segment = (label, values, change) => {
    const box = el("span", { class: "seg", role: "group", "aria-label": label });
    if (values.length < 2) return box;
    if (values.length > 4) {  // too many to stand side by side
      const list = el("select", { "aria-label": label });
      for (const value of ["all", ...values]) list.append(el("option", { value }, value === "all" ? `${label}: all` : value));
      list.onchange = () => change(list.value);
      box.append(list);
      return box;
    }
    for (const value of ["all", ...values]) {
      const button = el("button", { type: "button", "aria-pressed": String(value === "all") }, value);
      button.onclick = () => {
        for (const other of box.children) other.setAttribute("aria-pressed", String(other === button));
        change(value);
      };
      box.append(button);
    }
    return box;
  };
  let kind = "all", variant = "all";
  const variantOf = (name) => /\+([^\s()]+)/.exec(name)?.[1] ?? "base";
  const variants = new Map(rows.map((row) => [row, variantOf($("a", row).textContent)]));
  const sift = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const name = names.get(row);
      const here = (kind === "all" || (kind === "published") === row.classList.contains("pub"))
        && (variant === "all" || variant === variants.get(row)) && words.every((word) => name.includes(word));
      row.hidden = !here;
      if (row.detail) row.detail.hidden = !here;
      shown += here;
    }
    const all = `${rows.length} row${rows.length === 1 ? "" : "s"}`;
    count.textContent = shown === rows.length ? all : `${shown} of ${all}`;
  };
  find.oninput = sift;
  const choice = segment("Kind of entry", tools.dataset.kinds.split(" ").filter(Boolean), (value) => { kind = value; sift(); });
  const precision = segment("Variant", [...new Set(variants.values())], (value) => { variant = value; sift(); });
  const heads = tables.length ? [...tables[0].tHead.rows[0].cells] : [];
  const hidden = new Set(heads.map((_, k) => k).filter((k) => "hidden" in heads[k].dataset));
  const widths = new Map(tables.map((table) => [table, getComputedStyle(table).getPropertyValue("--cols").split(" ")]));
  // A number of a device stands in a column called NAME@DEVICE, and its panels in such sections.
  const deviceOf = (head) => head.dataset.c.split("@").slice(1).join("@");
  const devices = [...new Set(heads.map(deviceOf))].filter(Boolean);
  let device = "all";
  const places = segment("Device", devices, (value) => {
    device = value;
    for (const panel of $$(".panel")) {
      const own = devices.find((name) => $("h3", panel).firstChild.data.trim().endsWith(`: ${name}`));
      panel.hidden = value !== "all" && own !== undefined && own !== value;
    }
    lay();
  });
  const lay = () => {
    const away = heads.map((_, k) => k).filter((k) => hidden.has(k) || (device !== "all" && ![device, ""].includes(deviceOf(heads[k]))));
    sheet.replaceSync(away.map((k) => `.board>*>tr:not(.more)>:nth-child(${k + 1}){display:none}`).join(""));
    for (const [table, all] of widths) {
      if (all.length < 2) continue;
      const kept = all.map((width, k) => (k === 1 ? "var(--en)" : width)).filter((_, k) => !away.includes(k));
      table.style.setProperty("--cols", kept.join(" "));
      table.style.setProperty("--sum", `calc(${kept.join(" + ")})`);
    }
  };
  lay();
  if (tables.length) {
    const box = el("fieldset", { "aria-label": "Columns shown" });
    heads.forEach((head, k) => {
      if (k < 2) return;
      const tick = el("input", { type: "checkbox", checked: !hidden.has(k) });
      tick.onchange = () => { if (tick.checked) hidden.delete(k); else hidden.add(k); lay(); };
      box.append(el("label", {}, tick, ` ${head.dataset.c}`));
    });
    const chooser = el("details", {}, el("summary", {}, "Columns"), box);
    addEventListener("click", (event) => { if (!chooser.contains(event.target)) chooser.open = false; });
    chooser.onkeydown = (event) => { if (event.key === "Escape") { chooser.open = false; chooser.firstChild.focus(); } };
    tools.append(find, ...[choice, precision, places].filter((box) => box.children.length), chooser, count);
    sift();
  }
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      event.preventDefault();
      find.focus();
    } else if (event.key === "Escape" && event.target === find) {
      find.value = "";
      sift();
    }
  });

  // --- sorting -------------------------------------------------------------------------
  const collator = new Intl.Collator(undefined, { numeric: true });
  const value = (cell) => {
    if (cell.dataset.v) return +cell.dataset.v;
    if (cell.classList.contains("n")) return NaN;
    const text = cell.firstChild.data;
    if (text === undefined) return NaN;
    if (text.includes("∞")) return text.startsWith("−") ? -Infinity : Infinity;
    const [first, last] = text.replace("−", "-").replaceAll("\u202f", "").split("–");
    return last ? +first + last / 1e6 : parseFloat(first);
  };
  const sort = (table, k) => {
    const head = table.tHead.rows[0].cells[k];
    const before = head.getAttribute("aria-sort");
    const down = before ? before === "ascending" : head.dataset.b === "higher";
    const body = table.tBodies[0];
    const main = [...body.children].filter((row) => !row.classList.contains("more"));
    const keys = new Map();
    for (const row of main) keys.set(row, k === 1 ? row.children[1].firstChild.textContent : value(row.children[k]));
    const sign = down ? -1 : 1;
    main.sort(k === 1
      ? (a, b) => sign * collator.compare(keys.get(a), keys.get(b))
      : (a, b) => {
        const x = keys.get(a), y = keys.get(b);
        // A row without a value is last whichever way.
        if (x !== x || y !== y) return (x !== x) - (y !== y);
        return x === y ? 0 : sign * (x < y ? -1 : 1);
      });
    body.append(...main.flatMap((row) => (row.detail ? [row, row.detail] : [row])));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  };
  for (const table of tables) {
    [...table.tHead.rows[0].cells].forEach((head, k) => {
      const button = el("button", { type: "button" });
      button.append(...head.childNodes);
      if (k < 2) button.append(el("small"));
      button.onclick = () => sort(table, k);
      head.append(button);
    });
  }

  // --- details of a row ----------------------------------------------------------------
  const toggle = (link) => {
    const row = link.closest("tr");
    if (row.detail) {
      row.home.append(row.detail.firstChild.firstChild);
      row.detail.remove();
      row.detail = null;
    } else {
      const box = document.getElementById(link.hash.slice(1));
      row.home = box.parentNode;
      row.detail = el("tr", { class: "more" }, el("td", { colSpan: heads.length }, box));
      row.after(row.detail);
    }
    row.classList.toggle("open", !!row.detail);
    link.setAttribute("aria-expanded", String(!!row.detail));
  };
  const opener = ".board tbody th > a";
  for (const link of $$(opener)) {
    link.setAttribute("role", "button");
    link.setAttribute("aria-expanded", "false");
  }
  addEventListener("click", (event) => {
    const link = event.target.closest?.(opener);
    if (link) { event.preventDefault(); toggle(link); }
  });
  addEventListener("keydown", (event) => {
    const link = event.target.closest?.(opener);
    if (link && event.key === " ") { event.preventDefault(); toggle(link); }
  });
  const follow = () => {
    const target = $(":target");
    if (!target) return;
    const env = target.closest("details.env");
    if (env) env.open = true;
    const link = target.closest(".entries") && $$(opener).find((a) => a.hash === location.hash);
    if (link && !link.closest("tr").detail) { toggle(link); link.scrollIntoView({ block: "center" }); }
  };
  addEventListener("hashchange", follow);
  addEventListener("load", follow);  // :target is not known before

  // --- plots ---------------------------------------------------------------------------
  const tip = $("#tip");
  const hush = () => { tip.hidden = true; $(".p.at")?.classList.remove("at"); };
  const tell = (said, at) => {
    const [first, ...rest] = said.split("\n");
    tip.replaceChildren(el("b", {}, first), rest.join("\n"));
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const x = at.right + 10 + box.width < innerWidth ? at.right + 10 : at.left - box.width - 10;
    tip.style.left = `${Math.max(4, x)}px`;
    tip.style.top = `${Math.min(innerHeight - box.height - 4, Math.max(4, at.top - box.height / 2))}px`;
  };
  const say = (mark) => {
    hush();
    mark.classList.add("at");
    tell(mark.said, mark.getBoundingClientRect());
  };
  addEventListener("scroll", hush, { passive: true, capture: true });
  for (const chart of $$(".chart")) {
    const plot = $(".plot", chart);
    const series = $$(".s", plot);
    const spots = [];
    for (const group of series) {
      for (const mark of $$(".p", group)) {
        const title = mark.firstElementChild;
        const [x, y] = mark.getAttribute("transform").match(/-?[\d.]+/g).map(Number);
        mark.said = title.textContent;
        title.remove();
        mark.setAttribute("role", "img");
        mark.setAttribute("aria-label", mark.said.replaceAll("\n", ", "));
        mark.setAttribute("tabindex", spots.length ? "-1" : "0");
        spots.push({ mark, group, x, y });
      }
    }
    const live = () => spots.filter((spot) => !spot.group.classList.contains("gone"));
    const heat = (group) => {
      chart.classList.toggle("hot", !!group);
      for (const other of series) other.classList.toggle("on", other === group);
    };
    plot.addEventListener("pointermove", (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(plot.getScreenCTM().inverse());
      let best = null, near = 26;
      for (const spot of live()) {
        const far = Math.hypot(spot.x - at.x, spot.y - at.y);
        if (far < near) { near = far; best = spot; }
      }
      if (!best) { hush(); heat(null); return; }
      if (!best.mark.classList.contains("at")) { say(best.mark); heat(best.group); }
    });
    plot.addEventListener("pointerleave", () => { hush(); heat(null); });
    plot.addEventListener("focusin", (event) => {
      const spot = spots.find((s) => s.mark === event.target);
      if (spot) { say(spot.mark); heat(spot.group); }
    });
    plot.addEventListener("focusout", () => { hush(); heat(null); });
    plot.addEventListener("keydown", (event) => {
      const here = spots.find((s) => s.mark === event.target);
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hush();
      if (!here || !step) return;
      event.preventDefault();
      const seen = live();
      let next;
      if (event.key === "ArrowRight" || event.key === "ArrowLeft") next = seen[seen.indexOf(here) + step];
      else {
        const groups = [...new Set(seen.map((s) => s.group))];
        const group = groups[groups.indexOf(here.group) + step];
        next = seen.filter((s) => s.group === group).sort((a, b) => Math.abs(a.x - here.x) - Math.abs(b.x - here.x))[0];
      }
      if (!next) return;
      here.mark.setAttribute("tabindex", "-1");
      next.mark.setAttribute("tabindex", "0");
      next.mark.focus();
    });
    const items = $$(".legend li", chart);
    for (const item of items) {
      const group = series.find((s) => s.dataset.s === item.dataset.s);
      if (!group) continue;
      const button = el("button", { type: "button", "aria-pressed": "true", title: "Show or hide; double-click: only this one" });
      button.append(...item.childNodes);
      const show = (on) => { button.setAttribute("aria-pressed", String(on)); group.classList.toggle("gone", !on); };
      button.show = show;
      button.onclick = () => show(group.classList.contains("gone"));
      button.ondblclick = () => {
        const buttons = items.map((other) => $("button", other)).filter(Boolean);
        const alone = buttons.every((b) => b === button || b.getAttribute("aria-pressed") === "false");
        for (const other of buttons) other.show(alone || other === button);
      };
      button.onpointerenter = button.onfocus = () => heat(group);
      button.onpointerleave = button.onblur = () => heat(null);
      item.append(button);
    }
  }

  // --- heat maps without numbers -------------------------------------------------------
  for (const map of $$(".hm[data-r]")) {
    const cells = $("g", map), [low, high] = map.dataset.r.split(" ").map(Number);
    const [columns, rows] = $$(".hc", map).map((text) => text.textContent);
    const start = low < 0 && high > 0 ? 0 : low, step = (high - start) / 20;
    const text = (number) => String(+number.toPrecision(3)).replace("-", "−");
    map.addEventListener("pointermove", ({ target, clientX, clientY }) => {
      const at = new DOMPoint(clientX, clientY).matrixTransform(cells.getScreenCTM().inverse());
      const level = target.closest("g") === cells && target.getAttribute("class");
      if (!level) { hush(); return; }
      const middle = start + step * level.slice(1) * (level[0] === "k" ? -1 : 1);
      const about = level === "hx" ? "no number" : `${text(middle - step / 2)} to ${text(middle + step / 2)}`;
      const place = `${rows || "row"} ${Math.ceil(at.y)}, ${columns || "column"} ${Math.ceil(at.x)}`;
      tell(`${place}\n${about}`, { left: clientX - 6, right: clientX + 6, top: clientY });
    });
    map.addEventListener("pointerleave", hush);
  }

  // --- comparisons ---------------------------------------------------------------------
  for (const compare of $$(".compare")) {
    const groups = $$(".group", compare);
    const options = (list, label) => {
      const select = el("select", { "aria-label": label });
      list.forEach((text, k) => select.append(el("option", { value: String(k) }, text)));
      return select;
    };
    const item = options(groups.map((group) => group.dataset.item), "Item");
    let left = options([], "Left"), right = options([], "Right");
    const under = el("img", { alt: "" }), over = el("img", { alt: "" });
    const whoLeft = el("span", { class: "who" }), whoRight = el("span", { class: "who" });
    const bar = el("div", { class: "bar" });
    const stage = el("div", { class: "stage", tabindex: "0", role: "group", "aria-label": "Picture. Left and right move the border, Space held shows the other one" }, under, over, whoLeft, whoRight, bar);
    const slide = el("input", { type: "range", min: "0", max: "100", step: "0.5", value: "50", "aria-label": "Border between left and right, in percent" });
    const flip = el("button", { type: "button", "aria-pressed": "false" }, "Flip");
    const viewer = el("div", { class: "viewer" });
    const sides = el("div", { class: "sides" }, el("div"), el("div"));
    let flipping = false, swapped = false;
    const figures = () => $$("figure", groups[item.value || 0]);
    const draw = () => {
      const at = flipping ? (swapped ? 0 : 100) : +slide.value;
      over.style.clipPath = `inset(0 ${100 - at}% 0 0)`;
      bar.style.left = `${at}%`;
      bar.hidden = flipping;
      whoLeft.hidden = flipping && swapped;
      whoRight.hidden = flipping && !swapped;
      slide.disabled = flipping;
    };
    const load = () => {
      const all = figures();
      [[left, over, whoLeft, 0], [right, under, whoRight, 1]].forEach(([select, image, who, side]) => {
        const figure = all[select.value], source = $("img", figure);
        image.setAttribute("width", source.getAttribute("width"));
        image.setAttribute("height", source.getAttribute("height"));
        image.src = source.getAttribute("src");
        image.alt = source.alt;
        // Pixel for pixel, so that nothing is smoothed away; only thumbnails are enlarged.
        const width = +source.getAttribute("width");
        viewer.style.maxWidth = `${Math.max(360, width < 400 ? 2 * width : width)}px`;
        who.textContent = figure.dataset.e;
        sides.children[side].replaceChildren(...$("figcaption", figure).cloneNode(true).childNodes);
      });
      draw();
    };
    const fill = () => {
      const labels = figures().map((figure) => figure.dataset.e);
      [[left, 0], [right, 1]].forEach(([select, start]) => {
        const was = select.selectedOptions[0]?.textContent;
        select.replaceChildren(...labels.map((text, k) => el("option", { value: String(k) }, text)));
        const same = labels.indexOf(was);
        select.value = String(same >= 0 ? same : Math.min(start, labels.length - 1));
      });
      load();
    };
    item.onchange = fill;
    left.onchange = right.onchange = load;
    slide.oninput = draw;
    const swap = (on) => { if (flipping && swapped !== on) { swapped = on; draw(); } };
    flip.onclick = () => { flipping = !flipping; swapped = false; flip.setAttribute("aria-pressed", String(flipping)); draw(); };
    const move = (event) => {
      const box = stage.getBoundingClientRect();
      slide.value = String((100 * (event.clientX - box.left)) / box.width);
      draw();
    };
    stage.addEventListener("pointerdown", (event) => {
      stage.setPointerCapture(event.pointerId);
      if (flipping) swap(true); else move(event);
    });
    stage.addEventListener("pointermove", (event) => { if (!flipping && event.buttons) move(event); });
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => swap(false));
    let held = false;
    stage.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
      if (event.key === " ") {
        event.preventDefault();
        if (event.repeat || held) return;
        held = true;
        if (!flipping) { stage.wipe = true; flipping = true; swapped = true; draw(); } else swap(true);
      } else if (step && !flipping) {
        event.preventDefault();
        slide.value = String(+slide.value + step);
        draw();
      }
    });
    const release = () => {
      if (!held) return;
      held = false;
      if (stage.wipe) { stage.wipe = false; flipping = false; swapped = false; draw(); } else swap(false);
    };
    stage.addEventListener("keyup", (event) => { if (event.key === " ") release(); });
    stage.addEventListener("blur", release);
    const pick = el("div", { class: "pick" },
      el("label", {}, "Item ", item), el("label", {}, "Left ", left), el("label", {}, "Right ", right), flip);
    viewer.append(pick, stage, slide, el("p", { class: "note" }, "Drag the border, or hold Space on the picture to see the other one."), sides);
    const all = el("details", { class: "all" }, el("summary", {}, "All pictures"), ...groups);
    compare.append(viewer, all);
    if (groups.length) fill();
  }
})();
