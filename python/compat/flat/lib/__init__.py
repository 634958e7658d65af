# SPDX-License-Identifier: Apache-2.0
"""The native parts of acllite and atlas_utils under their bare names."""
