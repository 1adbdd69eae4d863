/** Line icons, drawn for this panel. Decoration only: words stand beside each. */
import {html, svg} from 'lit';

const icon = (paths) => html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">${paths}</svg>`;

export const icons = {
  logo: html`<svg class="logo" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
    <rect x="1" y="1" width="18" height="18" rx="5"></rect>
    <path d="M6 7.2h8M6 10.4h5.4"></path>
    <circle cx="13.6" cy="13.4" r="1.6"></circle>
  </svg>`,
  write: icon(svg`<path d="M3 13l.6-2.6L11 3l2 2-7.4 7.4L3 13z"></path>`),
  stop: icon(svg`<rect x="4" y="4" width="8" height="8" rx="1.5"></rect>`),
  insert: icon(svg`<path d="M2.5 8h8M7.5 4.8L10.8 8l-3.3 3.2M13.5 3v10"></path>`),
  copy: icon(svg`<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"></rect><path d="M10.5 5.5v-2a1 1 0 00-1-1h-6a1 1 0 00-1 1v6a1 1 0 001 1h2"></path>`),
  discard: icon(svg`<path d="M3.5 4.5h9M6.5 4.5V3h3v1.5M5 4.5l.5 8.5h5l.5-8.5"></path>`),
  up: icon(svg`<path d="M5 7.2L7.6 2.8c.9 0 1.5.6 1.4 1.5L8.7 6.4h3.4c.9 0 1.5.8 1.3 1.6l-.9 4c-.2.7-.7 1.1-1.4 1.1H5M5 7.2V13H2.6V7.2H5z"></path>`),
  down: icon(svg`<path d="M11 8.8l-2.6 4.4c-.9 0-1.5-.6-1.4-1.5l.3-2.1H3.9c-.9 0-1.5-.8-1.3-1.6l.9-4c.2-.7.7-1.1 1.4-1.1H11M11 8.8V3h2.4v5.8H11z"></path>`),
  lock: icon(svg`<rect x="3.5" y="7" width="9" height="6.5" rx="1.5"></rect><path d="M5.5 7V5a2.5 2.5 0 015 0v2"></path>`),
  warn: icon(svg`<path d="M8 2.5l6 10.8H2L8 2.5zM8 6.6v3.2M8 11.6v.2"></path>`),
  info: icon(svg`<circle cx="8" cy="8" r="6"></circle><path d="M8 7.3v3.6M8 5v.2"></path>`),
  person: icon(svg`<circle cx="8" cy="5.2" r="2.6"></circle><path d="M2.8 13.5c.5-2.7 2.5-4.1 5.2-4.1s4.7 1.4 5.2 4.1"></path>`),
  ask: icon(svg`<path d="M5.6 6a2.4 2.4 0 114 1.8c-.9.7-1.6 1.2-1.6 2.2M8 12.4v.2"></path>`),
  offline: icon(svg`<path d="M2 6.2c3.6-3 8.4-3 12 0M4.3 8.8c2.2-1.8 5.2-1.8 7.4 0M8 12.2v.1M2.5 13.5l11-11"></path>`),
  search: icon(svg`<circle cx="7" cy="7" r="4.2"></circle><path d="M10.2 10.2l3.3 3.3"></path>`),
  open: icon(svg`<path d="M9.5 2.8h3.7v3.7M13 3L7.8 8.2M11.5 9.2v3.3a1 1 0 01-1 1H3.5a1 1 0 01-1-1V5.5a1 1 0 011-1h3.3"></path>`),
  page: icon(svg`<path d="M4 2.5h5.2L12.5 6v7a.6.6 0 01-.6.6H4.1a.6.6 0 01-.6-.6V3.1c0-.3.2-.6.5-.6zM9 2.6V6h3.4"></path>`),
  chevron: icon(svg`<path d="M4.5 6.2L8 9.8l3.5-3.6"></path>`),
  done: icon(svg`<path d="M3 8.4l3.2 3.2L13 4.8"></path>`),
};
