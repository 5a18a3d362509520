"""Experiment and conversion specs: protobuf text in, frozen values out."""
