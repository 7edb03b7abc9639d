import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { useService } from '../fixtures/http-service.ts';

const service = useService({ env: { PUBLIC_URL: 'https://example.com/users-service' } });
const get = (url: string, headers: Record<string, string> = {}) => service.server.inject({ url, headers });
const SCRIPT = '/docs/scalar.js';

describe('the page at /docs', () => {
  it.each(['/docs', SCRIPT])('%s comes from here, under a policy that lets nothing come from elsewhere', async (url) => {
    const { statusCode, headers } = await get(url);
    expect(statusCode).toBe(200);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'private, no-cache',
    });
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none'; script-src 'self' 'sha256-[^']+'; style-src 'unsafe-inline'; connect-src 'self'; /);
    // Upgrading to https would break the page wherever it is served without TLS.
    expect(policy).not.toMatch(/https?:|upgrade-insecure-requests|unsafe-eval|\*/);
  });

  it('names nothing but its script and the document, and fits a phone', async () => {
    const { payload, headers } = await get('/docs');
    expect([...payload.matchAll(/ (?:src|href)="([^"]+)"/g)].map(([, url]) => url)).toEqual(['data:,', 'openapi.json', 'docs/scalar.js']);
    expect(payload).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">');
    const [, inline = ''] = /<script type="module">(.*?)<\/script>/s.exec(payload) ?? [];
    expect(headers['content-security-policy']).toContain(`'sha256-${createHash('sha256').update(inline).digest('base64')}'`);
    expect(inline).not.toMatch(/https?:/);
    // Each of them, left out, would ask another host or lead to one.
    for (const setting of ['withDefaultFonts: false', 'telemetry: false', 'hideClientButton: true', 'agent: { disabled: true }'])
      expect(inline).toContain(setting);
  });

  it.each(['/docs/', '/docs/?a=b'])('is one address: %s leads to it', async (url) => {
    const { statusCode, headers } = await get(url);
    expect({ statusCode, location: headers.location }).toEqual({ statusCode: 302, location: '../docs' });
  });

  it('has a script that is compressed for who takes that, and sent once', async () => {
    const plain = await get(SCRIPT);
    expect(plain.headers).toMatchObject({ 'content-type': 'text/javascript; charset=utf-8', vary: 'Accept-Encoding' });
    expect(plain.headers).not.toHaveProperty('content-encoding');
    expect(plain.payload).toContain('createApiReference');
    for (const refused of ['gzip;q=0', 'br, gzip; q=0.0', 'identity'])
      expect((await get(SCRIPT, { 'accept-encoding': refused })).headers).not.toHaveProperty('content-encoding');

    const packed = await get(SCRIPT, { 'accept-encoding': 'gzip, deflate, br' });
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(packed.rawPayload.length).toBeLessThan(plain.rawPayload.length / 3);
    expect(gunzipSync(packed.rawPayload).equals(plain.rawPayload)).toBe(true);

    const again = await get(SCRIPT, { 'if-none-match': String(packed.headers.etag) });
    expect({ status: again.statusCode, length: again.rawPayload.length }).toEqual({ status: 304, length: 0 });
  });
});
