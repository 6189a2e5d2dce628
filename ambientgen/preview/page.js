"use strict";
(() => {
  const told = JSON.parse(document.getElementById("told").textContent);
  const $ = (id) => document.getElementById(id);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const length = told.duration;
  const RAMP = 0.02; // seconds in which a gain changes: at once to the ear, without a click
  const AHEAD = 0.06; // seconds in which all stems get ready to start at the same sample
  const HUES = 6;

  // What is heard

  let context = null, master = null, nodes = [], buffers = null;
  let playing = false, origin = 0, rest = 0, run = 0;
  let looping = told.loops, volume = 1, scrub = null, failed = false;
  const stems = told.stems.map((stem) => ({ ...stem, muted: false, solo: false, gain: null }));

  const position = () => {
    if (scrub !== null) return scrub;
    if (!playing) return rest;
    const since = context.currentTime - origin;
    return looping ? ((since % length) + length) % length : Math.min(Math.max(since, 0), length);
  };

  const wanted = (stem) => {
    const soloed = stems.some((each) => each.solo);
    return stem.muted || (soloed && !stem.solo) ? 0 : 1;
  };

  const setGain = (param, value) => {
    const now = context.currentTime;
    param.cancelScheduledValues(now);
    param.setValueAtTime(param.value, now);
    param.linearRampToValueAtTime(value, now + RAMP);
  };

  const decode = async () => {
    const bare = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
    const decoder = new OfflineAudioContext(1, 1, told.rate);
    return Promise.all(stems.filter((s) => s.data).map((s) => decoder.decodeAudioData(bare(s.data))));
  };

  const build = () => {
    context = new AudioContext({ sampleRate: told.rate });
    master = context.createGain();
    master.gain.value = volume;
    master.connect(context.destination);
    for (const stem of stems.filter((each) => each.data)) {
      stem.gain = context.createGain();
      stem.gain.gain.value = wanted(stem);
      stem.gain.connect(master);
    }
  };

  const halt = () => {
    run += 1;
    for (const node of nodes) { node.onended = null; node.stop(); node.disconnect(); }
    nodes = [];
  };

  const begin = (at) => {
    halt();
    const mine = run;
    const start = context.currentTime + AHEAD;
    stems.filter((each) => each.data).forEach((stem, index) => {
      const node = context.createBufferSource();
      node.buffer = buffers[index];
      node.loop = looping;
      node.connect(stem.gain);
      node.start(start, Math.min(at, node.buffer.duration));
      nodes.push(node);
    });
    nodes[0].onended = () => { if (run === mine) stop(length); };
    origin = start - at;
    playing = true;
    shown();
  };

  const play = async () => {
    if (!buffers || playing) return;
    if (!context) build();
    await context.resume();
    begin(rest >= length - 0.05 ? 0 : rest);
  };

  const stop = (at) => {
    rest = at === undefined ? position() : at;
    playing = false;
    halt();
    shown();
  };

  const seek = (time) => {
    rest = Math.min(Math.max(time, 0), length);
    if (playing) { if (rest >= length && !looping) stop(length); else begin(rest % length); }
    draw();
  };

  const setLoop = (on) => {
    if (playing) origin = context.currentTime - position();
    looping = on;
    for (const node of nodes) node.loop = on;
    $("loop").setAttribute("aria-pressed", String(on));
  };

  const setVolume = (share) => {
    volume = share ** 2; // loudness follows the square better than the straight line
    if (master) setGain(master.gain, volume);
  };

  const setStem = (stem, change) => {
    Object.assign(stem, change);
    for (const each of stems) {
      if (each.gain) setGain(each.gain.gain, wanted(each));
      each.box.classList.toggle("silent", wanted(each) === 0);
      each.mute?.setAttribute("aria-pressed", String(each.muted));
      each.only?.setAttribute("aria-pressed", String(each.solo));
    }
  };

  // What is seen

  const make = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const drawn = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  const clock = (time, digits) => {
    const tenths = Math.floor(time * 10 + 1e-6), whole = Math.floor(tenths / 10);
    const two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    const text = hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
    return digits ? `${text}.${tenths % 10}` : text;
  };

  const spoken = (time) => {
    const whole = Math.floor(time), minutes = Math.floor(whole / 60), seconds = whole % 60;
    const many = (n, unit) => `${n} ${unit}${n === 1 ? "" : "s"}`;
    return minutes ? `${many(minutes, "minute")} ${many(seconds, "second")}` : many(seconds, "second");
  };

  const percent = (time) => `${(time / length) * 100}%`;
  const curves = []; // every curve with the parts of the page that follow it
  const lanes = [], eventLanes = [];

  const curveRow = (line, hue, kind) => {
    const row = make("div", `row ${kind}`);
    const name = make("p", "row-name");
    name.append(make("span", "name", line.name));
    const lane = make("div", "lane seek");
    lane.style.setProperty("--hue", hue);
    const count = line.values.length - 1;
    const share = (value) => (value - line.low) / (line.high - line.low || 1);
    const points = line.values.map((v, i) => `${((i / count) * 1000).toFixed(1)} ${(100 - share(v) * 94 - 3).toFixed(1)}`);
    const svg = drawn("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" });
    svg.append(drawn("path", { class: "area", d: `M0 100L${points.join("L")}L1000 100z` }));
    svg.append(drawn("path", { class: "curve", d: `M${points.join("L")}` }));
    const dot = make("div", "dot");
    lane.append(svg, dot);
    const value = make("p", "row-value");
    row.append(name, lane, value);
    lanes.push(lane);
    curves.push({ line, dot, value, share });
    return row;
  };

  const eventRow = (stem) => {
    const row = make("div", "row events"), lane = make("div", "lane seek");
    for (const [time, text] of stem.events) {
      const mark = make("span", "event", text);
      mark.style.left = percent(time);
      lane.append(mark);
    }
    eventLanes.push(lane);
    const name = make("p", "row-name");
    name.append(make("span", "name", stem.events.length === 1 ? "1 event" : `${stem.events.length} events`));
    row.append(name, lane, make("p", "row-value"));
    lanes.push(lane);
    return row;
  };

  // An event's name is written where it reaches neither the next one nor the end.
  const fitEvents = () => {
    for (const lane of eventLanes) {
      const marks = [...lane.children];
      for (const mark of marks) mark.classList.remove("full");
      const boxes = marks.map((mark) => mark.getBoundingClientRect());
      const end = lane.getBoundingClientRect().right;
      marks.forEach((mark, index) => {
        mark.classList.toggle("full", boxes[index].right > (boxes[index + 1]?.left ?? end));
      });
    }
  };

  const toggle = (letter, words, press) => {
    const button = make("button", "toggle", letter);
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-label", words);
    button.title = words;
    button.addEventListener("click", press);
    return button;
  };

  const many = stems.filter((each) => each.data).length > 1;
  let hue = 0;
  for (const stem of stems) {
    const box = make("article", "stem"), head = make("div", "stem-head");
    stem.box = box;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", stem.engine ? `${stem.name}, ${stem.engine}` : stem.name);
    head.append(make("h2", "", stem.name), make("span", "engine", [stem.engine, stem.about].filter(Boolean).join(", ")));
    if (stem.data) {
      box.tabIndex = 0;
      stem.mute = toggle("M", `Mute ${stem.name}`, () => setStem(stem, { muted: !stem.muted }));
      head.append(stem.mute);
      if (many) {
        stem.only = toggle("S", `Solo ${stem.name}`, () => setStem(stem, { solo: !stem.solo }));
        head.append(stem.only);
      }
    }
    box.append(head);
    for (const line of stem.curves) box.append(curveRow(line, `var(--hue-${hue++ % HUES})`, "state"));
    for (const line of stem.places) box.append(curveRow(line, "var(--muted)", "place"));
    if (stem.events.length) box.append(eventRow(stem));
    $("stems").append(box);
  }

  const prompts = told.prompts.map((prompt) => {
    const item = make("li"), button = make("button", "prompt"), words = make("span");
    button.type = "button";
    const time = make("time", "", clock(prompt.time));
    if (prompt.stem) words.append(make("b", "", `${prompt.stem}: `));
    words.append(prompt.short);
    button.append(time, words);
    button.addEventListener("click", () => seek(prompt.time));
    item.append(button);
    $("prompts").append(item);
    const tick = make("i");
    tick.style.left = percent(prompt.time);
    $("ticks").append(tick);
    return { ...prompt, button };
  });
  $("words").hidden = prompts.length === 0;

  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
  const step = STEPS.find((each) => length / each <= 6) ?? 36000;
  for (let time = 0; time <= length * 0.985; time += step) {
    const mark = make("span", "", clock(time));
    mark.style.left = percent(time);
    $("axis").append(mark);
  }

  document.documentElement.style.setProperty("--picture", `url("${told.spectrogram}")`);
  $("whole").textContent = clock(length);
  $("timeline").setAttribute("aria-valuemax", length.toFixed(2));
  $("loop").hidden = !told.loops;
  $("loop").setAttribute("aria-pressed", String(looping));
  document.querySelector(".loop-key").hidden = !told.loops;
  document.querySelector(".solo-key").hidden = !many;

  // What changes

  const groups = [...new Set(prompts.map((each) => each.stem))];
  let current = [], second = -1;

  const drawWords = (time) => {
    const now = groups.map((stem) => {
      const own = prompts.filter((each) => each.stem === stem);
      return own.filter((each) => each.time <= time + 1e-6).pop() ?? own[0];
    });
    if (now.every((each, index) => each === current[index])) return;
    for (const each of current) each.button.removeAttribute("aria-current");
    current = now;
    const list = $("prompts");
    for (const each of now) {
      each.button.setAttribute("aria-current", "true");
      const top = each.button.offsetTop - list.offsetTop, bottom = top + each.button.offsetHeight;
      // The list alone is scrolled, never the page.
      if (top < list.scrollTop || bottom > list.scrollTop + list.clientHeight) list.scrollTop = top - 40;
    }
    $("now").textContent = now.map((each) => each.text).join(" · ");
  };

  const draw = () => {
    const time = position();
    $("score").style.setProperty("--at", percent(time));
    $("time").textContent = clock(time, true);
    for (const { line, dot, value, share } of curves) {
      const place = (time / length) * (line.values.length - 1), index = Math.floor(place);
      const next = line.values[Math.min(index + 1, line.values.length - 1)];
      const level = line.values[index] + (next - line.values[index]) * (place - index);
      dot.style.top = `${97 - share(level) * 94}%`;
      const text = level.toFixed(line.digits).replace("-", "−");
      value.textContent = line.unit ? `${text}${line.unit === "dB" ? " " : ""}${line.unit}` : text;
    }
    drawWords(time);
    if (Math.floor(time) !== second || !playing) {
      second = Math.floor(time);
      const words = current.map((each) => each.text).join("; ");
      const slider = $("timeline");
      slider.setAttribute("aria-valuenow", time.toFixed(2));
      slider.setAttribute("aria-valuetext", `${spoken(time)} of ${spoken(length)}${words ? `: ${words}` : ""}`);
    }
  };

  const shown = () => {
    $("play").classList.toggle("playing", playing);
    $("play").setAttribute("aria-label", playing ? "Pause" : "Play");
    draw();
    if (playing) tick();
  };

  let ticking = false;
  const tick = () => {
    if (ticking) return;
    ticking = true;
    const again = () => {
      ticking = false;
      if (!playing) return;
      draw();
      tick();
    };
    // Who wants little motion gets four steps a second.
    if (still.matches) setTimeout(again, 250); else requestAnimationFrame(again);
  };

  // What is done

  const pressed = () => (playing ? stop() : play());
  $("play").addEventListener("click", pressed);
  $("loop").addEventListener("click", () => setLoop(!looping));
  $("volume").addEventListener("input", (event) => setVolume(event.target.value / 100));

  for (const lane of [$("timeline"), ...lanes]) {
    const there = (event) => {
      const box = lane.getBoundingClientRect();
      return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * length;
    };
    lane.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      lane.setPointerCapture(event.pointerId);
      scrub = there(event);
      draw();
    });
    lane.addEventListener("pointermove", (event) => {
      if (scrub !== null && lane.hasPointerCapture(event.pointerId)) { scrub = there(event); draw(); }
    });
    lane.addEventListener("pointerup", (event) => {
      if (scrub === null) return;
      const time = there(event);
      scrub = null;
      seek(time);
    });
    lane.addEventListener("pointercancel", () => { scrub = null; draw(); });
  }

  const moves = {
    ArrowLeft: (event) => position() - (event.shiftKey ? 1 : 5),
    ArrowRight: (event) => position() + (event.shiftKey ? 1 : 5),
  };
  const sliderMoves = {
    ArrowDown: moves.ArrowLeft,
    ArrowUp: moves.ArrowRight,
    PageDown: () => position() - length / 10,
    PageUp: () => position() + length / 10,
    Home: () => 0,
    End: () => length,
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.target instanceof Element ? event.target : document.body;
    const move = moves[event.key] ?? (at === $("timeline") ? sliderMoves[event.key] : undefined);
    const box = at.closest(".stem");
    const stem = stems.find((each) => each.box === box) ?? (many ? undefined : stems[0]);
    const key = event.key.toLowerCase();
    if (at instanceof HTMLInputElement && (move || key === " ")) return;
    if (key === " ") {
      if (at instanceof HTMLButtonElement) return; // it presses the button
      if (!event.repeat) pressed();
    } else if (move) {
      if (buffers) seek(move(event));
    } else if (key === "l" && told.loops) setLoop(!looping);
    else if (key === "m" && stem?.data) setStem(stem, { muted: !stem.muted });
    else if (key === "s" && many && stem?.data) setStem(stem, { solo: !stem.solo });
    else return;
    event.preventDefault();
  });

  window.preview = {
    get ready() { return buffers !== null; },
    get failed() { return failed; },
    get playing() { return playing; },
    get position() { return position(); },
    get gains() { return Object.fromEntries(stems.map((s) => [s.name, s.gain ? s.gain.gain.value : wanted(s)])); },
    get buffers() { return buffers; },
    get context() { return context; },
    get output() { return master; },
  };

  draw();
  fitEvents();
  addEventListener("resize", fitEvents);
  decode().then((found) => {
    buffers = found;
    $("play").disabled = false;
    $("status").textContent = "";
  }).catch(() => {
    failed = true;
    $("status").textContent = "This browser cannot read the sound in this page.";
    $("status").classList.add("failed");
  });
})();
