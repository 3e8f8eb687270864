// Maps of the console: what lies in the view is fetched, and drawn on a canvas; incidents are symbols one can tab to.
(() => {
  "use strict";
  const MOST_SYMBOLS = 300; // gravest first: a browser drags many more behind it at every move
  const MOST_LISTED = 100;
  const MOST_FIXES = 2000;
  const SETTLE_MS = 150;
  const LAYERS = "carewatch_map_layers"; // what this browser does not want to see

  const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
  const filled = (text, fields) => text.replace(/{(\w+)}/g, (_, name) => fields[name]);

  function made(tag, className, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  }

  const icon = (name) => {
    const element = made("i", "material-icons", name);
    element.setAttribute("aria-hidden", "true");
    return element;
  };

  // The map of an element of NiceGUI's, as soon as it is there; the library comes with it.
  async function mapOf(id) {
    while (!window.L || !getElement(id)?.map) await new Promise((resolve) => setTimeout(resolve, 30));
    return getElement(id).map;
  }

  class Overview {
    constructor(map, words) {
      this.map = map;
      this.words = words;
      this.canvas = L.canvas({ padding: 0.3 });
      this.layers = { boundaries: L.layerGroup(), homes: L.layerGroup(), incidents: L.layerGroup() };
      this.asking = {};
      this.said = {};
      this.known = [];
      const hidden = (localStorage.getItem(LAYERS) ?? "").split(",");
      for (const box of document.querySelectorAll("[data-layer]")) {
        box.checked = !hidden.includes(box.dataset.layer);
        box.addEventListener("change", () => this.switched());
        if (box.checked) this.layers[box.dataset.layer].addTo(map);
      }
      map.on("moveend", () => {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.look(), SETTLE_MS);
      });
      // Another theme has other colours.
      new MutationObserver(() => this.look()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
      this.look();
      this.news();
    }

    switched() {
      const hidden = [];
      for (const box of document.querySelectorAll("[data-layer]")) {
        const layer = this.layers[box.dataset.layer];
        if (box.checked) layer.addTo(this.map);
        else {
          layer.remove();
          hidden.push(box.dataset.layer);
        }
      }
      localStorage.setItem(LAYERS, hidden.join(","));
      this.look();
    }

    // Ask anew what lies in the view; an answer to an older question is not waited for.
    look() {
      const view = this.map.getBounds();
      const query = new URLSearchParams({
        south: Math.max(view.getSouth(), -90), north: Math.min(view.getNorth(), 90),
        west: Math.max(view.getWest(), -180), east: Math.min(view.getEast(), 180), zoom: this.map.getZoom(),
      });
      for (const name of ["boundaries", "homes"]) {
        if (this.map.hasLayer(this.layers[name])) this.ask(name, `/map/${name}?${query}`);
        else this.say(name, "");
      }
      this.draw_incidents();
    }

    news() {
      this.ask("incidents", "/map/incidents");
    }

    async ask(name, path) {
      this.asking[name]?.abort();
      const asking = (this.asking[name] = new AbortController());
      try {
        const answer = await fetch(path, { signal: asking.signal });
        if (!answer.ok) throw new Error(answer.statusText);
        const found = await answer.json();
        this.say("failed", "");
        this[`take_${name}`](found);
      } catch (error) {
        if (error.name !== "AbortError") this.say("failed", this.words.failed);
      }
    }

    say(about, text) {
      this.said[about] = text;
      const status = document.getElementById("map-status");
      if (status) status.textContent = Object.values(this.said).filter(Boolean).join(" ");
    }

    take_boundaries({ shown, more }) {
      const layer = this.layers.boundaries.clearLayers();
      const line = colour("--ink");
      for (const { name, depth, rings } of shown) {
        L.polygon(rings, {
          renderer: this.canvas, interactive: false, color: line, weight: Math.max(4 - depth, 1.5), opacity: 0.65,
          dashArray: depth > 2 ? "6 5" : null, fill: false,
        }).addTo(layer);
        const highest = rings[0].reduce((one, other) => (other[0] > one[0] ? other : one));
        L.marker(highest, {
          interactive: false, keyboard: false,
          icon: L.divIcon({ className: "map-name", iconSize: [0, 0], html: made("span", "", name) }),
        }).addTo(layer);
      }
      this.say("boundaries", more ? filled(this.words.boundaries, { count: more }) : "");
    }

    take_homes({ count, homes, cells }) {
      const layer = this.layers.homes.clearLayers();
      const [fill, edge] = [colour("--accent"), colour("--surface")];
      for (const [id, lat, lon] of homes ?? []) {
        L.circleMarker([lat, lon], { renderer: this.canvas, radius: 5, weight: 1.5, color: edge, fillColor: fill, fillOpacity: 1 })
          .on("click", () => this.who(id, [lat, lon]))
          .addTo(layer);
      }
      for (const [many, lat, lon] of cells ?? []) {
        const size = 26 + 6 * Math.floor(Math.log10(many));
        L.marker([lat, lon], {
          keyboard: false, zIndexOffset: -1000,
          icon: L.divIcon({ className: "map-cell", iconSize: [size, size], html: made("span", "", many.toLocaleString()) }),
        })
          .on("click", () => this.map.setView([lat, lon], this.map.getZoom() + 2))
          .addTo(layer);
      }
      this.say("homes", filled(this.words.homes, { count: count.toLocaleString() }));
    }

    // Who lives there is asked for, and recorded, one by one.
    async who(id, at) {
      const answer = await fetch(`/map/homes/${id}`).catch(() => null);
      if (!answer?.ok) return this.say("failed", this.words.failed);
      const { who, where, organisation } = await answer.json();
      const text = made("div", "", made("strong", "", who || where), made("p", "quiet", who ? where : "", " ", organisation));
      L.popup().setLatLng(at).setContent(text).openOn(this.map);
    }

    take_incidents(found) {
      this.known = found;
      this.draw_incidents();
      this.list();
    }

    // One symbol for each place, with the gravest of its incidents; only what lies in the view.
    draw_incidents() {
      const view = this.map.getBounds().pad(0.2);
      const by_place = new Map();
      for (const one of this.known) {
        if (!one.at || !view.contains(one.at)) continue;
        const place = one.at.join();
        by_place.set(place, [...(by_place.get(place) ?? []), one]);
      }
      const layer = this.layers.incidents;
      const focused = document.activeElement?.dataset?.incident;
      layer.clearLayers();
      const places = [...by_place.values()];
      for (const here of places.slice(0, MOST_SYMBOLS)) this.symbol(here).addTo(layer);
      const hidden = places.slice(MOST_SYMBOLS).reduce((sum, here) => sum + here.length, 0);
      this.say("symbols", hidden ? filled(this.words.more, { count: hidden }) : "");
      if (focused) document.querySelector(`.pin-holder[data-incident="${CSS.escape(focused)}"]`)?.focus();
    }

    symbol(here) {
      const [gravest] = here;
      const pin = made("span", `pin severity-${gravest.severity} is-${gravest.state}`, made("b", "", String(gravest.severity)), icon(gravest.icon));
      const whole = made("span", "", pin);
      if (here.length > 1) whole.append(made("span", "pin-count", `+${here.length - 1}`));
      const marker = L.marker(gravest.at, {
        zIndexOffset: 1000 * (6 - gravest.severity),
        icon: L.divIcon({ className: "pin-holder", iconSize: [56, 34], html: whole }),
      });
      marker.on("add", () => {
        const element = marker.getElement();
        if (!element) return;
        element.dataset.incident = gravest.id;
        element.addEventListener("keydown", (event) => event.key === "Enter" && marker.fire("click"));
        element.setAttribute("aria-label", here.map((one) => `${one.severity} ${one.title}, ${one.about}`).join("; "));
      });
      marker.bindTooltip(() => made("div", "", ...here.slice(0, 5).map((one) => made("div", "", `${one.title} · ${one.about}`))), {
        direction: "top", offset: [0, -16],
      });
      marker.on("click", () => {
        if (here.length === 1) location.assign(`/incidents/${gravest.id}`);
        else L.popup().setLatLng(gravest.at).setContent(this.choice(here)).openOn(this.map);
      });
      return marker;
    }

    choice(here) {
      const list = made("ul", "plain-list", ...here.map((one) => made("li", "", this.link(one))));
      return made("div", "", made("strong", "", filled(this.words.several, { count: here.length })), list);
    }

    link(one) {
      const chip = made("span", `chip severity-${one.severity}`, String(one.severity), icon(one.icon));
      const link = made("a", "", one.title);
      link.href = `/incidents/${one.id}`;
      return made("span", "", chip, " ", link);
    }

    list() {
      const list = document.getElementById("map-list");
      if (!list) return;
      const items = this.known.slice(0, MOST_LISTED).map((one) => {
        const item = made("li", "", this.link(one), made("div", "quiet", one.about, one.at ? "" : ` · ${this.words.nowhere}`));
        item.addEventListener("pointerenter", () => one.at && this.point(one));
        return item;
      });
      if (!items.length) items.push(made("li", "quiet", this.words.none));
      const more = this.known.length - MOST_LISTED;
      if (more > 0) items.push(made("li", "quiet", filled(this.words.more, { count: more })));
      list.replaceChildren(...items);
    }

    point(one) {
      for (const pin of document.querySelectorAll(".pin-holder")) pin.classList.toggle("pointed", pin.dataset.incident === String(one.id));
    }
  }

  // Where residents were: a line through the fixes that can be trusted, doubtful ones as circles beside it.
  class Track {
    constructor(map, options) {
      this.map = map;
      this.options = options;
      this.canvas = L.canvas({ padding: 0.3 });
      this.layer = L.layerGroup().addTo(map);
      this.people = new Map();
      this.time = new Intl.DateTimeFormat(options.language, { timeZone: options.zone, hourCycle: "h23", timeStyle: "medium" });
      new MutationObserver(() => this.draw()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    }

    fixes(tracks) {
      const first = !this.people.size;
      for (const [who, fixes] of Object.entries(tracks)) {
        if (!who.startsWith("seen ")) for (const old of this.people.keys()) if (old.startsWith("seen ")) this.people.delete(old);
        this.people.set(who, [...(this.people.get(who) ?? []), ...fixes].slice(-MOST_FIXES));
      }
      this.draw();
      const last = [...this.people.values()].map((one) => one.at(-1).slice(0, 2));
      if (first || !last.every((one) => this.map.getBounds().contains(one))) this.frame();
    }

    frame() {
      const places = [...this.people.values()].flat().filter((one) => !this.doubtful(one)).map((one) => one.slice(0, 2));
      this.map.eachLayer((layer) => layer instanceof L.CircleMarker && !this.layer.hasLayer(layer) && places.push(layer.getLatLng()));
      for (const one of this.people.values()) places.push(one.at(-1).slice(0, 2));
      this.map.fitBounds(L.latLngBounds(places).pad(0.15), { maxZoom: 16, animate: false });
    }

    doubtful([, , , accuracy]) {
      return accuracy === null || accuracy > this.options.doubtful;
    }

    said([, , at, accuracy], words) {
      const { within, doubtful } = this.options.words;
      const parts = [filled(words, { time: this.time.format(at) })];
      if (accuracy !== null) parts.push(filled(within, { metres: Math.round(accuracy) }));
      if (this.doubtful([0, 0, at, accuracy])) parts.push(doubtful);
      return parts.join(" · ");
    }

    draw() {
      this.layer.clearLayers();
      const ink = colour("--bad");
      const on = { renderer: this.canvas };
      for (const fixes of this.people.values()) {
        const sure = fixes.filter((one) => !this.doubtful(one));
        L.polyline(sure.map((one) => one.slice(0, 2)), { ...on, color: ink, weight: 3, opacity: 0.7, interactive: false }).addTo(this.layer);
        const last = fixes.at(-1);
        for (const fix of fixes) {
          const unsure = this.doubtful(fix);
          if (fix[3] && (unsure || fix === last)) {
            L.circle(fix.slice(0, 2), { ...on, radius: fix[3], color: ink, weight: 1, dashArray: unsure ? "3 5" : null, fillOpacity: unsure ? 0.03 : 0.12, interactive: false }).addTo(this.layer);
          }
          const dot = { ...on, radius: 4, color: ink, weight: unsure ? 2 : 0, fillColor: unsure ? colour("--surface") : ink, fillOpacity: 1, dashArray: unsure ? "2 2" : null };
          L.circleMarker(fix.slice(0, 2), dot).bindTooltip(this.said(fix, "{time}")).addTo(this.layer);
        }
        const { start, last: newest } = this.options.words;
        if (fixes.length > 1) this.end(fixes[0], this.said(fixes[0], start), "map-start", "trip_origin");
        this.end(last, this.said(last, newest), "map-last", "person_pin_circle");
      }
    }

    end(fix, text, className, sign) {
      const marker = L.marker(fix.slice(0, 2), {
        title: text, icon: L.divIcon({ className, iconSize: [30, 30], iconAnchor: className === "map-last" ? [15, 28] : [15, 15], html: icon(sign) }),
      });
      marker.on("add", () => marker.getElement()?.setAttribute("aria-label", text));
      marker.bindTooltip(text, { direction: "top", offset: [0, -20] }).addTo(this.layer);
    }
  }

  let overview = null;
  let track = null;
  window.carewatchMap = {
    async overview(id, words) {
      overview = new Overview(await mapOf(id), words);
    },
    news() {
      overview?.news();
    },
    track(id, options) {
      track = mapOf(id).then((map) => new Track(map, options));
    },
    async fixes(tracks) {
      (await track)?.fixes(tracks);
    },
  };
})();
