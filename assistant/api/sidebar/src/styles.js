/** How it looks: one set of colours a scheme, each text pair at least 4.5:1; works from 320 px. */
import {css} from 'lit';

export const styles = css`
  :host {
    --bg: #f4f6f7; --card: #ffffff; --ink: #17212a; --soft: #55616d; --line: #dce1e6; --edge: #84909b;
    --accent: #0a6559; --on-accent: #ffffff; --accent-soft: #e2f1ee; --accent-ink: #0a5a50;
    --note: #e9eef4; --note-ink: #2f4358; --internal: #fdeecb; --internal-ink: #6a4300; --internal-edge: #c28a1f;
    --bad: #fdecea; --bad-ink: #96231b; --good: #e2f3e6; --good-ink: #1c5f31; --mark: #fff0b3; --mark-on: #ffd95c;
    --shadow: 0 1px 2px rgb(23 33 42 / 7%);
    display: block; box-sizing: border-box; min-height: 100%; background: var(--bg); color: var(--ink);
    font: 400 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
    overflow-wrap: anywhere; -webkit-text-size-adjust: 100%; color-scheme: light dark; container-type: inline-size;
  }
  @media (prefers-color-scheme: dark) {
    :host {
      --bg: #12171b; --card: #1a2126; --ink: #e6ebef; --soft: #a3afba; --line: #2b343b; --edge: #6d7a86;
      --accent: #57c7b3; --on-accent: #04211c; --accent-soft: #15322e; --accent-ink: #7fdccb;
      --note: #222d37; --note-ink: #bccbd9; --internal: #3a2c0c; --internal-ink: #ffd98c; --internal-edge: #a8781c;
      --bad: #3b1d1b; --bad-ink: #ffb4ab; --good: #17301f; --good-ink: #96dba9; --mark: #4b4013; --mark-on: #74611a;
      --shadow: none;
    }
  }
  *, *::before, *::after { box-sizing: border-box; }
  [hidden] { display: none !important; }
  h1, h2, h3, h4, h5, h6, p, ul, ol, dl, dd, figure, blockquote, fieldset { margin: 0; padding: 0; }
  fieldset { border: 0; min-width: 0; }
  a { color: var(--accent-ink); text-underline-offset: 2px; }
  .icon { width: 16px; height: 16px; flex: none; fill: none; stroke: currentColor; stroke-width: 1.4; stroke-linecap: round; stroke-linejoin: round; }
  .hush { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  .soft { color: var(--soft); }
  .small { font-size: 12.5px; }
  .stack > * + * { margin-top: 10px; }
  .row { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; }
  .spread { display: flex; gap: 8px; align-items: center; justify-content: space-between; }

  /* Focus is always seen, and never only by colour. */
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 6px; }
  [tabindex="-1"]:focus-visible { outline-style: dotted; }

  button, select, input, textarea { font: inherit; color: inherit; }
  button { display: inline-flex; align-items: center; justify-content: center; gap: 6px; min-height: 32px; padding: 4px 11px;
    border: 1px solid var(--edge); border-radius: 8px; background: var(--card); cursor: pointer; text-align: start; overflow-wrap: normal; }
  button:hover { background: var(--accent-soft); border-color: var(--accent); }
  button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
  button.main:hover { filter: brightness(1.08); }
  button.wide { width: 100%; min-height: 38px; }
  button.bare { border-color: transparent; background: none; padding: 4px 7px; }
  button.bare:hover { background: var(--accent-soft); }
  button.link { border: 0; padding: 0; min-height: 24px; background: none; color: var(--accent-ink); text-decoration: underline; text-underline-offset: 2px; }
  button[aria-pressed="true"] { background: var(--accent-soft); border-color: var(--accent); color: var(--accent-ink); }
  button[disabled] { cursor: default; opacity: .55; }
  select, input[type="text"], input[type="search"], textarea { width: 100%; min-height: 34px; padding: 6px 9px; border: 1px solid var(--edge); border-radius: 8px; background: var(--card); }
  select.inline { width: auto; min-height: 32px; padding: 3px 6px; max-width: 100%; }
  textarea { display: block; resize: vertical; min-height: 150px; max-height: 60vh; line-height: 1.55; field-sizing: content; }
  label.field { display: block; }
  label.field > span { display: block; margin-bottom: 4px; font-weight: 600; }
  label.check { display: flex; gap: 8px; align-items: flex-start; }
  input[type="checkbox"], input[type="radio"] { width: 16px; height: 16px; margin: 2px 0 0; accent-color: var(--accent); flex: none; }

  .top { position: sticky; top: 0; z-index: 3; display: flex; align-items: center; gap: 8px; padding: 8px 12px 0; background: var(--card); border-bottom: 1px solid var(--line); }
  .brand { display: flex; align-items: center; gap: 7px; font-weight: 700; font-size: 14px; letter-spacing: -.01em; padding-bottom: 8px; }
  .logo { width: 20px; height: 20px; }
  .logo rect { fill: var(--accent); }
  .logo path { stroke: var(--on-accent); stroke-width: 1.7; stroke-linecap: round; fill: none; }
  .logo circle { fill: var(--on-accent); }
  .tabs { display: flex; gap: 2px; margin-inline-start: auto; }
  .tabs button { border: 0; border-bottom: 2px solid transparent; border-radius: 6px 6px 0 0; background: none; min-height: 36px; padding: 4px 10px 6px; color: var(--soft); font-weight: 600; font-size: 13.5px; }
  .tabs button[aria-selected="true"] { color: var(--ink); border-bottom-color: var(--accent); }
  main { padding: 12px; max-width: 640px; margin-inline: auto; }
  main, [role="tabpanel"] { display: grid; grid-template-columns: minmax(0, 1fr); gap: 12px; }

  .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); padding: 12px; }
  .ticket h2 { font-size: 15px; line-height: 1.35; font-weight: 650; }
  .ticket .meta { margin-top: 2px; }
  .ticket .asked { margin-top: 7px; padding-inline-start: 9px; border-inline-start: 2px solid var(--line); font-size: 13px; color: var(--soft); display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; white-space: pre-line; }
  h2 { font-size: 13px; font-weight: 650; }
  .chip { display: inline-flex; align-items: center; gap: 4px; padding: 1px 8px; border-radius: 99px; background: var(--note); color: var(--note-ink); font-size: 12px; font-weight: 600; white-space: nowrap; }
  .chip.internal, .chip.outdated, .band.internal { background: var(--internal); color: var(--internal-ink); }
  .chip.internal .icon { width: 12px; height: 12px; }
  .chip.live::before { content: ""; width: 7px; height: 7px; border-radius: 50%; background: currentColor; animation: pulse 1.2s ease-in-out infinite; }

  .band { display: flex; gap: 9px; padding: 9px 11px; border-radius: 9px; background: var(--note); color: var(--note-ink); font-size: 13px; line-height: 1.45; }
  .band .icon { margin-top: 2px; }
  .band strong { display: block; font-weight: 650; }
  .band.bad { background: var(--bad); color: var(--bad-ink); }
  .band.good, .band.high { background: var(--good); color: var(--good-ink); }
  .band.warn, .band.low, .band.fair { background: var(--internal); color: var(--internal-ink); }
  .band ul { padding-inline-start: 16px; }
  .band li + li { margin-top: 2px; }
  .band button { margin-top: 7px; color: var(--ink); }

  .draft { font-size: 14.5px; line-height: 1.62; }
  .draft p + p, .draft p + ol, .draft p + ul, .draft ol + p, .draft ul + p { margin-top: 8px; }
  .draft ol, .draft ul { padding-inline-start: 22px; }
  .draft li + li { margin-top: 4px; }
  .draft code, .passage code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .92em; background: var(--note); padding: 0 3px; border-radius: 4px; }
  .sentence { border-radius: 4px; transition: background-color .15s; }
  .sentence.active { background: var(--mark); box-shadow: 0 0 0 2px var(--mark); }
  .sentence.unchecked { text-decoration: underline dotted var(--internal-edge); text-underline-offset: 4px; }
  .sentence.fresh { animation: appear .35s ease-out; }
  button.cite { min-height: 24px; min-width: 24px; padding: 0 5px; margin: 0 1px; border: 1px solid var(--line); border-radius: 7px; background: var(--accent-soft); color: var(--accent-ink); font-size: 12px; font-weight: 700; line-height: 1; vertical-align: baseline; gap: 2px; }
  button.cite:hover, button.cite[aria-expanded="true"] { border-color: var(--accent); }
  button.cite.internal { background: var(--internal); color: var(--internal-ink); border-color: var(--internal-edge); }
  button.cite .icon { width: 11px; height: 11px; }
  .writing { display: inline-flex; gap: 4px; vertical-align: middle; padding: 4px 2px; }
  .writing i { width: 6px; height: 6px; border-radius: 50%; background: var(--accent); animation: pulse 1.2s ease-in-out infinite; }
  .writing i:nth-child(2) { animation-delay: .15s; }
  .writing i:nth-child(3) { animation-delay: .3s; }
  .skeleton { display: grid; gap: 8px; }
  .skeleton i { height: 11px; border-radius: 6px; background: var(--note); animation: pulse 1.4s ease-in-out infinite; }
  .skeleton i:nth-child(2) { width: 92%; } .skeleton i:nth-child(3) { width: 64%; }
  .divide { border: 0; border-top: 1px solid var(--line); margin-block: 12px 0; }
  .actions { display: grid; grid-template-columns: 1fr auto auto; gap: 6px; }
  .actions button { min-height: 36px; }
  .again { gap: 4px 6px; }
  .again > span { font-size: 12.5px; color: var(--soft); }
  .again button, .again select { font-size: 13px; min-height: 30px; padding: 2px 9px; }
  .thumbs button { min-width: 34px; padding: 4px 7px; }

  .sources { display: grid; gap: 8px; list-style: none; }
  .source { background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
  .source.internal { border-color: var(--internal-edge); border-inline-start-width: 4px; }
  .source.active { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
  .source > h3 { font-size: 13.5px; }
  .source > h3 > button { width: 100%; display: grid; grid-template-columns: auto 1fr auto; gap: 9px; align-items: start; padding: 9px 10px; border: 0; border-radius: 9px; background: none; font-weight: 600; line-height: 1.35; }
  .source > h3 > button:focus-visible { outline-offset: -3px; }
  .source > h3 > button .icon { margin-top: 1px; transition: transform .15s; }
  .source > h3 > button[aria-expanded="true"] > .icon { transform: rotate(180deg); }
  .source .where { display: block; font-weight: 400; font-size: 12.5px; color: var(--soft); }
  .number { min-width: 22px; height: 22px; padding-inline: 4px; display: inline-grid; place-items: center; border-radius: 7px; background: var(--accent-soft); color: var(--accent-ink); font-size: 12px; font-weight: 700; }
  .source.internal .number { background: var(--internal); color: var(--internal-ink); }
  .number.none { background: none; color: var(--soft); }
  .quote { margin: 0 12px 10px 41px; padding-inline-start: 9px; border-inline-start: 2px solid var(--line); color: var(--soft); font-size: 13px; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
  .passage { padding: 2px 12px 12px; font-size: 13.5px; }
  .passage > .text > * + * { margin-top: 7px; }
  .passage ul, .passage ol { padding-inline-start: 20px; }
  .passage pre { overflow-x: auto; background: var(--note); padding: 8px; border-radius: 8px; }
  .passage h3, .passage h4, .passage h5, .passage h6 { font-size: 13.5px; }
  .passage table { border-collapse: collapse; display: block; overflow-x: auto; font-size: 12.5px; }
  .passage th, .passage td { border: 1px solid var(--line); padding: 3px 7px; text-align: start; }
  .passage blockquote { border-inline-start: 3px solid var(--mark-on); padding-inline-start: 9px; }
  .passage .row { margin-top: 9px; }
  mark { background: var(--mark); color: var(--ink); border-radius: 3px; padding-block: 1px; }
  mark.active { background: var(--mark-on); box-shadow: 0 1px 0 var(--internal-edge); }

  details > summary { cursor: pointer; border-radius: 6px; padding: 3px 0; font-weight: 600; font-size: 13px; list-style: none; display: flex; align-items: center; gap: 6px; }
  details > summary::-webkit-details-marker { display: none; }
  details > summary > .icon { transition: transform .15s; color: var(--soft); }
  details[open] > summary > .icon { transform: rotate(180deg); }
  details > .inside { padding-top: 8px; }
  dl.facts { display: grid; gap: 8px; }
  dl.facts dt { font-size: 12px; font-weight: 650; color: var(--soft); }
  dl.facts ul { padding-inline-start: 17px; }
  .keys { display: grid; grid-template-columns: auto 1fr; gap: 5px 12px; font-size: 13px; align-items: baseline; }
  kbd { font: 600 11.5px/1.4 ui-monospace, "DejaVu Sans Mono", monospace; padding: 1px 6px; border: 1px solid var(--edge); border-bottom-width: 2px; border-radius: 5px; background: var(--card); white-space: nowrap; }
  .reasons { display: grid; gap: 7px; margin-top: 6px; }
  .empty { text-align: center; padding: 26px 14px; color: var(--soft); }
  .empty .logo { width: 34px; height: 34px; margin-bottom: 8px; }
  .empty h2 { color: var(--ink); font-size: 15px; margin-bottom: 4px; }
  form.search { display: grid; grid-template-columns: 1fr auto; gap: 6px; }
  footer { padding: 4px 12px 18px; max-width: 640px; margin-inline: auto; }
  footer .who { margin-top: 8px; font-size: 12.5px; color: var(--soft); }
  dialog { width: min(420px, calc(100vw - 24px)); padding: 16px; border: 1px solid var(--line); border-radius: 14px; background: var(--card); color: var(--ink); box-shadow: 0 18px 50px rgb(0 0 0 / 30%); }
  dialog::backdrop { background: rgb(10 16 20 / 50%); }
  dialog h2 { font-size: 15px; display: flex; gap: 8px; align-items: center; }
  dialog h2 .icon { color: var(--internal-ink); }
  dialog .stack { margin-top: 10px; }
  dialog ul { padding-inline-start: 18px; }
  dialog .row { justify-content: flex-end; margin-top: 14px; }

  .toast { position: fixed; inset-inline: 12px; bottom: 12px; z-index: 5; width: fit-content; max-width: calc(100% - 24px); margin-inline: auto; padding: 8px 14px; border-radius: 10px; background: var(--ink); color: var(--card); font-size: 13px; box-shadow: 0 6px 24px rgb(0 0 0 / 25%); }

  @container (max-width: 360px) {
    .actions { grid-template-columns: 1fr 1fr; }
    .actions .main { grid-column: 1 / -1; }
  }
  @keyframes pulse { 50% { opacity: .35; } }
  @keyframes appear { from { opacity: 0; background-color: var(--accent-soft); } }
  @media (prefers-reduced-motion: reduce) {
    *, *::before, *::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; }
  }
  @media (forced-colors: active) {
    mark { background: Mark; color: MarkText; }
    .chip, .band, button.cite, .number { border: 1px solid; }
  }
`;
