# The node with everything embedded. Build context: the repository.
FROM node:24-bookworm-slim
WORKDIR /opt/starling
COPY . .
RUN npx --yes pnpm@10.34.9 install --frozen-lockfile --prod && mkdir -p /data && chown node /data
USER node
ENV STARLING_DATA_DIR=/data
VOLUME /data
ENTRYPOINT ["node", "packages/node/src/main.ts"]
