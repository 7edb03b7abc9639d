/** The layers, from the inside out. No rule has an exemption. */
const only = (name, comment, from, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { pathNot: allowed },
});

/** A room of a layer knows itself, the rooms that are named, and the layer's own files that lie beside the rooms. */
const room = (layer, name, ...known) => ({
  name: `${layer}/${name}`,
  comment: `${name} knows ${known.length > 0 ? known.join(', ') : 'no other room'}.`,
  severity: 'error',
  from: { path: `^src/${layer}/${name}/` },
  to: { path: `^src/${layer}/[^/]+/`, pathNot: `^src/${layer}/(${[name, ...known].join('|')})/` },
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
      comment:
        'Inside infrastructure, adapters know the ports of the application (tasks, the log as it leaves the service) and no more of it.',
      severity: 'error',
      from: { path: '^src/infrastructure/(?!container/)' },
      to: { path: '^src/application/', pathNot: '^src/application/(feed/|tasks/task\\.ts$)' },
    },
    // The rooms of infrastructure, from the bottom up. failpoint.ts is for all of them.
    room('infrastructure', 'concurrency'),
    room('infrastructure', 'connections', 'concurrency'),
    room('infrastructure', 'observability', 'concurrency'),
    room('infrastructure', 'persistence', 'concurrency', 'observability'),
    room('infrastructure', 'cache', 'concurrency', 'connections', 'persistence'),
    room('infrastructure', 'messaging', 'concurrency', 'connections', 'observability', 'persistence'),
    room('infrastructure', 'tasks', 'concurrency', 'connections', 'observability'),
    // The rooms of the API.
    room('presentation/api', 'http'),
    room('presentation/api', 'schemas', 'http'),
    room('presentation/api', 'commands', 'http', 'schemas'),
    room('presentation/api', 'queries', 'http', 'schemas'),
    room('presentation/api', 'feed', 'http', 'schemas'),
    room('presentation/api', 'operations', 'http', 'schemas'),
    {
      name: 'cli-knows-no-api',
      comment: 'The commands of the operator work on the store, and need no server.',
      severity: 'error',
      from: { path: '^src/(cli/|lumin\\.ts$)' },
      to: { path: '^src/(presentation/|main\\.ts$|infrastructure/(?!container/|persistence/))' },
    },
    {
      name: 'main-starts-what-the-container-made',
      severity: 'error',
      from: { path: '^src/(main|serve)\\.ts$' },
      to: {
        path: '^src/(domain|application|cli/(?!socket/server\\.ts$))/|^src/infrastructure/(?!container/|persistence/database/private-folder\\.ts$)',
      },
    },
    {
      name: 'entry-points-are-on-top',
      severity: 'error',
      from: { path: '^src/(?!main\\.ts$|serve\\.ts$|lumin\\.ts$|cli/)' },
      to: { path: '^src/(main\\.ts$|serve\\.ts$|lumin\\.ts$|cli/)' },
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
    // Scripts of our pages, which browsers run: no module of the service.
    exclude: { path: '/operations/pages/[^/]+\\.js$' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
