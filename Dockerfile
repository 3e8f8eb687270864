# One image for every process: `carewatch run <process>` says which.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/carewatch \
 && /opt/carewatch/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY alerting alerting
COPY api api
COPY carewatch carewatch
COPY devices devices
COPY domain domain
COPY ingest ingest
COPY simulator simulator
COPY store store
RUN /opt/carewatch/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/carewatch --create-home carewatch
COPY --from=build /opt/carewatch /opt/carewatch
ENV PATH=/opt/carewatch/bin:$PATH PYTHONUNBUFFERED=1
USER carewatch
WORKDIR /var/lib/carewatch
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-P", "-m", "carewatch"]
CMD ["up"]
