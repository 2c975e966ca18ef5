# PostgreSQL and PgBouncer of the distribution, unpacked: no service manager, no cluster of theirs.
ARG BASE
FROM ${BASE}
COPY root /
RUN ldconfig
ENV PATH=/usr/lib/postgresql/15/bin:/usr/sbin:/usr/bin:/sbin:/bin
