import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { alerts, alertsFile, alertTests, dashboard, expressions, panels, scrapeFile } from '../fixtures/monitoring.ts';
import { promtool } from '../fixtures/promtool.ts';

const kebab = (name: string): string => name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
const test = it.skipIf(!promtool.installed);

const [, page = ''] = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8').split(/^## Alerts$/m);
/** The pages of the alerts. */
const sections = [...(page.split(/^## /m)[0] ?? '').matchAll(/^### (.+)\n((?:(?!### ).*\n)*)/gm)].map(([, title = '', text = '']) => ({
  title,
  text,
}));

describe('the alert rules', () => {
  it.each(alerts)('$name says how bad it is, for how long, what it means and where it is explained', ({ name, text }) => {
    expect(text).toMatch(/^ {8}for: \d+[ms]$/m);
    expect(text).toMatch(/^ {8}labels: \{ severity: (?:critical|warning) \}$/m);
    expect(text).toMatch(/^ {10}summary: .+$/m);
    expect(text).toMatch(/^ {10}description: .+\.$/m);
    expect(text).toMatch(new RegExp(`^ {10}runbook_url: docs/operations\\.md#${kebab(name)}$`, 'm'));
  });

  it('have each a section in the page for the person on call, and no section is about an alert that there is not', () =>
    expect(sections.map(({ title }) => title.toLowerCase().replaceAll(' ', '-'))).toEqual(alerts.map(({ name }) => kebab(name))));

  it.each(sections)('$title: the page says what it does not see', ({ text }) =>
    expect(text).toMatch(/^\*\*Does not see:\*\* [a-z][^\n]{20,}\.$/m),
  );

  test(`are what Prometheus takes, and so is the example of a configuration${promtool.needed}`, () => {
    expect(promtool.check(['check', 'rules', alertsFile])).toBe('');
    expect(promtool.check(['check', 'config', scrapeFile])).toBe('');
  });

  test(`fire when they should, and else do not${promtool.needed}`, () => {
    expect(promtool.check(['test', 'rules', alertTests])).toBe('');
  });
});

describe('the dashboard', () => {
  it('lets one choose data source, job and instance, and has a row for each part', () => {
    const names = (items: any[], key: string) => items.map((item) => item[key]);
    expect(names(dashboard.templating.list, 'name')).toEqual(['datasource', 'job', 'instance']);
    const rows = dashboard.panels.filter(({ type }: { type: string }) => type === 'row');
    expect(names(rows, 'title')).toEqual(['Traffic', 'Writes', 'Cache', 'Relay', 'Tasks', 'Live feed', 'Process']);
    expect(new Set(names(dashboard.panels, 'id')).size).toBe(dashboard.panels.length);
  });

  it('asks for the chosen job in every panel', () => {
    for (const { title, targets } of panels) for (const { expr } of targets) expect(expr, title).toContain('job=~"$job"');
  });

  test(`asks what Prometheus understands${promtool.needed}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'lumin-rules-'));
    const file = join(folder, 'rules.json');
    const rules = expressions.filter((expr) => expr.includes('$job')).map((expr, index) => ({ record: `panel:${index}`, expr }));
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    expect(promtool.check(['check', 'rules', file])).toBe('');
    rmSync(folder, { recursive: true });
  });
});
