/* The proof on the customer's phone: asked for by a press of the page itself, drawn from what our rows say. */
const guitaiProof = (() => {
  "use strict";
  const $ = (id) => document.getElementById(id);
  const more = JSON.parse($("guitai-more").textContent), words = more.words;
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  const SVG = "http://www.w3.org/2000/svg";
  let asking = false;

  function post(url) {
    return fetch(url, {method: "POST", headers: {"content-type": "application/json"}, body: "{}", cache: "no-store"});
  }
  function drawn(qr, label) {
    const svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
    svg.setAttribute("viewBox", "0 0 " + qr.size + " " + qr.size);
    svg.setAttribute("shape-rendering", "crispEdges");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
    path.setAttribute("d", qr.path);
    svg.append(path);
    return svg;
  }
  function show(proof) {
    const closed = proof.type === "closed";
    $("page").dataset.state = closed ? "closed" : "paid";
    $("proof-title").textContent = proof.title;
    $("proof-amount").textContent = "¥" + proof.amount;
    $("proof-text").textContent = proof.text;
    $("proof-order").textContent = proof.order;
    $("proof-time").textContent = new Date(proof.at_ms).toLocaleTimeString(document.documentElement.lang, {hour12: false});
    $("proof-qr").replaceChildren(drawn(proof.qr, words.proof_qr));
    $("proof-qr").dataset.proof = proof.proof;
    $("typed").hidden = !proof.typed;
    if (proof.typed) $("typed-code").textContent = proof.typed;
    for (const id of ["paying", "end", "asking"]) if ($(id)) $(id).hidden = true;
    $("proof").hidden = false;
    if (navigator.wakeLock) navigator.wakeLock.request("screen").catch(() => {});
  }
  /* Until there is one; not ours to see (403) ends it. */
  async function ask() {
    if (asking || !more.proof) return;
    asking = true;
    for (let pause = 700; ; pause = Math.min(pause * 1.5, 10000)) {
      try {
        const answer = await post(more.proof);
        if (answer.ok) { show(await answer.json()); break; }
        if (answer.status === 403 || answer.status === 404) break;
      } catch (_) { /* the line: again */ }
      await sleep(pause);
    }
    asking = false;
  }
  async function close(button, said) {
    button.disabled = true;
    said.textContent = words.closing;
    try {
      const answer = await post(more.close);
      const told = await answer.json();
      if (told.redirect) { location.href = told.redirect; return; }
      if (told.closed) { ask(); return; }
      said.textContent = told.text || words.line_bad;
    } catch (_) { said.textContent = words.line_bad; }
    button.disabled = false;
  }
  for (const button of document.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => close(button, $(button.dataset.close)));
  }
  if (more.tell) post(more.tell).catch(() => {});
  if (more.ask_now) ask();
  return {ask};
})();
