/** Marks quoted words in a passage's safe HTML, as a string: no DOM is touched, so Trusted Types stay strict. */

const PIECES = /(<[^>]*>)|(&(?:#\d+|#x[\da-f]+|\w+);)|([\s\S])/giu;
const MEANT = /[\p{L}\p{N}]/u;

/**
 * `html` with `<mark>` around each quote; the one that is `active` gets a class. Quotes are compared by letters and
 * digits alone, so markup and spacing do not hide them. A quote that cannot be found is left out of the marks and
 * returned in `missing`.
 * @param {string} html
 * @param {Array<string>} quotes
 * @param {string} active
 * @returns {{html: string, missing: Array<string>}}
 */
export function marked(html, quotes, active = '') {
  const places = []; // [start, end] in html of each letter, in order
  let letters = '';
  for (const match of html.matchAll(PIECES)) {
    if (!match[3] || !MEANT.test(match[3])) continue;
    for (const unit of match[3].toLowerCase()) {
      letters += unit;
      for (let i = 0; i < unit.length; i += 1) places.push([match.index, match.index + match[3].length]);
    }
  }
  const ranges = [];
  const missing = [];
  for (const quote of quotes) {
    const wanted = [...quote.toLowerCase()].filter((letter) => MEANT.test(letter)).join('');
    const at = wanted ? letters.indexOf(wanted) : -1;
    if (at < 0) missing.push(quote);
    else ranges.push({start: places[at][0], end: places[at + wanted.length - 1][1], active: quote === active});
  }
  return {html: withMarks(html, ranges), missing};
}

/** Marks around the text of each range, closed and opened again at every tag between. */
function withMarks(html, ranges) {
  let out = '';
  let open = null;
  const toggle = (range) => {
    if (open === range) return;
    if (open) out += '</mark>';
    if (range) out += range.active ? '<mark class="active">' : '<mark>';
    open = range;
  };
  for (const match of html.matchAll(PIECES)) {
    const range = match[1] ? null : ranges.find(({start, end}) => match.index >= start && match.index < end) ?? null;
    toggle(range);
    out += match[0];
  }
  toggle(null);
  return out.replace(/<mark(?: class="active")?>(\s*)<\/mark>/g, '$1');
}
