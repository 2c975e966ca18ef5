"""Converts Avro values to JSON and back, with tags for types that JSON lacks.

    {"$bytes": "base64"}        {"$decimal": "12.30"}     {"$uuid": "…"}
    {"$date": "2024-02-29"}     {"$time": "12:34:56.789"} {"$datetime": "2024-02-29T12:34:56+00:00"}
    {"$float": "NaN"}           {"$branch": ["a.union's.Branch", value]}
"""

import base64
import datetime
import decimal
import math
import uuid

DECODERS = {
    "$bytes": base64.b64decode,
    "$decimal": decimal.Decimal,
    "$uuid": uuid.UUID,
    "$date": datetime.date.fromisoformat,
    "$time": datetime.time.fromisoformat,
    "$datetime": datetime.datetime.fromisoformat,
    "$float": float,
    "$branch": lambda pair: (pair[0], decode(pair[1])),
}


def decode(value):
    if isinstance(value, list):
        return [decode(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1:
            [(tag, inner)] = value.items()
            if tag in DECODERS:
                return DECODERS[tag](inner)
        return {name: decode(item) for name, item in value.items()}
    return value


def encode(value):
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, decimal.Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, uuid.UUID):
        return {"$uuid": str(value)}
    # A datetime is a date, too.
    if isinstance(value, datetime.datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, datetime.date):
        return {"$date": value.isoformat()}
    if isinstance(value, datetime.time):
        return {"$time": value.isoformat()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(value)}
    if isinstance(value, tuple):
        return {"$branch": [value[0], encode(value[1])]}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {name: encode(item) for name, item in value.items()}
    return value
