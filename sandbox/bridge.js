/* What a wallet's app puts into the pages of its browser: the script that pays, and the way back through the phone.
   The page is the shop's own; it is served under `root`, so its absolute addresses are led there. */
(() => {
  "use strict";
  const {root, bridge, wallet, shop} = document.currentScript.dataset;
  const origin = location.origin;

  function led(address) {
    const url = new URL(address, location.href);
    if (url.origin === shop) return root + url.pathname + url.search;
    if (url.origin !== origin || url.pathname.startsWith(root + "/") || url.pathname.startsWith(bridge)) return address;
    return root + url.pathname + url.search;
  }

  const realFetch = window.fetch.bind(window);
  window.fetch = (input, init) =>
    input instanceof Request ? realFetch(new Request(led(input.url), input), init) : realFetch(led(String(input)), init);
  const realOpen = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function (method, address, ...rest) {
    return realOpen.call(this, method, led(String(address)), ...rest);
  };

  async function ask(path, body) {
    const request = body === undefined ? {} : {
      method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(body),
    };
    return (await realFetch(bridge + path, request)).json();
  }

  /* "paid", "gave_up" or something else; the box for the password stays open as long as the customer thinks. */
  async function pay(values) {
    let said = await ask("/pay", {values});
    for (let second = 0; said.state === "waiting" && said.result === "waiting" && second < 120; second += 1) {
      await new Promise((done) => setTimeout(done, 1000));
      said = await ask("/order/" + encodeURIComponent(said.out_trade_no));
    }
    return said.state === "paid" && said.result !== "already_paid" ? "paid" : said.result;
  }

  const words = {
    wechat: {paid: "ok", gave_up: "cancel", other: "fail"},
    alipay: {paid: "9000", gave_up: "6001", other: "4000"},
  };
  function pays(values, answer) {
    pay(values).then(
      (result) => answer(words[wallet][result] || words[wallet].other),
      () => answer(words[wallet].other),
    );
  }

  const scripts = {
    wechat: () => {
      window.WeixinJSBridge = {
        invoke(name, values, callback) {
          if (name !== "getBrandWCPayRequest") return callback && callback({err_msg: name + ":fail"});
          pays(values, (word) => callback && callback({err_msg: "get_brand_wcpay_request:" + word}));
        },
        on() {},
        call(name) { if (name === "closeWindow") location.href = "about:blank"; },
      };
      document.dispatchEvent(new Event("WeixinJSBridgeReady"));
    },
    alipay: () => {
      window.AlipayJSBridge = {
        call(name, values, callback) {
          if (name !== "tradePay") return callback && callback({error: 1});
          pays(values, (word) => callback && callback({resultCode: word}));
        },
      };
      document.dispatchEvent(new Event("AlipayJSBridgeReady"));
    },
  };
  /* As in the apps: the script is there only some time after the page, which must wait for the event. */
  document.addEventListener("DOMContentLoaded", () => setTimeout(() => scripts[wallet] && scripts[wallet](), 30));
})();
