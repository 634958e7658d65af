/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl.himpi: the second interface to pictures and video, which says that it is not there. Its types
 * are not published, so arguments are counted and otherwise left unread.
 */
#include "binding.h"

/* X(name, number of arguments, their names) */
#define CALLS(X)                                                                                   \
    X(dvpp_free, 1, "dev_ptr")                                                                     \
    X(dvpp_get_image_info, 3, "img_type, stream, img_info")                                        \
    X(dvpp_get_version, 3, "major_version, minor_version, patch_version")                          \
    X(dvpp_malloc, 3, "dev_id, dev_ptr, size")                                                     \
    X(png_get_image_info, 2, "png_stream, img_info")                                               \
    X(pngd_create_chn, 2, "chn, attr")                                                             \
    X(pngd_destroy_chn, 1, "chn")                                                                  \
    X(pngd_get_image_data, 4, "chn, png_pic_info, stream, milli_sec")                              \
    X(pngd_send_stream, 4, "chn, stream, png_pic_info, milli_sec")                                 \
    X(sys_close_epoll, 1, "epoll_fd")                                                              \
    X(sys_create_epoll, 2, "size, epoll_fd")                                                       \
    X(sys_ctl_epoll, 4, "epoll_fd, operation, fd, event")                                          \
    X(sys_exit, 0, "")                                                                             \
    X(sys_get_chn_csc_matrix, 4, "mode, chn, csc_matrix, csc_coefficient")                         \
    X(sys_init, 0, "")                                                                             \
    X(sys_set_chn_csc_matrix, 4, "mode, chn, csc_matrix, csc_coefficient")                         \
    X(sys_wait_epoll, 5, "epoll_fd, events, max_events, timeout, event_num")                       \
    X(vdec_close_fd, 1, "chn")                                                                     \
    X(vdec_create_chn, 2, "chn, attr")                                                             \
    X(vdec_destroy_chn, 1, "chn")                                                                  \
    X(vdec_get_chn_attr, 2, "chn, attr")                                                           \
    X(vdec_get_chn_param, 2, "chn, chn_param")                                                     \
    X(vdec_get_fd, 1, "chn")                                                                       \
    X(vdec_get_frame, 5, "chn, frame_info, supplement, stream, milli_sec")                         \
    X(vdec_get_protocol_param, 2, "chn, protocol_param")                                           \
    X(vdec_query_status, 2, "chn, status")                                                         \
    X(vdec_release_frame, 2, "chn, frame_info")                                                    \
    X(vdec_reset_chn, 1, "chn")                                                                    \
    X(vdec_send_stream, 4, "chn, stream, vdec_pic_info, milli_sec")                                \
    X(vdec_set_chn_attr, 2, "chn, attr")                                                           \
    X(vdec_set_chn_param, 2, "chn, chn_param")                                                     \
    X(vdec_set_jpegd_precision_mode, 2, "chn, mode")                                               \
    X(vdec_set_protocol_param, 2, "chn, protocol_param")                                           \
    X(vdec_start_recv_stream, 1, "chn")                                                            \
    X(vdec_stop_recv_stream, 1, "chn")                                                             \
    X(venc_close_fd, 1, "chn")                                                                     \
    X(venc_compact_jpeg_tables, 3, "chn, table_type, enable")                                      \
    X(venc_create_chn, 2, "chn, attr")                                                             \
    X(venc_destroy_chn, 1, "chn")                                                                  \
    X(venc_get_fd, 1, "chn")                                                                       \
    X(venc_get_jpeg_huffman_param, 2, "chn, jpeg_huffman_data")                                    \
    X(venc_get_jpeg_param, 2, "chn, jpeg_param")                                                   \
    X(venc_get_jpege_predicted_size, 3, "frame, jpeg_param, size")                                 \
    X(venc_get_mod_param, 1, "mod_param")                                                          \
    X(venc_get_rc_param, 2, "chn, rc_param")                                                       \
    X(venc_get_stream, 3, "chn, stream, milli_sec")                                                \
    X(venc_query_status, 2, "chn, status")                                                         \
    X(venc_release_stream, 2, "chn, stream")                                                       \
    X(venc_request_idr, 2, "chn, instant")                                                         \
    X(venc_send_frame, 3, "chn, frame, milli_sec")                                                 \
    X(venc_send_jpege_frame, 4, "chn, frame, jpege_stream, milli_sec")                             \
    X(venc_set_chn_param, 2, "chn, chn_param")                                                     \
    X(venc_set_jpeg_huffman_param, 2, "chn, jpeg_huffman_param")                                   \
    X(venc_set_jpeg_param, 2, "chn, jpeg_param")                                                   \
    X(venc_set_mod_param, 1, "mod_param")                                                          \
    X(venc_set_rc_param, 2, "chn, rc_param")                                                       \
    X(venc_set_scene_mode, 2, "chn, scene_mode")                                                   \
    X(venc_start_chn, 2, "chn, recv_param")                                                        \
    X(venc_stop_chn, 1, "chn")                                                                     \
    X(vpc_batch_crop_resize_make_border, 7,                                                        \
      "chn, source_pic, pic_num, crop_resize_make_border_info, count, task_id, milli_sec")         \
    X(vpc_batch_crop_resize_paste, 7,                                                              \
      "chn, source_pic, pic_num, crop_resize_paste_info, count, task_id, milli_sec")               \
    X(vpc_blur, 4, "chn, blur_param, task_id, milli_sec")                                          \
    X(vpc_calc_hist, 5, "chn, source_pic, hist_config, task_id, milli_sec")                        \
    X(vpc_convert_color, 5, "chn, source_pic, dest_pic, task_id, milli_sec")                       \
    X(vpc_convert_color_to_yuv420, 5, "chn, source_pic, dest_pic, task_id, milli_sec")             \
    X(vpc_convert_color_v2, 6, "chn, source_pic, dest_pic, conf, task_id, milli_sec")              \
    X(vpc_copy_make_border, 6, "chn, source_pic, dest_pic, make_border_info, task_id, milli_sec")  \
    X(vpc_create_chn, 2, "chn, attr")                                                              \
    X(vpc_crop, 6, "chn, source_pic, crop_info, count, task_id, milli_sec")                        \
    X(vpc_crop_resize, 6, "chn, source_pic, crop_resize_info, count, task_id, milli_sec")          \
    X(vpc_crop_resize_make_border, 6,                                                              \
      "chn, source_pic, crop_resize_make_border_info, count, task_id, milli_sec")                  \
    X(vpc_crop_resize_paste, 6,                                                                    \
      "chn, source_pic, crop_resize_paste_info, count, task_id, milli_sec")                        \
    X(vpc_crop_resize_resize_paste, 6,                                                             \
      "chn, source_pic, crop_resize_resize_paste_info, count, task_id, milli_sec")                 \
    X(vpc_destroy_chn, 1, "chn")                                                                   \
    X(vpc_dilate, 4, "chn, dilate_param, task_id, milli_sec")                                      \
    X(vpc_draw_cover, 4, "chn, cover_param, task_id, milli_sec")                                   \
    X(vpc_draw_line, 4, "chn, line_param, task_id, milli_sec")                                     \
    X(vpc_draw_mosaic, 4, "chn, mosaic_param, task_id, milli_sec")                                 \
    X(vpc_draw_osd, 4, "chn, osd_param, task_id, milli_sec")                                       \
    X(vpc_equalize_hist, 6, "chn, source_pic, dest_pic, lut_remap, task_id, milli_sec")            \
    X(vpc_erode, 4, "chn, erode_param, task_id, milli_sec")                                        \
    X(vpc_filter2d, 4, "chn, filter_2d_param, task_id, milli_sec")                                 \
    X(vpc_gaussian_blur, 4, "chn, gaussian_blur_param, task_id, milli_sec")                        \
    X(vpc_get_process_result, 3, "chn, task_id, milli_sec")                                        \
    X(vpc_get_roundview_stitching_param, 2, "chn, stitch_param")                                   \
    X(vpc_median_blur, 4, "chn, median_blur_param, task_id, milli_sec")                            \
    X(vpc_pyrdown, 9,                                                                              \
      "chn, source_pic, dest_pic, filter_level, 5, divisor, make_border_info, task_id, milli_sec") \
    X(vpc_resize, 8, "chn, source_pic, dest_pic, fx, fy, interpolation, task_id, milli_sec")       \
    X(vpc_rotate, 4, "chn, rotate_param, task_id, milli_sec")                                      \
    X(vpc_roundview_stitching, 4, "chn, roundview_stitching_pic_param, task_id, milli_sec")        \
    X(vpc_set_roundview_stitching_param, 2, "chn, stitch_param")                                   \
    X(vpc_sys_create_chn, 2, "chnl, attr")

#define CALL(name, count, names)                                                                   \
    int32_t hi_mpi_##name(void); /* of libacl_dvpp_mpi.so */                                       \
    METHOD(himpi_##name) {                                                                         \
        if (PyTuple_Size(args) == count) return code_only(hi_mpi_##name());                        \
        PyErr_SetString(PyExc_TypeError, "acl.himpi." #name "() takes (" names ")");               \
        return NULL;                                                                               \
    }
CALLS(CALL)

#define HIMPI_ROW(name, count, names)                                                              \
    ROW(#name, himpi_##name, #name "(" names ") -> ret; not supported"),
PyMethodDef himpi_methods[] = {CALLS(HIMPI_ROW){NULL, NULL, 0, NULL}};
