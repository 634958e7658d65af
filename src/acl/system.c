/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine and the library can do, as numbers programs ask for. */
#include "acl/internal.h"
#include "base/cpu.h"
#include "exec/model.h"

/* Infinities and NaNs come out of arithmetic as IEEE 754 says, and bfloat16 is a type of models;
 * nothing is compiled when an operator first runs. */
static const aclCannAttr attributes[] = {ACL_CANN_ATTR_INF_NAN, ACL_CANN_ATTR_BF16,
                                         ACL_CANN_ATTR_JIT_COMPILE};

aclError aclGetCannAttributeList(const aclCannAttr **cannAttrList, size_t *num) {
    ACL_NEED(cannAttrList);
    ACL_NEED(num);
    *cannAttrList = attributes;
    *num = sizeof attributes / sizeof attributes[0];
    return ACL_SUCCESS;
}

aclError aclGetCannAttribute(aclCannAttr cannAttr, int32_t *value) {
    ACL_NEED(value);
    switch (cannAttr) {
    case ACL_CANN_ATTR_INF_NAN:
    case ACL_CANN_ATTR_BF16: *value = 1; return ACL_SUCCESS;
    case ACL_CANN_ATTR_JIT_COMPILE: *value = 0; return ACL_SUCCESS;
    case ACL_CANN_ATTR_UNDEFINED: break;
    }
    ACL_FAIL(ACL_ERROR_INVALID_PARAM, "cannAttr is %d; use a value of aclCannAttr", (int)cannAttr);
}

aclError aclGetDeviceCapability(uint32_t deviceId, aclDeviceInfo deviceInfo, int64_t *value) {
    ACL_NEED(value);
    ACL_NEED_STARTED();
    pthread_mutex_lock(&runtime.lock);
    int n_devices = runtime.n_devices;
    int n = deviceId < (uint32_t)n_devices ? runtime.devices[deviceId].cores.n : -1;
    pthread_mutex_unlock(&runtime.lock);
    ACL_CHECK(n >= 0, ACL_ERROR_RT_INVALID_DEVICEID, "deviceId is %u; there are %d devices",
              deviceId, n_devices);
    if (n == 0) n = cpu_usable_cores();
    switch (deviceInfo) {
    case ACL_DEVICE_INFO_AI_CORE_NUM:
    case ACL_DEVICE_INFO_VECTOR_CORE_NUM: *value = n; return ACL_SUCCESS;
    case ACL_DEVICE_INFO_L2_SIZE: *value = n * (int64_t)cpu_l2_bytes(); return ACL_SUCCESS;
    case ACL_DEVICE_INFO_UNDEFINED: break;
    }
    ACL_FAIL(ACL_ERROR_INVALID_PARAM, "deviceInfo is %d; use a value of aclDeviceInfo",
             (int)deviceInfo);
}
