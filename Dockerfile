# syntax=docker/dockerfile:1
# The images of docker-compose.yml: `docker compose build`. Docs: docs/production.md.
# Python is the one that the tests run with. All that is installed is pinned by requirements/.

ARG PYTHON=python:3.11.17-slim
ARG AIRFLOW=apache/airflow:3.3.2-python3.11
ARG GO=golang:1.26.8-bookworm


FROM ${PYTHON} AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY registry_service registry_service
COPY airflow_provider airflow_provider
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .


FROM ${PYTHON} AS registry-environment
COPY requirements/service.txt /requirements/
RUN python -m venv /opt/model-registry \
    && /opt/model-registry/bin/pip install --no-cache-dir --requirement /requirements/service.txt
COPY --from=wheel /wheels /wheels
RUN /opt/model-registry/bin/pip install --no-cache-dir --no-index --no-deps /wheels/*.whl \
    && /opt/model-registry/bin/pip check


FROM ${PYTHON} AS registry
ENV PATH=/opt/model-registry/bin:$PATH PYTHONUNBUFFERED=1
# The number of Airflow's user: only so can Airflow read its token file, which is for its owner's eyes alone.
# A new volume takes over owner and mode of the directory that it is mounted on.
RUN groupadd --gid 50000 registry \
    && useradd --uid 50000 --gid 50000 --no-create-home --home-dir /var/lib/model-registry --shell /usr/sbin/nologin registry \
    && install --directory --owner 50000 --group 50000 --mode 0700 \
       /var/lib/model-registry /var/backups/model-registry /srv/airflow-token
COPY --from=registry-environment /opt/model-registry /opt/model-registry
USER 50000:50000
WORKDIR /var/lib/model-registry
EXPOSE 8470
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8470/health/ready', timeout=4)"]
CMD ["model-registry", "serve"]


# MinIO's community edition comes as source alone, and its last published image lacks a security fix. The commit is the
# one that the tests run on (Makefile); Go verifies the source against its public checksum database.
FROM ${GO} AS minio-program
ARG MINIO=github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
RUN CGO_ENABLED=0 GOBIN=/program go install -ldflags="-s -w" "${MINIO}"


# On the registry's base, whose layers are there anyway, and whose Python asks for its health.
FROM ${PYTHON} AS minio
RUN install --directory --owner 50001 --group 50001 --mode 0700 /data
COPY --from=minio-program /program/minio /usr/local/bin/minio
USER 50001:50001
EXPOSE 9000
CMD ["minio", "server", "/data"]


# The official image and the provider; the provider needs of the registry the client alone.
FROM ${AIRFLOW} AS airflow
# Named beside what is installed, so that Airflow itself can't be replaced unseen.
COPY requirements/client.txt /requirements/
RUN pip install --no-cache-dir "apache-airflow==${AIRFLOW_VERSION}" --requirement /requirements/client.txt
# What your DAGs import, such as "scikit-learn==1.9.0".
ARG PACKAGES=""
RUN if [ -n "${PACKAGES}" ]; then pip install --no-cache-dir "apache-airflow==${AIRFLOW_VERSION}" ${PACKAGES}; fi
COPY --from=wheel /wheels /wheels
RUN pip install --no-cache-dir --no-index --no-deps /wheels/*.whl
USER root
RUN install --directory --owner airflow --group 0 --mode 0700 \
    /opt/airflow/logs /opt/airflow/passwords /opt/airflow/model_registry_cache
USER airflow
