# SPDX-License-Identifier: Apache-2.0
"""A model with its buffers: arrays or images in, new arrays out."""
from acllite.acllite_model import AclLiteModel


class Model(AclLiteModel):
    def __init__(self, model_path):
        super().__init__(model_path)
