# The image of the service: its built code and the default policy on Node, nothing else. Runs as an unprivileged user and
# writes no file, so that a read-only root file system suits it.

# Any image with Node 24. Set it to use one of your own, or to pin one by its digest.
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
# Whether OpenTelemetry is in the image, for traces: --build-arg TRACING=true
ARG TRACING=false
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The packages of the workspaces are for apps and tests, not for the service.
RUN npm ci --workspaces=false
COPY tsconfig.json tsconfig.build.json ./
COPY config ./config
COPY src ./src
COPY scripts/build.js scripts/sbom.js scripts/fill-compile-cache.js ./scripts/
RUN npm run build:service && mkdir dist/compile-cache && chown node dist/compile-cache
# V8's compile cache is for one Node, processor, folder and user: those that the service runs with.
USER node
RUN node scripts/fill-compile-cache.js
USER root
RUN mkdir -p traces && if [ "$TRACING" = true ]; then cp -r node_modules/@opentelemetry traces/; fi

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/traces ./node_modules
COPY --from=build /app/dist ./dist
# The default policy; mount another and name it in POLICY_FILE.
COPY config/policy.json config/user-metadata.schema.json ./config/
USER node
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.OPS_PORT || 9400) + '/livez').then((res) => process.exit(res.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/src/main.js"]
