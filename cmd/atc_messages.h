/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What atc says: the fixed lines that scripts look for, and the coded errors.
 *
 * The codes and what each stands for are CANN's; the sentences are ours. An error is recorded where
 * it is found and printed once, at the end, below the failure line. All of it goes to stdout, as
 * CANN's does.
 */
#ifndef PK_CMD_ATC_MESSAGES_H
#define PK_CMD_ATC_MESSAGES_H

#include <stdio.h>

#include "base/status.h"

enum { ATC_MAX_ARGS = 4 };

/* CODE(code, number of arguments, text with {0}, {1}, ..., cause, remedy) */
#define ATC_CODES(CODE)                                                                            \
    CODE(E10001, 3, "Value [{0}] of [{1}] is not accepted: {2}",                                   \
         "The value is misspelt, or belongs to another option or framework.",                      \
         "Give an accepted value; atc --help lists them.")                                         \
    CODE(E10002, 3, "--input_shape [{0}] cannot be read: {1}",                                     \
         "The text does not follow the pattern NAME:N,C,H,W;NAME2:...",                            \
         "Write it like {2}, in quotes.")                                                          \
    CODE(E10004, 1, "Option [--{0}] is missing or empty.",                                         \
         "It was left out, or a shell variable in the command is empty.", "Give it a value.")      \
    CODE(E10005, 2, "Value [{0}] of [{1}] is neither true nor false.", "A misspelt switch.",       \
         "Write true or false.")                                                                   \
    CODE(E10006, 2, "Value [{0}] of [{1}] is neither 1 nor 0.", "A misspelt switch.",              \
         "Write 1 or 0.")                                                                          \
    CODE(E10007, 2, "Option [--{0}] must be given, as one of {1}.",                                \
         "It was left out, or has another value.", "Add the option.")                              \
    CODE(E10008, 0, "A Caffe model needs [--weight], too.",                                        \
         "--framework=0 says Caffe, and no caffemodel was named.",                                 \
         "Name the caffemodel, or correct --framework (5 is ONNX).")                               \
    CODE(E10009, 0, "More than one of [--dynamic_batch_size], [--dynamic_image_size], "            \
         "[--dynamic_dims] and [--input_shape_range] is given.",                                   \
         "They are different ways to leave a size open.", "Keep one of them.")                     \
    CODE(E10010, 1, "Value [{0}] of [--log] is no log level.", "A misspelt level.",                \
         "Use debug, info, warning, error or null.")                                               \
    CODE(E10011, 2, "--input_shape [{0}] has a size that is zero or negative: [{1}].",             \
         "Every size must be known when a model is converted.", "Write positive sizes.")           \
    CODE(E10016, 2, "A name in [{1}] is not in the model: {0}",                                    \
         "A misspelt name, or several names not separated by semicolons.",                         \
         "Look the name up with prusik info MODEL, or in Netron.")                                 \
    CODE(E10017, 2, "[{0}], which [{1}] names, is no input of the model.",                         \
         "The option takes inputs only.", "Name an input; prusik info MODEL lists them.")          \
    CODE(E10018, 2, "--dynamic_batch_size: input {0} leaves dimension {1} open.",                  \
         "Only the first dimension is the batch.", "Leave -1 on the batch only.")                  \
    CODE(E10019, 0, "--dynamic_image_size: a size other than height and width is open.",           \
         "Only dimensions 2 and 3 of four can be chosen.", "Leave -1 on height and width only.")   \
    CODE(E10020, 1, "--dynamic_image_size [{0}] cannot be read.",                                  \
         "The text does not follow the pattern H,W;H2,W2.",                                        \
         "Write it like \"416,416;608,608\", in quotes.")                                          \
    CODE(E10021, 2, "The path in [{0}] is longer than {1} bytes.", "No file can have that name.",  \
         "Shorten it.")                                                                            \
    CODE(E10022, 2, "The path [{0}] in [{1}] has no file name at its end.",                        \
         "It names a folder.", "Append the name of the file.")                                     \
    CODE(E10023, 1, "The file [{0}] of [--singleop] does not exist.", "A misspelt path.",          \
         "Correct the path.")                                                                      \
    CODE(E10024, 2, "The file [{0}] of [--singleop] cannot be opened: {1}",                        \
         "It belongs to somebody else, or is no file.", "Check its owner and rights.")             \
    CODE(E10025, 2, "The file [{0}] of [--singleop] is not valid JSON: {1}",                       \
         "A missing comma or bracket.", "Correct the file at that place.")                         \
    CODE(E10026, 1, "Entry {0} of [--singleop] names no operator.", "The key op is missing or empty.", \
         "Write the operator's type there: \"op\": \"Add\".")                                    \
    CODE(E10027, 4, "[--singleop], {0}: {1} {2}: {3}",                                             \
         "A tensor needs a format, a shape and a type that exist.",                                \
         "Correct the tensor; the formats are ND, NCHW, NHWC and HWCN.")                           \
    CODE(E10029, 1, "[--singleop], {0}: an attribute has no name.", "The key name is missing.",    \
         "Name every attribute.")                                                                  \
    CODE(E10030, 3, "[--singleop], {0}: attribute [{1}]: {2}",                                     \
         "The value does not fit the type beside it, or the type does not exist.",                 \
         "Correct the value or its type.")                                                         \
    CODE(E10031, 0, "--dynamic_batch_size is given, but no input has the batch -1.",               \
         "--input_shape is missing or has no -1.", "Write -1 for the batch in --input_shape.")     \
    CODE(E10032, 2, "The file [{0}] of [--singleop] is not as it should be: {1}",                  \
         "A key has a value of another kind.", "Correct the file.")                                \
    CODE(E10034, 1, "Input [{0}] has preprocessing in the model and is in --input_fp16_nodes.",     \
         "An input with preprocessing takes pictures of bytes.",                                   \
         "Take it out of --input_fp16_nodes, or out of the file of --insert_op_conf.")             \
    CODE(E10035, 2, "There are {0} gears; at least {1} are needed.", "One gear is no choice.",     \
         "Add gears, or give fixed sizes.")                                                        \
    CODE(E10036, 2, "There are {0} gears; at most {1} are possible.", "Too many gears.",           \
         "Remove some.")                                                                           \
    CODE(E10037, 2, "The gears have different numbers of sizes, {0} and {1}.",                     \
         "A size is missing or too many.", "Give every gear one size for each -1.")                \
    CODE(E10039, 0, "A gear is there twice.", "A repeated list.", "Remove one of the two.")        \
    CODE(E10040, 0, "Gears are given, but --input_shape leaves no size open.",                     \
         "--input_shape is missing or has no -1.", "Write -1 for the sizes to choose.")            \
    CODE(E10046, 2, "The inputs have {0} sizes -1, but a gear has {1}.",                           \
         "--dynamic_dims needs one size for each -1 of all inputs.", "Make the counts equal.")     \
    CODE(E10047, 2, "[{0}] and [{1}] exclude each other.", "Both are given.", "Drop one.")         \
    CODE(E10048, 3, "--input_shape_range [{0}] cannot be used: {1}",                               \
         "The text does not follow the pattern NAME:[1~4,3,-1];...", "Write it like {2}.")         \
    CODE(E10052, 1, "The AIPP configuration is not accepted: {0}",                                 \
         "A field is misspelt, out of its range, or contradicts another or the model.",            \
         "Correct the file at that line; docs/aipp.md lists the fields.")                          \
    CODE(E10053, 1, "The command line cannot be understood at [{0}].",                             \
         "A value with blanks or semicolons without quotes, or an option without --.",             \
         "Write every option as --name=value and put such values in quotes.")                      \
    CODE(E10055, 1, "Not available in this version: {0}", "The request is beyond this version.",   \
         "Leave it out, or change the request.")                                                   \
    CODE(E10057, 2, "[{0}] and [{1}] are valid only together.", "One of the two is missing.",      \
         "Add or drop the partner.")                                                               \
    CODE(E10410, 1, "The configuration file [{0}] does not exist.", "A misspelt path.",            \
         "Correct the path.")                                                                      \
    CODE(E19000, 2, "The path [{0}] leads nowhere: {1}.",                                          \
         "A misspelt path, or a file that is not there yet.", "Correct the path.")                 \
    CODE(E19001, 2, "The file [{0}] cannot be opened: {1}", "The system does not allow it.",       \
         "Act on the reason given.")                                                               \
    CODE(E19004, 2, "The file [{0}] cannot be written: {1}",                                       \
         "The folder does not exist or cannot be written, or the disk is full.",                   \
         "Create the folder, or choose another place with --output.")                              \
    CODE(E19005, 2, "The content of [{0}] cannot be understood: {1}",                              \
         "The file is damaged, cut short, or of another framework.",                               \
         "Get the file again, or correct --framework.")                                            \
    CODE(E19010, 1, "The model has operators that are not supported: {0}",                         \
         "The model uses what this version does not know, or a newer opset.",                      \
         "Export the model without them, or with an older opset.")                                 \
    CODE(E19014, 1, "The model contradicts itself or the options: {0}",                            \
         "A shape or attribute does not fit, perhaps one from --input_shape.",                     \
         "Correct --input_shape or the model.")                                                    \
    CODE(E19022, 1, "The model needs more memory than there is: {0}", "The machine's memory.",     \
         "Use a smaller model or batch.")                                                          \
    CODE(E19023, 1, "The model is larger than supported: {0}", "A limit of the format.",           \
         "Use a smaller or quantised model.")                                                      \
    CODE(E19999, 1, "Inner Error! {0}", "A fault in this program.", "Report it, with the model.")

enum atc_code {
    ATC_NO_ERROR = 0,
#define CODE(code, n, text, cause, remedy) ATC_##code,
    ATC_CODES(CODE)
#undef CODE
    ATC_N_CODES
};

/* The one error of a run: its code and what its text speaks of. */
struct atc_error {
    enum atc_code code;
    char arg[ATC_MAX_ARGS][4096];
};

/* Records an error with as many strings as its text has arguments, and returns
 * STATUS_ARGUMENT so that it can be returned at once. The first one stands. */
enum status atc_fail(struct atc_error *e, enum atc_code code, ...);
/* Records the library's own failure `s`, with the code that fits it; `path` is the file read. */
enum status atc_fail_status(struct atc_error *e, enum status s, const char *path);
/* "CODE: text" and the lines below it. */
void atc_print_error(const struct atc_error *e, FILE *to);

#define ATC_START_LINE "ATC start working now, please wait for a moment."
#define ATC_SUCCESS_LINE "ATC run success, welcome to the next use."
#define ATC_FAILURE_LINE                                                                           \
    "ATC run failed, Please check the detail log, Try 'atc --help' for more information"

#endif
