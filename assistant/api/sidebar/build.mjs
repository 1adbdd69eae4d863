/** Bundles src/ into deskhand-sidebar.js. Its first line carries the hash of what it was made from. */
import {createHash} from 'node:crypto';
import {readFile, readdir, writeFile} from 'node:fs/promises';
import {build} from 'esbuild';

const here = new URL('.', import.meta.url);
const sources = (await readdir(new URL('src/', here), {recursive: true})).filter((name) => name.endsWith('.js')).map((name) => `src/${name}`);
const digest = createHash('sha256');
for (const name of [...sources, 'build.mjs', 'package.json', 'package-lock.json'].sort()) {
  digest.update(`${name}\0`).update(await readFile(new URL(name, here))).update('\0');
}
const {outputFiles} = await build({
  absWorkingDir: new URL('.', here).pathname,
  entryPoints: ['src/index.js'],
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'eof',
  banner: {js: `/*! deskhand-sidebar, sources sha256:${digest.digest('hex')}; made by \`make sidebar\` */`},
  write: false,
});
const out = process.argv[2] ?? new URL('deskhand-sidebar.js', here).pathname;
await writeFile(out, outputFiles[0].contents);
console.log(`${out}: ${outputFiles[0].contents.length} bytes`);
