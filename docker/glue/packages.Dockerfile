# What motoserver/moto holds of use here, from packages: moto, on the base's Python.
ARG BASE
FROM ${BASE}
COPY python /opt/python
ENV PYTHONPATH=/opt/python
