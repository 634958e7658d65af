/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AscendCL tensor transfer: channels that pass tensors between host and device. See acl.h for the
 * conventions of every call.
 */
#ifndef PRUSIK_ACL_TDT_H
#define PRUSIK_ACL_TDT_H

#include "acl_base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum acltdtTensorType {
    ACL_TENSOR_DATA_UNDEFINED = -1,
    ACL_TENSOR_DATA_TENSOR = 0,
    ACL_TENSOR_DATA_END_OF_SEQUENCE = 1,
    ACL_TENSOR_DATA_ABNORMAL = 2,
    ACL_TENSOR_DATA_SLICE_TENSOR = 3,
    ACL_TENSOR_DATA_END_TENSOR = 4
} acltdtTensorType;

typedef struct acltdtDataItem acltdtDataItem;
typedef struct acltdtDataset acltdtDataset;
typedef struct acltdtChannelHandle acltdtChannelHandle;

/*
 * A data item describes one tensor in memory that stays the program's; a dataset is a row of items;
 * a channel passes datasets on, in order. All calls that create an end with one device and name, in
 * one process, mean the same channel, and every end may send and receive. Any thread may call.
 *
 * Items      dims has dimNum sizes of 0 and more (at most ACL_MAX_DIM_CNT), size is the bytes at
 *            data. Items added to a dataset stay the program's and must live until it is sent.
 * Send       copies the tensors. Receive replaces what the dataset had by items that belong to it:
 *            they and their memory go with the next receive, or with acltdtDestroyDataset.
 * timeout    milliseconds; 0 does not wait, -1 waits until acltdtStopChannel, acltdtDestroyChannel
 *            or aclFinalize. ACL_ERROR_RT_QUEUE_EMPTY or ACL_ERROR_RT_QUEUE_FULL when it passed,
 *            ACL_ERROR_FAILURE when the channel was stopped. These codes are this library's choice.
 * capacity   datasets a channel holds before sending waits: 128 unless given. Who opens a channel
 *            that exists must give the same number, or none.
 * Stop       ends all waiting and all use of the channel; a new one of the name may be created.
 * Clean      throws away what was sent and not received; the channel stays in use.
 * Slices     every item is whole here: 1 slice, number 0.
 * Names      acltdtGetDatasetName is the channel a dataset was received from, "" before; the text
 *            is the dataset's.
 *
 * Creators return NULL and questions 0, NULL or "undefined" when they fail; aclGetRecentErrMsg says
 * why. Channels need aclInit, items and datasets do not.
 */
ACL_FUNC_VISIBILITY aclError acltdtAddDataItem(acltdtDataset *dataset, acltdtDataItem *dataItem);
ACL_FUNC_VISIBILITY aclError acltdtCleanChannel(acltdtChannelHandle *handle);
ACL_FUNC_VISIBILITY acltdtChannelHandle *acltdtCreateChannel(uint32_t deviceId, const char *name);
ACL_FUNC_VISIBILITY acltdtChannelHandle *acltdtCreateChannelWithCapacity(uint32_t deviceId,
    const char *name, size_t capacity);
ACL_FUNC_VISIBILITY acltdtDataItem *acltdtCreateDataItem(acltdtTensorType tdtType,
    const int64_t *dims, size_t dimNum, aclDataType dataType, void *data, size_t size);
ACL_FUNC_VISIBILITY acltdtDataset *acltdtCreateDataset(void);
ACL_FUNC_VISIBILITY aclError acltdtDestroyChannel(acltdtChannelHandle *handle);
ACL_FUNC_VISIBILITY aclError acltdtDestroyDataItem(acltdtDataItem *dataItem);
ACL_FUNC_VISIBILITY aclError acltdtDestroyDataset(acltdtDataset *dataset);
ACL_FUNC_VISIBILITY void *acltdtGetDataAddrFromItem(const acltdtDataItem *dataItem);
ACL_FUNC_VISIBILITY acltdtDataItem *acltdtGetDataItem(const acltdtDataset *dataset, size_t index);
ACL_FUNC_VISIBILITY size_t acltdtGetDataSizeFromItem(const acltdtDataItem *dataItem);
ACL_FUNC_VISIBILITY aclDataType acltdtGetDataTypeFromItem(const acltdtDataItem *dataItem);
ACL_FUNC_VISIBILITY const char *acltdtGetDatasetName(const acltdtDataset *dataset);
ACL_FUNC_VISIBILITY size_t acltdtGetDatasetSize(const acltdtDataset *dataset);
ACL_FUNC_VISIBILITY size_t acltdtGetDimNumFromItem(const acltdtDataItem *dataItem);
ACL_FUNC_VISIBILITY aclError acltdtGetDimsFromItem(const acltdtDataItem *dataItem, int64_t *dims,
    size_t dimNum);
ACL_FUNC_VISIBILITY aclError acltdtGetSliceInfoFromItem(const acltdtDataItem *dataItem,
    size_t *sliceNum, size_t *sliceId);
ACL_FUNC_VISIBILITY acltdtTensorType acltdtGetTensorTypeFromItem(const acltdtDataItem *dataItem);
ACL_FUNC_VISIBILITY aclError acltdtQueryChannelSize(const acltdtChannelHandle *handle,
    size_t *size);
ACL_FUNC_VISIBILITY aclError acltdtReceiveTensor(const acltdtChannelHandle *handle,
    acltdtDataset *dataset, int32_t timeout);
ACL_FUNC_VISIBILITY aclError acltdtSendTensor(const acltdtChannelHandle *handle,
    const acltdtDataset *dataset, int32_t timeout);
ACL_FUNC_VISIBILITY aclError acltdtStopChannel(acltdtChannelHandle *handle);

#ifdef __cplusplus
}
#endif

#endif
