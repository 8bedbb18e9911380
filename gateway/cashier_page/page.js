(() => {
  "use strict";
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const $ = (id) => document.getElementById(id);
  const page = read("guitai-page"), more = read("guitai-more"), words = more.words;
  const button = $("press"), said = $("said"), card = $("paying"), leave = $("leave"), typed = {text: ""};
  let status = more.status, seq = -1, polling = false, ended = false;

  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  function say(text, strong) { said.textContent = text; said.classList.toggle("strong", !!strong); }
  function busy(on) {
    card.classList.toggle("busy", on);
    button.disabled = on || (page.amount_fen === null && fen() < 1);
    document.querySelectorAll("#keys button").forEach((key) => { key.disabled = on; });
  }

  /* Whole fen from what was typed: no fraction is ever computed. */
  function fen() {
    const [yuan, cents = ""] = typed.text.split(".");
    return Number(yuan || "0") * 100 + Number((cents + "00").slice(0, 2));
  }
  function type(key) {
    let text = typed.text;
    if (key === "del") text = text.slice(0, -1);
    else if (key === ".") text = text.includes(".") ? text : (text || "0") + ".";
    else if (/\.\d\d$/.test(text)) return;
    else text = text === "0" ? key : text + key;
    const before = typed.text;
    typed.text = text;
    if (fen() > more.most_fen) { typed.text = before; say(words.too_much, true); return; }
    $("amount").textContent = text || "0";
    $("amount").parentNode.classList.toggle("long", text.length > 6);
    say("");
    busy(false);
  }

  function end(state) {
    ended = true;
    $("page").dataset.state = state.state;
    card.hidden = true;
    $("end").hidden = false;
    $("end-title").textContent = state.title;
    $("end-text").textContent = state.text;
    if ((state.state === "paid" || state.state === "over") && more.proof) guitaiProof.ask();
    if (state.state === "paid" && state.amount) { $("end-amount").textContent = "¥" + state.amount; $("end-amount").hidden = false; }
  }

  /* What our own rows say; what a wallet's script says to this page is never believed. */
  async function poll() {
    if (polling || !status) return;
    polling = true;
    let pause = 1000;
    while (!ended) {
      try {
        const answer = await fetch(status + "&wait=20&after=" + seq, {cache: "no-store"});
        if (!answer.ok) throw new Error("status");
        const state = await answer.json();
        seq = state.seq;
        pause = 1000;
        if (state.state === "paid" || state.state === "taken" || state.state === "over") end(state);
      } catch (_) {
        await sleep(pause);
        pause = Math.min(pause * 2, 10000);
      }
    }
  }

  function bridge(name, ready) {
    return new Promise((done) => {
      if (window[name]) return done(window[name]);
      document.addEventListener(ready, () => done(window[name]), {once: true});
      setTimeout(() => done(window[name] || null), 6000);
    });
  }
  /* True: the wallet says it is done, which only means that our rows should know soon. */
  async function hand(values) {
    if (more.wallet === "wechat") {
      const wechat = await bridge("WeixinJSBridge", "WeixinJSBridgeReady");
      if (!wechat) return null;
      return new Promise((done) => wechat.invoke("getBrandWCPayRequest", values, (answer) => done(/:ok$/.test(answer.err_msg))));
    }
    const alipay = await bridge("AlipayJSBridge", "AlipayJSBridgeReady");
    if (!alipay) return null;
    return new Promise((done) => alipay.call("tradePay", values, (answer) => done(["9000", "8000", "6004"].includes(String(answer.resultCode)))));
  }

  async function ask() {
    const body = page.amount_fen === null ? {amount_fen: fen()} : {};
    const answer = await fetch(page.press, {
      method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(body), cache: "no-store",
    });
    if (!answer.ok && answer.status !== 429) throw new Error("press");
    return answer.json();
  }
  async function press() {
    busy(true);
    leave.hidden = true;
    say(words.opening);
    try {
      for (let turn = 0; turn < 40 && !ended; turn += 1) {
        const answer = await ask();
        if (answer.status && answer.status !== status) { status = answer.status; seq = -1; }
        if (answer.redirect) { location.href = answer.redirect; return; }
        poll();
        if (answer.bridge) {
          const done = await hand(answer.bridge);
          if (done) {
            say(words.confirming, true);
            setTimeout(() => { if (!ended) busy(false); }, 30000);
            return;
          }
          say(done === null ? words.no_bridge : words.gave_up, true);
          leave.hidden = page.amount_fen === null;
          break;
        }
        if (answer.result === "refused") { end({state: "over", title: answer.title, text: answer.text}); return; }
        if (answer.result === "paid" || answer.result === "over") { say(words.confirming); return; }
        if (answer.result === "wait" && answer.retry_after_ms > 4000) { say(words.not_begun, true); break; }
        say(answer.result === "wait" ? words.wait : words.opening, answer.result === "wait");
        await sleep(Math.max(answer.retry_after_ms, 500));
      }
    } catch (_) { say(words.line_bad, true); }
    if (!ended) busy(false);
  }

  async function giveUp() {
    leave.hidden = true;
    try {
      await fetch(page.press.replace("/pay", "/leave"), {method: "POST", headers: {"content-type": "application/json"}, body: "{}"});
      say(words.left, true);
    } catch (_) { say(words.line_bad, true); leave.hidden = false; }
  }

  button.addEventListener("click", press);
  leave.addEventListener("click", giveUp);
  const keys = $("keys");
  if (keys) {
    keys.addEventListener("click", (event) => { const key = event.target.closest("[data-key]"); if (key) type(key.dataset.key); });
    document.addEventListener("keydown", (event) => {
      if (/^[0-9.]$/.test(event.key)) type(event.key);
      else if (event.key === "Backspace") type("del");
    });
  }
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  poll();
})();
