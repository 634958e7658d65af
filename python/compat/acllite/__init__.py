# SPDX-License-Identifier: Apache-2.0
"""Helper classes on pyACL with the names of Ascend's acllite. Every module can also be imported
under its bare name (`from acllite_model import AclLiteModel`); both names are one module."""
