/* SPDX-License-Identifier: Apache-2.0 */
/* libacl_retr.so: feature retrieval. */
#include "acl/unsupported/unsupported.h"

#include "acl/ops/acl_fv.h"

WHY("feature retrieval is not implemented: the form of its features and its distance are not "
    "published; compute distances with aclblasGemmEx, or in the program")

MAKE(aclfvFeatureInfo *, aclfvCreateFeatureInfo, (uint32_t id0, uint32_t id1, uint32_t offset,
     uint32_t featureLen, uint32_t featureCount, uint8_t *featureData, uint32_t featureDataLen))
MAKE(aclfvInitPara *, aclfvCreateInitPara, (uint64_t fsNum))
MAKE(aclfvQueryTable *, aclfvCreateQueryTable, (uint32_t queryCnt, uint32_t tableLen,
     uint8_t *tableData, uint32_t tableDataLen))
MAKE(aclfvRepoRange *, aclfvCreateRepoRange, (uint32_t id0Min, uint32_t id0Max, uint32_t id1Min,
     uint32_t id1Max))
MAKE(aclfvSearchInput *, aclfvCreateSearchInput, (aclfvQueryTable *queryTable,
     aclfvRepoRange *repoRange, uint32_t topk))
MAKE(aclfvSearchResult *, aclfvCreateSearchResult, (uint32_t queryCnt, uint32_t *resultNum,
     uint32_t resultNumDataLen, uint32_t *id0, uint32_t *id1, uint32_t *resultOffset,
     float *resultDistance, uint32_t dataLen))
CODE(aclfvDel, (aclfvFeatureInfo *featureInfo))
CODE(aclfvDestroyFeatureInfo, (aclfvFeatureInfo *featureInfo))
CODE(aclfvDestroyInitPara, (aclfvInitPara *initPara))
CODE(aclfvDestroyQueryTable, (aclfvQueryTable *queryTable))
CODE(aclfvDestroyRepoRange, (aclfvRepoRange *repoRange))
CODE(aclfvDestroySearchInput, (aclfvSearchInput *searchInput))
CODE(aclfvDestroySearchResult, (aclfvSearchResult *searchResult))
CODE(aclfvInit, (aclfvInitPara *initPara))
CODE(aclfvModify, (aclfvFeatureInfo *featureInfo))
CODE(aclfvRelease, (void))
CODE(aclfvRepoAdd, (aclfvSearchType type, aclfvFeatureInfo *featureInfo))
CODE(aclfvRepoDel, (aclfvSearchType type, aclfvRepoRange *repoRange))
CODE(aclfvSearch, (aclfvSearchType type, aclfvSearchInput *searchInput,
     aclfvSearchResult *searchRst))
CODE(aclfvSet1NTopNum, (aclfvInitPara *initPara, uint32_t maxTopNumFor1N))
CODE(aclfvSetNMTopNum, (aclfvInitPara *initPara, uint32_t maxTopNumForNM))
