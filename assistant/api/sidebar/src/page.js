/** The page in a helpdesk's frame: its bridge to the host, and the token kept for this tab and origin only. */
import {bridgeFor} from './bridges/index.js';

const KEPT = 'deskhand-token';
const ASKED_AGAIN_MS = 15_000;

export class PageHost {
  /** @param {any} panel */
  constructor(panel) {
    this._panel = panel;
    this._bridge = null;
    this._asked = 0;
  }

  open() {
    const asked = new URLSearchParams(location.search);
    const listed = document.querySelector('meta[name="deskhand-origins"]')?.content.split(' ').filter(Boolean) ?? [];
    const panel = this._panel;
    panel.auto ||= asked.get('auto') === '1';
    this._bridge = bridgeFor(asked.get('bridge') ?? '', {
      origins: [location.origin, ...listed],
      onTicket: (ticket) => (panel.ticket = ticket),
      onToken: (token) => this.keepToken(token),
      onSent: (text, runId) => panel.sent(text, runId),
    });
    panel.token = kept();
    this._bridge.open();
  }

  close() {
    this._bridge?.close();
  }

  get insertsByCopy() {
    return this._bridge?.insertsByCopy ?? false;
  }

  insert(text, html, runId) {
    this._bridge?.insert(text, html, runId);
  }

  /** Ask the host for another token, but not over and over should it give one that is no good. */
  needToken() {
    if (Date.now() - this._asked < ASKED_AGAIN_MS) return;
    this._asked = Date.now();
    this._bridge?.needToken();
  }

  keepToken(token) {
    if (this._bridge) keep(token);
    this._panel.token = token;
  }
}

/** Storage may be forbidden to a page in a frame; the token is then gone with the page. */
function kept() {
  try {
    return sessionStorage.getItem(KEPT) ?? '';
  } catch {
    return '';
  }
}

function keep(token) {
  try {
    if (token) sessionStorage.setItem(KEPT, token);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // As above.
  }
}
