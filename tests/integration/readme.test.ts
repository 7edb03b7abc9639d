import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { examplesIn, FENCE, pageNamed } from '../fixtures/page-examples.ts';
import { canTypeExamples, useShell } from '../fixtures/page-shell.ts';

const page = pageNamed('README.md');

describe.skipIf(!canTypeExamples)('the examples of README.md', () => {
  const { follow } = useShell(page);

  it.each(examplesIn(page))('$title', follow);
});

describe('README.md', () => {
  it('is read in a few minutes: it has 200 lines at most', () => {
    expect(page.trimEnd().split('\n').length).toBeLessThanOrEqual(200);
  });

  it('shows pictures that are there', () => {
    for (const [, name = ''] of page.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)) {
      expect(existsSync(new URL(`../../${name}`, import.meta.url)), name).toBe(true);
    }
  });
});

describe('README.ru.md', () => {
  const twin = pageNamed('README.ru.md');
  const all = (markdown: string, pattern: RegExp): string[] => [...markdown.matchAll(pattern)].map(([whole, part]) => part ?? whole);
  const prose = (markdown: string): string => markdown.replace(FENCE, '');

  it('has the same code blocks', () => {
    expect(all(twin, /```\w+\n.*?\n```/gs)).toEqual(all(page, /```\w+\n.*?\n```/gs));
  });

  it('has the same headings, statuses and pictures, in the same order', () => {
    expect(all(prose(twin), /^(#+) /gm)).toEqual(all(prose(page), /^(#+) /gm));
    expect(all(prose(twin), /\b(\d{3})\b/g)).toEqual(all(prose(page), /\b(\d{3})\b/g));
    expect(all(twin, /!\[[^\]]*\]\(([^)]+)\)/g)).toEqual(all(page, /!\[[^\]]*\]\(([^)]+)\)/g));
  });
});
