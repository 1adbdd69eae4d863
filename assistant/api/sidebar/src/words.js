/** Words shown in more than one place, and the languages a draft can be asked for in. */

/** As `LANGUAGE_NAMES` of the service; a test keeps them equal. */
export const LANGUAGES = {
  ar: 'Arabic', cs: 'Czech', da: 'Danish', de: 'German', el: 'Greek', en: 'English', es: 'Spanish', fi: 'Finnish',
  fr: 'French', hu: 'Hungarian', it: 'Italian', ja: 'Japanese', ko: 'Korean', nl: 'Dutch', no: 'Norwegian',
  pl: 'Polish', pt: 'Portuguese', ro: 'Romanian', ru: 'Russian', sv: 'Swedish', tr: 'Turkish', uk: 'Ukrainian',
  zh: 'Chinese',
};

export const DISCARD_REASONS = {
  wrong: 'Wrong',
  off_topic: 'Not what was asked',
  outdated: 'Out of date',
  tone: 'Wrong tone',
  too_long: 'Too long',
  other: 'Something else',
};

export const SHORTCUTS = [
  ['Alt W', 'Write a draft, or write it again'],
  ['Alt X', 'Stop writing'],
  ['Alt I', 'Insert the draft'],
  ['Alt C', 'Copy the draft'],
  ['Alt M', 'Modify the draft'],
  ['Alt K', 'Search the knowledge base'],
  ['Esc', 'Close a question or an open source'],
];

/** A calibrated probability as a band in words. A raw score is never shown, and without calibration there is none. */
export function band(confidence) {
  if (confidence === null || confidence === undefined) {
    return {kind: 'unknown', words: 'Not calibrated: check each sentence'};
  }
  if (confidence >= 0.9) return {kind: 'high', words: 'Usually right: a glance is enough'};
  if (confidence >= 0.7) return {kind: 'fair', words: 'Often right: read it through'};
  return {kind: 'low', words: 'Often wrong: check each sentence'};
}

export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;
