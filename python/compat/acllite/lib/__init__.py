# SPDX-License-Identifier: Apache-2.0
"""Native parts of boards; see acllite_so."""
