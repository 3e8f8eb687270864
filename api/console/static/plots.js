// Plots of what was measured around an incident. The server sends stretches of time with least, greatest and last value;
// what comes again replaces what was there.
(() => {
  "use strict";
  const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
  const filled = (text, fields) => text.replace(/{(\w+)}/g, (_, name) => fields[name]);
  const BREAK = 4; // so many times the usual distance between two points is a gap in the line

  function made(tag, className, text = "") {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    return element;
  }

  class Plots {
    constructor(options, echarts) {
      this.options = options;
      this.echarts = echarts;
      this.series = new Map(); // by quantity and device
      this.plots = new Map(); // by the quantity that leads
      this.limits = [];
      const zoned = { timeZone: options.zone, hourCycle: "h23" };
      this.seconds = new Intl.DateTimeFormat(options.language, { ...zoned, timeStyle: "medium" });
      this.minutes = new Intl.DateTimeFormat(options.language, { ...zoned, hour: "2-digit", minute: "2-digit" });
      this.host = document.getElementById("plots");
      // Another theme has other colours; another width another shape.
      new MutationObserver(() => this.draw()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
      new ResizeObserver(() => this.plots.forEach(({ chart }) => chart.resize())).observe(this.host);
    }

    take({ series, limits }) {
      this.limits = limits ?? this.limits;
      for (const { quantity, device, points } of series) {
        const key = `${quantity} ${device}`;
        const known = this.series.get(key) ?? { quantity, device, points: new Map() };
        for (const point of points) known.points.set(point[0], point);
        this.series.set(key, known);
      }
      this.draw();
    }

    draw() {
      const lines = [...this.series.values()];
      if (!lines.length) {
        this.host.replaceChildren(made("p", "quiet", this.options.words.nothing));
        return;
      }
      if (!this.plots.size) this.host.replaceChildren();
      for (const { quantity, on } of this.options.plots) {
        if (quantity !== on) continue;
        const named = this.options.plots.filter((one) => one.on === on);
        const mine = lines.filter((line) => named.some((one) => one.quantity === line.quantity));
        if (mine.length) this.plot(on, named, mine);
      }
    }

    // The element of a plot, in the order in which plots are named.
    place(on, title) {
      const section = made("section", "plot");
      section.dataset.plot = on;
      const canvas = made("div", "plot-canvas");
      canvas.setAttribute("aria-hidden", "true"); // the sentences below say the same
      const told = made("ul", "plot-told plain-list");
      section.append(made("h3", "", title), canvas, told);
      const order = this.options.plots.map((one) => one.quantity);
      const next = [...this.host.children].find((one) => order.indexOf(one.dataset.plot) > order.indexOf(on));
      this.host.insertBefore(section, next ?? null);
      const placed = { chart: this.echarts.init(canvas), told };
      this.plots.set(on, placed);
      return placed;
    }

    plot(on, named, lines) {
      const unit = named[0].unit;
      const title = named.map((one) => one.word).join(" / ") + (unit ? ` (${unit})` : "");
      const { chart, told } = this.plots.get(on) ?? this.place(on, title);
      const ink = [colour("--accent"), colour("--focus"), colour("--good"), colour("--bad")];
      const series = lines.flatMap((line, at) => this.drawn(line, ink[at % ink.length], named.find((one) => one.quantity === line.quantity)));
      series[0].markLine = this.marks(named);
      const quiet = { color: colour("--quiet") };
      const flag = named[0].flag;
      chart.setOption(
        {
          animation: false,
          grid: { left: 44, right: 14, top: 18, bottom: 24 },
          textStyle: { fontFamily: "inherit" },
          xAxis: {
            type: "time", min: this.options.since, max: ({ max }) => Math.max(max, this.options.event), axisLabel: { ...quiet, hideOverlap: true, formatter: (at) => this.minutes.format(at) },
            axisLine: { lineStyle: quiet }, splitLine: { show: false },
          },
          yAxis: {
            type: "value", scale: true, min: flag ? 0 : null, max: flag ? 1 : null, splitNumber: 3,
            axisLabel: { ...quiet, show: !flag }, splitLine: { lineStyle: { color: colour("--line") } },
          },
          tooltip: {
            trigger: "axis", backgroundColor: colour("--surface"), borderColor: colour("--line"), textStyle: { color: colour("--ink") },
            formatter: (those) => {
              const seen = those.filter((one) => one.seriesName && one.value?.[1] != null);
              return [this.seconds.format(those[0].value[0]), ...seen.map((one) => `${this.echarts.format.encodeHTML(one.seriesName)}: ${one.value[1]}`)].join("<br>");
            },
          },
          series,
        },
        { notMerge: true },
      );
      told.replaceChildren(...lines.map((line) => made("li", "quiet", this.sentence(line, named, lines.length))));
    }

    drawn({ device, points }, ink, { flag, word }) {
      const all = [...points.values()].sort((one, other) => one[0] - other[0]);
      const name = `${word} · ${device}`;
      if (flag) {
        const bars = all.filter((one) => one[2] > 0).map((one) => [one[0], 1]);
        return [{ name, type: "bar", data: bars, barWidth: 2, itemStyle: { color: ink } }];
      }
      const gaps = all.slice(1).map((one, at) => one[0] - all[at][0]).sort((one, other) => one - other);
      const usual = gaps[Math.floor(gaps.length / 2)] ?? 0;
      const [line, least, width] = [[], [], []];
      all.forEach(([at, low, high, last], place) => {
        if (place && at - all[place - 1][0] > BREAK * usual) [line, least, width].forEach((one) => one.push([at - 1, null]));
        line.push([at, last]);
        least.push([at, low]);
        width.push([at, high - low]);
      });
      const bare = { type: "line", symbol: "none", lineStyle: { opacity: 0 }, silent: true, stack: name, stackStrategy: "all" };
      return [
        { name, type: "line", data: line, color: ink, showSymbol: all.length < 40, symbolSize: 5, lineStyle: { width: 1.8 } },
        { ...bare, data: least },
        { ...bare, data: width, areaStyle: { color: ink, opacity: 0.18 } },
      ];
    }

    marks(named) {
      const limits = this.limits.filter((limit) => named.some((one) => one.quantity === limit.quantity));
      const label = { color: colour("--bad"), position: "insideEndTop" };
      return {
        silent: true, symbol: "none",
        data: [
          { xAxis: this.options.event, lineStyle: { color: colour("--bad"), width: 2, type: "solid" }, label: { formatter: this.options.words.event, color: colour("--bad"), position: "end", distance: 2 } },
          ...limits.map(({ value }) => ({ yAxis: value, lineStyle: { color: colour("--bad"), type: "dashed" }, label: { ...label, formatter: `${this.options.words.limit} ${value}` } })),
        ],
      };
    }

    sentence({ quantity, device, points }, named, many) {
      const { flag, unit, word } = named.find((one) => one.quantity === quantity);
      const all = [...points.values()].sort((one, other) => one[0] - other[0]);
      const before = many > 1 || named.length > 1 ? `${word}, ${device}: ` : `${device}: `;
      const { words } = this.options;
      const newest = flag ? all.findLast((one) => one[2] > 0) : all.at(-1);
      if (!newest) return before + words.never;
      const at = this.seconds.format(newest[4]);
      if (flag) return before + filled(words.yes, { time: at });
      const said = (figure) => `${figure}${unit ? ` ${unit}` : ""}`;
      const least = said(Math.min(...all.map((one) => one[1])));
      const greatest = said(Math.max(...all.map((one) => one[2])));
      return before + filled(words.last, { value: said(newest[3]), time: at, least, greatest });
    }
  }

  // The library is large and is fetched only here, after the page itself; what comes before it is there waits.
  let plots = Promise.reject(new Error("no plots on this page"));
  plots.catch(() => {});
  window.carewatchPlots = {
    begin(options) {
      plots = import("nicegui-echart").then(({ echarts }) => new Plots(options, echarts));
    },
    async take(told) {
      (await plots).take(told);
    },
  };
})();
