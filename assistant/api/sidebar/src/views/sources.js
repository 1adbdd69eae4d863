/** The passages a draft rests on, as cards that open, with the quoted words marked. */
import {html, nothing} from 'lit';
import {unsafeHTML} from 'lit/directives/unsafe-html.js';
import {marked} from '../highlight.js';
import {icons} from '../icons.js';
import {isWebAddress} from '../text.js';

/** Words beside the colour: an internal source is named as such. */
export const internalChip = html`<span class="chip internal">${icons.lock} Internal</span>`;

/** A person has marked the document so. */
export const outdatedChip = html`<span class="chip outdated">Outdated</span>`;

/**
 * One passage.
 * @param {{passage: any, n?: number|null, quotes?: string[]}} source
 * @param {{id: string, open: boolean, active?: boolean, quote?: string, onToggle: () => void, extra?: unknown}} given
 */
export function sourceCard({passage, n = null, quotes = []}, {id, open, active = false, quote = '', onToggle, extra = nothing}) {
  const internal = passage.audience === 'internal';
  const where = passage.heading && passage.heading !== passage.title ? passage.heading : passage.document.split('/').at(-1);
  return html`<li class="source ${internal ? 'internal' : ''} ${active ? 'active' : ''}">
    <h3>
      <button id="${id}" aria-expanded="${open}" aria-controls="${id}-text" @click=${onToggle}>
        ${n === null ? html`<span class="number none">${icons.page}</span>` : html`<span class="number"><span class="hush">Source </span>${n}</span>`}
        <span>${passage.title} ${internal ? internalChip : nothing} ${passage.outdated ? outdatedChip : nothing}<span class="where">${where}</span></span>
        ${icons.chevron}
      </button>
    </h3>
    ${open || !quotes.length ? nothing : html`<p class="quote">${quotes[0]}</p>`}
    <div id="${id}-text" class="passage" ?hidden=${!open}>${open ? openPassage(passage, quotes, quote, extra) : nothing}</div>
  </li>`;
}

function openPassage(passage, quotes, quote, extra) {
  const {html: text, missing} = marked(passage.html, quotes, quote || quotes[0]);
  return html`
    ${missing.map((words) => html`<blockquote><mark>${words}</mark></blockquote>`)}
    <div class="text">${unsafeHTML(text)}</div>
    <div class="row">
      ${extra}
      ${isWebAddress(passage.url)
        ? html`<a class="small" href="${passage.url}" target="_blank" rel="noopener noreferrer nofollow">Open the document on ${new URL(passage.url).host}</a>`
        : nothing}
    </div>
  `;
}
