"""The harness's own list of fields against the detector's proto files: the same names, the same kinds."""

from google.protobuf.descriptor import FieldDescriptor

from harness.engine.spec_fields import CONVERSION, EXPERIMENT, fields
from yolo_v4.spec import dataset_convert_pb2, experiment_pb2

KINDS = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_UINT32: "uint",
    FieldDescriptor.TYPE_INT32: "int",
    FieldDescriptor.TYPE_FLOAT: "number",
    FieldDescriptor.TYPE_DOUBLE: "number",
}


def kind_of(field):
    if field.enum_type:
        return "|".join(field.enum_type.values_by_name)
    if field.message_type and field.message_type.GetOptions().map_entry:
        entry = field.message_type.fields_by_name
        return f"map<{kind_of(entry['key'])},{kind_of(entry['value'])}>"
    if field.message_type:
        return field.message_type.name
    return KINDS[field.type] + "[]" * field.is_repeated


def test_every_message_has_the_fields_of_the_proto_files():
    files = (experiment_pb2.DESCRIPTOR, dataset_convert_pb2.DESCRIPTOR)
    messages = [message for file in files for message in file.message_types_by_name.values()]

    stated = {name: table for name, table in fields().items() if not name.startswith("map<")}

    assert stated == {
        message.name: {field.name: kind_of(field) for field in message.fields} for message in messages
    }
    assert {EXPERIMENT, CONVERSION} <= set(stated)


def test_an_entry_of_a_map_has_a_key_and_a_value():
    assert fields()["map<string,number>"] == {"key": "string", "value": "number"}
