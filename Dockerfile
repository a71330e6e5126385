# The image of the service: compiled code, production packages and the default policy on Node, nothing else. Runs as an unprivileged user
# and writes no file, so that a read-only root file system suits it.

# Any image with Node 24. Set it to use one of your own, or to pin one by its digest.
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The packages of the workspaces are for apps and tests, not for the service.
RUN npm ci --workspaces=false
COPY tsconfig.json tsconfig.build.json ./
COPY config ./config
COPY src ./src
COPY scripts/sbom.js ./scripts/sbom.js
RUN npm run build:service && npm prune --omit=dev --workspaces=false

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# The default policy; mount another and name it in POLICY_FILE.
COPY config/policy.json config/user-metadata.schema.json ./config/
USER node
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.OPS_PORT || 9400) + '/livez').then((res) => process.exit(res.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/src/main.js"]
