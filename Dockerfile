# One image: the command decides whether a container is an api (the default), a worker or the migrations.
#
# Node runs the TypeScript as it is, so nothing is compiled here. Its minor version is that of the "node" dependency in
# package.json.
FROM node:24.21-bookworm-slim AS base
WORKDIR /app

# The manifests alone: a change in the sources then leaves the two installations below in the build cache.
FROM base AS manifests
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete

# Prisma's generator is a development dependency and stays in this stage.
FROM base AS database-client
COPY --from=manifests /app ./
RUN npm ci --ignore-scripts
COPY prisma/schema.prisma prisma/
# The generator would download Prisma's schema engine first, and does without when it is told of any existing file.
RUN PRISMA_SCHEMA_ENGINE_BINARY=/usr/local/bin/node npx prisma generate --schema prisma/schema.prisma

# Optional are the embedded PostgreSQL, which containers do not need, and, as peers of its client, Prisma's own tools.
FROM base AS dependencies
COPY --from=manifests /app ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force

FROM base
ENV NODE_ENV=production
COPY --from=dependencies /app ./
COPY --from=database-client /app/packages/core/src/generated packages/core/src/generated
COPY . .
# All files are root's: the process can read itself and change nothing.
USER node
EXPOSE 3000
CMD ["node", "--max-semi-space-size=4", "--optimize-for-size", "apps/api/src/main.ts"]
