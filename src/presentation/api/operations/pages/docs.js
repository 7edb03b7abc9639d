// Behind a proxy that takes a prefix off, requests go where the page itself came from.
const { href } = new URL('.', location);

Scalar.createApiReference('#app', {
  url: 'openapi.json',
  servers: [{ url: href.replace(/\/$/, ''), description: 'The service that this page is from.' }],
  hideModels: true,
  documentDownloadType: 'none',
  customCss: '.references-rendered .section[id] { padding-block: 2rem; outline: none; }',
  // Nothing from another host, and nothing that leads to one.
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
});
