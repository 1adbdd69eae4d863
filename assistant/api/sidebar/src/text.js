/** A draft's sentences as what leaves the sidebar: plain text and HTML, without citation marks. */

/** @param {Array<{text: string, lead: string}>} sentences */
export const plainText = (sentences) => sentences.map((sentence) => sentence.lead + sentence.text).join('').trim();

/** Sentences by line: `{marker, sentences}`; a marker such as `1.` or `-` makes the line a list item. */
export function linesOf(sentences) {
  const lines = [];
  for (const sentence of sentences) {
    const marker = sentence.lead.trim();
    if (!lines.length || sentence.lead.includes('\n') || marker) lines.push({marker, sentences: []});
    lines.at(-1).sentences.push(sentence);
  }
  return lines;
}

/** Lines in runs of one kind: `{kind: 'p'|'ul'|'ol', lines}`. */
export function blocksOf(sentences) {
  const blocks = [];
  for (const line of linesOf(sentences)) {
    const kind = !line.marker ? 'p' : /\d/.test(line.marker) ? 'ol' : 'ul';
    if (kind === 'p' || blocks.at(-1)?.kind !== kind) blocks.push({kind, lines: []});
    blocks.at(-1).lines.push(line);
  }
  return blocks;
}

/** HTML for a rich composer. Each sentence's HTML was made safe by the service. */
export function htmlOf(sentences) {
  const inner = (line) => line.sentences.map((sentence) => sentence.html).join(' ');
  return blocksOf(sentences)
    .map(({kind, lines}) =>
      kind === 'p' ? `<p>${inner(lines[0])}</p>` : `<${kind}>${lines.map((line) => `<li>${inner(line)}</li>`).join('')}</${kind}>`,
    )
    .join('');
}

/** Text an agent typed, as HTML. */
export const htmlOfText = (text) =>
  text
    .split(/\n{2,}/)
    .map((paragraph) => `<p>${escaped(paragraph).replaceAll('\n', '<br>')}</p>`)
    .join('');

export const escaped = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Whether an address may be offered as a link. */
export const isWebAddress = (url) => /^https?:\/\//i.test(url);
