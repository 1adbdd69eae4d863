/** The REST API as the sidebar uses it. Every failure is a Problem that says what happened and what to do. */
import {events} from './sse.js';

/** What went wrong, in the words of the service's problem document where there is one. */
export class Problem extends Error {
  /** @param {{title: string, detail: string, fix?: string, status?: number, retryAfter?: number, offline?: boolean}} said */
  constructor({title, detail, fix = '', status = 0, retryAfter = 0, offline = false}) {
    super(detail);
    Object.assign(this, {title, detail, fix, status, retryAfter, offline});
  }

  static offline() {
    return new Problem({
      title: 'Deskhand cannot be reached',
      detail: navigator.onLine ? 'The service does not answer.' : 'This computer is offline.',
      fix: 'Nothing you wrote is lost. Try again when the connection is back.',
      offline: true,
    });
  }

  static cut() {
    return new Problem({
      title: 'The connection broke',
      detail: 'The draft stopped before it was finished, so it was not checked as a whole.',
      fix: 'Try again.',
      offline: true,
    });
  }

  /** @param {Response} response */
  static async of(response) {
    const retryAfter = Number(response.headers.get('Retry-After')) || 0;
    let said = {};
    try {
      said = await response.json();
    } catch {
      // Not from Deskhand: a proxy's page says nothing an agent could use.
    }
    return new Problem({
      title: retryAfter ? 'Deskhand is busy' : TITLES[response.status] ?? 'Deskhand has a problem',
      detail: sentence(said.detail || 'It gave no reason'),
      fix: said.fix || '',
      status: response.status,
      retryAfter,
    });
  }
}

/** What an agent reads in place of HTTP's own words. */
const TITLES = {
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not there',
  413: 'Too large',
  422: 'Deskhand cannot take this',
};

/** A detail as a sentence; one that begins with a field's name keeps it as it is written. */
const sentence = (words) => (/[.!?]$/.test(words) ? words : `${words}.`).replace(/^[a-z](?![\w.]*:)/, (first) => first.toUpperCase());

export class Api {
  /**
   * @param {string} base address of the service, ending in a slash
   * @param {() => string} token
   */
  constructor(base, token) {
    this._base = base;
    this._token = token;
  }

  /** Who is signed in. */
  session() {
    return this._json('GET', 'v1/sidebar/session');
  }

  /** The token opens nothing any more. */
  end() {
    return this._fetch('DELETE', 'v1/sidebar/session', undefined, {Accept: 'application/json'});
  }

  /** A token for a one-time code. */
  redeem(code) {
    return this._json('POST', 'v1/sidebar/tokens', {code});
  }

  summary(ticket) {
    return this._json('POST', 'v1/summaries', ticket);
  }

  search(query, audience) {
    return this._json('GET', `v1/search?${new URLSearchParams({q: query, audience, limit: '8', html: 'true'})}`);
  }

  feedback(said) {
    return this._json('POST', 'v1/feedback', said);
  }

  /**
   * Events of a draft as they happen; closing the signal stops the model.
   * @param {object} ticket
   * @param {{tone?: string, language?: string, audience?: string}} wish
   * @param {AbortSignal} signal
   */
  async *draft(ticket, wish, signal) {
    const query = new URLSearchParams({html: 'true', audience: wish.audience || 'public'});
    if (wish.tone) query.set('tone', wish.tone);
    if (wish.language) query.set('language', wish.language);
    const response = await this._fetch('POST', `v1/drafts?${query}`, ticket, {Accept: 'text/event-stream'}, signal);
    yield* events(response.body, Problem.cut);
  }

  async _json(method, path, body) {
    const response = await this._fetch(method, path, body, {Accept: 'application/json'});
    return response.json();
  }

  async _fetch(method, path, body, headers, signal) {
    const token = this._token();
    let response;
    try {
      response = await fetch(new URL(path, this._base), {
        method,
        signal,
        body: body === undefined ? undefined : JSON.stringify(body),
        headers: {
          ...headers,
          ...(body === undefined ? {} : {'Content-Type': 'application/json'}),
          ...(token ? {Authorization: `Bearer ${token}`} : {}),
        },
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw Problem.offline();
    }
    if (!response.ok) throw await Problem.of(response);
    return response;
  }
}
