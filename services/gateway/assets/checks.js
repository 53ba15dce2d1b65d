// What a request would need is looked at while its form is filled in: each state of the list comes as soon as it is known.
{
  const form = document.querySelector("[data-checks]");
  let run;
  const check = async () => {
    run?.abort();
    run = new AbortController();
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(form.dataset.checks, { method: "POST", body, signal: run.signal });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = "", part; !(part = await reader.read()).done; ) {
        const lists = (text + part.value).split("\x1e");
        text = lists.pop();
        if (lists.length) document.getElementById("checks").outerHTML = lists.pop();
      }
      document.getElementById("say").textContent = document.getElementById("checks").dataset.said;
    } catch {} // Another run has begun, or the button below does it.
  };
  form?.addEventListener("change", check);
  if (form && "checksNow" in form.dataset) check();
}
