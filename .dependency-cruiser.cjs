/** The layers, from the inside out. No rule has an exemption. */
const only = (name, comment, from, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { pathNot: allowed },
});

module.exports = {
  forbidden: [
    only('domain-is-pure', 'The domain knows itself and three libraries that only compute.', '^src/domain/', [
      '^src/domain/',
      '^(node:)?url$',
      'node_modules/libphonenumber-js/',
      'node_modules/language-tags/',
    ]),
    only('application-knows-the-domain', 'The application layer knows the domain, its schema library and timers.', '^src/application/', [
      '^src/(domain|application)/',
      '^(node:)?timers/promises$',
      'node_modules/typebox/',
    ]),
    {
      name: 'presentation-does-not-reach-infrastructure',
      comment: 'The presentation layer is handed what it needs by the entry points.',
      severity: 'error',
      from: { path: '^src/presentation/' },
      to: { path: '^src/infrastructure/' },
    },
    {
      name: 'infrastructure-does-not-reach-presentation',
      severity: 'error',
      from: { path: '^src/infrastructure/' },
      to: { path: '^src/presentation/' },
    },
    {
      name: 'only-the-container-composes',
      comment: 'Inside infrastructure, adapters do not know the application; the container puts both together.',
      severity: 'error',
      from: { path: '^src/infrastructure/(?!container/)' },
      to: { path: '^src/application/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '\\.d\\.ts$' }, to: {} },
    {
      name: 'no-unlisted-packages',
      severity: 'error',
      from: { path: '^(src|migrations)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
