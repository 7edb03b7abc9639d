// Behind a proxy that takes a prefix off, requests go where the page itself came from.
const { href } = new URL('.', location);

Scalar.createApiReference('#app', {
  url: 'openapi.json',
  servers: [{ url: href.replace(/\/$/, ''), description: 'The service that this page is from.' }],
  hideModels: true,
  documentDownloadType: 'none',
  // Denser, so that an operation fits two screens.
  customCss: `
    .references-rendered .section[id] { padding-block: 1.5rem; outline: none; }
    @media (min-width: 1000px) { .references-rendered .section-container { padding-inline: 2rem; } }
    .references-rendered .parameter-item { --schema-row-pad: 3px; }
    .references-rendered .parameter-item-trigger { padding-block: 3px; }
    .references-rendered .parameter-item-container { padding-block: 0; }
    .references-rendered .request-body { --schema-row-pad: 3px; }
    .references-rendered .markdown { --markdown-line-height: 1.4; line-height: 1.4; }`,
  // Nothing from another host, and nothing that leads to one.
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
});
