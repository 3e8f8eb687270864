// The part of the console that runs in the browser: clocks, sounds, keys. What there is to see comes from the server.
(() => {
  "use strict";

  // Clocks: care time, which the server sets now and then and which runs on here.
  let anchor = { care: Date.now(), mark: performance.now(), speed: 1 };
  const careNow = () => anchor.care + (performance.now() - anchor.mark) * anchor.speed;
  const two = (number) => String(number).padStart(2, "0");

  function duration(ms) {
    const seconds = Math.floor(Math.abs(ms) / 1000);
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    if (h >= 48) return `${Math.floor(h / 24)} d`;
    return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  }

  function tick() {
    const now = careNow();
    for (const clock of document.querySelectorAll(".clock")) {
      const { since, until, at } = clock.dataset;
      let text;
      if (at) text = new Date(Number(at)).toLocaleTimeString();
      else if (since) text = duration(Math.max(now - Number(since), 0));
      else text = duration(Math.max(Number(until) - now, 0));
      if (clock.textContent !== text) clock.textContent = text;
      if (until) clock.classList.toggle("soon", Number(until) - now < 15000);
    }
  }

  // Sounds: a pattern of tones for each severity, told apart by rhythm and pitch. [Hz, begin in s, length in s]
  const PATTERNS = {
    1: [[988, 0, 0.18], [740, 0.2, 0.18], [988, 0.4, 0.18], [740, 0.6, 0.18], [988, 0.8, 0.18], [740, 1.0, 0.18]],
    2: [[784, 0, 0.3], [784, 0.45, 0.3]],
    3: [[587, 0, 0.5]],
    4: [[440, 0, 0.15]],
    5: [[392, 0, 0.1]],
  };
  const AGAIN_AFTER_MS = { 1: 2000, 2: 3500, 3: 8000 };
  let audio = null;
  let playedKeys = "";
  let playedAt = 0;

  function play(severity) {
    audio ??= new AudioContext();
    if (audio.state !== "running") audio.resume();
    const silent = audio.state !== "running";
    for (const hint of document.querySelectorAll("[data-mute]")) hint.hidden = !silent;
    if (silent) return false;
    for (const [hertz, begin, length] of PATTERNS[severity]) {
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      const from = audio.currentTime + begin;
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(0.0001, from);
      volume.gain.exponentialRampToValueAtTime(severity <= 3 ? 0.4 : 0.12, from + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, from + length);
      tone.connect(volume).connect(audio.destination);
      tone.start(from);
      tone.stop(from + length + 0.05);
    }
    return true;
  }

  function sound() {
    const wanted = document.querySelector("[data-sound]");
    document.body.dataset.sounding = wanted ? wanted.dataset.sound : "";
    if (!wanted) {
      playedKeys = "";
      return;
    }
    const severity = Number(wanted.dataset.sound);
    const isNew = wanted.dataset.soundKeys !== playedKeys;
    const again = AGAIN_AFTER_MS[severity] && performance.now() - playedAt > AGAIN_AFTER_MS[severity];
    if ((isNew || again) && play(severity)) {
      playedKeys = wanted.dataset.soundKeys;
      playedAt = performance.now();
    }
  }

  // Doing things: buttons and forms with data-act are sent to the server.
  function send(what) {
    if (typeof emitEvent === "function") emitEvent("carewatch", what);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]:not(form), [data-dialog], [data-theme-switch], [data-close]");
    if (!button || button.disabled) return;
    if (button.dataset.dialog) open(button);
    else if ("close" in button.dataset) shut(button.closest("dialog"));
    else if ("themeSwitch" in button.dataset) switchTheme();
    else send({ ...button.dataset });
  });

  const AGAIN_MS = 5000; // an answer that did not come in this time may be asked for again

  // A form in a dialog stays open, with what was typed, until the server has said that it is done.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.act) return;
    event.preventDefault();
    if (form.closest("dialog")) {
      if (performance.now() - (form.dataset.sent ?? -Infinity) < AGAIN_MS) return;
      form.dataset.sent = performance.now();
      refusal(form, "");
    }
    send({ ...form.dataset, ...Object.fromEntries(new FormData(form)) });
  });

  function answered(fault) {
    if (!fault) carewatchDrafts.forget();
    const form = document.querySelector("dialog[open] form[data-sent]");
    if (!form) return;
    delete form.dataset.sent;
    refusal(form, fault);
    if (fault) return;
    shut(form.closest("dialog"));
    for (const number of form.querySelectorAll("[type=tel]")) number.defaultValue = number.value; // it is remembered
    form.reset();
  }

  function refusal(form, text) {
    let told = form.querySelector(".fault");
    if (!told) {
      told = document.createElement("p");
      told.className = "fault";
      told.setAttribute("role", "alert");
      form.querySelector("menu").before(told);
    }
    told.textContent = text;
  }

  // Dialogs. Whoever closes one is back where she was, or at what opened it.
  let opener = null;

  function open(button) {
    const dialog = document.getElementById(button.dataset.dialog);
    if (!dialog || dialog.open) return;
    opener = button.dataset.key;
    const form = dialog.querySelector("form[data-act]");
    if (form) {
      delete form.dataset.sent;
      refusal(form, "");
    }
    dialog.showModal();
    if (button.dataset.list) look(button.dataset.list, "");
  }

  function shut(dialog) {
    carewatchDrafts.forget();
    dialog.close();
    leave(dialog);
  }

  // A browser lets the focus out of a closed dialog only when it paints again; a key pressed before that would be lost.
  function leave(dialog) {
    const within = document.activeElement;
    if (!dialog.contains(within) && within !== document.body) return;
    document.querySelector(`[data-key="${CSS.escape(opener)}"]`)?.focus();
    if (dialog.contains(document.activeElement)) document.activeElement.blur();
  }
  document.addEventListener("close", (event) => leave(event.target), true);

  // Looking for people in a dialog: asked of the server with each pause in the typing.
  const look = (list, find) => send({ act: "find", list, find });
  let looking = 0;
  document.addEventListener("input", (event) => {
    const { find } = event.target.dataset;
    if (!find) return;
    clearTimeout(looking);
    looking = setTimeout(() => look(find, event.target.value), 200);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.dataset.find) return;
    event.preventDefault(); // whoever is looking has not chosen yet
    event.target.form.querySelector("input[type=radio]:not(:disabled)")?.focus();
  });

  function switchTheme() {
    const dark = !document.body.classList.contains("body--dark");
    Quasar.Dark.set(dark);
    document.cookie = `carewatch_theme=${dark ? "dark" : "light"}; path=/; max-age=31536000; samesite=strict`;
  }

  // Keys.
  const links = () => [...document.querySelectorAll("[data-row-link]")];

  function step(by) {
    const all = links();
    if (!all.length) return false;
    const at = all.indexOf(document.activeElement);
    all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)].focus();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const dialog = document.querySelector("dialog[open]");
    if (dialog) {
      if (event.key !== "Escape") return;
      shut(dialog); // also out of a field that would only be emptied by it
      return event.preventDefault();
    }
    if (event.target.closest("input, select, textarea")) return;
    const key = event.key.toLowerCase();
    let done = false;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") done = step(event.key === "ArrowDown" ? 1 : -1);
    else if (!event.repeat) {
      const row = document.activeElement?.closest?.("[data-row]");
      const target = (row && [...row.querySelectorAll("[data-row-key]")].find((one) => one.dataset.rowKey === key && !one.disabled))
        ?? [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key && !one.disabled);
      if (target) {
        if (target.matches("input")) target.select();
        else target.click();
        done = true;
      }
    }
    if (done) event.preventDefault();
  });

  // What is redrawn keeps its focus: whoever works with the keys is not thrown out by news.
  let focused = [];
  document.addEventListener("focusin", (event) => {
    const { act, key, part, state } = event.target.dataset;
    const row = event.target.closest("[data-row]");
    const inRow = row ? `[data-row="${CSS.escape(row.dataset.row)}"] ` : null;
    focused = inRow ? [act ? `${inRow}[data-act="${act}"]${state ? `[data-state="${state}"]` : ""}` : null, `${inRow}[data-row-link]`] : [key ? `[data-key="${key}"]` : part ? `[data-act="${act}"][data-part="${part}"]` : null];
  });

  function keepFocus() {
    if (document.activeElement && document.activeElement !== document.body) return;
    for (const selector of focused) {
      const again = selector && document.querySelector(selector);
      if (again && !again.disabled) return again.focus({ preventScroll: true });
    }
  }

  // Without a connection the page stands still, and says so; a dialog hides what the page says.
  let lost = false;
  function connection() {
    const popup = document.getElementById("popup");
    const now = Boolean(popup && popup.getAttribute("aria-hidden") === "false");
    for (const banner of document.querySelectorAll("[data-offline]")) banner.hidden = !now;
    if (now === lost) return;
    lost = now;
    const form = document.querySelector("dialog[open] form[data-act]");
    if (form) refusal(form, lost ? document.querySelector("[data-offline] span").textContent : "");
  }

  document.addEventListener("visibilitychange", () => send({ act: "shown", shown: !document.hidden }));

  window.carewatch = {
    answered,
    fill(id, html) {
      const element = document.getElementById(id);
      if (!element) return;
      const chosen = element.value;
      element.innerHTML = html;
      if (element.matches("select") && element.querySelector(`[value="${CSS.escape(chosen)}"]`)) element.value = chosen;
    },
    setClock(care, speed) {
      anchor = { care, mark: performance.now(), speed };
      tick();
    },
  };

  function start() {
    new MutationObserver(() => {
      tick();
      keepFocus();
      connection();
      sound();
    }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-hidden"] });
    setInterval(() => {
      tick();
      sound();
    }, 250);
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
