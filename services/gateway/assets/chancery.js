// All that a page does beyond HTML. Every page works without it.
const root = document.documentElement, id = (id) => document.getElementById(id);
const $ = (q) => document.querySelector(q), $$ = (q) => [...document.querySelectorAll(q)];
const on = (types, act, of = document) => types.split(" ").forEach((type) => of.addEventListener(type, act));
root.dataset.script = "";

// For those who do not see it: what their own action led to, and nothing else.
const say = (text) => { id("say").textContent = ""; setTimeout(() => (id("say").textContent = text), 50); };

// Selection: how many, all with three states, ranges by Shift.
let last;
const boxes = () => $$(".sel");
const count = () => {
  const n = $$(".sel:checked").length, all = $(".sel-all");
  $$("[data-count]").forEach((e) => (e.textContent = n));
  if (all) { all.checked = n && n == boxes().length; all.indeterminate = n && !all.checked; }
};
const tick = (to) => { boxes().forEach((b) => (b.checked = to)); count(); say(to ? `All ${boxes().length} on this page selected.` : "Selection cleared."); };
on("change", (e) => e.target.matches(".sel-all") && tick(e.target.checked));
count();

on("click", async (e) => {
  const b = e.target.closest(".sel,[data-clear],[data-copy],[data-reveal]");
  if (!b) return;
  const { clear, copy, reveal } = b.dataset;
  if (b.matches(".sel")) {
    const of = boxes(), i = of.indexOf(b), k = of.indexOf(last);
    if (e.shiftKey && k >= 0) of.slice(Math.min(i, k), Math.max(i, k)).forEach((x) => (x.checked = b.checked));
    last = b; count();
  }
  if (clear != null) tick(false);
  if (copy) {
    try { await navigator.clipboard.writeText((id(copy).value ?? id(copy).textContent).trim()); say("Copied."); }
    catch { say("Your browser did not allow copying. Select the text and copy it yourself."); }
  }
  if (reveal) {
    const shown = id(reveal).type == "text";
    id(reveal).type = shown ? "password" : "text";
    b.setAttribute("aria-pressed", !shown);
  }
});

// Keys, which can be switched off: "/" search, "x" ticks a row, "b" to the bar, Esc clears.
on("keydown", (e) => {
  if (root.dataset.keys == "off" || e.metaKey || e.ctrlKey || e.altKey || e.target.matches("input:not([type=checkbox],[type=radio]),textarea,select")) return;
  if (e.key == "/" && $(".find input")) { e.preventDefault(); $(".find input").focus(); }
  if (e.key == "x") e.target.closest("tr")?.querySelector(".sel")?.click();
  if (e.key == "b") $(".bulk button:not(.link)")?.focus();
  if (e.key == "Escape" && $(".sel:checked") && !$(":popover-open,dialog[open]")) tick(false);
});

// Files that are dropped go into the field for them.
$$(".drop").forEach((d) => on("dragenter dragover dragleave drop", (e) => {
  e.preventDefault();
  d.classList.toggle("over", /enter|over/.test(e.type));
  if (e.type != "drop") return;
  const field = d.querySelector("[type=file]");
  field.files = e.dataTransfer.files;
  field.dispatchEvent(new Event("change", { bubbles: true }));
}, d));

// The other theme, on this very page.
on("formdata", (e) => e.target.action.endsWith("/theme") && e.formData.set("next", location.pathname + location.search));

// What a request would need is looked at while its form is filled in: each state of the list comes as soon as it is known.
const form = $("[data-checks]");
let run;
const check = async () => {
  run?.abort();
  run = new AbortController();
  try {
    const answer = await fetch(form.dataset.checks, { method: "POST", body: new URLSearchParams(new FormData(form)), signal: run.signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = "", part; !(part = await reader.read()).done; ) {
      const lists = (text + part.value).split("\x1e");
      text = lists.pop();
      if (lists.length) id("checks").outerHTML = lists.pop();
    }
    say(id("checks").dataset.said);
  } catch {} // Another run has begun, or the button below does it.
};
if (form) on("change", check, form);
if (form?.matches("[data-checks-now]")) check();

// Live: /events says what happened. Then the page is fetched again, and what changed is put in its place.
let after = document.body.dataset.at, source, heard, lost, told, tries = 0, again, free = 0, due, busy, ended;

// Makes of an element what another is, piece by piece: focus, ticks and typed text stay.
const morph = (a, b) => {
  if (a.nodeName != b.nodeName || a.id != b.id) return a.replaceWith(b);
  if (a.nodeType != 1) { if (a.data != b.data) a.data = b.data; return; }
  for (const { name, value } of b.attributes) if (a.getAttribute(name) != value) a.setAttribute(name, value);
  for (const { name } of [...a.attributes]) if (!b.hasAttribute(name) && name != "open") a.removeAttribute(name);
  if (a.matches("[data-live-rows]")) return rows(a, b);
  const old = [...a.childNodes], fresh = [...b.childNodes];
  fresh.forEach((f, i) => (old[i] ? morph(old[i], f) : a.append(f)));
  old.slice(fresh.length).forEach((o) => o.remove());
};

// Rows change where they are. Another order, and other rows, wait until they are asked for.
const rows = (a, b) => {
  const old = [...a.children], fresh = [...b.children], whole = b.cloneNode(true), run = [0];
  // The longest run that has the same order in both stays; all others have moved.
  const at = fresh.map((r) => old.findIndex((o) => o.id == r.id));
  at.forEach((x, i) => (run[i] = x < 0 ? 0 : 1 + Math.max(0, ...run.slice(0, i).filter((_, k) => at[k] < x))));
  const moved = Math.max(old.length, fresh.length) - Math.max(...run);
  fresh.forEach((r, i) => at[i] < 0 || morph(old[at[i]], r));
  const host = a.closest("table") ?? a, button = document.createElement("button");
  if (host.previousElementSibling?.matches(".order")) host.previousElementSibling.remove();
  if (!moved) return;
  button.type = "button"; button.className = "btn btn-sm order";
  // Where the page has a word for them: "4 new events ↑".
  const added = at.filter((x) => x < 0).length, words = a.dataset.new && added == moved ? [a.dataset.new, " ↑"] : ["rows", " moved. Refresh order"];
  button.textContent = moved + " " + (moved == 1 ? words[0].slice(0, -1) : words[0]) + words[1];
  button.onclick = () => {
    const ticked = $$(".sel:checked").map((x) => x.value);
    a.replaceChildren(...whole.children);
    boxes().forEach((x) => (x.checked = ticked.includes(x.value)));
    button.remove(); count(); say("In order."); id("main").focus();
  };
  host.before(button);
};

const load = async () => {
  const answer = await fetch("", { headers: { "chancery-live": "1" } });
  if (new URL(answer.url).pathname == "/sign-in") return end("You are signed out.");
  if (answer.status == 404) return end("What this page shows is gone.");
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  $$("[data-live][id]").forEach((a) => { const b = page.getElementById(a.id); if (b) morph(a, b); });
  count();
};
const refresh = () => {
  due = true;
  if (busy || document.hidden) return;
  busy = true;
  setTimeout(async () => {
    due = false; free = Date.now() + 1000;
    // Where it cannot be fetched, the stream breaks as well, and says so.
    try { await load(); } catch {}
    busy = false;
    if (due) refresh();
  }, free - Date.now());
};
on("visibilitychange", () => due && refresh());

const tell = (words) => {
  const dot = $(".live");
  dot.hidden = false; dot.classList.toggle("off", !!words); dot.firstElementChild.textContent = words ? "Paused" : "Live";
  id("paused")?.remove();
  if (words) id("main").insertAdjacentHTML("afterbegin", `<div class="note note-warn" id="paused" role="status"><svg class="i" aria-hidden="true"><use href="#i-pending"/></svg><p>${words}</p></div>`);
};
const end = (what) => { ended = true; source.close(); tell(`<strong>${what}</strong> <a href="">Look again</a>`); };
const listen = () => {
  if (ended) return;
  heard = Date.now();
  source = new EventSource("/events?after=" + after);
  source.onerror = () => pause(Date.now());
  on("beat", () => { heard = Date.now(); lost = told = tries = 0; tell(); }, source);
  source.onmessage = (m) => {
    after = m.lastEventId;
    const about = `* ${m.data} ${m.data.replace(/:\S+/g, "")}`.split(" "), all = m.data == "*";
    if ($$("[data-live]").some((e) => all || e.dataset.live.split(" ").some((t) => about.includes(t)))) refresh();
  };
};
const pause = (at) => {
  source.close();
  lost ||= at; heard = 0;
  // Whoever was signed out hears it from the page.
  if (++tries == 2) refresh();
  again = Date.now() + Math.min(8, 2 ** tries / 2) * 1000;
  setTimeout(listen, again - Date.now() + Math.random() * 500);
};
const watch = () => {
  if (heard && Date.now() - heard > 40000) pause(heard);
  if (!lost || tries == told || Date.now() - lost < 10000 || ended) return;
  told = tries;
  tell(`<strong>Live updates paused.</strong> Trying again in ${Math.max(1, Math.round((again - Date.now()) / 1000))} s. What you see is from ${new Date(lost).toISOString().slice(11, 19)}.`);
};
if ($("[data-at] [data-live]")) { listen(); setInterval(watch, 1000); }
