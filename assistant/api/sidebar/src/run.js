/** One draft, from the first event to the last: frozen states, each made from the one before by an event. */

/**
 * @typedef {object} Run
 * @property {'searching'|'writing'|'done'|'stopped'|'failed'} phase
 * @property {Array<any>} passages found for the question, with safe HTML
 * @property {Array<any>} sentences that stand so far; in `done` those of the final draft
 * @property {string|null} tier the model that writes
 * @property {Array<string>} notes what happened on the way, in words
 * @property {any} reply the whole reply, once there
 * @property {any} problem why it failed
 * @property {{tone?: string, language?: string, audience?: string}} wish
 */

/** @returns {Run} */
export const begin = (wish) =>
  Object.freeze({
    phase: 'searching', passages: [], sentences: [], tier: null, notes: [], reply: null, problem: null, wish,
  });

/** @param {Run} run @param {{name: string, data: any}} event @returns {Run} */
export function after(run, {name, data}) {
  switch (name) {
    case 'evidence':
      return {...run, phase: 'writing', passages: data.passages};
    case 'sentence': {
      const {index, ...sentence} = data;
      return {...run, tier: data.tier, sentences: [...run.sentences.slice(0, index), sentence]};
    }
    case 'decision':
      return data.decision === 'try' ? nextTier(run, data.tier) : run;
    case 'done':
      return finished(run, data);
    default:
      return run;
  }
}

export const stopped = (run) => ({...run, phase: 'stopped'});
export const failed = (run, problem) => ({...run, phase: 'failed', problem});
export const isRunning = (run) => run?.phase === 'searching' || run?.phase === 'writing';

/** The draft an agent may use: an answer's, or one that a person has to check and comes with a handoff. */
export const draftOf = (run) => run?.reply?.draft ?? run?.reply?.handoff?.draft ?? null;

function nextTier(run, tier) {
  const note = run.tier && run.tier !== tier ? [`The ${run.tier} model’s draft did not hold. The ${tier} model writes now.`] : [];
  return {...run, tier, sentences: [], notes: [...run.notes, ...note]};
}

function finished(run, reply) {
  const draft = reply.draft ?? reply.handoff?.draft;
  const passages = reply.handoff?.passages.length ? reply.handoff.passages : run.passages;
  return {...run, phase: 'done', reply, passages, sentences: draft?.sentences ?? [], tier: reply.tier ?? run.tier};
}

/** Passages by the number they are cited with, quotes gathered; the others keep their order below. */
export function sources(run) {
  const cited = new Map();
  for (const sentence of run.sentences) {
    for (const {n, passage_id: id, quote} of sentence.citations) {
      const entry = cited.get(id) ?? {n, quotes: []};
      if (quote && !entry.quotes.includes(quote)) entry.quotes.push(quote);
      cited.set(id, entry);
    }
  }
  const all = run.passages.map((passage) => ({passage, n: null, quotes: [], ...cited.get(passage.passage_id)}));
  return {
    cited: all.filter((source) => source.n !== null).sort((a, b) => a.n - b.n),
    others: all.filter((source) => source.n === null),
  };
}

/** Titles of the internal documents that sentences rest on. */
export function internalTitles(sentences) {
  const internal = sentences.flatMap((sentence) => sentence.citations).filter((c) => c.audience === 'internal');
  return [...new Set(internal.map((citation) => citation.title))];
}
