# SPDX-License-Identifier: Apache-2.0
"""libacl_dvpp.so in the table of wrong calls; see misuse.py and misuse_side.py."""
import ctypes

ROWS = """
acldvppClearHist a h
acldvppCreateBatchPicDesc a -
acldvppCreateBorderConfig a
acldvppCreateChannel c h
acldvppCreateChannelDesc a
acldvppCreateHist a
acldvppCreateJpegeConfig a
acldvppCreateLutMap a
acldvppCreatePicDesc a
acldvppCreateResizeConfig a
acldvppCreateRoiConfig a ----
acldvppCreateStreamDesc a
acldvppDestroyBatchPicDesc a h
acldvppDestroyBorderConfig a h
acldvppDestroyChannel i h
acldvppDestroyChannelDesc a h
acldvppDestroyHist a h
acldvppDestroyJpegeConfig a h
acldvppDestroyLutMap a h
acldvppDestroyPicDesc a h
acldvppDestroyResizeConfig a h
acldvppDestroyRoiConfig a h
acldvppDestroyStreamDesc a h
acldvppFree i p
acldvppGetBorderConfigBorderType a h
acldvppGetBorderConfigBottom a h
acldvppGetBorderConfigLeft a h
acldvppGetBorderConfigRight a h
acldvppGetBorderConfigTop a h
acldvppGetBorderConfigValue a h-
acldvppGetChannelDescChannelId a h
acldvppGetChannelDescParam a h--pp
acldvppGetHistData a h-pp
acldvppGetHistDims a h
acldvppGetHistRetCode a h
acldvppGetJpegeConfigLevel a h
acldvppGetLutMapData a h-pp
acldvppGetLutMapDims a h
acldvppGetPicDesc a h-
acldvppGetPicDescData a h
acldvppGetPicDescFormat a h
acldvppGetPicDescHeight a h
acldvppGetPicDescHeightStride a h
acldvppGetPicDescRetCode a h
acldvppGetPicDescSize a h
acldvppGetPicDescWidth a h
acldvppGetPicDescWidthStride a h
acldvppGetResizeConfigInterpolation a h
acldvppGetStreamDescData a h
acldvppGetStreamDescEos a h
acldvppGetStreamDescFormat a h
acldvppGetStreamDescRetCode a h
acldvppGetStreamDescSize a h
acldvppGetStreamDescTimestamp a h
acldvppJpegDecodeAsync c hp-hs
acldvppJpegEncodeAsync c hhpphs
acldvppJpegGetImageInfo a p-pp-
acldvppJpegGetImageInfoV2 a p-----
acldvppJpegPredictDecSize a p--p
acldvppJpegPredictEncSize a hhp
acldvppMalloc c p-
acldvppPngDecodeAsync c hp-hs
acldvppPngGetImageInfo a p-pp-
acldvppPngPredictDecSize a p--p
acldvppSetBorderConfigBorderType a h-
acldvppSetBorderConfigBottom a h-
acldvppSetBorderConfigLeft a h-
acldvppSetBorderConfigRight a h-
acldvppSetBorderConfigTop a h-
acldvppSetBorderConfigValue a h--
acldvppSetChannelDescMode a h-
acldvppSetChannelDescParam a h--p
acldvppSetJpegeConfigLevel a h-
acldvppSetPicDescData a h-
acldvppSetPicDescFormat a h-
acldvppSetPicDescHeight a h-
acldvppSetPicDescHeightStride a h-
acldvppSetPicDescRetCode a h-
acldvppSetPicDescSize a h-
acldvppSetPicDescWidth a h-
acldvppSetPicDescWidthStride a h-
acldvppSetResizeConfigInterpolation a h-
acldvppSetRoiConfig a h----
acldvppSetRoiConfigBottom a h-
acldvppSetRoiConfigLeft a h-
acldvppSetRoiConfigRight a h-
acldvppSetRoiConfigTop a h-
acldvppSetStreamDescData a h-
acldvppSetStreamDescEos a h-
acldvppSetStreamDescFormat a h-
acldvppSetStreamDescRetCode a h-
acldvppSetStreamDescSize a h-
acldvppSetStreamDescTimestamp a h-
acldvppVpcBatchCropAndPasteAsync c hhp-hpps
acldvppVpcBatchCropAsync c hhp-hps
acldvppVpcBatchCropResizeAsync c hhp-hphs
acldvppVpcBatchCropResizeMakeBorderAsync c hhp-hpphs
acldvppVpcBatchCropResizePasteAsync c hhp-hpphs
acldvppVpcCalcHistAsync c hhh-s
acldvppVpcConvertColorAsync c hhhs
acldvppVpcCropAndPasteAsync c hhhhhs
acldvppVpcCropAsync c hhhhs
acldvppVpcCropResizeAsync c hhhhhs
acldvppVpcCropResizePasteAsync c hhhhhhs
acldvppVpcEqualizeHistAsync c hhhhs
acldvppVpcMakeBorderAsync c hhhhs
acldvppVpcPyrDownAsync c hhh-s
acldvppVpcResizeAsync c hhhhs
aclvdecCreateChannel c h
aclvdecCreateChannelDesc a
aclvdecCreateFrameConfig a
aclvdecDestroyChannel i h
aclvdecDestroyChannelDesc a h
aclvdecDestroyFrameConfig a h
aclvdecGetChannelDescBitDepth a h
aclvdecGetChannelDescCallback a h
aclvdecGetChannelDescChannelId a h
aclvdecGetChannelDescEnType a h
aclvdecGetChannelDescOutMode a h
aclvdecGetChannelDescOutPicFormat a h
aclvdecGetChannelDescOutPicHeight a h
aclvdecGetChannelDescOutPicWidth a h
aclvdecGetChannelDescParam a h--pp
aclvdecGetChannelDescRefFrameNum a h
aclvdecGetChannelDescThreadId a h
aclvdecSendFrame i hhho-
aclvdecSendSkippedFrame i hho-
aclvdecSetChannelDescBitDepth a h-
aclvdecSetChannelDescCallback a hp
aclvdecSetChannelDescChannelId a h-
aclvdecSetChannelDescEnType a h-
aclvdecSetChannelDescOutMode a h-
aclvdecSetChannelDescOutPicFormat a h-
aclvdecSetChannelDescOutPicHeight a h-
aclvdecSetChannelDescOutPicWidth a h-
aclvdecSetChannelDescParam a h--p
aclvdecSetChannelDescRefFrameNum a h-
aclvdecSetChannelDescThreadId a h-
aclvencCreateChannel c h
aclvencCreateChannelDesc a
aclvencCreateFrameConfig a
aclvencDestroyChannel i h
aclvencDestroyChannelDesc a h
aclvencDestroyFrameConfig a h
aclvencGetChannelDescBufAddr a h
aclvencGetChannelDescBufSize a h
aclvencGetChannelDescCallback a h
aclvencGetChannelDescChannelId a h
aclvencGetChannelDescEnType a h
aclvencGetChannelDescKeyFrameInterval a h
aclvencGetChannelDescMaxBitRate a h
aclvencGetChannelDescParam a h--pp
aclvencGetChannelDescPicFormat a h
aclvencGetChannelDescPicHeight a h
aclvencGetChannelDescPicWidth a h
aclvencGetChannelDescRcMode a h
aclvencGetChannelDescSrcRate a h
aclvencGetChannelDescThreadId a h
aclvencGetFrameConfigEos a h
aclvencGetFrameConfigForceIFrame a h
aclvencSendFrame i hh-o-
aclvencSetChannelDescBufAddr a h-
aclvencSetChannelDescBufSize a h-
aclvencSetChannelDescCallback a hp
aclvencSetChannelDescEnType a h-
aclvencSetChannelDescKeyFrameInterval a h-
aclvencSetChannelDescMaxBitRate a h-
aclvencSetChannelDescParam a h--p
aclvencSetChannelDescPicFormat a h-
aclvencSetChannelDescPicHeight a h-
aclvencSetChannelDescPicWidth a h-
aclvencSetChannelDescRcMode a h-
aclvencSetChannelDescSrcRate a h-
aclvencSetChannelDescThreadId a h-
aclvencSetFrameConfigEos a h-
aclvencSetFrameConfigForceIFrame a h-
"""

MAKERS = {f"acldvpp{kind}": ("returned", f"acldvppCreate{kind}", arguments,
                             f"acldvppDestroy{kind}")
          for kind, arguments in {"ChannelDesc": (), "PicDesc": (), "BatchPicDesc": (1,),
                                  "RoiConfig": (0, 15, 0, 5), "ResizeConfig": (),
                                  "JpegeConfig": (), "BorderConfig": (), "LutMap": (), "Hist": (),
                                  "StreamDesc": ()}.items()}
MAKERS.update({f"acl{kind}": ("returned", f"acl{kind[:4]}Create{kind[4:]}", (),
                              f"acl{kind[:4]}Destroy{kind[4:]}")
               for kind in ("vdecChannelDesc", "vdecFrameConfig", "vencChannelDesc",
                            "vencFrameConfig")})


def describe(caller, pic, width=32, height=32):
    """Makes it NV12 in memory of the caller."""
    for field, value in (("Data", ctypes.addressof(caller.scratch) + 65536), ("Size", 4096),
                         ("Format", 1), ("Width", width), ("Height", height), ("WidthStride", 32),
                         ("HeightStride", 32)):
        kind = ctypes.c_void_p if field == "Data" else ctypes.c_uint32
        caller.call("acldvppSetPicDesc" + field, pic, kind(value))


def describe_batch(caller, batch):
    describe(caller, ctypes.c_void_p(caller.call("acldvppGetPicDesc", batch, 0)))


def fill_stream(caller, stream):
    for field, kind, value in (
            ("Data", ctypes.c_void_p, ctypes.addressof(caller.scratch) + 65536),
            ("Size", ctypes.c_uint32, 64)):
        caller.call("acldvppSetStreamDesc" + field, stream, kind(value))


# What has to happen to a new one before it is good.
SETUP = {
    "acldvppChannelDesc": lambda caller, handle: caller.call("acldvppCreateChannel", handle),
    "acldvppPicDesc": describe,
    "acldvppStreamDesc": fill_stream,
    "acldvppBatchPicDesc": describe_batch,
}


def half(caller):
    pic = caller.make("acldvppPicDesc")
    describe(caller, pic, 16, 16)
    return pic


def list_of(kind):
    return lambda caller: (ctypes.c_void_p * 1)(caller.make(kind).value)


GOOD = {
    "roiNums": "dims", "cropAreas": list_of("acldvppRoiConfig"),
    "pasteAreas": list_of("acldvppRoiConfig"), "borderCfgs": list_of("acldvppBorderConfig"),
    "acldvppVpcPyrDownAsync.outputDesc": half,
    **{f"acldvppVpcBatchCrop{rest}Async.size": 1
       for rest in ("", "AndPaste", "Resize", "ResizePaste", "ResizeMakeBorder")},
}
