/** Search of the knowledge base: passages to read, quote or link. */
import {html, nothing} from 'lit';
import {icons} from '../icons.js';
import {isWebAddress} from '../text.js';
import {problemBand} from './outcome.js';
import {sourceCard} from './sources.js';

export function searchPanel(panel) {
  const {found, searching, searchProblem} = panel;
  return html`
    <form class="search" role="search" @submit=${(event) => panel.search(event)}>
      <label class="hush" for="query">Search the knowledge base</label>
      <input id="query" name="q" type="search" placeholder="Search the knowledge base" maxlength="2000" autocomplete="off" required />
      <button class="main" type="submit">${icons.search}<span>Search</span></button>
    </form>
    ${searching ? html`<p class="small soft">Searching…</p>` : nothing}
    ${searchProblem ? problemBand(searchProblem) : nothing}
    ${found && !found.length ? html`<p class="empty">Nothing was found. Other words may find it.</p>` : nothing}
    ${found?.length
      ? html`<h2>${found.length === 1 ? '1 passage' : `${found.length} passages`}</h2>
          <ul class="sources" aria-busy="${searching}">
            ${found.map((passage, at) =>
              sourceCard({passage}, {
                id: `found-${at}`,
                open: panel.openFound === at,
                onToggle: () => panel.toggleFound(at),
                extra: html`
                  <button @click=${() => panel.insertQuote(passage)}>${icons.insert}${panel.insertsByCopy ? 'Copy quote' : 'Insert quote'}</button>
                  ${isWebAddress(passage.url) ? html`<button @click=${() => panel.insertLink(passage)}>${icons.open}${panel.insertsByCopy ? 'Copy link' : 'Insert link'}</button>` : nothing}
                `,
              }),
            )}
          </ul>`
      : nothing}
  `;
}
