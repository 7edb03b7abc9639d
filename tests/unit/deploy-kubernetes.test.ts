import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig, settings } from '../../src/infrastructure/container/config.ts';
import { kubernetesMistakes, kubernetesTypes } from '../fixtures/kubernetes-types.ts';
import { kubernetesManifests, readManifests, root, unsafe, workloads } from '../fixtures/manifests.ts';

const manifests = kubernetesManifests();
const named = (kind: string, name: string) => manifests.find((one) => one.kind === kind && one.metadata.name === name);
const running = workloads(manifests);
const selects = (selector: any, workload: any): boolean =>
  Object.entries(selector).every(([key, value]) => workload.spec.template.metadata.labels[key] === value);

describe('the manifests in k8s/', () => {
  it.skipIf(!kubernetesTypes.installed)(`have the fields and types that Kubernetes knows${kubernetesTypes.needed}`, () => {
    expect(kubernetesMistakes(manifests)).toEqual([]);
  });

  it.skipIf(!kubernetesTypes.installed)(
    `would be refused with a field that Kubernetes does not know, or of another type${kubernetesTypes.needed}`,
    () => {
      const broken = structuredClone(named('Deployment', 'lumin-user-service'));
      broken.spec.template.spec.containers[0].livenessProbe.httpGet.pathh = '/';
      expect(kubernetesMistakes([broken])).toEqual([expect.stringContaining('pathh')]);
      expect(kubernetesMistakes([{ ...named('Service', 'lumin-user-service'), spec: { ports: '8000' } }])).toHaveLength(1);
    },
  );

  it('are all in kustomization.yaml, but for the example of a secret', () => {
    const { resources } = parse(readFileSync(join(root, 'k8s/kustomization.yaml'), 'utf8'));
    const files = readdirSync(join(root, 'k8s')).filter((file) => file !== 'kustomization.yaml' && file !== 'secret.example.yaml');
    expect(resources.toSorted()).toEqual(files.toSorted());
  });

  it('deploy the API as it was asked for: three replicas, its port, its configuration, its resources, its liveness', () => {
    const [deployment] = readManifests('k8s/deployment.yaml');
    expect(deployment).toMatchObject({ kind: 'Deployment', metadata: { name: 'lumin-user-service' }, spec: { replicas: 3 } });
    expect(deployment.spec.template.spec.containers[0]).toMatchObject({
      ports: [{ name: 'http', containerPort: 8000 }, { name: 'metrics' }],
      envFrom: [{ configMapRef: { name: 'lumin-config' } }, { secretRef: { name: 'lumin-secrets' } }],
      resources: { requests: { memory: '256Mi', cpu: '250m' }, limits: { memory: '512Mi', cpu: '500m' } },
      livenessProbe: { httpGet: { path: '/health' }, initialDelaySeconds: 30, periodSeconds: 10 },
    });
  });

  it('run every role, each once', () => {
    const command = ['node', '--import', './scripts/require-node.mjs'];
    expect(running.map(({ spec }) => spec.template.spec.containers[0].command).toSorted()).toEqual([
      [...command, 'src/lumin.ts', 'migrate'],
      [...command, 'src/main.ts', 'api'],
      [...command, 'src/main.ts', 'worker:outbox'],
      [...command, 'src/main.ts', 'worker:tasks'],
    ]);
  });

  it('are admitted under the restricted standard, with a read-only file system and no token', () => {
    expect(running.flatMap(unsafe)).toEqual([]);
    expect(named('Namespace', 'lumin').metadata.labels['pod-security.kubernetes.io/enforce']).toBe('restricted');
  });

  it('would be told from one that runs as root', () => {
    const broken = structuredClone(running[0]);
    broken.spec.template.spec.securityContext.runAsUser = 0;
    expect(unsafe(broken)).toEqual([`${broken.metadata.name} runs as root`]);
  });

  it('set variables that the service knows, and values that it takes', () => {
    const { data } = named('ConfigMap', 'lumin-config');
    const { stringData } = named('Secret', 'lumin-secrets');
    const { NODE_OPTIONS, ...own } = data;
    const env = { ...own, ...stringData, ...named('Secret', 'lumin-migration').stringData, WORKER_PORT: '8001' };
    expect(Object.keys(env).filter((name) => !Object.hasOwn(settings, name))).toEqual([]);
    expect(readConfig(env)).toMatchObject({ APP_ENV: 'production', HOST: '0.0.0.0', PORT: 8000, MIGRATE_ON_START: false });
    const secret = Object.entries(settings).flatMap(([name, setting]) => ('secret' in setting ? [name] : []));
    expect(Object.keys(data).filter((name) => secret.includes(name))).toEqual([]);
    const heap = Number(/max-old-space-size=(\d+)/.exec(NODE_OPTIONS)?.[1]);
    expect(heap * 1.25).toBeLessThanOrEqual(512);
  });

  it('give a pod more time to end than it takes: the pause before, and the 10 seconds in which it finishes', () => {
    for (const { kind, spec } of running.filter(({ kind }) => kind === 'Deployment')) {
      const { terminationGracePeriodSeconds, containers } = spec.template.spec;
      const pause = Number(containers[0].lifecycle?.preStop.exec.command[1] ?? 0);
      expect(terminationGracePeriodSeconds, kind).toBeGreaterThan(pause + 10 + 1);
    }
  });

  it('name each other rightly: selectors find pods, autoscalers their deployments, probes their ports', () => {
    const selecting = manifests.flatMap(({ kind, metadata, spec }) => {
      if (kind === 'Service') return [[metadata.name, spec.selector]];
      if (kind === 'NetworkPolicy') return [[metadata.name, spec.podSelector.matchLabels]];
      return spec?.selector ? [[metadata.name, spec.selector.matchLabels]] : [];
    });
    expect(selecting.length).toBeGreaterThan(8);
    for (const [name, selector] of selecting) expect(running.filter((one) => selects(selector, one)).length, name).toBeGreaterThan(0);
    for (const { spec } of manifests.filter(({ kind }) => kind === 'HorizontalPodAutoscaler')) {
      expect(named('Deployment', spec.scaleTargetRef.name)).toMatchObject({ spec: { replicas: spec.minReplicas } });
    }
    for (const { metadata, spec } of running.filter(({ kind }) => kind === 'Deployment')) {
      const [{ ports, livenessProbe, readinessProbe }] = spec.template.spec.containers;
      const names = ports.map(({ name }: any) => name);
      expect(
        [livenessProbe.httpGet.port, readinessProbe.httpGet.port].every((port) => names.includes(port)),
        metadata.name,
      ).toBe(true);
    }
  });

  it('give the owner’s address to the migration alone', () => {
    const reading = running.filter(({ spec }) => JSON.stringify(spec.template.spec.containers[0].envFrom).includes('lumin-migration'));
    expect(reading.map(({ metadata }) => metadata.name)).toEqual(['lumin-migrate']);
  });

  it('let monitoring reach metrics and nothing else, on a port that every role has', () => {
    const { METRICS_PORT } = named('ConfigMap', 'lumin-config').data;
    const [{ ports }] = named('NetworkPolicy', 'lumin-user-service-monitoring').spec.ingress;
    expect(ports).toEqual([{ protocol: 'TCP', port: Number(METRICS_PORT) }]);
    for (const { metadata, spec } of running.filter(({ kind }) => kind === 'Deployment')) {
      const [{ ports: own }] = spec.template.spec.containers;
      expect(own, metadata.name).toContainEqual({ name: 'metrics', containerPort: Number(METRICS_PORT) });
    }
    expect(named('Service', 'lumin-user-service').spec.ports.map(({ name }: any) => name)).toEqual(['http']);
  });

  it('keep pods from where clouds have their metadata', () => {
    const { egress } = named('NetworkPolicy', 'lumin-user-service').spec;
    const blocks = egress.flatMap(({ to }: any) => to.flatMap(({ ipBlock }: any) => ipBlock ?? []));
    expect(blocks).toContainEqual({ cidr: '0.0.0.0/0', except: ['169.254.0.0/16'] });
  });
});
