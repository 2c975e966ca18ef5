# What apicurio/apicurio-registry holds, from packages: the application, a Java that is new enough
# for it, a user; besides, nginx from the base.
ARG BASE
FROM ${BASE}
RUN useradd --uid 1001 --gid 0 registry
COPY java /opt/java
ENV PATH=/opt/java/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY app /deployments
