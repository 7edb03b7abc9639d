import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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
      },
    ],
  ],
];

describe('the Helm chart', () => {
  it.skipIf(!kubernetesTypes.installed).each(variants)(
    `with %s makes manifests that Kubernetes knows${kubernetesTypes.needed}`,
    (_, given) => {
      expect(kubernetesMistakes(install(...given).manifests)).toEqual([]);
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
    expect(comparable(install(urls).manifests)).toEqual(comparable(kubernetesManifests()));
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

  it.each<[string, Record<string, unknown>]>([
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
});
