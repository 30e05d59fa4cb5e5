// Filters of the ledger's page. Their state is in the fragment of the address, so that a link reproduces the view:
// "#status=reproduced&open=charikar2024.theorem_1". A fragment without "=" is the id of an entry, which is shown and opened.
"use strict";
(() => {
  const form = document.getElementById("filters");
  const names = ["q", "show", "paper", "status", "kind", "scale", "figure"];
  const control = Object.fromEntries(names.map((name) => [name, form.elements.namedItem(name)]));
  const plain = (text) => text.toLowerCase().replace(/\s+/g, " ");
  const entries = [...document.querySelectorAll(".entry")].map((element) => ({
    element,
    text: plain(element.textContent),
    show: element.classList.contains("statement") ? ["statements"] : ["experiments"],
    paper: element.dataset.paper.split(" "),
    status: element.dataset.status.split("|"),
    kind: [element.dataset.kind],
    scale: [element.dataset.scale],
    figure: [element.dataset.figure],
  }));

  const value = (name) => (name === "figure" ? (control.figure.checked ? "yes" : "") : control[name].value);

  function filter() {
    const words = plain(value("q")).split(" ").filter(Boolean);
    const wanted = names.slice(1).filter(value).map((name) => [name, value(name)]);
    const shown = { statements: 0, experiments: 0 };
    const total = { statements: 0, experiments: 0 };
    for (const entry of entries) {
      const matches = words.every((word) => entry.text.includes(word)) && wanted.every(([name, one]) => entry[name].includes(one));
      entry.element.hidden = !matches;
      total[entry.show[0]] += 1;
      shown[entry.show[0]] += matches ? 1 : 0;
    }
    const findings = { shown: 0, total: 0 };
    for (const table of document.querySelectorAll(".findings")) {
      const rows = [...table.tBodies[0].rows];
      for (const row of rows) row.hidden = Boolean(value("status")) && row.dataset.status !== value("status");
      const left = rows.filter((row) => !row.hidden).length;
      table.querySelector(".part").textContent = left < rows.length ? `${left} of ${rows.length} findings have this status` : "";
      findings.total += rows.length;
      findings.shown += table.closest(".entry").hidden ? 0 : left;
    }
    for (const group of document.querySelectorAll(".group")) group.hidden = !group.querySelector(".entry:not([hidden])");
    document.getElementById("statements").hidden = !shown.statements;
    document.getElementById("nothing").hidden = shown.statements + shown.experiments > 0;
    const counts = ["statements", "experiments"].map((kind) => `${shown[kind]} of ${total[kind]} ${kind}`);
    document.getElementById("count").textContent = `${counts.join(", ")} with ${findings.shown} of ${findings.total} findings`;
  }

  function remember() {
    const state = new URLSearchParams(names.filter(value).map((name) => [name, value(name)]));
    const open = [...document.querySelectorAll(".statement details[open]")].map((details) => details.closest(".entry").id);
    if (open.length) state.set("open", open.join(","));
    history.replaceState(null, "", `#${state}`);
  }

  function clear() {
    for (const name of names) control[name].value = "";
    control.figure.value = "yes";
    control.figure.checked = false;
  }

  function open(element) {
    const details = element.querySelector("details");
    if (details) details.open = true;
  }

  // A figure stands in the page once, with its experiment; an opened statement borrows it.
  function borrowFigures(statement) {
    for (const place of statement.querySelectorAll("[data-shows]:not(:has(img))")) {
      const picture = document.querySelector(`#experiment-${place.dataset.shows} img`);
      if (picture) place.append(picture.cloneNode());
    }
  }

  function follow() {
    const fragment = location.hash.slice(1);
    if (fragment.includes("=")) {
      const state = new URLSearchParams(fragment);
      clear();
      for (const name of names) {
        if (name === "figure") control.figure.checked = state.get(name) === "yes";
        else control[name].value = state.get(name) ?? "";
        if (control[name].selectedIndex === -1) control[name].value = "";
      }
      filter();
      for (const id of (state.get("open") ?? "").split(",").filter(Boolean)) {
        const element = document.getElementById(id);
        if (element) open(element);
      }
      form.scrollIntoView();
      return;
    }
    const target = fragment && document.getElementById(fragment);
    if (target && target.closest("[hidden]")) {
      clear();
      filter();
    }
    if (target && target.classList.contains("statement")) open(target);
    if (target) target.scrollIntoView();
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    filter();
    remember();
  });
  for (const button of document.querySelectorAll("[data-clear]")) {
    button.addEventListener("click", () => {
      clear();
      filter();
      remember();
      control.q.focus();
    });
  }
  for (const details of document.querySelectorAll(".statement details")) {
    details.addEventListener("toggle", () => {
      if (details.open) borrowFigures(details);
    });
    details.querySelector("summary").addEventListener("click", () => setTimeout(remember));
  }
  addEventListener("hashchange", follow);

  form.hidden = false;
  filter();
  follow();
})();
