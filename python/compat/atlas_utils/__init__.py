# SPDX-License-Identifier: Apache-2.0
"""Helper classes on pyACL with the names of Ascend's atlas_utils, the older form of acllite, which
does the work. Every module can also be imported under its bare name; both names are one module."""
