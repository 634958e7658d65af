# SPDX-License-Identifier: Apache-2.0
"""The libraries beside libascendcl.so in the table of wrong calls; see misuse.py."""
import misuse_dvpp

# As ROWS in misuse.py. Exports of libacl_dvpp_mpi.so have no rows: their types are not published,
# so that there are no arguments to get wrong; each is called once (misuse.py, run_unpublished).
# Before aclInit notes (aclprofMark and its like) go nowhere, as they do without a session, and a
# configuration for aclprofStart cannot be had.
ROWS = """
aclCreateGraphDumpOpt a
aclDestroyGraphDumpOpt a h
aclGenGraphAndDumpForOp i p--------po
aclGetCompileopt a -p-
aclGetCompileoptSize a -
aclSetCompileopt a -p
aclblasCreateHandleForGemmEx c ----------p
aclblasCreateHandleForGemvEx c -------p
aclblasCreateHandleForHgemm c -------p
aclblasCreateHandleForHgemv c ----p
aclblasCreateHandleForS8gemm c -------p
aclblasCreateHandleForS8gemv c ----p
aclblasGemmEx c ------pp--p--pp---s
aclblasGemvEx c ---pp--p--pp---s
aclblasHgemm c ------pp-p-pp--s
aclblasHgemv c ---pp-p-pp--s
aclblasS8gemm c ------pp-p-pp--s
aclblasS8gemv c ---pp-p-pp--s
aclfvCreateFeatureInfo u -------
aclfvCreateInitPara u -
aclfvCreateQueryTable u ----
aclfvCreateRepoRange u ----
aclfvCreateSearchInput u ---
aclfvCreateSearchResult u --------
aclfvDel u -
aclfvDestroyFeatureInfo u -
aclfvDestroyInitPara u -
aclfvDestroyQueryTable u -
aclfvDestroyRepoRange u -
aclfvDestroySearchInput u -
aclfvDestroySearchResult u -
aclfvInit u -
aclfvModify u -
aclfvRelease u
aclfvRepoAdd u --
aclfvRepoDel u --
aclfvSearch u ---
aclfvSet1NTopNum u --
aclfvSetNMTopNum u --
aclopCompile c p--------
aclopCompileAndExecute c p-----------
aclopCompileAndExecuteV2 c p-----------
aclopSetCompileFlag a -
aclprofCreateConfig i p----
aclprofCreateStamp a
aclprofCreateStepInfo a
aclprofCreateSubscribeConfig a --p
aclprofDestroyConfig a h
aclprofDestroyStamp a h
aclprofDestroyStepInfo a h
aclprofDestroySubscribeConfig a h
aclprofFinalize i
aclprofGetModelId a p--
aclprofGetOpAttriValue a p---
aclprofGetOpDescSize a p
aclprofGetOpDuration a p--
aclprofGetOpEnd a p--
aclprofGetOpFlag a p--
aclprofGetOpName a p--p-
aclprofGetOpNameLen a p--p
aclprofGetOpNum a p-p
aclprofGetOpStart a p--
aclprofGetOpType a p--p-
aclprofGetOpTypeLen a p--p
aclprofGetStepTimestamp c h-s
aclprofInit i p-
aclprofMark a h
aclprofModelSubscribe i mh
aclprofModelUnSubscribe i m
aclprofPop a
aclprofPush a h
aclprofRangeStart a hp
aclprofRangeStop a -
aclprofSetConfig a -p-
aclprofSetStampTraceMessage a hp-
aclprofStart a h
aclprofStop a h
""" + misuse_dvpp.ROWS

# As Caller.MAKERS. A stamp is a void * by its header.
MAKERS = {
    "aclprofConfig": ("returned", "aclprofCreateConfig", ("prop", 1, 0, None, 1),
                      "aclprofDestroyConfig"),
    "aclprofStamp": ("returned", "aclprofCreateStamp", (), "aclprofDestroyStamp"),
    "aclprofStepInfo": ("returned", "aclprofCreateStepInfo", (), "aclprofDestroyStepInfo"),
    "aclprofSubscribeConfig": ("returned", "aclprofCreateSubscribeConfig", (1, 0, 1),
                               "aclprofDestroySubscribeConfig"),
    **misuse_dvpp.MAKERS,
}
# What has to happen to a new one before it is good.
SETUP = misuse_dvpp.SETUP

# Arguments that are right for one function's parameter, or for one of that name anywhere; words are
# memory of Caller.plain, functions get the Caller.
GOOD = {
    "transC": 0, "deviceIdList": "prop", "aicoreEvents": None, "profilerResultPath": "folder",
    "aclprofInit.length": 4, "aclprofSetConfig.configLength": 6,
    "aclprofSetStampTraceMessage.msgLen": 6, "opInfo": "prop", "opInfoLen": "bytes of an operator",
    "aclprofGetOpAttriValue.attri": 1, "configType": 2, "tag": 0, "tag_of": 0,
    **{f"aclprofGetOp{what}.index": 0 for what in ("Type", "TypeLen", "Name", "NameLen")},
    **misuse_dvpp.GOOD,
}
