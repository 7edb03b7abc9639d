# Stages: dependencies (what runs in production), test (everything, for `npm test`), production (the default).
FROM node:24.21.0-bookworm-slim AS base
WORKDIR /app
COPY package.json package-lock.json .npmrc ./

FROM base AS dependencies
# The optional packages bring a Node.js of their own; the image has one.
RUN npm ci --omit=dev --omit=optional

FROM base AS test
# curl runs the README's examples.
RUN apt-get update && apt-get install --yes --no-install-recommends curl procps && rm -rf /var/lib/apt/lists/*
# The tools that check the code come in optional packages, one for each platform.
RUN npm ci
COPY . .
# Tests keep what they can use again beside the packages, and reports in the project.
RUN mkdir -p node_modules/.cache node_modules/.vite coverage .lumin && chown node:node . node_modules node_modules/.cache node_modules/.vite coverage .lumin
USER 1000:1000
ENV HOST=0.0.0.0
# 9464 where METRICS_PORT says so.
EXPOSE 8000 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "deploy/healthcheck.mjs"]
CMD ["node", "--import", "./scripts/require-node.mjs", "src/main.ts"]

FROM node:24.21.0-bookworm-slim AS production
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="lumin-user-service" \
  org.opencontainers.image.description="A user-management microservice: profiles and their lifecycle, event-sourced" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="$VERSION" \
  org.opencontainers.image.revision="$REVISION"
WORKDIR /app
# Only for the embedded database of a single container; mount a volume there.
RUN mkdir /data && chown node:node /data
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY scripts/require-node.mjs ./scripts/
COPY deploy/healthcheck.mjs ./deploy/
COPY migrations ./migrations
COPY src ./src
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
ENV NODE_ENV=production APP_ENV=production HOST=0.0.0.0 PORT=8000 DATABASE_URL=pglite:///data
# As in package.json's scripts: keeps a process on PostgreSQL below 256 MB.
ENV NODE_OPTIONS="--max-old-space-size=160 --max-semi-space-size=4"
# 9464 where METRICS_PORT says so.
EXPOSE 8000 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "deploy/healthcheck.mjs"]
# All roles in one process. One alone: `… src/main.ts api`, `worker:tasks`, `worker:outbox`; the migration: `… src/lumin.ts migrate`.
CMD ["node", "--import", "./scripts/require-node.mjs", "src/main.ts"]
