/** The draft itself: sentences with the marks of their sources, the band above, and what may be done with it. */
import {html, nothing} from 'lit';
import {unsafeHTML} from 'lit/directives/unsafe-html.js';
import {icons} from '../icons.js';
import {draftOf, isRunning} from '../run.js';
import {blocksOf} from '../text.js';
import {reasonsOf} from './outcome.js';
import {DISCARD_REASONS, LANGUAGES, band, count} from '../words.js';

/** @param {any} panel the element, which holds state and deeds */
export function draftCard(panel) {
  const {run} = panel;
  const usable = run.phase === 'done' && draftOf(run);
  return html`<section class="card stack" aria-labelledby="draft-title" aria-busy="${isRunning(run)}">
    <div class="spread">
      <h2 id="draft-title" tabindex="-1">${titleOf(run)}</h2>
      ${statusChip(run)}
    </div>
    ${usable ? bandOf(run, panel.ticketChanged) : nothing}
    ${panel.editing ? editor(panel) : sentencesOf(panel)}
    ${run.notes.map((note) => html`<p class="small soft">${note}</p>`)}
    ${run.phase === 'stopped' ? html`<p class="band">${icons.info}<span><strong>Stopped.</strong> What stands here was not checked as a whole and cannot be inserted.</span></p>` : nothing}
    ${usable ? [actions(panel), html`<hr class="divide" />`, again(panel), judgement(panel)] : nothing}
  </section>`;
}

function titleOf(run) {
  if (run.reply?.handoff?.draft) return 'Unchecked draft';
  return 'Draft';
}

const named = (tier) => tier[0].toUpperCase() + tier.slice(1);

function statusChip(run) {
  if (run.phase === 'searching') return html`<span class="chip live">Searching</span>`;
  if (run.phase === 'writing') return html`<span class="chip live">Writing${run.tier ? ` · ${run.tier} model` : ''}</span>`;
  if (run.phase === 'done' && run.tier) return html`<span class="chip">${named(run.tier)} model</span>`;
  return nothing;
}

function bandOf(run, ticketChanged) {
  const {reply} = run;
  const heldBack = reply.handoff?.draft;
  const said = heldBack ? {kind: 'warn', words: 'For you to check against the sources'} : band(reply.confidence);
  return html`
    ${ticketChanged
      ? html`<p class="band warn">${icons.warn}<span><strong>The ticket has changed since.</strong> Write the draft again before you use it.</span></p>`
      : nothing}
    <div class="band ${said.kind}">
      ${heldBack ? icons.warn : icons.info}
      <div><strong>${said.words}</strong>${reasonsOf(reply.reasons)}</div>
    </div>
  `;
}

function sentencesOf(panel) {
  const {run} = panel;
  if (!run.sentences.length && run.phase === 'searching') {
    return html`<div class="skeleton" aria-hidden="true"><i></i><i></i><i></i></div><p class="small soft">Looking through the knowledge base.</p>`;
  }
  let place = 0;
  const lineOf = (line) => line.sentences.map((sentence) => sentenceOf(panel, sentence, (place += 1) - 1));
  return html`<div class="draft" lang="${run.reply?.language || nothing}">
    ${blocksOf(run.sentences).map(({kind, lines}) => {
      if (kind === 'p') return html`<p>${lineOf(lines[0])}</p>`;
      const items = lines.map((line) => html`<li value="${kind === 'ol' ? parseInt(line.marker.replace(/\D/g, ''), 10) : nothing}">${lineOf(line)}</li>`);
      return kind === 'ol' ? html`<ol>${items}</ol>` : html`<ul>${items}</ul>`;
    })}
    ${isRunning(run)
      ? html`<p class="soft small"><span class="writing" aria-hidden="true"><i></i><i></i><i></i></span> ${run.sentences.length ? 'Each sentence appears once it is checked.' : 'Writing and checking the first sentence.'}</p>`
      : nothing}
  </div>`;
}

function sentenceOf(panel, sentence, place) {
  const active = panel.openCitation?.place === place;
  const classes = `sentence ${active ? 'active' : ''} ${sentence.checked ? '' : 'unchecked'} ${isRunning(panel.run) ? 'fresh' : ''}`;
  return html`<span class="${classes}">${unsafeHTML(sentence.html)}</span>${sentence.citations.map((citation) => {
    const internal = citation.audience === 'internal';
    return html`&nbsp;<button
      class="cite ${internal ? 'internal' : ''}"
      aria-expanded="${active && panel.openCitation.id === citation.passage_id}"
      aria-label="Source ${citation.n}${internal ? ', internal' : ''}: ${citation.title}"
      title="${citation.title}"
      @click=${() => panel.openSource(citation, place)}
    >${internal ? icons.lock : nothing}${citation.n}</button>`;
  })} `;
}

function editor(panel) {
  return html`<label class="field"><span class="hush">Draft, to be modified</span>
    <textarea id="editor" .value=${panel.edited} @input=${(event) => panel.edit(event.target.value)} spellcheck="true"></textarea>
  </label>`;
}

function actions(panel) {
  const copies = panel.insertsByCopy;
  return html`<div class="actions">
    <button class="main" id="insert" @click=${() => panel.insertDraft()}>${copies ? icons.copy : icons.insert}${copies ? 'Copy to reply' : 'Insert'}</button>
    ${copies ? nothing : html`<button id="copy" @click=${() => panel.copyDraft()}>${icons.copy}Copy</button>`}
    <button aria-pressed="${panel.editing}" id="edit" @click=${() => panel.toggleEditing()}>${icons.write}${panel.editing ? 'Done' : 'Edit'}</button>
  </div>`;
}

function again(panel) {
  return html`${panel.before ? html`<button class="link small" @click=${() => panel.goBack()}>Back to the draft before</button>` : nothing}
  <div class="row again" role="group" aria-label="Write it again">
    <span aria-hidden="true">Write again</span>
    <button @click=${() => panel.write({tone: 'shorter'})}>Shorter</button>
    <button @click=${() => panel.write({tone: 'warmer'})}>Warmer</button>
    <select class="inline" aria-label="Write it again in another language" @change=${(event) => {
      const language = event.target.value;
      event.target.value = '';
      if (language) panel.write({language});
    }}>
      <option value="">Language…</option>
      ${Object.entries(LANGUAGES).map(([code, name]) => html`<option value="${code}">${name}</option>`)}
    </select>
  </div>`;
}

function judgement(panel) {
  const given = panel.thumb;
  return html`<div class="spread">
      <div class="row thumbs" role="group" aria-label="Was this draft of use?">
        <button class="bare" aria-pressed="${given === 'up'}" aria-label="Useful" title="Useful" @click=${() => panel.judge('up')}>${icons.up}</button>
        <button class="bare" aria-pressed="${given === 'down'}" aria-label="Not useful" title="Not useful" @click=${() => panel.judge('down')}>${icons.down}</button>
      </div>
      <button class="bare" id="discard" aria-expanded="${panel.discarding}" @click=${() => panel.toggleDiscarding()}>${icons.discard}Discard</button>
    </div>
    ${panel.discarding ? discardForm(panel) : nothing}`;
}

function discardForm(panel) {
  return html`<form class="stack" @submit=${(event) => panel.discard(event)}>
    <fieldset><legend class="small"><strong>Why is it of no use?</strong></legend>
      <div class="reasons">${Object.entries(DISCARD_REASONS).map(
        ([code, words], at) => html`<label class="check"><input type="radio" name="reason" value="${code}" ?autofocus=${at === 0} required /> <span>${words}</span></label>`,
      )}</div>
    </fieldset>
    <label class="field"><span class="small">In your words (optional)</span><input type="text" name="comment" maxlength="2000" autocomplete="off" /></label>
    <div class="row"><button class="main" type="submit">Discard the draft</button><button type="button" @click=${() => panel.toggleDiscarding()}>Keep it</button></div>
  </form>`;
}

/** In one sentence, what a screen reader hears when a run is over. */
export function announcement(run) {
  const {reply} = run;
  if (!reply) return '';
  const draft = draftOf(run);
  if (reply.decision === 'clarify') return 'Deskhand suggests a question back to the customer.';
  if (reply.decision === 'refuse') return 'Deskhand suggests a reply that declines.';
  if (!draft) return `No draft: this ticket is for a person. ${reply.reasons.map((reason) => reason.text).join(' ')}`;
  const numbers = new Set(draft.sentences.flatMap((sentence) => sentence.citations.map((citation) => citation.n)));
  const what = `${count(draft.sentences.length, 'sentence')}, ${count(numbers.size, 'source')}`;
  return reply.handoff ? `Unchecked draft ready: ${what}.` : `Draft ready: ${what}.`;
}
