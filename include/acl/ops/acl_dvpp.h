/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AscendCL picture and video functions (libacl_dvpp.so). See acl.h for the conventions of every
 * call. Some programs define ENABLE_DVPP_INTERFACE before including this; it is not needed here.
 */
#ifndef PRUSIK_ACL_DVPP_H
#define PRUSIK_ACL_DVPP_H

#include "../acl.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum acldvppPixelFormat {
    PIXEL_FORMAT_YUV_400 = 0,
    PIXEL_FORMAT_YUV_SEMIPLANAR_420 = 1,
    PIXEL_FORMAT_YVU_SEMIPLANAR_420 = 2,
    PIXEL_FORMAT_YUV_SEMIPLANAR_422 = 3,
    PIXEL_FORMAT_YVU_SEMIPLANAR_422 = 4,
    PIXEL_FORMAT_YUV_SEMIPLANAR_444 = 5,
    PIXEL_FORMAT_YVU_SEMIPLANAR_444 = 6,
    PIXEL_FORMAT_YUYV_PACKED_422 = 7,
    PIXEL_FORMAT_UYVY_PACKED_422 = 8,
    PIXEL_FORMAT_YVYU_PACKED_422 = 9,
    PIXEL_FORMAT_VYUY_PACKED_422 = 10,
    PIXEL_FORMAT_YUV_PACKED_444 = 11,
    PIXEL_FORMAT_RGB_888 = 12,
    PIXEL_FORMAT_BGR_888 = 13,
    PIXEL_FORMAT_ARGB_8888 = 14,
    PIXEL_FORMAT_ABGR_8888 = 15,
    PIXEL_FORMAT_RGBA_8888 = 16,
    PIXEL_FORMAT_BGRA_8888 = 17,
    PIXEL_FORMAT_YUV_SEMI_PLANNER_420_10BIT = 18,
    PIXEL_FORMAT_YVU_SEMI_PLANNER_420_10BIT = 19,
    PIXEL_FORMAT_YVU_PLANAR_420 = 20,
    PIXEL_FORMAT_YVU_PLANAR_422 = 21,
    PIXEL_FORMAT_YVU_PLANAR_444 = 22,
    PIXEL_FORMAT_RGB_444 = 23,
    PIXEL_FORMAT_BGR_444 = 24,
    PIXEL_FORMAT_ARGB_4444 = 25,
    PIXEL_FORMAT_ABGR_4444 = 26,
    PIXEL_FORMAT_RGBA_4444 = 27,
    PIXEL_FORMAT_BGRA_4444 = 28,
    PIXEL_FORMAT_RGB_555 = 29,
    PIXEL_FORMAT_BGR_555 = 30,
    PIXEL_FORMAT_RGB_565 = 31,
    PIXEL_FORMAT_BGR_565 = 32,
    PIXEL_FORMAT_ARGB_1555 = 33,
    PIXEL_FORMAT_ABGR_1555 = 34,
    PIXEL_FORMAT_RGBA_1555 = 35,
    PIXEL_FORMAT_BGRA_1555 = 36,
    PIXEL_FORMAT_ARGB_8565 = 37,
    PIXEL_FORMAT_ABGR_8565 = 38,
    PIXEL_FORMAT_RGBA_8565 = 39,
    PIXEL_FORMAT_BGRA_8565 = 40,
    PIXEL_FORMAT_RGB_BAYER_8BPP = 50,
    PIXEL_FORMAT_RGB_BAYER_10BPP = 51,
    PIXEL_FORMAT_RGB_BAYER_12BPP = 52,
    PIXEL_FORMAT_RGB_BAYER_14BPP = 53,
    PIXEL_FORMAT_RGB_BAYER_16BPP = 54,
    PIXEL_FORMAT_BGR_888_PLANAR = 70,
    PIXEL_FORMAT_HSV_888_PACKAGE = 71,
    PIXEL_FORMAT_HSV_888_PLANAR = 72,
    PIXEL_FORMAT_LAB_888_PACKAGE = 73,
    PIXEL_FORMAT_LAB_888_PLANAR = 74,
    PIXEL_FORMAT_S8C1 = 75,
    PIXEL_FORMAT_S8C2_PACKAGE = 76,
    PIXEL_FORMAT_S8C2_PLANAR = 77,
    PIXEL_FORMAT_S16C1 = 78,
    PIXEL_FORMAT_U8C1 = 79,
    PIXEL_FORMAT_U16C1 = 80,
    PIXEL_FORMAT_S32C1 = 81,
    PIXEL_FORMAT_U32C1 = 82,
    PIXEL_FORMAT_U64C1 = 83,
    PIXEL_FORMAT_S64C1 = 84,
    PIXEL_FORMAT_YUV_SEMIPLANAR_440 = 1000,
    PIXEL_FORMAT_YVU_SEMIPLANAR_440 = 1001,
    PIXEL_FORMAT_FLOAT32 = 1002,
    PIXEL_FORMAT_BUTT = 1003,
    PIXEL_FORMAT_UNKNOWN = 10000
} acldvppPixelFormat;

typedef enum acldvppStreamFormat {
    H265_MAIN_LEVEL = 0,
    H264_BASELINE_LEVEL = 1,
    H264_MAIN_LEVEL = 2,
    H264_HIGH_LEVEL = 3
} acldvppStreamFormat;

typedef enum acldvppChannelMode {
    DVPP_CHNMODE_VPC = 1,
    DVPP_CHNMODE_JPEGD = 2,
    DVPP_CHNMODE_JPEGE = 4,
    DVPP_CHNMODE_PNGD = 8
} acldvppChannelMode;

typedef enum acldvppBorderType {
    BORDER_CONSTANT = 0,
    BORDER_REPLICATE = 1,
    BORDER_REFLECT = 2,
    BORDER_REFLECT_101 = 3
} acldvppBorderType;

typedef enum aclvencChannelDescParamType {
    ACL_VENC_THREAD_ID_UINT64 = 0,
    ACL_VENC_CALLBACK_PTR = 1,
    ACL_VENC_PIXEL_FORMAT_UINT32 = 2,
    ACL_VENC_ENCODE_TYPE_UINT32 = 3,
    ACL_VENC_PIC_WIDTH_UINT32 = 4,
    ACL_VENC_PIC_HEIGHT_UINT32 = 5,
    ACL_VENC_KEY_FRAME_INTERVAL_UINT32 = 6,
    ACL_VENC_BUF_ADDR_PTR = 7,
    ACL_VENC_BUF_SIZE_UINT32 = 8,
    ACL_VENC_RC_MODE_UINT32 = 9,
    ACL_VENC_SRC_RATE_UINT32 = 10,
    ACL_VENC_MAX_BITRATE_UINT32 = 11,
    ACL_VENC_MAX_IP_PROP_UINT32 = 12
} aclvencChannelDescParamType;

typedef enum acldvppJpegFormat {
    ACL_JPEG_CSS_444 = 0,
    ACL_JPEG_CSS_422 = 1,
    ACL_JPEG_CSS_420 = 2,
    ACL_JPEG_CSS_GRAY = 3,
    ACL_JPEG_CSS_440 = 4,
    ACL_JPEG_CSS_411 = 5,
    ACL_JPEG_CSS_UNKNOWN = 1000
} acldvppJpegFormat;

typedef enum acldvppChannelDescParamType {
    ACL_DVPP_CSC_MATRIX_UINT32 = 0,
    ACL_DVPP_MODE_UINT32 = 1,
    ACL_DVPP_CHANNEL_ID_UINT64 = 2,
    ACL_DVPP_CHANNEL_HEIGHT_UINT32 = 3,
    ACL_DVPP_CHANNEL_WIDTH_UINT32 = 4,
    ACL_DVPP_JPEGD_PRECISION_MODE_ENUM = 5
} acldvppChannelDescParamType;

typedef enum aclvdecChannelDescParamType {
    ACL_VDEC_CSC_MATRIX_UINT32 = 0,
    ACL_VDEC_OUT_MODE_UINT32 = 1,
    ACL_VDEC_THREAD_ID_UINT64 = 2,
    ACL_VDEC_CALLBACK_PTR = 3,
    ACL_VDEC_CHANNEL_ID_UINT32 = 4,
    ACL_VDEC_ENCODE_TYPE_UINT32 = 5,
    ACL_VDEC_OUT_PIC_FORMAT_UINT32 = 6,
    ACL_VDEC_OUT_PIC_WIDTH_UINT32 = 7,
    ACL_VDEC_OUT_PIC_HEIGHT_UINT32 = 8,
    ACL_VDEC_REF_FRAME_NUM_UINT32 = 9,
    ACL_VDEC_BIT_DEPTH_UINT32 = 10
} aclvdecChannelDescParamType;

typedef enum acldvppCscMatrix {
    ACL_DVPP_CSC_MATRIX_BT601_WIDE = 0,
    ACL_DVPP_CSC_MATRIX_BT601_NARROW = 1,
    ACL_DVPP_CSC_MATRIX_BT709_WIDE = 2,
    ACL_DVPP_CSC_MATRIX_BT709_NARROW = 3,
    ACL_DVPP_CSC_MATRIX_BT2020_WIDE = 4,
    ACL_DVPP_CSC_MATRIX_BT2020_NARROW = 5
} acldvppCscMatrix;

typedef enum acldvppJpegdPrecisionMode {
    ACL_YUVOUT_ALIGN_DOWN = 0,
    ACL_YUVOUT_ALIGN_UP = 1,
    ACL_YUVOUT_ALIGN_DOWN_COMPAT = 2
} acldvppJpegdPrecisionMode;

typedef struct acldvppPicDesc acldvppPicDesc;
typedef struct acldvppBatchPicDesc acldvppBatchPicDesc;
typedef struct acldvppRoiConfig acldvppRoiConfig;
typedef struct acldvppResizeConfig acldvppResizeConfig;
typedef struct acldvppBorderConfig acldvppBorderConfig;
typedef struct acldvppLutMap acldvppLutMap;
typedef struct acldvppChannelDesc acldvppChannelDesc;
typedef struct acldvppJpegeConfig acldvppJpegeConfig;
typedef struct aclvdecChannelDesc aclvdecChannelDesc;
typedef struct acldvppStreamDesc acldvppStreamDesc;
typedef struct aclvdecFrameConfig aclvdecFrameConfig;
typedef struct aclvencChannelDesc aclvencChannelDesc;
typedef struct aclvencFrameConfig aclvencFrameConfig;
typedef struct acldvppHist acldvppHist;
typedef void (*aclvdecCallback)(acldvppStreamDesc *input, acldvppPicDesc *output, void *userData);
typedef void (*aclvencCallback)(acldvppPicDesc *input, acldvppStreamDesc *output, void *userdata);

/* ---- memory ---- */

/*
 * Memory for picture and video functions, 128-byte aligned; usable like aclrtMalloc's.
 *
 * size        at least 1.
 * Returns     ACL_ERROR_INVALID_PARAM for size 0, ACL_ERROR_RT_MEMORY_ALLOCATION when there is not
 *             enough. Release it with acldvppFree.
 */
ACL_FUNC_VISIBILITY aclError acldvppMalloc(void **devPtr, size_t size);
ACL_FUNC_VISIBILITY aclError acldvppFree(void *devPtr);

/* ---- channels ---- */

/*
 * A description of a channel. What it says when a call is made holds for that call. NULL when
 * memory ran out; release it with acldvppDestroyChannelDesc.
 */
ACL_FUNC_VISIBILITY acldvppChannelDesc *acldvppCreateChannelDesc(void);
ACL_FUNC_VISIBILITY aclError acldvppDestroyChannelDesc(acldvppChannelDesc *channelDesc);

/*
 * Opens a channel and closes it. Work that was queued before is done all the same.
 *
 * Returns     ACL_ERROR_INVALID_PARAM when the description has a channel already, or none;
 *             ACL_ERROR_RT_CONTEXT_NULL without a context.
 */
ACL_FUNC_VISIBILITY aclError acldvppCreateChannel(acldvppChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError acldvppDestroyChannel(acldvppChannelDesc *channelDesc);

/*
 * What a channel is for: a sum of values of acldvppChannelMode; all when it is not set. Calls of
 * another kind on it fail.
 */
ACL_FUNC_VISIBILITY aclError acldvppSetChannelDescMode(acldvppChannelDesc *channelDesc,
    uint32_t mode);

/*
 * Parameters by number. ACL_DVPP_CSC_MATRIX_UINT32 is a value of acldvppCscMatrix (default: BT.601
 * with the full range, which is what JPEG has) for conversions between YUV and RGB;
 * ACL_DVPP_JPEGD_PRECISION_MODE_ENUM says on which side of an odd size a decoder stays, where the
 * chip's formats want even ones. Channel width and height are kept and have no effect.
 *
 * length       bytes at param: at least 4, and 8 for ACL_DVPP_CHANNEL_ID_UINT64, which can be read
 *              only.
 * paramRetSize receives the bytes written.
 */
ACL_FUNC_VISIBILITY aclError acldvppSetChannelDescParam(acldvppChannelDesc *channelDesc,
    acldvppChannelDescParamType paramType, size_t length, const void *param);
ACL_FUNC_VISIBILITY aclError acldvppGetChannelDescParam(const acldvppChannelDesc *channelDesc,
    acldvppChannelDescParamType paramType, size_t length, size_t *paramRetSize, void *param);

/* The number of a channel; 0 when there is none. */
ACL_FUNC_VISIBILITY uint64_t acldvppGetChannelDescChannelId(const acldvppChannelDesc *channelDesc);

/* ---- pictures ---- */

/*
 * A description of a picture: format, size in pixels, strides and memory. The width stride is in
 * bytes, the height stride in rows, counted in the first plane. A stride of 0 stands for the
 * smallest that a chip takes: width up to a multiple of 16 pixels, height of 2. The memory is the
 * program's. NULL when memory ran out.
 */
ACL_FUNC_VISIBILITY acldvppPicDesc *acldvppCreatePicDesc(void);
ACL_FUNC_VISIBILITY aclError acldvppDestroyPicDesc(acldvppPicDesc *picDesc);

/*
 * The fields of a description. Getters return 0, NULL or PIXEL_FORMAT_UNKNOWN for a bad one.
 */
ACL_FUNC_VISIBILITY aclError acldvppSetPicDescData(acldvppPicDesc *picDesc, void *dataDev);
ACL_FUNC_VISIBILITY void *acldvppGetPicDescData(const acldvppPicDesc *picDesc);
ACL_FUNC_VISIBILITY aclError acldvppSetPicDescSize(acldvppPicDesc *picDesc, uint32_t size);
ACL_FUNC_VISIBILITY uint32_t acldvppGetPicDescSize(const acldvppPicDesc *picDesc);
ACL_FUNC_VISIBILITY aclError acldvppSetPicDescFormat(acldvppPicDesc *picDesc,
    acldvppPixelFormat format);
ACL_FUNC_VISIBILITY acldvppPixelFormat acldvppGetPicDescFormat(const acldvppPicDesc *picDesc);
ACL_FUNC_VISIBILITY aclError acldvppSetPicDescWidth(acldvppPicDesc *picDesc, uint32_t width);
ACL_FUNC_VISIBILITY uint32_t acldvppGetPicDescWidth(const acldvppPicDesc *picDesc);
ACL_FUNC_VISIBILITY aclError acldvppSetPicDescHeight(acldvppPicDesc *picDesc, uint32_t height);
ACL_FUNC_VISIBILITY uint32_t acldvppGetPicDescHeight(const acldvppPicDesc *picDesc);
ACL_FUNC_VISIBILITY aclError acldvppSetPicDescWidthStride(acldvppPicDesc *picDesc,
    uint32_t widthStride);
ACL_FUNC_VISIBILITY uint32_t acldvppGetPicDescWidthStride(const acldvppPicDesc *picDesc);
ACL_FUNC_VISIBILITY aclError acldvppSetPicDescHeightStride(acldvppPicDesc *picDesc,
    uint32_t heightStride);
ACL_FUNC_VISIBILITY uint32_t acldvppGetPicDescHeightStride(const acldvppPicDesc *picDesc);

/*
 * What became of a picture: 0, or the code that the stream reports too. Written by the task that
 * makes the picture.
 */
ACL_FUNC_VISIBILITY aclError acldvppSetPicDescRetCode(acldvppPicDesc *picDesc, uint32_t retCode);
ACL_FUNC_VISIBILITY uint32_t acldvppGetPicDescRetCode(const acldvppPicDesc *picDesc);

/*
 * Several pictures.
 *
 * batchSize   1 to 4096.
 * Returns     NULL when it is not, or when memory ran out.
 */
ACL_FUNC_VISIBILITY acldvppBatchPicDesc *acldvppCreateBatchPicDesc(uint32_t batchSize);

/* Ends the batch with its pictures. */
ACL_FUNC_VISIBILITY aclError acldvppDestroyBatchPicDesc(acldvppBatchPicDesc *batchPicDesc);

/* A picture of a batch; it belongs to the batch. NULL when there is none of that number. */
ACL_FUNC_VISIBILITY acldvppPicDesc *acldvppGetPicDesc(acldvppBatchPicDesc *batchPicDesc,
    uint32_t index);

/* ---- pieces of a video stream ---- */

/* A description of compressed data, for video. The memory is the program's. */
ACL_FUNC_VISIBILITY acldvppStreamDesc *acldvppCreateStreamDesc(void);
ACL_FUNC_VISIBILITY aclError acldvppDestroyStreamDesc(acldvppStreamDesc *streamDesc);
ACL_FUNC_VISIBILITY aclError acldvppSetStreamDescData(acldvppStreamDesc *streamDesc, void *dataDev);
ACL_FUNC_VISIBILITY void *acldvppGetStreamDescData(const acldvppStreamDesc *streamDesc);
ACL_FUNC_VISIBILITY aclError acldvppSetStreamDescSize(acldvppStreamDesc *streamDesc, uint32_t size);
ACL_FUNC_VISIBILITY uint32_t acldvppGetStreamDescSize(const acldvppStreamDesc *streamDesc);
ACL_FUNC_VISIBILITY aclError acldvppSetStreamDescFormat(acldvppStreamDesc *streamDesc,
    acldvppStreamFormat format);
ACL_FUNC_VISIBILITY acldvppStreamFormat acldvppGetStreamDescFormat(
    const acldvppStreamDesc *streamDesc);
ACL_FUNC_VISIBILITY aclError acldvppSetStreamDescEos(acldvppStreamDesc *streamDesc, uint8_t eos);
ACL_FUNC_VISIBILITY uint8_t acldvppGetStreamDescEos(const acldvppStreamDesc *streamDesc);
ACL_FUNC_VISIBILITY aclError acldvppSetStreamDescRetCode(acldvppStreamDesc *streamDesc,
    uint32_t retCode);
ACL_FUNC_VISIBILITY uint32_t acldvppGetStreamDescRetCode(const acldvppStreamDesc *streamDesc);
ACL_FUNC_VISIBILITY aclError acldvppSetStreamDescTimestamp(acldvppStreamDesc *streamDesc,
    uint64_t timestamp);
ACL_FUNC_VISIBILITY uint64_t acldvppGetStreamDescTimestamp(const acldvppStreamDesc *streamDesc);

/* ---- areas ---- */

/*
 * An area of a picture, in pixels from 0; right and bottom are the last inside. A card wants left
 * and top even, right and bottom odd.
 *
 * Returns     NULL when left is right of right or top below bottom, or when memory ran out.
 */
ACL_FUNC_VISIBILITY acldvppRoiConfig *acldvppCreateRoiConfig(uint32_t left, uint32_t right,
    uint32_t top, uint32_t bottom);
ACL_FUNC_VISIBILITY aclError acldvppDestroyRoiConfig(acldvppRoiConfig *roiConfig);

/* Changes an area; the calls for one side do not look at the others. */
ACL_FUNC_VISIBILITY aclError acldvppSetRoiConfig(acldvppRoiConfig *config, uint32_t left,
    uint32_t right, uint32_t top, uint32_t bottom);
ACL_FUNC_VISIBILITY aclError acldvppSetRoiConfigLeft(acldvppRoiConfig *config, uint32_t left);
ACL_FUNC_VISIBILITY aclError acldvppSetRoiConfigRight(acldvppRoiConfig *config, uint32_t right);
ACL_FUNC_VISIBILITY aclError acldvppSetRoiConfigTop(acldvppRoiConfig *config, uint32_t top);
ACL_FUNC_VISIBILITY aclError acldvppSetRoiConfigBottom(acldvppRoiConfig *config, uint32_t bottom);

/* ---- scaling ---- */

/* How pictures are scaled. NULL when memory ran out. */
ACL_FUNC_VISIBILITY acldvppResizeConfig *acldvppCreateResizeConfig(void);
ACL_FUNC_VISIBILITY aclError acldvppDestroyResizeConfig(acldvppResizeConfig *resizeConfig);

/*
 * interpolation  0 bilinear between pixel centres, as OpenCV (default); 1 nearest, as OpenCV; 2 and
 *                3 the same without half a pixel, as early TensorFlow; 4 nearest to pixel centres.
 */
ACL_FUNC_VISIBILITY aclError acldvppSetResizeConfigInterpolation(acldvppResizeConfig *resizeConfig,
    uint32_t interpolation);
ACL_FUNC_VISIBILITY uint32_t acldvppGetResizeConfigInterpolation(
    const acldvppResizeConfig *resizeConfig);

/* ---- borders ---- */

/*
 * A border round a picture: its kind, its width on each side, and its colour. NULL when memory ran
 * out.
 */
ACL_FUNC_VISIBILITY acldvppBorderConfig *acldvppCreateBorderConfig(void);
ACL_FUNC_VISIBILITY aclError acldvppDestroyBorderConfig(acldvppBorderConfig *borderConfig);

/* The kind of border; BORDER_CONSTANT at first. */
ACL_FUNC_VISIBILITY aclError acldvppSetBorderConfigBorderType(acldvppBorderConfig *borderConfig,
    acldvppBorderType borderType);
ACL_FUNC_VISIBILITY acldvppBorderType acldvppGetBorderConfigBorderType(
    const acldvppBorderConfig *borderConfig);

/* Pixels on each side; 0 at first. Formats with halved chroma want even ones. */
ACL_FUNC_VISIBILITY aclError acldvppSetBorderConfigLeft(acldvppBorderConfig *borderConfig,
    uint32_t left);
ACL_FUNC_VISIBILITY uint32_t acldvppGetBorderConfigLeft(const acldvppBorderConfig *borderConfig);
ACL_FUNC_VISIBILITY aclError acldvppSetBorderConfigRight(acldvppBorderConfig *borderConfig,
    uint32_t right);
ACL_FUNC_VISIBILITY uint32_t acldvppGetBorderConfigRight(const acldvppBorderConfig *borderConfig);
ACL_FUNC_VISIBILITY aclError acldvppSetBorderConfigTop(acldvppBorderConfig *borderConfig,
    uint32_t top);
ACL_FUNC_VISIBILITY uint32_t acldvppGetBorderConfigTop(const acldvppBorderConfig *borderConfig);
ACL_FUNC_VISIBILITY aclError acldvppSetBorderConfigBottom(acldvppBorderConfig *borderConfig,
    uint32_t bottom);
ACL_FUNC_VISIBILITY uint32_t acldvppGetBorderConfigBottom(const acldvppBorderConfig *borderConfig);

/*
 * The colour of BORDER_CONSTANT.
 *
 * index       0 to 3: Y, U, V, or the bytes of a pixel in their order.
 * value       0 to 255.
 */
ACL_FUNC_VISIBILITY aclError acldvppSetBorderConfigValue(acldvppBorderConfig *borderConfig,
    uint32_t index, double value);
ACL_FUNC_VISIBILITY double acldvppGetBorderConfigValue(const acldvppBorderConfig *borderConfig,
    uint32_t index);

/* ---- JPEG and PNG ---- */

/*
 * What the header of a JPEG says: size in pixels as stored (a picture with an Exif orientation is
 * turned when it is decoded), number of components, sampling of chroma. The file is in memory of
 * the host. In V2, results that are NULL are left out.
 *
 * Returns     ACL_ERROR_UNSUPPORTED_JPEG when it is no readable JPEG, ACL_ERROR_STORAGE_OVER_LIMIT
 *             when it claims more than 16384 pixels on a side or 67 million in all.
 */
ACL_FUNC_VISIBILITY aclError acldvppJpegGetImageInfo(const void *data, uint32_t size,
    uint32_t *width, uint32_t *height, int32_t *components);
ACL_FUNC_VISIBILITY aclError acldvppJpegGetImageInfoV2(const void *data, uint32_t size,
    uint32_t *width, uint32_t *height, int32_t *components, acldvppJpegFormat *format);

/*
 * The bytes that decoding the picture takes: rows of a multiple of 128 pixels (64 on the 310P and
 * 310B), a multiple of 16 of them.
 *
 * outputPixelFormat  as for acldvppJpegDecodeAsync.
 */
ACL_FUNC_VISIBILITY aclError acldvppJpegPredictDecSize(const void *data, uint32_t dataSize,
    acldvppPixelFormat outputPixelFormat, uint32_t *decSize);

/*
 * Decodes a JPEG. YUV is what the file holds, bit for bit as libjpeg-turbo has it.
 *
 * outputDesc  memory, size and format: a semi-planar or grey one, RGB, or PIXEL_FORMAT_UNKNOWN for
 *             that of the file with V before U. Strides that are 0 are chosen as above. Afterwards
 *             it has the picture's size, strides and format.
 * Returns     of the call: only what can be known at once. A damaged file or too little memory
 *             fails the task: the next synchronization returns the code, and the description has
 *             it.
 */
ACL_FUNC_VISIBILITY aclError acldvppJpegDecodeAsync(acldvppChannelDesc *channelDesc,
    const void *data, uint32_t size, acldvppPicDesc *outputDesc, aclrtStream stream);

/* The settings of an encoder: quality 1 to 100; 0, which it is at first, stands for 100. */
ACL_FUNC_VISIBILITY acldvppJpegeConfig *acldvppCreateJpegeConfig(void);
ACL_FUNC_VISIBILITY aclError acldvppDestroyJpegeConfig(acldvppJpegeConfig *jpegeConfig);
ACL_FUNC_VISIBILITY aclError acldvppSetJpegeConfigLevel(acldvppJpegeConfig *jpegeConfig,
    uint32_t level);
ACL_FUNC_VISIBILITY uint32_t acldvppGetJpegeConfigLevel(const acldvppJpegeConfig *jpegeConfig);

/* Bytes in which the JPEG of a picture certainly fits. */
ACL_FUNC_VISIBILITY aclError acldvppJpegPredictEncSize(const acldvppPicDesc *inputDesc,
    const acldvppJpegeConfig *config, uint32_t *size);

/*
 * Encodes NV12, NV21 or packed 4:2:2 as baseline JPEG.
 *
 * data        memory for the JPEG.
 * size        its bytes; when the task is done, those of the JPEG. Must live until then.
 */
ACL_FUNC_VISIBILITY aclError acldvppJpegEncodeAsync(acldvppChannelDesc *channelDesc,
    acldvppPicDesc *inputDesc, const void *data, uint32_t *size, acldvppJpegeConfig *config,
    aclrtStream stream);

/*
 * What the header of a PNG says: components 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha.
 *
 * Returns     ACL_ERROR_INVALID_FILE when it is no readable PNG, ACL_ERROR_STORAGE_OVER_LIMIT as
 *             for JPEG.
 */
ACL_FUNC_VISIBILITY aclError acldvppPngGetImageInfo(const void *data, uint32_t dataSize,
    uint32_t *width, uint32_t *height, int32_t *components);

/*
 * The bytes that decoding takes: rows of a multiple of 128 pixels, a multiple of 16 of them.
 */
ACL_FUNC_VISIBILITY aclError acldvppPngPredictDecSize(const void *data, uint32_t dataSize,
    acldvppPixelFormat outputPixelFormat, uint32_t *decSize);

/*
 * Decodes a PNG to PIXEL_FORMAT_RGB_888 or PIXEL_FORMAT_RGBA_8888; PIXEL_FORMAT_UNKNOWN is the one
 * of them that the file is nearer to. The rest is as for acldvppJpegDecodeAsync.
 */
ACL_FUNC_VISIBILITY aclError acldvppPngDecodeAsync(acldvppChannelDesc *channelDesc,
    const void *data, uint32_t size, acldvppPicDesc *outputDesc, aclrtStream stream);

/* ---- pictures of pictures ---- */

/*
 * All of these queue their work on a stream (NULL: the default one) and read their descriptions and
 * settings at the call. Input and output may have any of the formats: grey, semi-planar 4:2:0,
 * 4:2:2, 4:4:4 and 4:4:0, packed 4:2:2 and 4:4:4, RGB of three or four bytes; the output's is
 * converted to. docs/dvpp.md has the formulas, and what PRUSIK_STRICT refuses besides.
 *
 * Returns     ACL_ERROR_INVALID_PARAM for a bad handle, a size, stride, area or memory that does
 *             not fit; ACL_ERROR_FEATURE_UNSUPPORTED for other formats; ACL_ERROR_RT_CONTEXT_NULL
 *             without a context. What goes wrong in the task is reported when the stream is
 *             synchronized.
 *
 * acldvppVpcResizeAsync scales all of the input to all of the output.
 */
ACL_FUNC_VISIBILITY aclError acldvppVpcResizeAsync(acldvppChannelDesc *channelDesc,
    acldvppPicDesc *inputDesc, acldvppPicDesc *outputDesc, acldvppResizeConfig *resizeConfig,
    aclrtStream stream);

/* Scales an area to all of the output; bilinear, or as resizeConfig says. */
ACL_FUNC_VISIBILITY aclError acldvppVpcCropAsync(acldvppChannelDesc *channelDesc,
    acldvppPicDesc *inputDesc, acldvppPicDesc *outputDesc, acldvppRoiConfig *cropArea,
    aclrtStream stream);
ACL_FUNC_VISIBILITY aclError acldvppVpcCropResizeAsync(acldvppChannelDesc *channelDesc,
    acldvppPicDesc *inputDesc, acldvppPicDesc *outputDesc, acldvppRoiConfig *cropArea,
    acldvppResizeConfig *resizeConfig, aclrtStream stream);

/* Scales an area to an area of the output, and leaves the rest of the output alone. */
ACL_FUNC_VISIBILITY aclError acldvppVpcCropAndPasteAsync(acldvppChannelDesc *channelDesc,
    acldvppPicDesc *inputDesc, acldvppPicDesc *outputDesc, acldvppRoiConfig *cropArea,
    acldvppRoiConfig *pasteArea, aclrtStream stream);
ACL_FUNC_VISIBILITY aclError acldvppVpcCropResizePasteAsync(acldvppChannelDesc *channelDesc,
    acldvppPicDesc *inputDesc, acldvppPicDesc *outputDesc, acldvppRoiConfig *cropArea,
    acldvppRoiConfig *pasteArea, acldvppResizeConfig *resizeConfig, aclrtStream stream);

/*
 * The same for several areas of several pictures.
 *
 * roiNums     how many areas each source picture has.
 * size        number of source pictures, and of roiNums.
 * cropAreas   all areas, picture after picture; result k is picture k of dstBatchPicDescs.
 * borderCfgs  a border for each result; the scaled area fills what the border leaves of it.
 */
ACL_FUNC_VISIBILITY aclError acldvppVpcBatchCropAsync(acldvppChannelDesc *channelDesc,
    acldvppBatchPicDesc *srcBatchPicDescs, uint32_t *roiNums, uint32_t size,
    acldvppBatchPicDesc *dstBatchPicDescs, acldvppRoiConfig *cropAreas[], aclrtStream stream);
ACL_FUNC_VISIBILITY aclError acldvppVpcBatchCropResizeAsync(acldvppChannelDesc *channelDesc,
    acldvppBatchPicDesc *srcBatchPicDescs, uint32_t *roiNums, uint32_t size,
    acldvppBatchPicDesc *dstBatchPicDescs, acldvppRoiConfig *cropAreas[],
    acldvppResizeConfig *resizeConfig, aclrtStream stream);
ACL_FUNC_VISIBILITY aclError acldvppVpcBatchCropAndPasteAsync(acldvppChannelDesc *channelDesc,
    acldvppBatchPicDesc *srcBatchPicDescs, uint32_t *roiNums, uint32_t size,
    acldvppBatchPicDesc *dstBatchPicDescs, acldvppRoiConfig *cropAreas[],
    acldvppRoiConfig *pasteAreas[], aclrtStream stream);
ACL_FUNC_VISIBILITY aclError acldvppVpcBatchCropResizePasteAsync(acldvppChannelDesc *channelDesc,
    acldvppBatchPicDesc *srcBatchPicDescs, uint32_t *roiNums, uint32_t size,
    acldvppBatchPicDesc *dstBatchPicDescs, acldvppRoiConfig *cropAreas[],
    acldvppRoiConfig *pasteAreas[], acldvppResizeConfig *resizeConfig, aclrtStream stream);
ACL_FUNC_VISIBILITY aclError acldvppVpcBatchCropResizeMakeBorderAsync(
    acldvppChannelDesc *channelDesc, acldvppBatchPicDesc *srcBatchPicDescs, uint32_t *roiNums,
    uint32_t size, acldvppBatchPicDesc *dstBatchPicDescs, acldvppRoiConfig *cropAreas[],
    acldvppBorderConfig *borderCfgs[], acldvppResizeConfig *resizeConfig, aclrtStream stream);

/* Converts the format. An output whose size is 0 gets that of the input. */
ACL_FUNC_VISIBILITY aclError acldvppVpcConvertColorAsync(acldvppChannelDesc *channelDesc,
    acldvppPicDesc *inputDesc, acldvppPicDesc *outputDesc, aclrtStream stream);

/*
 * Halves the size after a binomial filter of 5 x 5, as OpenCV's pyrDown. reserve is not read.
 */
ACL_FUNC_VISIBILITY aclError acldvppVpcPyrDownAsync(acldvppChannelDesc *channelDesc,
    acldvppPicDesc *inputDesc, acldvppPicDesc *outputDesc, void *reserve, aclrtStream stream);

/* Puts a border round a picture; the output is larger by the border. */
ACL_FUNC_VISIBILITY aclError acldvppVpcMakeBorderAsync(const acldvppChannelDesc *channelDesc,
    const acldvppPicDesc *inputDesc, acldvppPicDesc *outputDesc,
    const acldvppBorderConfig *borderConfig, aclrtStream stream);

/* ---- tables and histograms ---- */

/*
 * A table for each of three channels (Y, U, V or R, G, B), 256 values each. At first every value
 * stands for itself; the program writes to what acldvppGetLutMapData gives.
 */
ACL_FUNC_VISIBILITY acldvppLutMap *acldvppCreateLutMap(void);
ACL_FUNC_VISIBILITY aclError acldvppDestroyLutMap(acldvppLutMap *lutMap);

/* How many tables there are, 3; and one of them with its length, 256. */
ACL_FUNC_VISIBILITY uint32_t acldvppGetLutMapDims(const acldvppLutMap *lutMap);
ACL_FUNC_VISIBILITY aclError acldvppGetLutMapData(const acldvppLutMap *lutMap, uint32_t dim,
    uint8_t **data, uint32_t *len);

/*
 * Looks every value up in the table of its channel. Format and size stay. Read when the task runs.
 */
ACL_FUNC_VISIBILITY aclError acldvppVpcEqualizeHistAsync(const acldvppChannelDesc *channelDesc,
    const acldvppPicDesc *inputDesc, acldvppPicDesc *outputDesc, const acldvppLutMap *lutMap,
    aclrtStream stream);

/* How often each value occurs in each channel. NULL when memory ran out. */
ACL_FUNC_VISIBILITY acldvppHist *acldvppCreateHist(void);
ACL_FUNC_VISIBILITY aclError acldvppDestroyHist(acldvppHist *hist);

/* Sets all counts to 0. */
ACL_FUNC_VISIBILITY aclError acldvppClearHist(acldvppHist *hist);

/*
 * Channels of the picture that was counted, 3 before; what became of counting it; and the counts of
 * a channel, which live as long as hist.
 */
ACL_FUNC_VISIBILITY uint32_t acldvppGetHistDims(acldvppHist *hist);
ACL_FUNC_VISIBILITY uint32_t acldvppGetHistRetCode(acldvppHist *hist);
ACL_FUNC_VISIBILITY aclError acldvppGetHistData(acldvppHist *hist, uint32_t dim, uint32_t **data,
    uint16_t *len);

/* Counts all values of a picture. reserve is not read. */
ACL_FUNC_VISIBILITY aclError acldvppVpcCalcHistAsync(acldvppChannelDesc *channelDesc,
    acldvppPicDesc *srcPicDesc, acldvppHist *hist, void *reserve, aclrtStream stream);

/* ---- video: decoding (VDEC) ---- */

/*
 * A channel decodes one stream of H.264 (baseline, main, high) or H.265 (main): 4:2:0, 8 bits.
 *
 *     desc = aclvdecCreateChannelDesc();        set thread, callback, enType, outPicFormat
 *     aclvdecCreateChannel(desc);
 *     aclvdecSendFrame(desc, stream, pic, NULL, user);   one access unit with its picture; repeat
 *     acldvppSetStreamDescEos(stream, 1);
 *     aclvdecSendFrame(desc, stream, NULL, NULL, NULL);  waits until all callbacks have run
 *     aclvdecDestroyChannel(desc);
 *     aclvdecDestroyChannelDesc(desc);
 *
 * Meanwhile another thread, the one whose id the channel has, runs aclrtProcessReport; callbacks
 * run there, in the order of sending. FFmpeg decodes; without it aclvdecCreateChannel fails with
 * ACL_ERROR_FEATURE_UNSUPPORTED.
 */

/* NULL when memory ran out. Destroying one that has an open channel fails. */
ACL_FUNC_VISIBILITY aclvdecChannelDesc *aclvdecCreateChannelDesc(void);
ACL_FUNC_VISIBILITY aclError aclvdecDestroyChannelDesc(aclvdecChannelDesc *channelDesc);

/*
 * What a channel is to be, read by aclvdecCreateChannel; a value out of range fails with
 * ACL_ERROR_INVALID_PARAM. threadId: pthread_self() of the thread that runs aclrtProcessReport.
 * channelId: 0 to 255, for the program's own use. outPicFormat: NV12 (the default), NV21, RGB_888
 * or BGR_888. outPicWidth, outPicHeight: frames are scaled to it; 0: they keep the stream's size.
 * outMode 1: each frame comes at once, for streams without B frames; 0: when the stream's order
 * of display lets it. bitDepth: 0, 8 bits. refFrameNum: 0 to 16; the stream's own number is used,
 * so it changes nothing here, and with PRUSIK_STRICT=310 setting it fails, as it does there.
 */
ACL_FUNC_VISIBILITY aclError aclvdecSetChannelDescThreadId(aclvdecChannelDesc *channelDesc,
    uint64_t threadId);
ACL_FUNC_VISIBILITY uint64_t aclvdecGetChannelDescThreadId(const aclvdecChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvdecSetChannelDescCallback(aclvdecChannelDesc *channelDesc,
    aclvdecCallback callback);
ACL_FUNC_VISIBILITY aclvdecCallback aclvdecGetChannelDescCallback(
    const aclvdecChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvdecSetChannelDescChannelId(aclvdecChannelDesc *channelDesc,
    uint32_t channelId);
ACL_FUNC_VISIBILITY uint32_t aclvdecGetChannelDescChannelId(const aclvdecChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvdecSetChannelDescEnType(aclvdecChannelDesc *channelDesc,
    acldvppStreamFormat enType);
ACL_FUNC_VISIBILITY acldvppStreamFormat aclvdecGetChannelDescEnType(
    const aclvdecChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvdecSetChannelDescOutPicFormat(aclvdecChannelDesc *channelDesc,
    acldvppPixelFormat outPicFormat);
ACL_FUNC_VISIBILITY acldvppPixelFormat aclvdecGetChannelDescOutPicFormat(
    const aclvdecChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvdecSetChannelDescOutPicWidth(aclvdecChannelDesc *channelDesc,
    uint32_t outPicWidth);
ACL_FUNC_VISIBILITY uint32_t aclvdecGetChannelDescOutPicWidth(
    const aclvdecChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvdecSetChannelDescOutPicHeight(aclvdecChannelDesc *channelDesc,
    uint32_t outPicHeight);
ACL_FUNC_VISIBILITY uint32_t aclvdecGetChannelDescOutPicHeight(
    const aclvdecChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvdecSetChannelDescOutMode(aclvdecChannelDesc *channelDesc,
    uint32_t outMode);
ACL_FUNC_VISIBILITY uint32_t aclvdecGetChannelDescOutMode(const aclvdecChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvdecSetChannelDescBitDepth(aclvdecChannelDesc *channelDesc,
    uint32_t bitDepth);
ACL_FUNC_VISIBILITY uint32_t aclvdecGetChannelDescBitDepth(const aclvdecChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvdecSetChannelDescRefFrameNum(aclvdecChannelDesc *channelDesc,
    uint32_t refFrameNum);
ACL_FUNC_VISIBILITY uint32_t aclvdecGetChannelDescRefFrameNum(
    const aclvdecChannelDesc *channelDesc);

/*
 * The same by number, and ACL_VDEC_CSC_MATRIX_UINT32, the matrix for RGB (acldvppCscMatrix).
 * length: bytes at param, at least those of the value.
 */
ACL_FUNC_VISIBILITY aclError aclvdecSetChannelDescParam(aclvdecChannelDesc *channelDesc,
    aclvdecChannelDescParamType paramType, size_t length, const void *param);
ACL_FUNC_VISIBILITY aclError aclvdecGetChannelDescParam(const aclvdecChannelDesc *channelDesc,
    aclvdecChannelDescParamType paramType, size_t length, size_t *paramRetSize, void *param);

/* Reserved: nothing can be set in it, and NULL does in its place. */
ACL_FUNC_VISIBILITY aclvdecFrameConfig *aclvdecCreateFrameConfig(void);
ACL_FUNC_VISIBILITY aclError aclvdecDestroyFrameConfig(aclvdecFrameConfig *vdecFrameConfig);

/*
 * Opens a channel, and closes it: without an end of the stream, closing ends it, and waits until
 * all callbacks have run. When the thread of the callbacks takes none for 3 s, the rest never run:
 * the channel is closed all the same, with ACL_ERROR_WAIT_CALLBACK_TIMEOUT. Closing from the
 * thread of the callbacks fails.
 */
ACL_FUNC_VISIBILITY aclError aclvdecCreateChannel(aclvdecChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvdecDestroyChannel(aclvdecChannelDesc *channelDesc);

/*
 * Sends one access unit (Annex B, parameter sets in front of key frames), whose memory and that
 * of the picture stay the program's but must last until its callback. The frame, in the order of
 * display, has its size, strides and format written into output; strides that are not 0 there are
 * kept. A unit without a frame has its callback too: acldvppGetPicDescRetCode is then not 0 and
 * aclGetRecentErrMsg in the callback says why; so it is for a damaged frame, of which output has
 * what could be decoded. A stream whose frames do not fit output's memory is refused before
 * memory is taken for them; 8192 x 4320 pixels and 64 MiB a unit are the most. With the end of
 * the stream set in input (data or none) it waits until all callbacks have run, as closing does.
 */
ACL_FUNC_VISIBILITY aclError aclvdecSendFrame(aclvdecChannelDesc *channelDesc,
    acldvppStreamDesc *input, acldvppPicDesc *output, aclvdecFrameConfig *config, void *userData);

/* Sends a unit whose frame is not wanted: the callback's output is NULL. */
ACL_FUNC_VISIBILITY aclError aclvdecSendSkippedFrame(aclvdecChannelDesc *channelDesc,
    acldvppStreamDesc *input, aclvdecFrameConfig *config, void *userData);

/* ---- video: encoding (VENC) ---- */

/*
 * A channel encodes pictures of one size to H.264 (baseline, main, high) or H.265 (main), without B
 * frames. It is used as one of VDEC is; the end is sent with a frame's configuration.
 */

/* NULL when memory ran out. Destroying one that has an open channel fails. */
ACL_FUNC_VISIBILITY aclvencChannelDesc *aclvencCreateChannelDesc(void);
ACL_FUNC_VISIBILITY aclError aclvencDestroyChannelDesc(aclvencChannelDesc *channelDesc);

/*
 * What a channel is to be, read by aclvencCreateChannel. picFormat: NV12 (the default) or NV21.
 * Sides are even. keyFrameInterval: frames from key frame to key frame; 0: one second. srcRate:
 * frames per second; 0: 30. maxBitRate: kbit/s; 0: constant quality without a limit. rcMode 2
 * keeps maxBitRate constantly (it must be set then); 0 and 1 keep the quality and maxBitRate as
 * the most, over one second. bufAddr, bufSize: memory for one encoded frame, instead of the
 * library's; with it each frame waits for the callback of the one before.
 */
ACL_FUNC_VISIBILITY aclError aclvencSetChannelDescThreadId(aclvencChannelDesc *channelDesc,
    uint64_t threadId);
ACL_FUNC_VISIBILITY uint64_t aclvencGetChannelDescThreadId(const aclvencChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvencSetChannelDescCallback(aclvencChannelDesc *channelDesc,
    aclvencCallback callback);
ACL_FUNC_VISIBILITY aclvencCallback aclvencGetChannelDescCallback(
    const aclvencChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvencSetChannelDescEnType(aclvencChannelDesc *channelDesc,
    acldvppStreamFormat enType);
ACL_FUNC_VISIBILITY acldvppStreamFormat aclvencGetChannelDescEnType(
    const aclvencChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvencSetChannelDescPicFormat(aclvencChannelDesc *channelDesc,
    acldvppPixelFormat picFormat);
ACL_FUNC_VISIBILITY acldvppPixelFormat aclvencGetChannelDescPicFormat(
    const aclvencChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvencSetChannelDescPicWidth(aclvencChannelDesc *channelDesc,
    uint32_t picWidth);
ACL_FUNC_VISIBILITY uint32_t aclvencGetChannelDescPicWidth(const aclvencChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvencSetChannelDescPicHeight(aclvencChannelDesc *channelDesc,
    uint32_t picHeight);
ACL_FUNC_VISIBILITY uint32_t aclvencGetChannelDescPicHeight(const aclvencChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvencSetChannelDescKeyFrameInterval(
    aclvencChannelDesc *channelDesc, uint32_t keyFrameInterval);
ACL_FUNC_VISIBILITY uint32_t aclvencGetChannelDescKeyFrameInterval(
    const aclvencChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvencSetChannelDescSrcRate(aclvencChannelDesc *channelDesc,
    uint32_t srcRate);
ACL_FUNC_VISIBILITY uint32_t aclvencGetChannelDescSrcRate(const aclvencChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvencSetChannelDescMaxBitRate(aclvencChannelDesc *channelDesc,
    uint32_t maxBitRate);
ACL_FUNC_VISIBILITY uint32_t aclvencGetChannelDescMaxBitRate(const aclvencChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvencSetChannelDescRcMode(aclvencChannelDesc *channelDesc,
    uint32_t rcMode);
ACL_FUNC_VISIBILITY uint32_t aclvencGetChannelDescRcMode(const aclvencChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvencSetChannelDescBufAddr(aclvencChannelDesc *channelDesc,
    void *bufAddr);
ACL_FUNC_VISIBILITY void *aclvencGetChannelDescBufAddr(const aclvencChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvencSetChannelDescBufSize(aclvencChannelDesc *channelDesc,
    uint32_t bufSize);
ACL_FUNC_VISIBILITY uint32_t aclvencGetChannelDescBufSize(const aclvencChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY uint32_t aclvencGetChannelDescChannelId(const aclvencChannelDesc *channelDesc);

/*
 * The same by number, and ACL_VENC_MAX_IP_PROP_UINT32: the ratio of the quantizers of P and I
 * frames, 1 to 100; 0 (the default): the encoder's.
 */
ACL_FUNC_VISIBILITY aclError aclvencSetChannelDescParam(aclvencChannelDesc *channelDesc,
    aclvencChannelDescParamType paramType, size_t length, const void *param);
ACL_FUNC_VISIBILITY aclError aclvencGetChannelDescParam(const aclvencChannelDesc *channelDesc,
    aclvencChannelDescParamType paramType, size_t length, size_t *paramRetSize, void *param);

/* Of one frame: whether it is the last (the picture may be NULL then), and a key frame. */
ACL_FUNC_VISIBILITY aclvencFrameConfig *aclvencCreateFrameConfig(void);
ACL_FUNC_VISIBILITY aclError aclvencDestroyFrameConfig(aclvencFrameConfig *config);
ACL_FUNC_VISIBILITY aclError aclvencSetFrameConfigEos(aclvencFrameConfig *config, uint8_t eos);
ACL_FUNC_VISIBILITY uint8_t aclvencGetFrameConfigEos(const aclvencFrameConfig *config);
ACL_FUNC_VISIBILITY aclError aclvencSetFrameConfigForceIFrame(aclvencFrameConfig *config,
    uint8_t forceIFrame);
ACL_FUNC_VISIBILITY uint8_t aclvencGetFrameConfigForceIFrame(const aclvencFrameConfig *config);

/* As those of VDEC. */
ACL_FUNC_VISIBILITY aclError aclvencCreateChannel(aclvencChannelDesc *channelDesc);
ACL_FUNC_VISIBILITY aclError aclvencDestroyChannel(aclvencChannelDesc *channelDesc);

/*
 * Sends a picture, which is copied, so its memory may go or change at once; while 8 wait for the
 * encoder, it waits, except in the thread of the callbacks. The callback gets the piece of the
 * stream that encodes it (Annex B): data, size and format, or a code other than 0
 * (acldvppGetStreamDescRetCode); it is the library's and goes when the callback returns. config
 * may be NULL; reserve is not read. With the end set in config it waits until all callbacks have
 * run, as closing does; the next frame begins anew.
 */
ACL_FUNC_VISIBILITY aclError aclvencSendFrame(aclvencChannelDesc *channelDesc,
    acldvppPicDesc *input, void *reserve, aclvencFrameConfig *config, void *userdata);

#ifdef __cplusplus
}
#endif

#endif
