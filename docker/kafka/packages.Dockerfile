# What apache/kafka holds, from packages: a Java runtime, Kafka's jars, a user.
ARG BASE
FROM ${BASE}
RUN useradd --uid 1000 appuser
COPY libs /opt/kafka/libs
