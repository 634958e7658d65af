/* SPDX-License-Identifier: Apache-2.0 */
/* Which front end reads a model. */
#include "import/import.h"

enum status import_model(const struct import_request *r, struct graph **out) {
    *out = NULL;
    switch (r->framework) {
    case FRAMEWORK_ONNX: return import_onnx_file(r->model, &r->options, out);
    case FRAMEWORK_TENSORFLOW: return import_tensorflow_file(r->model, &r->options, out);
    case FRAMEWORK_CAFFE: return import_caffe_files(r->model, r->weights, &r->options, out);
    case FRAMEWORK_MINDSPORE: break;
    }
    FAIL(STATUS_UNSUPPORTED, "models of framework %d cannot be read; convert '%s' to ONNX",
         (int)r->framework, r->model);
}
