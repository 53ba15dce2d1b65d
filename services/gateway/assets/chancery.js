// All that a page does beyond HTML. Every page works without it.
addEventListener("DOMContentLoaded", () => {
  const say = (text) => { const el = document.getElementById("say"); if (el) { el.textContent = ""; setTimeout(() => (el.textContent = text), 50); } };

  // 2 one listener for clicks
  document.addEventListener("click", async (e) => {
    const b = e.target.closest("[data-copy],[data-clear]"); if (!b) return;
    if (b.matches("[data-copy]")) {
      const src = document.getElementById(b.dataset.copy);
      try { await navigator.clipboard.writeText((src.value ?? src.textContent).trim()); say("Copied to clipboard."); b.setAttribute("aria-label", "Copied"); }
      catch { say("Your browser did not allow copying. Select the text and copy it yourself."); }
    }
    if (b.matches("[data-clear]")) { document.querySelectorAll(".sel:checked, .sel-all").forEach((c) => { c.checked = false; c.indeterminate = false; }); count(); }
  });

  // 2b dialogs: <button commandfor command="show-modal"> is native; this is for browsers without it
  if (!("command" in HTMLButtonElement.prototype)) document.addEventListener("click", (e) => { const b = e.target.closest("[commandfor][command=show-modal]"); if (b) document.getElementById(b.getAttribute("commandfor"))?.showModal(); });

  // 3 selection: count, select-all with three states, Shift-range
  const boxes = [...document.querySelectorAll(".sel")], all = document.querySelector(".sel-all"), out = document.querySelector("[data-count]"); let last = null;
  function count() {
    const n = boxes.filter((b) => b.checked).length; if (out) out.textContent = n;
    if (all) { all.checked = n > 0 && n === boxes.length; all.indeterminate = n > 0 && n < boxes.length; }
  }
  boxes.forEach((b, i) => b.addEventListener("click", (e) => { if (e.shiftKey && last !== null) for (let k = Math.min(i, last); k <= Math.max(i, last); k++) boxes[k].checked = b.checked; last = i; count(); }));
  all?.addEventListener("change", () => { boxes.forEach((b) => (b.checked = all.checked)); count(); say(all.checked ? `All ${boxes.length} on this page selected.` : "Selection cleared."); });
  count();

  // 4 keys (can be switched off in the profile): "/" search, "x" toggle row, "b" bulk bar, Esc clear
  addEventListener("keydown", (e) => {
    if (e.target.matches("input:not([type=checkbox]):not([type=radio]),textarea,select") || e.metaKey || e.ctrlKey || e.altKey) return;
    if (e.key === "/") { e.preventDefault(); document.querySelector(".find input")?.focus(); }
    if (e.key === "x") document.activeElement?.closest("tr")?.querySelector(".sel")?.click();
    if (e.key === "b") document.querySelector(".bulk button:not(.link)")?.focus();
    if (e.key === "Escape" && boxes.some((b) => b.checked) && !document.querySelector(":popover-open, dialog[open]")) document.querySelector("[data-clear]")?.click();
  });

  // 5 drop zone: hand dropped files to the real <input type=file>
  document.querySelectorAll(".drop").forEach((d) => {
    const input = d.querySelector("input[type=file]");
    ["dragenter", "dragover"].forEach((t) => d.addEventListener(t, (e) => { e.preventDefault(); d.classList.add("over"); }));
    ["dragleave", "drop"].forEach((t) => d.addEventListener(t, (e) => { e.preventDefault(); d.classList.remove("over"); }));
    d.addEventListener("drop", (e) => { if (input) { input.files = e.dataTransfer.files; input.dispatchEvent(new Event("change", { bubbles: true })); } });
  });
});
