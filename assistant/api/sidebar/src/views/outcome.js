/** What is shown when there is no draft to insert: a handoff, a question back, an error. */
import {html, nothing} from 'lit';
import {icons} from '../icons.js';

/** Reasons in words: one as it is, several as a list. */
export const reasonsOf = (reasons) =>
  reasons.length === 1 ? html`<span>${reasons[0].text}</span>` : html`<ul>${reasons.map((reason) => html`<li>${reason.text}</li>`)}</ul>`;

/** Codes such as `unsupported_name` read as words. */
const inWords = (tried) => tried.replace(/[a-z]+(?:_[a-z]+)+/g, (code) => code.replaceAll('_', ' '));

export function handoffCard(panel) {
  const {handoff, reasons} = panel.run.reply;
  return html`<section class="card stack" aria-labelledby="handoff-title">
    <div class="spread"><h2 id="handoff-title" tabindex="-1">For you to answer</h2><span class="chip">${icons.person} No draft</span></div>
    <div class="band warn">${icons.warn}<div><strong>What is missing</strong>${reasonsOf(reasons)}</div></div>
    <dl class="facts">
      <div><dt>The case</dt><dd>${handoff.summary}</dd></div>
      ${handoff.team ? html`<div><dt>Proposed to</dt><dd>${handoff.team}</dd></div>` : nothing}
      ${handoff.missing.length ? html`<div><dt>No passage speaks of</dt><dd>${handoff.missing.join(', ')}</dd></div>` : nothing}
      ${handoff.tried.length ? html`<div><dt>What was tried</dt><dd><ul>${handoff.tried.map((tried) => html`<li class="small">${inWords(tried)}</li>`)}</ul></dd></div>` : nothing}
    </dl>
    <button @click=${() => panel.showTab('search')}>${icons.search}Search the knowledge base</button>
  </section>`;
}

const WORDS = {
  clarify: {title: 'Ask the customer', chip: 'Question back', why: 'The message leaves open what is meant', field: 'Question, to be modified'},
  refuse: {title: 'Decline', chip: 'Nothing to answer', why: 'This is not answered here', field: 'Reply, to be modified'},
};

/** The words of a reply that no model wrote: a question back, or a refusal. */
export const wordsOf = (reply) => reply?.clarification?.question ?? reply?.refusal?.text ?? '';

export function wordsCard(panel) {
  const {reply} = panel.run;
  const said = WORDS[reply.decision];
  return html`<section class="card stack" aria-labelledby="words-title">
    <div class="spread"><h2 id="words-title" tabindex="-1">${said.title}</h2><span class="chip">${icons.ask} ${said.chip}</span></div>
    <div class="band">${icons.info}<div><strong>${said.why}</strong>${reasonsOf(reply.reasons)}</div></div>
    ${panel.editing
      ? html`<label class="field"><span class="hush">${said.field}</span><textarea id="editor" .value=${panel.edited} @input=${(event) => panel.edit(event.target.value)}></textarea></label>`
      : html`<div class="draft">${wordsOf(reply).split('\n').map((line) => html`<p>${line}</p>`)}</div>`}
    <div class="actions">
      <button class="main" id="insert" @click=${() => panel.insertDraft()}>${panel.insertsByCopy ? icons.copy : icons.insert}${panel.insertsByCopy ? 'Copy to reply' : 'Insert'}</button>
      ${panel.insertsByCopy ? nothing : html`<button id="copy" @click=${() => panel.copyDraft()}>${icons.copy}Copy</button>`}
      <button aria-pressed="${panel.editing}" id="edit" @click=${() => panel.toggleEditing()}>${icons.write}${panel.editing ? 'Done' : 'Edit'}</button>
    </div>
  </section>`;
}

/**
 * A problem in words, with a way on.
 * @param {any} problem
 * @param {{onRetry?: () => void, left?: number}} given `left`: seconds until trying again makes sense
 */
export function problemBand(problem, {onRetry, left = 0} = {}) {
  return html`<div class="band bad" role="alert">
    ${problem.offline ? icons.offline : icons.warn}
    <div>
      <strong>${problem.title}</strong>
      <span>${problem.detail} ${problem.fix}</span>
      ${onRetry
        ? html`<div><button id="retry" @click=${onRetry}>${left > 0 ? html`Try now <span class="soft" aria-hidden="true">· suggested in ${left} s</span>` : 'Try again'}</button></div>`
        : nothing}
    </div>
  </div>`;
}
