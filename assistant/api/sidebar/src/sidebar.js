/** `<deskhand-sidebar>`: what an agent sees beside a ticket. State is here; how it looks is in views/. */
import {LitElement, html, nothing} from 'lit';
import {Api, Problem} from './api.js';
import {after, begin, draftOf, failed, internalTitles, isRunning, sources, stopped} from './run.js';
import {Insertion} from './insertion.js';
import {PageHost} from './page.js';
import {styles} from './styles.js';
import {announcement, draftCard} from './views/draft.js';
import {foot, internalDialog, nothingOpen, signIn, ticketCard, topBar} from './views/frame.js';
import {handoffCard, problemBand, wordsCard, wordsOf} from './views/outcome.js';
import {searchPanel} from './views/search.js';
import {sourceCard} from './views/sources.js';
import {icons} from './icons.js';
import {htmlOf, htmlOfText, plainText} from './text.js';

/** What belongs to one ticket, and is found again when the agent comes back to it. */
const OF_A_TICKET = () => ({
  run: null, ticketOfRun: '', before: null, editing: false, edited: '', thumb: '', discarding: false, discarded: false,
  opened: new Set(), openCitation: null, summary: null, summaryOpen: false, summaryProblem: null,
});

export class DeskhandSidebar extends LitElement {
  static styles = styles;

  static properties = {
    ticket: {attribute: false},
    token: {attribute: false},
    api: {},
    page: {type: Boolean},
    auto: {type: Boolean},
    ...Object.fromEntries(
      [...Object.keys(OF_A_TICKET()), 'tab', 'session', 'signingIn', 'signInProblem', 'wasSignedIn', 'useInternal', 'retryIn',
        'found', 'searching', 'searchProblem', 'openFound', 'summarising', 'confirming', 'said', 'saidAloud'].map((name) => [name, {state: true}]),
    ),
  };

  constructor() {
    super();
    Object.assign(this, OF_A_TICKET(), {
      ticket: null, token: '', api: '', page: false, auto: false, tab: 'reply', session: null, signingIn: false, signInProblem: null,
      wasSignedIn: false, useInternal: false, retryIn: 0, found: null, searching: false, searchProblem: null, openFound: null,
      summarising: false, confirming: null, said: '', saidAloud: '',
    });
    this._tickets = new Map();
    this._host = new PageHost(this);
    this._insertion = new Insertion(this);
    this.summarise = () => this._summarise();
    this._onKey = (event) => this._key(event);
  }

  connectedCallback() {
    super.connectedCallback();
    this._client = new Api(this.api || DeskhandSidebar.base, () => this.token);
    (this.page ? window : this).addEventListener('keydown', this._onKey);
    if (this.page) this._host.open();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    (this.page ? window : this).removeEventListener('keydown', this._onKey);
    this._host.close();
    this._controller?.abort();
    clearInterval(this._countdown);
  }

  willUpdate(changed) {
    if (changed.has('ticket') && changed.get('ticket')?.id !== this.ticket?.id) this._turnTo(changed.get('ticket'));
    if (changed.has('token') && this.token) this._readSession();
  }

  updated(changed) {
    const dialog = this.renderRoot.querySelector('dialog');
    if (changed.has('confirming') && this.confirming && !dialog.open) dialog.showModal();
    if (changed.has('ticket') && this.auto && this.ticket && !this.run && this.session) this.write();
  }

  // What is shown.

  render() {
    return html`${topBar(this)}
      <main>
        ${this._signedOut ? signIn(this) : nothing}
        ${this.panelsShown ? this._panels() : nothing}
      </main>
      ${foot(this)} ${internalDialog(this)}
      <p role="status" class="${this.said ? 'toast' : 'hush'}">${this.said || this.saidAloud}</p>`;
  }

  get _signedOut() {
    return !this.token || Boolean(!this.session && this.signInProblem);
  }

  /** A draft stays in sight when the session is over. */
  get panelsShown() {
    return !this._signedOut || Boolean(this.run);
  }

  _panels() {
    return html`<div role="tabpanel" id="panel-reply" aria-labelledby="tab-reply" ?hidden=${this.tab !== 'reply'}>
        ${this.ticket ? [ticketCard(this), this._writeButton(), this._outcome(), this._sources()] : nothingOpen}
      </div>
      <div role="tabpanel" id="panel-search" aria-labelledby="tab-search" ?hidden=${this.tab !== 'search'}>
        ${this.session?.internal ? this._internalChoice('search') : nothing} ${searchPanel(this)}
      </div>`;
  }

  _writeButton() {
    const running = isRunning(this.run);
    const shown = !this._sameAgain && this.run?.phase !== 'failed';
    const asks = this.session?.internal && !running;
    if (!shown && !asks) return nothing;
    const words = running ? 'Stop' : this.run ? 'Write again' : 'Draft a reply';
    return html`<div class="stack">
      ${shown
        ? html`<button id="write" class="wide ${this.run ? '' : 'main'}" ?disabled=${!this.session} @click=${() => (running ? this.stop() : this.write())}>
            ${running ? icons.stop : icons.write}${words}
          </button>`
        : nothing}
      ${asks ? this._internalChoice('reply') : nothing}
    </div>`;
  }

  _internalChoice(where) {
    return html`<label class="check small" for="internal-${where}"><input id="internal-${where}" type="checkbox" .checked=${this.useInternal} @change=${(event) => (this.useInternal = event.target.checked)} />
      <span>Read internal documents too</span></label>`;
  }

  _outcome() {
    const {run} = this;
    if (this.discarded) return html`<section class="card empty"><h2 tabindex="-1" id="draft-title">Discarded</h2><p>The reason is kept with the draft.</p></section>`;
    if (!run) return nothing;
    if (run.phase === 'failed') return problemBand(run.problem, {onRetry: () => this.write(run.wish), left: this.retryIn});
    if (wordsOf(run.reply)) return wordsCard(this);
    if (run.phase === 'done' && !draftOf(run)) return handoffCard(this);
    return draftCard(this);
  }

  _sources() {
    const {run} = this;
    if (!run?.passages.length || this.discarded) return nothing;
    const {cited, others} = sources(run);
    const card = (source) => {
      const id = source.passage.passage_id;
      const active = this.openCitation?.id === id;
      return sourceCard(source, {
        id: `source-${id}`, open: this.opened.has(id), active, quote: active ? this.openCitation.quote : '', onToggle: () => this._toggleSource(id),
      });
    };
    const [shown, folded] = cited.length ? [cited, others] : [others.slice(0, 4), others.slice(4)];
    return html`<section class="stack" aria-labelledby="sources-title">
      <h2 id="sources-title">${cited.length ? 'Sources' : 'Found in the knowledge base'}</h2>
      <ul class="sources">${shown.map(card)}</ul>
      ${folded.length
        ? html`<details><summary>${icons.chevron}${cited.length ? 'Also found' : 'More'} (${folded.length})</summary><div class="inside"><ul class="sources">${folded.map(card)}</ul></div></details>`
        : nothing}
    </section>`;
  }

  // Drafting.

  /** Writing is greedy: the same ticket, asked in the same way, gives the same draft, so there is nothing to press. */
  get _sameAgain() {
    const asked = this.useInternal ? 'internal' : 'public';
    return Boolean(this.run?.phase === 'done' && draftOf(this.run) && !this.discarded && !this.ticketChanged && this.run.wish.audience === asked);
  }

  get ticketChanged() {
    return Boolean(this.run) && this.ticketOfRun !== JSON.stringify(this.ticket?.messages);
  }

  get insertsByCopy() {
    return this._host.insertsByCopy;
  }

  /** Write a draft, or write it again with a wish. */
  async write(wish = {}) {
    if (!this.ticket || !this.session) return;
    this._controller?.abort();
    const controller = (this._controller = new AbortController());
    const before = draftOf(this.run) ? {run: this.run, edited: this.edited, ticketOfRun: this.ticketOfRun} : this.before;
    this._clearRetry();
    Object.assign(this, {
      before, editing: false, edited: '', thumb: '', discarding: false, discarded: false, opened: new Set(), openCitation: null,
      run: begin({...wish, audience: this.useInternal ? 'internal' : 'public'}), ticketOfRun: JSON.stringify(this.ticket.messages),
    });
    let held = false; // Whether focus is on a button that will not be there any more.
    try {
      for await (const event of this._client.draft(this.ticket, this.run.wish, controller.signal)) {
        if (this._controller !== controller) return;
        if (event.name === 'error') throw new Problem({...event.data, detail: `${event.data.detail}.`});
        held = this.renderRoot.activeElement?.id === 'write';
        this.run = after(this.run, event);
      }
    } catch (error) {
      if (controller.signal.aborted || this._controller !== controller) return;
      this._draftFailed(error);
      return;
    }
    this._announce(announcement(this.run));
    await this.updateComplete;
    if (held && this._sameAgain) this.renderRoot.querySelector('#draft-title')?.focus();
    if (this.summaryOpen && !this.summary) this._summarise();
  }

  stop() {
    this._controller?.abort();
    if (isRunning(this.run)) this.run = stopped(this.run);
    this._announce('Stopped.');
  }

  _draftFailed(error) {
    const problem = error instanceof Problem ? error : Problem.cut();
    if (problem.status === 401) {
      this._sessionOver();
      this.run = this.before?.run ?? null;
      Object.assign(this, {edited: this.before?.edited ?? '', editing: Boolean(this.before?.edited), before: null});
      return;
    }
    this.run = failed(this.run, problem);
    if (problem.retryAfter) this._countDown(problem.retryAfter);
  }

  _countDown(seconds) {
    this.retryIn = Math.min(seconds, 600);
    this._countdown = setInterval(() => {
      this.retryIn -= 1;
      if (this.retryIn > 0) return;
      this._clearRetry();
      this._announce('You can try again now.');
    }, 1000);
  }

  _clearRetry() {
    clearInterval(this._countdown);
    this.retryIn = 0;
  }

  goBack() {
    const {run, edited, ticketOfRun} = this.before;
    Object.assign(this, {run, edited, ticketOfRun, editing: Boolean(edited), before: null, thumb: '', openCitation: null});
  }

  // What becomes of a draft.

  /** The text as it stands: typed over, drafted, or a question back. */
  get text() {
    return this.edited || this._drafted();
  }

  _drafted() {
    const draft = draftOf(this.run);
    return draft ? plainText(draft.sentences) : wordsOf(this.run?.reply);
  }

  insertDraft() {
    const draft = draftOf(this.run);
    const page = this.edited || !draft ? htmlOfText(this.text) : htmlOf(draft.sentences);
    return this._insertion.insert(this.text, page, internalTitles(draft?.sentences ?? []), this.run.reply.run_id);
  }

  copyDraft() {
    return this._insertion.copy(this.text, internalTitles(draftOf(this.run)?.sentences ?? []));
  }

  insertQuote(passage) {
    const text = this.renderRoot.querySelector(`#found-${this.openFound}-text .text`)?.innerText.trim() ?? passage.text;
    const from = passage.audience === 'internal' ? [passage.title] : [];
    return this._insertion.insert(`“${text}”`, `<blockquote>${passage.html}</blockquote>`, from, '');
  }

  insertLink(passage) {
    const from = passage.audience === 'internal' ? [passage.title] : [];
    const text = `${passage.title}: ${passage.url}`;
    return this._insertion.insert(text, htmlOfText(text), from, '');
  }

  answerInternal(yes) {
    const asked = this.confirming;
    this.confirming = null;
    this.renderRoot.querySelector('dialog').close();
    asked?.answer(yes);
  }

  async toggleEditing() {
    this.editing = !this.editing;
    if (!this.editing) return;
    this.edited ||= this._drafted();
    await this.updateComplete;
    this.renderRoot.querySelector('#editor')?.focus();
  }

  edit(text) {
    this.edited = text;
  }

  async judge(verdict) {
    this.thumb = verdict;
    if (!(await this._report({verdict}, 'Thank you.'))) this.thumb = '';
  }

  toggleDiscarding() {
    this.discarding = !this.discarding;
  }

  async discard(event) {
    event.preventDefault();
    const given = new FormData(event.target);
    if (await this._report({verdict: 'discarded', reason: given.get('reason'), comment: given.get('comment')}, 'Discarded.')) {
      Object.assign(this, {discarding: false, discarded: true});
      await this.updateComplete;
      this.renderRoot.querySelector('#draft-title')?.focus();
    }
  }

  /** The host says what was sent: it is compared with the draft by the service. */
  sent(text, runId) {
    const same = text.trim() === this._drafted().trim();
    return this._report({verdict: same ? 'sent' : 'edited', sent_text: text, run_id: runId || this.run?.reply?.run_id}, '');
  }

  async _report(said, thanks) {
    const runId = said.run_id ?? this.run?.reply?.run_id;
    if (!runId) return false;
    try {
      await this._client.feedback({run_id: runId, ...said});
      this._show(thanks);
      return true;
    } catch (error) {
      const over = error.status === 401;
      if (over) this._sessionOver();
      this._show(over ? 'Not kept: your session is over. Sign in again.' : `Not kept: ${error.message}. ${error.fix ?? ''}`);
      return false;
    }
  }

  // Sources.

  /** Open the source of a citation with its words marked. */
  async openSource(citation, place) {
    this.openCitation = {id: citation.passage_id, quote: citation.quote, place};
    this.opened = new Set([...this.opened, citation.passage_id]);
    this._returnTo = this.renderRoot.activeElement;
    await this.updateComplete;
    const heading = this.renderRoot.querySelector(`#source-${CSS.escape(citation.passage_id)}`);
    heading?.focus({preventScroll: true});
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    (heading?.closest('li').querySelector('mark.active') ?? heading)?.scrollIntoView({block: 'center', behavior: calm ? 'auto' : 'smooth'});
  }

  _toggleSource(id) {
    const opened = new Set(this.opened);
    if (!opened.delete(id)) opened.add(id);
    else if (this.openCitation?.id === id) this.openCitation = null;
    this.opened = opened;
  }

  _closeSource() {
    this._toggleSource(this.openCitation.id);
    this._returnTo?.focus();
  }

  toggleSummary(open) {
    this.summaryOpen = open;
    if (open && !this.summary && !this.summarising) this._summarise();
  }

  /** A draft goes first: a summary would hold up its model. */
  get summaryWaits() {
    return isRunning(this.run) && !this.summary;
  }

  async _summarise() {
    if (isRunning(this.run)) return;
    const {ticket} = this;
    Object.assign(this, {summarising: true, summaryProblem: null});
    try {
      const summary = await this._client.summary(ticket);
      if (this.ticket?.id === ticket.id) this.summary = summary;
    } catch (error) {
      if (error.status === 401) this._sessionOver();
      this.summaryProblem = error;
    }
    this.summarising = false;
  }

  // Search.

  async search(event) {
    event.preventDefault();
    const query = new FormData(event.target).get('q').trim();
    if (!query) return;
    Object.assign(this, {searching: true, searchProblem: null, openFound: null});
    try {
      this.found = (await this._client.search(query, this.useInternal ? 'internal' : 'public')).passages;
      this._announce(this.found.length ? `${this.found.length} passages found.` : 'Nothing was found.');
    } catch (error) {
      if (error.status === 401) this._sessionOver();
      Object.assign(this, {found: null, searchProblem: error});
    }
    this.searching = false;
  }

  toggleFound(at) {
    this.openFound = this.openFound === at ? null : at;
  }

  // Signing in.

  async signIn(event) {
    event.preventDefault();
    Object.assign(this, {signingIn: true, signInProblem: null});
    try {
      this._host.keepToken((await this._client.redeem(new FormData(event.target).get('code'))).token);
    } catch (error) {
      this.signInProblem = error;
    }
    this.signingIn = false;
  }

  signOut() {
    this._controller?.abort();
    this._client.end().catch(() => {}); // Signed out here in any case; the key then ends by itself.
    this._tickets.clear();
    Object.assign(this, OF_A_TICKET(), {session: null, wasSignedIn: false});
    this._host.keepToken('');
  }

  async _readSession() {
    const {token} = this;
    try {
      const session = await this._client.session();
      if (this.token !== token) return;
      Object.assign(this, {session, signInProblem: null, wasSignedIn: false});
      if (this.auto && this.ticket && !this.run) this.write();
    } catch (error) {
      if (this.token !== token) return;
      if (error.status === 401 || error.status === 403) this._sessionOver();
      else this.signInProblem = error;
    }
  }

  /** The token is no longer good. Drafts and what was typed stay; the host is asked for another one. */
  _sessionOver() {
    Object.assign(this, {session: null, wasSignedIn: true});
    this._host.keepToken('');
    this._host.needToken();
    this._announce('Your session is over. Sign in again; what you wrote is still here.');
  }

  // The frame around it.

  showTab(name) {
    this.tab = name;
    this.updateComplete.then(() => this.renderRoot.querySelector(name === 'search' ? '#query' : '#tab-reply')?.focus());
  }

  moveTab(event) {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    this.tab = this.tab === 'reply' ? 'search' : 'reply';
    this.updateComplete.then(() => this.renderRoot.querySelector(`#tab-${this.tab}`)?.focus());
  }

  _turnTo(ticketBefore) {
    this._controller?.abort();
    this._controller = null;
    this._clearRetry();
    const names = Object.keys(OF_A_TICKET());
    if (isRunning(this.run)) this.run = stopped(this.run);
    if (ticketBefore?.id) this._tickets.set(ticketBefore.id, Object.fromEntries(names.map((name) => [name, this[name]])));
    Object.assign(this, OF_A_TICKET(), this._tickets.get(this.ticket?.id) ?? {});
  }

  _key(event) {
    if (event.key === 'Escape' && this.openCitation && !this.confirming) this._closeSource();
    if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || this.confirming) return;
    const usable = Boolean(this.run?.phase === 'done' && !this.discarded && (draftOf(this.run) || wordsOf(this.run.reply)));
    const deeds = {
      KeyW: () => !isRunning(this.run) && this.write(),
      KeyX: () => isRunning(this.run) && this.stop(),
      KeyI: () => usable && this.insertDraft(),
      KeyC: () => usable && this.copyDraft(),
      KeyM: () => usable && this.toggleEditing(),
      KeyK: () => this.showTab('search'),
    };
    if (!Object.hasOwn(deeds, event.code)) return;
    event.preventDefault();
    deeds[event.code]();
  }

  /** Say it once to a screen reader. */
  _announce(words) {
    Object.assign(this, {said: '', saidAloud: words});
  }

  /** Say it and show it for a while. */
  _show(words) {
    if (!words) return;
    this.said = words;
    clearTimeout(this._fading);
    this._fading = setTimeout(() => Object.assign(this, {said: '', saidAloud: ''}), 6000);
  }
}
