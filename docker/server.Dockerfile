# The server itself, for compose.yaml; built from the checkout: docker build --file docker/server.Dockerfile .
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS system
COPY docker/certs/ /usr/local/share/ca-certificates/
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
      bubblewrap ca-certificates less patch procps python3 python3-venv \
 && update-ca-certificates \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

# The mirror that pip is told of stays in this stage; pip itself goes along, for images are built with its settings.
FROM system AS build
ARG PIP_INDEX_URL
ARG PIP_TRUSTED_HOST
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Of the extras, with commas between: telemetry sends traces, literature reads papers.
ARG EXTRAS=telemetry
COPY . /source/
RUN python3 -m venv /server \
 && /server/bin/pip install --constraint /source/constraints.txt "/source${EXTRAS:+[$EXTRAS]}"

FROM system
COPY --from=build /server /server
ENV PATH=/server/bin:/usr/bin:/bin LANG=C.UTF-8 MLGYM_MCP_HOST=0.0.0.0 MLGYM_MCP_SANDBOX=docker
EXPOSE 8765
# Whether it takes sessions.
HEALTHCHECK --interval=10s --timeout=8s --start-period=20s \
  CMD ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8765/readyz', timeout=6)"]
# Without a command it says what it is, and how it is run.
ENTRYPOINT ["mlgym-mcp"]
