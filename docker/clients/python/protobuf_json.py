"""Protobuf messages as JSON, by Protobuf's own mapping with the fields' names as in the schema."""

import pathlib
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc

import grpc_tools

MAIN = "main.proto"


def message_class(schema, imports, name):
    """Returns the class of a message of a schema, which may import files by name."""
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        for file, text in {**imports, MAIN: schema}.items():
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        output = root / "descriptors"
        well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
        arguments = [f"-I{root}", f"-I{well_known}", "--include_imports"]
        if protoc.main(["protoc", *arguments, f"--descriptor_set_out={output}", MAIN]) != 0:
            raise ValueError(f"protoc rejects the schema of {name}")
        files = descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def decode(message_type, value):
    return json_format.ParseDict(value, message_type())


def encode(message):
    return json_format.MessageToDict(message, preserving_proto_field_name=True)
