// The frame around the views: the tabs, the tools, and what stands at the foot.

import { recorded } from "../../ask/server.js";
import { button, element } from "../../parts/element.js";
import { networkPicker } from "../../parts/networks.js";
import { VIEWS, change, networkOf, now } from "../../state.js";
import { words } from "../../strings.js";
import { copyLink, saveShown } from "./sharing.js";
import { banner, tell, toast } from "./telling.js";
import { time } from "./time.js";

// Views without a tab of their own: two runs are compared among the runs.
const WITHIN = { compare: "train", data: "evaluate" };

// `hide` is what is hidden for a question; `lessons` has their menu and their card; `label` gives
// that of the ledger that is shown, or null.
export function frame({ lab, hide, lessons, label }) {
  const tabs = VIEWS.filter((view) => !(view in WITHIN)).map((view) =>
    button(words.views[view], () => change({ view }), { "data-view": view, class: "tab" }),
  );
  const projector = button(words.projector, () => change({ projector: !now().projector }), {
    id: "projector",
    title: words.projectorHint,
    "aria-keyshortcuts": "Alt+P",
    "aria-pressed": "false",
  });
  const keys = keysOf();
  const main = element("main", { id: "main", tabindex: "-1" });
  const sharing = [
    button(words.copyLink, copyLink, { id: "copy-link" }),
    button(words.save, () => saveShown(label(), lab.version), { id: "save-moment" }),
  ];
  const tools = [hide.menu, recorded ? null : lessons.menu, projector, recorded ? null : sharing];
  // The address is the state's: no fragment comes into it.
  const skip = (event) => {
    event.preventDefault();
    main.focus();
  };
  const header = element(
    "header",
    {},
    element("a", { class: "skip", href: "#main", onclick: skip }, words.skip),
    element("a", { class: "brand", href: recorded ? "#main" : "./" }, words.brand),
    recorded ? null : element("nav", { "aria-label": words.viewsLabel, class: "tabs" }, tabs),
    element(
      "div",
      { class: "tools", role: "group", "aria-label": words.tools },
      ...tools,
      button(words.keys, () => keys.showModal(), { id: "keys" }),
    ),
    banner,
    recorded ? element("p", { class: "recorded" }, savedOf()) : null,
    hide.question,
  );
  const machine = recorded ? null : time({ tell, busy: () => main.hasAttribute("aria-busy") });
  const picker = recorded ? null : networkPicker(lab);
  const slot = element("div", { class: "slot" });
  const bar = element("div", { class: "frame-bar" }, slot, picker?.node);
  const footer = element("footer", {}, words.footer(lab));
  document.body.append(
    header,
    ...(machine ? [bar, machine.node] : [bar]),
    main,
    footer,
    toast,
    keys,
  );
  if (!recorded) document.body.append(lessons.card, lessons.list);

  // `own` are the view's own controls, which stand beside the picker.
  function showView(view, own = null) {
    slot.replaceChildren(...(own ? [own] : []));
    bar.hidden = view === "code"; // it has networks of its own
    const part = WITHIN[view] ?? view;
    for (const tab of tabs) {
      if (tab.dataset.view === part) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    document.title = words.title(words.views[view]);
    scrollTo(0, 0);
  }

  function showProjector(on) {
    document.documentElement.classList.toggle("projector", on);
    projector.setAttribute("aria-pressed", String(on));
  }

  function showNetwork() {
    picker?.show();
    machine?.show();
  }

  return { main, showView, showProjector, showNetwork };
}

// Of a saved moment: the run it is of, and the step.
function savedOf() {
  const { run } = networkOf();
  return words.recorded(run && { ...run, digits: null }, recorded.ledger.step);
}

function keysOf() {
  const node = element("dialog", { class: "keys", "aria-labelledby": "keys-title" });
  const items = words.keysList.flatMap(([key, does]) => [
    element("dt", {}, element("kbd", {}, key)),
    element("dd", {}, does),
  ]);
  const title = element("h2", { id: "keys-title" }, words.keysTitle);
  const close = button("✕", () => node.close(), { "aria-label": words.close });
  node.append(element("div", { class: "dialog-head" }, title, close), element("dl", {}, items));
  return node;
}
