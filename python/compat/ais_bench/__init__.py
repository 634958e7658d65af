# SPDX-License-Identifier: Apache-2.0
"""Inference sessions with the interface of ais_bench; `python -m ais_bench` measures a model."""
