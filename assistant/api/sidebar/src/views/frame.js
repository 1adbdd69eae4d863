/** What stands around the draft: header, ticket, sign-in, summary, help, and the question about internal sources. */
import {html, nothing} from 'lit';
import {icons} from '../icons.js';
import {SHORTCUTS} from '../words.js';
import {problemBand} from './outcome.js';

export function topBar(panel) {
  const tab = (name, words) => html`<button
    role="tab" id="tab-${name}" aria-controls="panel-${name}" aria-selected="${panel.tab === name}" tabindex="${panel.tab === name ? 0 : -1}"
    @click=${() => panel.showTab(name)}>${words}</button>`;
  return html`<header class="top">
    <h1 class="brand">${icons.logo}<span>Deskhand</span></h1>
    ${panel.panelsShown
      ? html`<div class="tabs" role="tablist" aria-label="Parts of the panel" @keydown=${(event) => panel.moveTab(event)}>${tab('reply', 'Reply')}${tab('search', 'Search')}</div>`
      : nothing}
  </header>`;
}

export function signIn(panel) {
  return html`<section class="card stack" aria-labelledby="sign-in-title">
    <h2 id="sign-in-title" tabindex="-1">${panel.wasSignedIn ? 'Your session is over' : 'Sign in'}</h2>
    <p class="small soft">${panel.wasSignedIn ? 'Sign in again. What you wrote is still here.' : 'Paste the code your operator made with “deskhand sidebar code”. It works once.'}</p>
    <form class="stack" @submit=${(event) => panel.signIn(event)}>
      <label class="field"><span>Sign-in code</span><input id="code" name="code" type="text" required maxlength="200" autocomplete="one-time-code" spellcheck="false" autocapitalize="off" /></label>
      <button class="main wide" type="submit" ?disabled=${panel.signingIn}>Sign in</button>
    </form>
    ${panel.signInProblem ? problemBand(panel.signInProblem) : nothing}
  </section>`;
}

export function ticketCard(panel) {
  const {ticket} = panel;
  const asked = ticket.messages?.findLast?.((message) => message.author === 'customer')?.text ?? '';
  return html`<section class="card ticket stack" aria-label="Ticket">
    <div>
      <h2>${ticket.subject || asked.slice(0, 90) || 'Ticket without a subject'}</h2>
      <p class="meta small soft">${[ticket.id, `${ticket.messages?.length ?? 0} ${ticket.messages?.length === 1 ? 'message' : 'messages'}`].filter(Boolean).join(' · ')}</p>
      ${asked ? html`<p class="asked">${asked}</p>` : nothing}
    </div>
    <details .open=${panel.summaryOpen} @toggle=${(event) => panel.toggleSummary(event.target.open)}>
      <summary>${icons.chevron}Summary</summary>
      <div class="inside" aria-busy="${panel.summarising}">${summaryOf(panel)}</div>
    </details>
  </section>`;
}

function summaryOf({summary, summarising, summaryProblem, summarise, summaryWaits}) {
  if (summaryProblem) return problemBand(summaryProblem, {onRetry: summarise});
  if (summaryWaits) return html`<p class="small soft">It is made when the draft is done.</p>`;
  if (summarising) return html`<div class="skeleton" aria-hidden="true"><i></i><i></i><i></i></div>`;
  if (!summary) return nothing;
  const moods = {positive: 'Positive', neutral: 'Neutral', negative: 'Negative'};
  const {sentiment, sentiment_at_first: before} = summary;
  const product = [summary.product, summary.version].filter(Boolean).join(' ');
  const list = (points) => html`<ul>${points.map((point) => html`<li>${told(point)}</li>`)}</ul>`;
  const fact = (name, points) => points.length ? html`<div><dt>${name}</dt><dd>${list(points)}</dd></div>` : nothing;
  return html`<p>${summary.short.text}</p>
  <dl class="facts small">
    <div><dt>The customer wants</dt><dd>${told(summary.request)}</dd></div>
    ${product ? html`<div><dt>Product</dt><dd>${product}</dd></div>` : nothing}
    ${fact('Tried already', summary.tried)}
    ${fact('Answered', summary.answers)}
    ${fact('Open', summary.open_questions)}
    ${summary.next_step ? html`<div><dt>Next step</dt><dd>${summary.next_step}</dd></div>` : nothing}
    <div><dt>Mood</dt><dd>${moods[sentiment]}${before === sentiment ? nothing : `, at first ${moods[before].toLowerCase()}`}</dd></div>
  </dl>
  <p class="small soft">Written by a model, each statement looked for in the ticket: the number is that of the message.</p>`;
}

/** A statement with the numbers of the messages that say it. */
function told({text, messages}) {
  return html`${text}${messages.length ? html` <span class="soft" title=${`In message ${messages.join(', ')} of this ticket`}>(${messages.join(', ')})</span>` : nothing}`;
}

export const nothingOpen = html`<section class="card empty">${icons.logo}<h2>No ticket is open</h2><p>Open a ticket in your helpdesk and it appears here.</p></section>`;

export function foot(panel) {
  const {session} = panel;
  return html`<footer>
    <details>
      <summary>${icons.chevron}Keyboard</summary>
      <div class="inside keys">${SHORTCUTS.map(([keys, words]) => html`<span>${keys.split(' ').map((key) => html`<kbd>${key}</kbd> `)}</span><span>${words}</span>`)}</div>
    </details>
    ${session ? html`<p class="who">Signed in${session.agent ? html` as ${session.agent}` : nothing}. <button class="link small" @click=${() => panel.signOut()}>Sign out</button></p>` : nothing}
  </footer>`;
}

/** Asked before words that rest on internal documents leave the panel. */
export function internalDialog(panel) {
  const titles = panel.confirming?.titles ?? [];
  return html`<dialog aria-labelledby="internal-title" aria-describedby="internal-text" @close=${() => panel.answerInternal(false)}>
    <h2 id="internal-title">${icons.lock} This rests on internal documents</h2>
    <div id="internal-text" class="stack">
      <p>Customers may not be meant to read what stands in:</p>
      <ul>${titles.map((title) => html`<li>${title}</li>`)}</ul>
    </div>
    <div class="row">
      <button autofocus @click=${() => panel.answerInternal(false)}>Cancel</button>
      <button class="main" @click=${() => panel.answerInternal(true)}>${panel.confirming?.verb ?? 'Insert'} anyway</button>
    </div>
  </dialog>`;
}
