# One image for every role; the command says which: `serve`, or `run gateway`, `run router` ...
# What is installed stands in requirements/image.txt with the hash of every file.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
COPY requirements/image.txt requirements/
RUN python -m venv /opt/chat4all \
    && /opt/chat4all/bin/pip install --no-cache-dir --require-hashes -r requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/chat4all/bin/pip install --no-cache-dir --no-deps --no-build-isolation --no-index .

FROM ${BASE}
LABEL org.opencontainers.image.title="Chat4All" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin chat4all \
    && install -d -o chat4all -g chat4all -m 0700 /data
COPY --from=build /opt/chat4all /opt/chat4all
ENV PATH="/opt/chat4all/bin:${PATH}" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CHAT4ALL_DATA_DIR=/data \
    CHAT4ALL_HOST=0.0.0.0 \
    CHAT4ALL_PORT=8000 \
    CHAT4ALL_LOG_FORMAT=json
USER 10001:10001
VOLUME /data
EXPOSE 8000 50051
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["chat4all"]
CMD ["serve"]
