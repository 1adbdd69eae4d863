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
      ${handoff.tried.length ? html`<div><dt>What was tried</dt><dd><ul>${handoff.tried.map((tried) => html`<li class="small">${inWords(tried)}</li>`)}</ul></dd></div>` : nothing}
    </dl>
    <button @click=${() => panel.showTab('search')}>${icons.search}Search the knowledge base</button>
  </section>`;
}

export function clarifyCard(panel) {
  const {clarification, reasons} = panel.run.reply;
  return html`<section class="card stack" aria-labelledby="clarify-title">
    <div class="spread"><h2 id="clarify-title" tabindex="-1">Ask the customer</h2><span class="chip">${icons.ask} Question back</span></div>
    <div class="band">${icons.info}<div><strong>The message leaves open what is meant</strong>${reasonsOf(reasons)}</div></div>
    ${panel.editing
      ? html`<label class="field"><span class="hush">Question, to be modified</span><textarea id="editor" .value=${panel.edited} @input=${(event) => panel.edit(event.target.value)}></textarea></label>`
      : html`<div class="draft">${clarification.question.split('\n').map((line) => html`<p>${line}</p>`)}</div>`}
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
