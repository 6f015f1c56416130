"""The look of a report's page, in light and dark: colours by outcome, cards, tables, print."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #16202c; --soft: #55616f; --line: #dfe4ea; --grid: #e8ecf1; --accent: #1d4ed8;
  --delivered: #0c8267; --under_way: #3f74e0; --undelivered: #b45f06; --failed: #bb2c47; --in_doubt: #a8327d; --held: #66717f; --not_sent: #8e6fc0; --on: #ffffff; }
@media (prefers-color-scheme: dark) { :root {
  --page: #0e131a; --card: #161d27; --ink: #e8edf4; --soft: #9fabba; --line: #27313e; --grid: #222c38; --accent: #8ab0ff;
  --delivered: #34c49f; --under_way: #7aa5ff; --undelivered: #f0a63a; --failed: #f0718a; --in_doubt: #e67cc0; --held: #8996a8; --not_sent: #bda6e6; --on: #0b1016; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif;
  -webkit-font-smoothing: antialiased; }
main { max-width: 72rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
header { display: flex; flex-wrap: wrap; align-items: flex-end; justify-content: space-between; gap: .5rem 2rem; margin-bottom: 1.75rem; }
h1 { font-size: 2rem; line-height: 1.15; letter-spacing: -.02em; margin: 0; font-weight: 680; }
h2 { font-size: 1.0625rem; letter-spacing: -.005em; margin: 0 0 .15rem; font-weight: 640; }
p { margin: 0; } .soft { color: var(--soft); } .small { font-size: .875rem; }
.eyebrow { color: var(--soft); font-size: .8125rem; letter-spacing: .08em; text-transform: uppercase; margin-bottom: .4rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 1.25rem 1.35rem 1.35rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); gap: .9rem; margin: 0 0 .9rem; padding: 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 1rem 1.15rem; }
.tile dt { color: var(--soft); font-size: .875rem; } .tile dd { margin: .1rem 0 0; font-size: 1.75rem; font-weight: 660;
  letter-spacing: -.02em; font-variant-numeric: tabular-nums; line-height: 1.2; }
.tile dd small { display: block; font-size: .8125rem; font-weight: 400; color: var(--soft); letter-spacing: 0; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); gap: .9rem; margin-top: .9rem; align-items: start; }
.wide { grid-column: 1 / -1; }
svg { display: block; width: 100%; height: auto; margin-top: .9rem; overflow: visible; }
svg text { fill: var(--soft); font-size: 12px; font-family: inherit; font-variant-numeric: tabular-nums; }
svg text.ink { fill: var(--ink); } svg text.strong { fill: var(--ink); font-weight: 600; }
svg .grid-line { stroke: var(--grid); stroke-width: 1; } svg .base { stroke: var(--line); stroke-width: 1; }
.delivered { fill: var(--delivered); background: var(--delivered); } .under_way { fill: var(--under_way); background: var(--under_way); }
.undelivered { fill: var(--undelivered); background: var(--undelivered); } .failed { fill: var(--failed); background: var(--failed); }
.in_doubt { fill: var(--in_doubt); background: var(--in_doubt); } .held { fill: var(--held); background: var(--held); } .not_sent { fill: var(--not_sent); background: var(--not_sent); }
.legend { display: flex; flex-wrap: wrap; gap: .35rem 1.15rem; list-style: none; padding: 0; margin: .9rem 0 0; font-size: .875rem; }
.legend li { display: flex; align-items: center; gap: .45rem; } .legend b { font-variant-numeric: tabular-nums; font-weight: 620; }
.swatch { width: .75rem; height: .75rem; border-radius: 3px; flex: none; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; margin-top: .75rem; font-size: .875rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .25rem; } th { text-align: left; font-weight: 560; color: var(--soft); }
th, td { padding: .42rem .6rem .42rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child > * { border-bottom: 0; } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding-right: 0; padding-left: .8rem; }
th[scope=row] { color: var(--ink); font-weight: 420; overflow-wrap: anywhere; }
.keys th[scope=row] { white-space: nowrap; padding-right: 0; font-size: .8125rem; }
details { margin-top: .8rem; font-size: .875rem; } summary { cursor: pointer; color: var(--accent); border-radius: 6px; width: fit-content; }
summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; }
.empty { padding: 3rem 1rem; text-align: center; } footer { margin-top: 2rem; color: var(--soft); font-size: .8125rem; }
@media print { body { background: #fff; } .card, .tile, tr { break-inside: avoid; } details::details-content { content-visibility: visible; block-size: auto; }
  .scroll { overflow: visible; } summary { display: none; } thead { display: table-header-group; } * { print-color-adjust: exact; } }
"""
