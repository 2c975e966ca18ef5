"""Reads a page in Prometheus' text format with the parser of its client for Python.

    metrics_page.py parse PAGE...

The page is a JSON string, cut into as many arguments as it takes. Prints a line of JSON for each
sample: {"family", "type", "name", "labels", "value"}. Exits with 1 and an error message if the parser
rejects the page, and for errors that the parser ignores: a family or a series that occurs twice, a
histogram whose buckets do not add up.
"""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families


def main():
    page = json.loads("".join(sys.argv[2:]))
    families, series, samples = set(), set(), []
    for family in text_string_to_metric_families(page):
        if family.name in families:
            raise ValueError(f"the family {family.name} occurs twice")
        families.add(family.name)
        if family.type == "unknown":
            raise ValueError(f"the family {family.name} has no type")
        if family.type == "histogram":
            check_histogram(family)
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            if key in series:
                raise ValueError(f"the series {key} occurs twice")
            series.add(key)
            samples.append(
                {
                    "family": family.name,
                    "type": family.type,
                    "name": sample.name,
                    "labels": sample.labels,
                    "value": sample.value,
                }
            )
    for sample in samples:
        print(json.dumps(sample))


def check_histogram(family):
    buckets, counts = {}, {}
    for sample in family.samples:
        labels = dict(sample.labels)
        bound = labels.pop("le", None)
        key = tuple(sorted(labels.items()))
        if bound is not None:
            buckets.setdefault(key, []).append((float(bound), sample.value))
        elif sample.name == family.name + "_count":
            counts[key] = sample.value
    if buckets.keys() != counts.keys():
        raise ValueError(f"{family.name}: buckets without a count, or a count without buckets")
    for key, count in counts.items():
        values = [value for _, value in sorted(buckets[key])]
        if values != sorted(values) or buckets[key] != sorted(buckets[key]):
            raise ValueError(f"{family.name}{key}: the buckets are not cumulative")
        if buckets[key][-1] != (float("inf"), count):
            raise ValueError(f"{family.name}{key}: the last bucket is not the count")


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {error}")
