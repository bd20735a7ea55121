"use strict";
(function () {
  const AXIS = 84;         // pixels the vertical axis and the margins take
  const NAME = 150;        // pixels of a name in the legend
  const read = (id) => JSON.parse(document.getElementById(id).textContent);

  function draw(holder) {
    const spec = JSON.parse(holder.nextElementSibling.textContent);
    const room = holder.clientWidth;
    spec.width = Math.max(160, Math.floor(room - AXIS));
    spec.height = Math.min(spec.height, room < 540 ? 320 : 380);
    spec.config.legend.columns = Math.max(1, Math.floor(spec.width / NAME));
    spec.autosize = { type: "pad" };
    const options = {
      mode: "vega-lite", renderer: "svg",
      actions: { export: true, source: false, compiled: false, editor: false },
      downloadFileName: holder.dataset.name || "planbench",
      tooltip: { theme: "planbench-tip" },
    };
    return window.vegaEmbed(holder, spec, options).catch((error) => {
      holder.innerHTML = "";
      const line = document.createElement("p");
      line.className = "error";
      line.textContent = "This chart could not be drawn: " + error.message;
      holder.append(line);
      throw error;
    });
  }

  const charts = Array.from(document.querySelectorAll("figure > .chart"));
  Promise.all(charts.map(draw)).then(() => {
    document.documentElement.setAttribute("data-drawn", String(charts.length));
  });
  // Drawn again when the room changes: a turned phone, a resized window.
  const drawnAt = new Map(charts.map((holder) => [holder, holder.clientWidth]));
  let timer = 0;
  const redraw = () => {
    for (const holder of charts) {
      const room = holder.clientWidth;
      if (room === 0 || Math.abs(room - drawnAt.get(holder)) < 8) continue;
      drawnAt.set(holder, room);
      draw(holder);
    }
  };
  const observer = new ResizeObserver(() => { clearTimeout(timer); timer = setTimeout(redraw, 150); });
  charts.forEach((holder) => observer.observe(holder));

  // Sorting: numbers by data-sort, text by what is shown; empty cells stay last.
  document.querySelectorAll("table.sortable").forEach((table) => {
    const body = table.tBodies[0];
    table.querySelectorAll("thead th").forEach((head, column) => {
      const button = head.querySelector("button");
      if (!button) return;
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const value = (row) => {
          const cell = row.cells[column];
          const key = cell.dataset.sort;
          if (key === undefined) return cell.textContent.trim();
          return key === "" ? null : Number(key);
        };
        const rows = Array.from(body.rows).map((row) => [value(row), row]);
        rows.sort(([a], [b]) => {
          if (a === null || a === "") return b === null || b === "" ? 0 : 1;
          if (b === null || b === "") return -1;
          const order = typeof a === "number" ? a - b : a.localeCompare(b);
          return up ? order : -order;
        });
        body.append(...rows.map(([, row]) => row));
      });
    });
  });

  const filter = document.getElementById("filter");
  if (filter) {
    const rows = Array.from(document.querySelectorAll("#rows tbody tr"));
    const shown = document.getElementById("shown");
    filter.addEventListener("input", () => {
      const terms = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        const match = terms.every((term) => text.includes(term));
        row.hidden = !match;
        count += match;
      }
      shown.textContent = count + " of " + rows.length + " rows";
    });
  }

  const download = document.getElementById("download");
  if (download) {
    download.addEventListener("click", () => {
      const lines = read("records").map((row) => JSON.stringify(row)).join("\n") + "\n";
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([lines], { type: "application/x-ndjson" }));
      link.download = "planbench-results.jsonl";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  }

  // Paper has no buttons: what is folded is unfolded for printing.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    const parts = "details.instance:not([open]), #claims details:not([open])";
    folded = Array.from(document.querySelectorAll(parts));
    folded.forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => folded.forEach((part) => { part.open = false; }));
})();
