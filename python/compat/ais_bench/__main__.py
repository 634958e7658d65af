# SPDX-License-Identifier: Apache-2.0
"""`python -m ais_bench`: measures an offline model."""
import sys

from ais_bench.infer import options


def main(argv=None):
    args = options.parse(argv)
    from ais_bench.infer import bench  # after the options: help and refusals need no AscendCL
    bench.start_log()
    try:
        if args.dymShape_range:
            if len(args.device) > 1:
                raise RuntimeError("--dymShape_range takes one device")
            return bench.run_shapes(args)
        if len(args.device) > 1:
            return bench.run_many(args)
        bench.run_one(args, args.device[0], bench.make_folder(args))
    except (RuntimeError, OSError) as error:
        bench.log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
