/* SPDX-License-Identifier: Apache-2.0 */
/* acl.fv: feature retrieval, which says that it is not there (acl/ops/acl_fv.h). */
#include "acl/ops/acl_fv.h"
#include "binding.h"

METHOD(fv_create_feature_info) {
    uint32_t id0, id1, offset, length, count, bytes;
    void *data;
    if (!take(args, "acl.fv.create_feature_info", "uuuuupu", &id0, &id1, &offset, &length, &count,
              &data, &bytes))
        return NULL;
    return address(aclfvCreateFeatureInfo(id0, id1, offset, length, count, data, bytes));
}

METHOD(fv_create_query_table) {
    uint32_t count, length, bytes;
    void *data;
    if (!take(args, "acl.fv.create_query_table", "uupu", &count, &length, &data, &bytes))
        return NULL;
    return address(aclfvCreateQueryTable(count, length, data, bytes));
}

METHOD(fv_create_repo_range) {
    uint32_t low0, high0, low1, high1;
    if (!take(args, "acl.fv.create_repo_range", "uuuu", &low0, &high0, &low1, &high1)) return NULL;
    return address(aclfvCreateRepoRange(low0, high0, low1, high1));
}

METHOD(fv_create_search_input) {
    void *table, *range;
    uint32_t most;
    if (!take(args, "acl.fv.create_search_input", "ppu", &table, &range, &most)) return NULL;
    return address(aclfvCreateSearchInput(table, range, most));
}

METHOD(fv_create_search_result) {
    uint32_t queries, number_bytes, bytes;
    void *numbers, *id0, *id1, *offsets, *distances;
    if (!take(args, "acl.fv.create_search_result", "upuppppu", &queries, &numbers, &number_bytes,
              &id0, &id1, &offsets, &distances, &bytes))
        return NULL;
    return address(aclfvCreateSearchResult(queries, numbers, number_bytes, id0, id1, offsets,
                                           distances, bytes));
}

GET1(fv_create_init_para, "acl.fv.create_init_para", aclfvCreateInitPara, U, address)
CODE1(fv_del, "acl.fv.del", aclfvDel, p)
CODE1(fv_destroy_feature_info, "acl.fv.destroy_feature_info", aclfvDestroyFeatureInfo, p)
CODE1(fv_destroy_init_para, "acl.fv.destroy_init_para", aclfvDestroyInitPara, p)
CODE1(fv_destroy_query_table, "acl.fv.destroy_query_table", aclfvDestroyQueryTable, p)
CODE1(fv_destroy_repo_range, "acl.fv.destroy_repo_range", aclfvDestroyRepoRange, p)
CODE1(fv_destroy_search_input, "acl.fv.destroy_search_input", aclfvDestroySearchInput, p)
CODE1(fv_destroy_search_result, "acl.fv.destroy_search_result", aclfvDestroySearchResult, p)
CODE1(fv_init, "acl.fv.init", aclfvInit, p)
CODE1(fv_modify, "acl.fv.modify", aclfvModify, p)
CODE0(fv_release, "acl.fv.release", aclfvRelease)
CODE2(fv_repo_add, "acl.fv.repo_add", aclfvRepoAdd, i, p)
CODE2(fv_repo_del, "acl.fv.repo_del", aclfvRepoDel, i, p)
CODE3(fv_search, "acl.fv.search", aclfvSearch, i, p, p)
CODE2(fv_set1_n_top_num, "acl.fv.set1_n_top_num", aclfvSet1NTopNum, p, u)
CODE2(fv_set_nm_top_num, "acl.fv.set_nm_top_num", aclfvSetNMTopNum, p, u)

#define FV(name, doc) ROW(#name, fv_##name, #name doc)

PyMethodDef fv_methods[] = {
    FV(create_feature_info, "(id0, id1, offset, length, count, data_ptr, size) -> feature_info"),
    FV(create_init_para, "(fs_num) -> init_para"),
    FV(create_query_table, "(count, length, data_ptr, size) -> query_table"),
    FV(create_repo_range, "(id0_min, id0_max, id1_min, id1_max) -> repo_range"),
    FV(create_search_input, "(query_table, repo_range, topk) -> search_input"),
    FV(create_search_result, "(count, number_ptr, number_size, id0_ptr, id1_ptr, offset_ptr, "
                             "distance_ptr, size) -> search_result"),
    FV(del, "(feature_info) -> ret"),
    FV(destroy_feature_info, "(feature_info) -> ret"),
    FV(destroy_init_para, "(init_para) -> ret"),
    FV(destroy_query_table, "(query_table) -> ret"),
    FV(destroy_repo_range, "(repo_range) -> ret"),
    FV(destroy_search_input, "(search_input) -> ret"),
    FV(destroy_search_result, "(search_result) -> ret"),
    FV(init, "(init_para) -> ret"),
    FV(modify, "(feature_info) -> ret"),
    FV(release, "() -> ret"),
    FV(repo_add, "(type, feature_info) -> ret"),
    FV(repo_del, "(type, repo_range) -> ret"),
    FV(search, "(type, search_input, search_result) -> ret"),
    FV(set1_n_top_num, "(init_para, most) -> ret"),
    FV(set_nm_top_num, "(init_para, most) -> ret"),
    {NULL, NULL, 0, NULL}};
