/** How words leave the panel: into the host's composer or the clipboard, internal ones only after a question. */
export class Insertion {
  /** @param {any} panel */
  constructor(panel) {
    this._panel = panel;
  }

  async insert(text, html, titles, runId) {
    if (!(await this._allowed(titles, this._panel.insertsByCopy ? 'Copy' : 'Insert'))) return;
    const host = this._panel._host;
    if (host.insertsByCopy) {
      await this._copied(text, 'Copied. Paste it into the reply box.');
      return;
    }
    host.insert(text, html, runId);
    const detail = {text, html, run_id: runId};
    this._panel.dispatchEvent(new CustomEvent('deskhand-insert', {detail, bubbles: true, composed: true}));
    this._panel._show('Inserted into the reply.');
  }

  async copy(text, titles) {
    if (await this._allowed(titles, 'Copy')) await this._copied(text, 'Copied.');
  }

  /** Asks when `titles`, of internal documents, is not empty. */
  _allowed(titles, verb) {
    if (!titles.length) return Promise.resolve(true);
    return new Promise((answer) => {
      this._panel.confirming = {titles, verb, answer};
    });
  }

  async _copied(text, words) {
    this._panel._show((await written(text)) ? words : 'The browser does not allow copying here. Select the text and copy it by hand.');
  }
}

/** Into the clipboard; a frame may lack the permission of the newer way, and has the older. */
async function written(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}
