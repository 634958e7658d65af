# SPDX-License-Identifier: Apache-2.0
"""Options of `python -m ais_bench`: the underscore names of ais_bench and the hyphen names that
msit gives the same options. What cannot be done here is refused with a sentence."""
import argparse


def _switch(text):
    if text.lower() in ("yes", "true", "t", "y", "1"):
        return True
    if text.lower() in ("no", "false", "f", "n", "0"):
        return False
    raise argparse.ArgumentTypeError("'{}' is neither true nor false".format(text))


def _number(least):
    def number(text):
        if not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError("'{}' is not a whole number from {} on".format(
                text, least))
        return int(text)
    return number


def _numbers(text):
    try:
        return [_number(0)(part) for part in text.split(",")]
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError("{} in the list '{}'".format(error, text)) from None


def _devices(text):
    devices = _numbers(text)
    if max(devices) > 255:
        raise argparse.ArgumentTypeError("'{}': devices are 0 to 255".format(text))
    return devices


def _hw(text):
    sizes = _numbers(text)
    if len(sizes) != 2:
        raise argparse.ArgumentTypeError("'{}' is not of the form height,width".format(text))
    return sizes


# Other options of these tools, with the reason why each is refused.
_REFUSED = {
    ("--backend", "--perf"): "runs another vendor's engine",
    ("-ec", "--energy-consumption", "--npu-id"): "reads a power meter, which a CPU does not offer",
    ("--pipeline", "--threads"): "overlaps copies with runs; here copies take no separate engine",
    ("--dump-npy",): "converts dumps; read them with prusik or msquickcmp",
    ("--profiler-rename",): "renames msprof's files; profiles here are written by acl.json",
}


class _Refuse(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        reason = next(why for names, why in _REFUSED.items() if option_string in names)
        parser.error("{} is not supported: it {}".format(option_string, reason))


def make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m ais_bench", description="Runs an offline model on files or on made-up "
        "inputs, saves its outputs and prints how long it took.", allow_abbrev=False)
    add = parser.add_argument
    add("-m", "--model", "-om", "--om-model", required=True, help="offline model (.om)")
    add("-i", "--input", help="files or directories of .npy and .bin, joined by commas, for each "
        "input of the model; default: made-up inputs")
    add("-o", "--output", help="folder for results; default: none are saved")
    add("-od", "--output_dirname", "--output-dirname",
        help="its sub-folder; default: date and time")
    add("--outfmt", choices=["NPY", "BIN", "TXT"], default="BIN", type=str.upper,
        help="form of saved outputs (default BIN)")
    add("-l", "--loop", type=_number(1), default=1, help="runs of each set of inputs")
    add("--debug", type=_switch, default=False, help="print the model's inputs and outputs")
    add("-d", "--device", type=_devices, default=[0],
        help="device, or devices joined by commas: one process for each")
    add("-db", "--dymBatch", "--dym-batch", type=_number(0), default=0, metavar="N",
        help="batch size of a model with --dynamic_batch_size")
    add("-dhw", "--dymHW", "--dym-hw", type=_hw, metavar="H,W",
        help="image size of a model with --dynamic_image_size")
    add("-dd", "--dymDims", "--dym-dims", metavar="NAME:D,D;...",
        help="gear of a model with --dynamic_dims")
    add("-ds", "--dymShape", "--dym-shape", metavar="NAME:D,D;...",
        help="shapes for a model with --input_shape_range")
    add("-dr", "--dymShape_range", "--dym-shape-range", metavar="NAME:D,D~D,D-D;...",
        help="try many shapes: a~b or a~b~step is a range, a-b are alternatives; or a file of "
        "such lines")
    add("-outsize", "--outputSize", "--output-size", type=_numbers, metavar="N,N",
        help="bytes to reserve for each output, where the model does not know")
    add("-asdsm", "--auto_set_dymshape_mode", "--auto-set-dymshape-mode", type=_switch,
        default=False, help="take the shapes from .npy inputs")
    add("-asddm", "--auto_set_dymdims_mode", "--auto-set-dymdims-mode", type=_switch,
        default=False, help="take the gear from .npy inputs")
    add("-aipp", "--aipp_config", "--aipp-config", metavar="FILE",
        help="parameters for a model with dynamic AIPP: a section [aipp_op] of NAME : VALUE, the "
        "names as in atc's configuration; other models do not look at it")
    add("--batchsize", "--batch-size", type=_number(1),
        help="images in a run, for the throughput; default: guessed from the first input")
    add("-pdt", "--pure_data_type", "--pure-data-type", choices=["zero", "random"],
        default="zero", help="made-up inputs (default zero)")
    add("-pf", "--profiler", type=_switch, default=False,
        help="profile into the folder profiler of --output")
    add("--dump", type=_switch, default=False,
        help="dump every operator's tensors into the folder dump of --output")
    add("-acl", "--acl_json_path", "--acl-json-path",
        help="configuration for aclInit; wins over --profiler and --dump")
    add("-oba", "--output_batchsize_axis", "--output-batchsize-axis", type=_number(0), default=0,
        help="axis along which outputs are split when several files made one batch")
    add("-rm", "--run_mode", "--run-mode", choices=["array", "files", "tensor", "full"],
        default="array", help="how inputs reach the device (default array)")
    add("-das", "--display_all_summary", "--display-all-summary", type=_switch, default=False,
        help="also print the times of copies")
    add("-wcount", "--warmup_count", "--warmup-count", type=_number(0), default=1,
        help="runs before the clock starts (default 1)")
    add("--divide_input", "--divide-input", type=_switch, default=False,
        help="share the inputs between the devices instead of giving all to each")
    for names in _REFUSED:
        add(*names, action=_Refuse, nargs="?", help=argparse.SUPPRESS)
    return parser


def parse(argv=None):
    parser = make_parser()
    args = parser.parse_args(argv)
    if sum(bool(x) for x in (args.dymBatch, args.dymHW, args.dymDims, args.dymShape,
                             args.dymShape_range, args.auto_set_dymshape_mode,
                             args.auto_set_dymdims_mode)) > 1:
        parser.error("give at most one of the options that choose a batch, size, gear or shape")
    if args.profiler and args.dump:
        parser.error("--profiler and --dump exclude each other")
    for name in ("profiler", "dump", "output_dirname"):
        if getattr(args, name) and not args.output:
            parser.error("--{} needs --output".format(name))
    if args.run_mode == "files" and not args.input:
        parser.error("--run_mode files needs --input")
    if (args.auto_set_dymshape_mode or args.auto_set_dymdims_mode) and not args.input:
        parser.error("a shape can be taken from --input only, and there is none")
    if args.divide_input and not args.input:
        parser.error("--divide_input needs --input")
    if args.profiler and args.input and not args.acl_json_path:
        args.warmup_count = 0
    return args
