/* SPDX-License-Identifier: Apache-2.0 */
/* atc's command line: every option CANN's atc has, and what each does here. */
#ifndef PK_CMD_ATC_OPTIONS_H
#define PK_CMD_ATC_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "atc_messages.h"

/* What an option does here. */
enum atc_effect {
    ATC_USED,
    ATC_NO_DIFFERENCE, /* accepted, and said to make no difference */
    ATC_REFUSED,       /* accepted at its default; another value is not available */
};

/* What its value must look like; checked before anything is done. */
enum atc_value {
    ATC_TEXT,
    ATC_NUMBER,  /* anything else is refused while the command line is read, as gflags does */
    ATC_CHOICE,  /* one of `choices` */
    ATC_BOOL,    /* true or false */
    ATC_BIT,     /* 0 or 1 */
    ATC_BOOLS,   /* comma-separated true and false */
    ATC_FLAG,    /* may stand alone */
};

/* OPTION(name, effect, value, default, choices, sentence) */
#define ATC_OPTIONS(OPTION)                                                                        \
    OPTION(mode, USED, NUMBER, "0", "0|1|3|6",                                                     \
           "what to do: 0 convert to an .om; 1 an .om or model to JSON; 3 check only; 6 describe an .om") \
    OPTION(model, USED, TEXT, "", "FILE", "the model to convert")                                  \
    OPTION(weight, USED, TEXT, "", "FILE", "weights of a Caffe model")                             \
    OPTION(framework, USED, NUMBER, "-1", "0|1|3|5",                                               \
           "of the model: 0 Caffe, 3 TensorFlow, 5 ONNX (1 MindSpore is not available)")            \
    OPTION(output, USED, TEXT, "", "PATH", "where to write; .om is appended")                      \
    OPTION(soc_version, USED, TEXT, "", "Ascend310|...", "the chip; any Ascend does")              \
    OPTION(input_shape, USED, TEXT, "", "\"NAME:N,C,H,W;...\"", "sizes of the inputs")             \
    OPTION(input_format, USED, CHOICE, "", "NCHW|NHWC|ND|NCDHW|NDHWC",                             \
           "layout of the inputs; ONNX has NCHW, ND and NCDHW, TensorFlow NHWC by default")                                    \
    OPTION(out_nodes, USED, TEXT, "", "\"NODE:INDEX;...\"", "outputs to make, or tensor names")    \
    OPTION(output_type, USED, TEXT, "", "FP32|FP16|UINT8",                                         \
           "element type of the outputs, or \"NODE:INDEX:TYPE;...\"")                              \
    OPTION(input_fp16_nodes, USED, TEXT, "", "\"NAME;...\"", "inputs that are fed as float16")     \
    OPTION(log, USED, TEXT, "null", "debug|info|warning|error|null", "how much to say")            \
    OPTION(check_report, USED, TEXT, "check_result.json", "FILE", "where mode 3 writes")           \
    OPTION(om, USED, TEXT, "", "FILE", "the file modes 1 and 6 read")                              \
    OPTION(json, USED, TEXT, "", "FILE", "the file mode 1 writes")                                 \
    OPTION(save_original_model, USED, BOOL, "false", "true|false",                                 \
           "also write the model before it is optimised, as OUTPUT_original.om")                   \
    OPTION(display_model_info, USED, BIT, "0", "0|1", "describe the .om after writing it")         \
    OPTION(dynamic_batch_size, USED, TEXT, "", "\"1,2,4\"", "batch sizes to choose from")          \
    OPTION(dynamic_image_size, USED, TEXT, "", "\"H,W;H,W\"", "picture sizes to choose from")      \
    OPTION(dynamic_dims, USED, TEXT, "", "\"A,B;C,D\"", "sizes to choose from, one for each -1")   \
    OPTION(input_shape_range, USED, TEXT, "", "\"NAME:[1~4,3];...\"", "ranges of sizes")           \
    OPTION(insert_op_conf, USED, TEXT, "", "FILE",                                                 \
           "picture preprocessing (AIPP) to put into the model: docs/aipp.md")                     \
    OPTION(singleop, USED, TEXT, "", "FILE",                                                       \
           "write models of one operator each, from a JSON list, into the folder --output")        \
    OPTION(is_input_adjust_hw_layout, REFUSED, BOOLS, "false", "true|false,...",                   \
           "inputs in NC1HWC0")                                                                    \
    OPTION(is_output_adjust_hw_layout, REFUSED, BOOLS, "false", "true|false,...",                  \
           "outputs in NC1HWC0")                                                                   \
    OPTION(precision_mode, NO_DIFFERENCE, CHOICE, "",                                              \
           "force_fp16|force_fp32|cube_fp16in_fp32out|allow_mix_precision|allow_fp32_to_fp16|"     \
           "must_keep_origin_dtype", "computing in float16; it is always done in float32 here")    \
    OPTION(precision_mode_v2, NO_DIFFERENCE, TEXT, "", "NAME", "the same")                         \
    OPTION(modify_mixlist, NO_DIFFERENCE, TEXT, "", "FILE", "mixed precision lists")               \
    OPTION(keep_dtype, NO_DIFFERENCE, TEXT, "", "FILE", "operators that keep their precision")     \
    OPTION(op_precision_mode, NO_DIFFERENCE, TEXT, "", "FILE", "precision of operators")           \
    OPTION(op_select_implmode, NO_DIFFERENCE, CHOICE, "",                                          \
           "high_performance|high_precision|high_performance_for_all|high_precision_for_all",      \
           "kernels to choose")                                                                    \
    OPTION(optypelist_for_implmode, NO_DIFFERENCE, TEXT, "", "\"OP,...\"", "for which operators")  \
    OPTION(disable_reuse_memory, NO_DIFFERENCE, BIT, "0", "0|1", "memory reuse")                   \
    OPTION(buffer_optimize, NO_DIFFERENCE, CHOICE, "", "l2_optimize|l1_optimize|off_optimize",     \
           "on-chip buffers")                                                                      \
    OPTION(fusion_switch_file, NO_DIFFERENCE, TEXT, "", "FILE", "fusions to switch off")           \
    OPTION(enable_scope_fusion_passes, NO_DIFFERENCE, TEXT, "", "\"PASS,...\"",                    \
           "TensorFlow fusions")                                                                   \
    OPTION(enable_small_channel, NO_DIFFERENCE, BIT, "0", "0|1", "layout of the first layer")      \
    OPTION(enable_compress_weight, NO_DIFFERENCE, BOOL, "false", "true|false",                     \
           "weight compression")                                                                   \
    OPTION(compress_weight_conf, NO_DIFFERENCE, TEXT, "", "FILE", "weights to compress")           \
    OPTION(enable_single_stream, NO_DIFFERENCE, BOOL, "false", "true|false", "one stream")         \
    OPTION(op_name_map, NO_DIFFERENCE, TEXT, "", "FILE", "names of custom operators")              \
    OPTION(dump_mode, NO_DIFFERENCE, BIT, "0", "0|1", "shapes in mode 1, which are always there")  \
    OPTION(core_type, NO_DIFFERENCE, CHOICE, "", "AiCore|VectorCore", "kind of core")              \
    OPTION(aicore_num, NO_DIFFERENCE, TEXT, "", "N", "number of cores")                            \
    OPTION(auto_tune_mode, NO_DIFFERENCE, TEXT, "", "\"GA,RL\"", "tuning; see prusik tune")        \
    OPTION(op_debug_level, NO_DIFFERENCE, CHOICE, "", "0|1|2|3|4", "operator debugging")           \
    OPTION(debug_dir, NO_DIFFERENCE, TEXT, "", "FOLDER", "for compiler files")                     \
    OPTION(op_compiler_cache_dir, NO_DIFFERENCE, TEXT, "", "FOLDER", "compiler cache")             \
    OPTION(op_compiler_cache_mode, NO_DIFFERENCE, CHOICE, "", "disable|enable|force",              \
           "compiler cache")                                                                       \
    OPTION(mdl_bank_path, NO_DIFFERENCE, TEXT, "", "FOLDER", "tuning results")                     \
    OPTION(op_bank_path, NO_DIFFERENCE, TEXT, "", "FOLDER", "tuning results")                      \
    OPTION(device_id, NO_DIFFERENCE, TEXT, "", "N", "device for tuning")                           \
    OPTION(target, NO_DIFFERENCE, TEXT, "", "NAME", "old name of the chip")                        \
    OPTION(cal_conf, NO_DIFFERENCE, TEXT, "", "FILE", "calibration")                               \
    OPTION(h, USED, FLAG, "false", "", "show this text")                                           \
    OPTION(help, USED, FLAG, "false", "", "show this text")

enum atc_option {
#define OPTION(name, effect, value, fallback, choices, sentence) ATC_OPT_##name,
    ATC_OPTIONS(OPTION)
#undef OPTION
    ATC_N_OPTIONS
};

struct atc_options {
    const char *value[ATC_N_OPTIONS]; /* never NULL */
    bool given[ATC_N_OPTIONS];
    const char *stray; /* the first argument that is no option; NULL if there is none */
};

/* Fills in `o`; values point into argv. false: something is wrong that gflags would say, on stderr,
 * and end the program with status 1. */
bool atc_options_parse(int argc, char **argv, struct atc_options *o);
/* Checks the values one by one and the options together, as far as that needs no file. */
enum status atc_options_check(const struct atc_options *o, struct atc_error *e);
/* Whether pictures among the inputs have their colours last: TensorFlow's do unless told. */
bool atc_is_nhwc(const struct atc_options *o);
/* The line that names the options given which make no difference, if there are any. */
void atc_options_remark(const struct atc_options *o, FILE *to);
void atc_options_help(FILE *to);

#define ATC_OPTION(o, name) ((o)->value[ATC_OPT_##name])

#endif
