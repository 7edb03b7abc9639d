import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../fixtures/manifests.ts';

const text = (file: string): string => readFileSync(join(root, file), 'utf8');
const withoutBlocks = (markdown: string): string => markdown.replace(/```.*?```/gs, '');

/** Anchors as GitHub makes them of headings: a repeated one has a number. */
const anchors = (markdown: string): Set<string> => {
  const seen = new Map<string, number>();
  return new Set(
    [...withoutBlocks(markdown).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => {
      const name = heading
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-');
      const times = seen.get(name) ?? 0;
      seen.set(name, times + 1);
      return times === 0 ? name : `${name}-${times}`;
    }),
  );
};

type Link = { to: string; file: string; anchor: string | undefined };

/** Links of a page to files of the repository. */
const links = (file: string): Link[] =>
  [
    ...withoutBlocks(text(file))
      .replace(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ]
    .map(([, to = '']) => to)
    .filter((to) => !/^\w+:/.test(to))
    .map((to) => {
      const [path = '', anchor] = to.split('#');
      return { to, file: path === '' ? file : normalize(join(dirname(file), decodeURI(path))), anchor };
    });

const pages = [...globSync('*.md', { cwd: root }), ...globSync('{docs,charts,deploy,k8s}/**/*.md', { cwd: root })].toSorted();

describe('the pages of the documentation', () => {
  it.each(pages)('%s has no dead link', (page) => {
    const dead = links(page).filter(
      ({ file, anchor }) => !existsSync(join(root, file)) || (anchor && file.endsWith('.md') && !anchors(text(file)).has(anchor)),
    );
    expect(dead.map(({ to }) => to)).toEqual([]);
  });

  it('are all reached from docs/README.md, which is reached from README.md', () => {
    expect(links('README.md').map(({ file }) => file)).toContain('docs/README.md');
    const reached = new Set(['docs/README.md']);
    for (const page of reached) {
      for (const { file } of links(page)) {
        if (pages.includes(file) && file.startsWith('docs/')) reached.add(file);
      }
    }
    expect(pages.filter((page) => page.startsWith('docs') && !reached.has(page))).toEqual([]);
  });

  it('have blocks of commands that can be pasted: no prompt, and nothing left out', () => {
    const wrong = pages.flatMap((page) =>
      [...text(page).matchAll(/```(?:bash|sh)\n(.*?)```/gs)]
        .map(([, block = '']) => block)
        .filter((block) => /^\s*[$>] |…/m.test(block))
        .map((block) => `${page}: ${block}`),
    );
    expect(wrong).toEqual([]);
  });
});
