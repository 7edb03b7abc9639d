import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { chartValues, renderChart, setValue } from '../fixtures/helm-render.ts';
import { kubernetesMistakes, kubernetesTypes } from '../fixtures/kubernetes-types.ts';
import { kubernetesManifests, root, unsafe, workloads } from '../fixtures/manifests.ts';

const chart = join(root, 'charts/lumin-user-service');
const accepts = new Ajv({ allErrors: true, strictTypes: false }).compile(
  JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')),
);
const urls = {
  database: { url: 'postgresql://user:pass#"word@db:5432/lumin' },
  redis: { url: 'redis://redis:6379/0' },
  nats: { url: 'nats://lumin:secret@nats:4222' },
};

/** As `helm install` does it: the values are checked against the schema, then rendered. */
const install = (...given: Record<string, unknown>[]) => {
  const values = chartValues(chart, ...given);
  if (!accepts(values)) throw new Error(JSON.stringify(accepts.errors));
  return renderChart(chart, values);
};
const named = (manifests: any[], kind: string, name: string): any =>
  manifests.find((one) => one.kind === kind && one.metadata.name === name);
const kinds = (manifests: any[]): string[] => manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted();

const variants: [string, Record<string, unknown>[]][] = [
  ['the three URLs', [urls]],
  ['a secret that is there already', [{ existingSecret: 'my-secret' }]],
  ['no autoscaling', [urls, setValue('api.autoscaling.enabled', false), setValue('taskWorker.autoscaling.enabled', false)]],
  [
    'no workers, budgets, policies and migration',
    [
      urls,
      ...['taskWorker', 'outboxWorker', 'disruptionBudgets', 'networkPolicies', 'migration'].map((name) =>
        setValue(`${name}.enabled`, false),
      ),
    ],
  ],
  [
    'every optional part',
    [
      urls,
      {
        image: { tag: '1.2.3', pullSecrets: [{ name: 'registry' }] },
        podAnnotations: { 'prometheus.io/scrape': 'true' },
        nodeSelector: { 'kubernetes.io/arch': 'arm64' },
        tolerations: [{ key: 'spot', operator: 'Exists' }],
        affinity: { nodeAffinity: {} },
        service: { annotations: { a: 'b' } },
        extraEnv: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        migration: { databaseUrl: 'postgresql://owner:word@db/lumin' },
      },
    ],
  ],
];

describe('the Helm chart', () => {
  it.skipIf(!kubernetesTypes.installed).each(variants)(
    `with %s makes manifests that Kubernetes knows${kubernetesTypes.needed}`,
    (_, given) => {
      const { manifests, tests } = install(...given);
      expect(kubernetesMistakes([...manifests, ...tests])).toEqual([]);
    },
  );

  it.each(variants)('with %s makes only pods of the restricted standard', (_, given) => {
    expect(workloads(install(...given).manifests).flatMap(unsafe)).toEqual([]);
  });

  it('needs nothing but the three URLs', () => {
    const { manifests, notes } = install(
      setValue('database.url', urls.database.url),
      setValue('redis.url', urls.redis.url),
      setValue('nats.url', urls.nats.url),
    );
    expect(manifests.find(({ kind }) => kind === 'Secret').stringData).toEqual({
      DATABASE_URL: urls.database.url,
      REDIS_URL: urls.redis.url,
      NATS_URL: urls.nats.url,
    });
    expect(notes).toContain('is release lumin-user-service in namespace lumin');
  });

  it('makes what k8s/ has', () => {
    const names: Record<string, string> = {
      'lumin-user-service-worker-tasks': 'lumin-worker-tasks',
      'lumin-user-service-worker-outbox': 'lumin-worker-outbox',
      'lumin-user-service-migrate-1': 'lumin-migrate',
      'lumin-user-service-config': 'lumin-config',
      'lumin-user-service-secrets': 'lumin-secrets',
      'lumin-user-service-migration': 'lumin-migration',
    };
    const comparable = (manifests: any[]) =>
      JSON.parse(JSON.stringify(manifests), (key, value) => {
        // The chart's own labels and annotations; how many replicas there are is the autoscalers' to say; the secret has other URLs.
        if (/^(app\.kubernetes\.io\/(instance|version|managed-by)|helm\.sh\/chart|annotations|stringData)$/.test(key)) return undefined;
        return typeof value === 'string' ? (names[value] ?? value) : value;
      })
        .filter(({ kind }: any) => kind !== 'Namespace')
        .map((one: any) => {
          if (one.kind === 'Deployment' && one.metadata.name !== 'lumin-worker-outbox') delete one.spec.replicas;
          return one;
        })
        .toSorted((a: any, b: any) => `${a.kind} ${a.metadata.name}`.localeCompare(`${b.kind} ${b.metadata.name}`));
    const owner = setValue('migration.databaseUrl', 'postgresql://owner:word@db/lumin');
    expect(comparable(install(urls, owner).manifests)).toEqual(comparable(kubernetesManifests()));
  });

  it('runs as many replicas as it is told where nothing scales it', () => {
    const { manifests } = install(urls, setValue('api.autoscaling.enabled', false), setValue('api.replicas', 5));
    expect(manifests.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'lumin-user-service').spec.replicas).toBe(5);
    expect(kinds(manifests).filter((name) => name.startsWith('HorizontalPodAutoscaler'))).toEqual([
      'HorizontalPodAutoscaler lumin-user-service-worker-tasks',
    ]);
  });

  it('uses a secret that is there already, and then makes none', () => {
    const { manifests } = install({ existingSecret: 'my-secret' });
    expect(kinds(manifests).filter((name) => name.startsWith('Secret'))).toEqual([]);
    for (const { spec } of workloads(manifests)) {
      expect(spec.template.spec.containers[0].envFrom).toContainEqual({ secretRef: { name: 'my-secret' } });
    }
  });

  it('leaves out what is switched off', () => {
    expect(kinds(install(...(variants[3]?.[1] ?? [])).manifests)).toEqual([
      'ConfigMap lumin-user-service-config',
      'Deployment lumin-user-service',
      'HorizontalPodAutoscaler lumin-user-service',
      'Secret lumin-user-service-secrets',
      'Service lumin-user-service',
      'ServiceAccount lumin-user-service',
    ]);
  });

  it('takes what is optional into every pod', () => {
    for (const { metadata, spec } of workloads(install(...(variants[4]?.[1] ?? [])).manifests)) {
      expect(spec.template, metadata.name).toMatchObject({
        metadata: { annotations: { 'prometheus.io/scrape': 'true' } },
        spec: { imagePullSecrets: [{ name: 'registry' }], nodeSelector: { 'kubernetes.io/arch': 'arm64' }, tolerations: [{ key: 'spot' }] },
      });
      expect(spec.template.spec.containers[0].image).toBe('lumin-user-service:1.2.3');
    }
  });

  it('starts new pods with every upgrade, and a migration of its own', () => {
    const [first, second] = [1, 2].map((revision) => workloads(renderChart(chart, chartValues(chart, urls), { revision }).manifests));
    const pods = (all: any[] = []) => all.map(({ spec }) => spec.template.metadata.annotations['lumin/revision']);
    expect([pods(first), pods(second)]).toEqual([
      ['1', '1', '1', '1'],
      ['2', '2', '2', '2'],
    ]);
    expect(second?.find(({ kind }) => kind === 'Job').metadata.name).toBe('lumin-user-service-migrate-2');
  });

  it('may be part of another chart, which switches it on and shares values', () => {
    const { manifests } = install(urls, { enabled: true, global: { region: 'eu' } });
    expect(manifests).toEqual(install(urls).manifests);
  });

  it.each<[string, string, Record<string, unknown>, string]>([
    ['the release, which has the chart’s name in it', 'my-lumin-user-service', {}, 'my-lumin-user-service'],
    ['the release and the chart', 'shop', {}, 'shop-lumin-user-service'],
    ['the release and another name', 'shop', { nameOverride: 'users' }, 'shop-users'],
    ['what it is told', 'shop', { fullnameOverride: 'people' }, 'people'],
    ['no more than fits', 'a'.repeat(53), {}, 'a'.repeat(46)],
  ])('names its objects after %s', (_, name, values, expected) => {
    const { manifests, tests } = renderChart(chart, chartValues(chart, urls, values), { name, revision: 999_999 });
    const names: string[] = [...manifests, ...tests].map(({ metadata }) => metadata.name);
    expect(names.filter((one) => one !== expected && !one.startsWith(`${expected}-`))).toEqual([]);
    expect(names.filter((one) => one.length > 63)).toEqual([]);
    expect(named(manifests, 'Deployment', expected).spec.selector.matchLabels['app.kubernetes.io/instance']).toBe(name);
    for (const { spec } of manifests.filter(({ kind }) => kind === 'HorizontalPodAutoscaler')) {
      expect(named(manifests, 'Deployment', spec.scaleTargetRef.name)).toBeDefined();
    }
    for (const { spec } of workloads(manifests)) {
      const [config, ...secrets] = spec.template.spec.containers[0].envFrom;
      expect(named(manifests, 'ConfigMap', config.configMapRef.name)).toBeDefined();
      expect(named(manifests, 'Secret', secrets[0].secretRef.name)).toBeDefined();
    }
  });

  it('gives every pod more variables, beside those that it needs itself', () => {
    const extraEnv = [
      { name: 'A', value: 'b' },
      { name: 'C', valueFrom: { secretKeyRef: { name: 'd', key: 'e' } } },
    ];
    for (const { metadata, spec } of workloads(install(urls, { extraEnv }).manifests)) {
      const worker = /worker/.test(metadata.name) ? [{ name: 'WORKER_PORT', value: '8001' }] : [];
      expect(spec.template.spec.containers[0].env, metadata.name).toEqual([...worker, ...extraEnv]);
    }
  });

  it('takes an image by its digest, whatever the tag says', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    for (const { spec } of workloads(install(urls, { image: { tag: '1.2.3', digest } }).manifests)) {
      expect(spec.template.spec.containers[0].image).toBe(`lumin-user-service@${digest}`);
    }
  });

  it('gives the owner’s address to the migration alone', () => {
    const databaseUrl = 'postgresql://owner:word@db/lumin';
    for (const [given, secret] of [
      [{ databaseUrl }, { name: 'lumin-user-service-migration', optional: true }],
      [{ existingSecret: 'mine' }, { name: 'mine', optional: false }],
    ]) {
      const { manifests } = install(urls, { migration: given });
      const reading = workloads(manifests).filter(({ spec }) => spec.template.spec.containers[0].envFrom.length > 2);
      expect(reading.map(({ kind }) => kind)).toEqual(['Job']);
      expect(reading[0].spec.template.spec.containers[0].envFrom[2]).toEqual({ secretRef: secret });
    }
    expect(JSON.stringify(install(urls).manifests)).not.toContain('MIGRATION_DATABASE_URL');
  });

  it('tells the Prometheus operator where metrics are, of every role, where it is asked to', () => {
    expect(kinds(install(urls).manifests).filter((name) => /Monitor|-metrics$/.test(name))).toEqual([]);
    const { manifests } = install(urls, { serviceMonitor: { enabled: true, labels: { release: 'prometheus' } } });
    const { metadata, spec } = named(manifests, 'ServiceMonitor', 'lumin-user-service');
    expect(metadata.labels.release).toBe('prometheus');
    const selected = manifests.filter(
      (one) =>
        one.kind === 'Service' && Object.entries(spec.selector.matchLabels).every(([key, value]) => one.metadata.labels[key] === value),
    );
    expect(selected.map((one) => one.metadata.name)).toEqual(['lumin-user-service-metrics']);
    expect(spec.endpoints[0].port).toBe(selected[0].spec.ports[0].name);
    const scraped = workloads(manifests).filter(({ spec: { template } }) =>
      template.spec.containers[0].ports?.some(({ name }: any) => name === selected[0].spec.ports[0].targetPort),
    );
    expect(scraped.map((one) => one.kind)).toEqual(['Deployment', 'Deployment', 'Deployment']);
    const port = selected[0].spec.ports[0].port;
    expect(named(manifests, 'ConfigMap', 'lumin-user-service-config').data.METRICS_PORT).toBe(String(port));
    const [{ ports }] = named(manifests, 'NetworkPolicy', 'lumin-user-service-monitoring').spec.ingress;
    expect(ports).toEqual([{ protocol: 'TCP', port }]);
  });

  it('has a test for `helm test`, which runs under the restricted standard, is let in, and asks whether the API is ready', async () => {
    const { manifests, tests } = install(urls, { service: { port: 80 } });
    const pod = named(tests, 'Pod', 'lumin-user-service-test');
    expect(unsafe({ metadata: pod.metadata, spec: { template: pod } })).toEqual([]);
    expect(pod.spec.restartPolicy).toBe('Never');
    const [{ from }] = named(tests, 'NetworkPolicy', 'lumin-user-service-test').spec.ingress;
    expect(from).toEqual([{ podSelector: { matchLabels: pod.metadata.labels } }]);
    // Nor is it taken for a pod of the service, by which it would be served to, scraped or shut in.
    const { matchLabels } = named(manifests, 'NetworkPolicy', 'lumin-user-service').spec.podSelector;
    expect(Object.entries(matchLabels).every(([key, value]) => pod.metadata.labels[key] === value)).toBe(false);
    const [program, ...args] = pod.spec.containers[0].command;
    expect(args.at(-1)).toBe('http://lumin-user-service:80/health/ready');
    const server = createServer((request, answer) => answer.writeHead(request.url === '/health/ready' ? 200 : 404).end()).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(program).toBe('node');
    await promisify(execFile)(process.execPath, [...args.slice(0, -1), `http://127.0.0.1:${port}/health/ready`]);
    server.close();
    expect(install(urls, setValue('networkPolicies.enabled', false)).tests.map(({ kind }) => kind)).toEqual(['Pod']);
  });

  it.each(readdirSync(join(chart, 'ci')))('takes ci/%s, with which chart-testing tries it', (file) => {
    expect(file).toMatch(/-values\.yaml$/);
    const { manifests } = install(parse(readFileSync(join(chart, 'ci', file), 'utf8')));
    expect(workloads(manifests).flatMap(unsafe)).toEqual([]);
  });

  it('takes its own defaults, which Helm’s linter looks at, and says what is missing only when it is rendered', () => {
    expect(accepts(chartValues(chart)), JSON.stringify(accepts.errors)).toBe(true);
    expect(() => install({})).toThrow('database.url is required');
  });

  const autoscaling = (minReplicas: number, maxReplicas: number) => ({ autoscaling: { minReplicas, maxReplicas } });
  it.each<[string, Record<string, unknown>]>([
    ['fewer replicas of the API at most than at least', { ...urls, api: autoscaling(10, 9) }],
    ['fewer task workers at most than at least', { ...urls, taskWorker: autoscaling(3, 2) }],
    ...Object.entries({
      LOG_LEVEL: 'LOUD',
      APP_ENV: 'staging',
      AUTH_MODE: 'off',
      APP_DEBUG: 'yes',
      MIGRATE_ON_START: '1',
      EVENTS_PERSONAL: 'some',
      DATABASE_POOL_SIZE: '0',
      DATABASE_MAX_OVERFLOW: 'many',
      REDIS_POOL_SIZE: '1001',
      METRICS_PORT: '8000',
      WORKER_PORT: '9000',
      NATS_STREAM: 'a.b',
      NATS_SUBJECT_PREFIX: '',
      PUBLIC_URL: 'example.com',
      ALLOWED_ORIGINS: '*',
      HOST: 'a b',
      OTEL_TRACES_SAMPLER: 'sometimes',
      OTEL_TRACES_SAMPLER_ARG: '2',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
      MIGRATION_DATABASE_URL: 'postgresql://owner@db/lumin',
      TASKIQ_BROKER_URL: 'nats://nats',
    }).map(([name, value]): [string, Record<string, unknown>] => [`${name} of ${value}`, { ...urls, config: { [name]: value } }]),
    ...['lots', '512MB', '-1Gi', '', '500m'].map((memory): [string, Record<string, unknown>] => [
      `memory of ${memory || 'nothing'}`,
      { ...urls, api: { resources: { limits: { memory } } } },
    ]),
    ...['fast', '250Mi', '-1', 0].map((cpu): [string, Record<string, unknown>] => [
      `${cpu} processors`,
      { ...urls, migration: { resources: { requests: { cpu } } } },
    ]),
    ['a resource that is misspelt', { ...urls, taskWorker: { resources: { limit: { cpu: 1 } } } }],
    ...['My_Secret', 'a b', '-a', 'a.', 'a'.repeat(254)].flatMap((name): [string, Record<string, unknown>][] => [
      [`a secret named ${name.slice(0, 9)}`, { existingSecret: name }],
      [`a secret of the migration named ${name.slice(0, 9)}`, { ...urls, migration: { existingSecret: name } }],
      [`a pull secret named ${name.slice(0, 9)}`, { ...urls, image: { pullSecrets: [{ name }] } }],
      [`the name ${name.slice(0, 9)}`, { ...urls, nameOverride: name }],
      [`the whole name ${name.slice(0, 9)}`, { ...urls, fullnameOverride: name }],
    ]),
    ['an image that has spaces', { ...urls, image: { repository: 'my image' } }],
    ['a tag that is none', { ...urls, image: { tag: 'a:b' } }],
    ['a digest that is none', { ...urls, image: { digest: 'sha256:abc' } }],
    ['an owner of another kind of database', { ...urls, migration: { databaseUrl: 'mysql://db' } }],
    ['a variable without a value', { ...urls, extraEnv: [{ name: 'A' }] }],
    ['a variable with a name that is none', { ...urls, extraEnv: [{ name: 'a b', value: 'c' }] }],
    ['another port in a variable', { ...urls, extraEnv: [{ name: 'PORT', value: '9000' }] }],
    ['an interval that is none', { ...urls, serviceMonitor: { interval: 'often' } }],
    ['a label that is none', { ...urls, nodeSelector: { a: 'b c' } }],
    ['an annotation of nobody', { ...urls, podAnnotations: { '/a': 'b' } }],
    ['a toleration of nothing', { ...urls, tolerations: [{ keys: 'a' }] }],
    ['an affinity to nothing', { ...urls, affinity: { nodes: {} } }],
    ['a peer of no kind', { ...urls, networkPolicies: { monitoring: [{ namespaces: {} }] } }],
    ['no database', {}],
    ['an embedded database', { database: { url: 'pglite://data' } }],
    ['an outbox worker without NATS', { database: urls.database }],
    ['a misspelt value', { ...urls, taskWorkers: {} }],
    ['a secret in the configuration', { ...urls, config: { DATABASE_URL: 'postgresql://x' } }],
    ['another port than the probes ask', { ...urls, config: { PORT: '9000' } }],
    ['a gateway that is anybody', { ...urls, networkPolicies: { gateway: [] } }],
    ['a number for a text', { ...urls, config: { DATABASE_POOL_SIZE: 5 } }],
  ])('refuses %s', (_, values) => {
    expect(() => install(values)).toThrow();
  });

  it('does without Redis, and without NATS where no worker needs it', () => {
    expect(() => install({ database: urls.database }, setValue('outboxWorker.enabled', false))).not.toThrow();
  });

  it('has the version of the service', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8'))).toMatchObject({ version, appVersion: version });
    expect(readFileSync(join(root, 'Dockerfile'), 'utf8')).toContain(`ARG VERSION=${version}\n`);
    expect(parse(readFileSync(join(root, 'k8s/kustomization.yaml'), 'utf8')).images[0].newTag).toBe(version);
  });
});

describe("the values for NATS's own chart", () => {
  it('give the read-only user the same rights as deploy/nats/nats.conf', () => {
    const { config } = parse(readFileSync(join(chart, 'nats-values.yaml'), 'utf8'));
    const { permissions } = config.merge.authorization.users.find(({ user }: any) => user === 'feed');
    const conf = readFileSync(join(root, 'deploy/nats/nats.conf'), 'utf8').replaceAll(/#.*/g, '');
    const quoted = [...conf.matchAll(/"([^"]+)"/g)].map(([, subject]) => subject);
    expect([...permissions.publish.allow, ...permissions.subscribe.allow]).toEqual(quoted);
  });

  it('let each user in by its own way only, and no page that was not named', () => {
    const { config, container } = parse(readFileSync(join(chart, 'nats-values.yaml'), 'utf8'));
    const conf = readFileSync(join(root, 'deploy/nats/nats.conf'), 'utf8');
    const users = config.merge.authorization.users.map((one: any) => [one.user, one.allowed_connection_types, one.password]);
    expect(users).toEqual([
      ['lumin', ['STANDARD'], '<< $NATS_PASSWORD >>'],
      ['feed', ['WEBSOCKET'], '<< $NATS_FEED_PASSWORD >>'],
    ]);
    for (const [user, [type]] of users) expect(conf).toMatch(new RegExp(`user: ${user}\\b[^}]*allowed_connection_types: \\[${type}\\]`));
    expect(config.websocket.merge.allowed_origins).toEqual(['https://none.invalid']);
    expect(Object.values(container.env).every(({ valueFrom }: any) => valueFrom.secretKeyRef.name === 'lumin-nats')).toBe(true);
  });
});
