/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl.himpi: the second interface to pictures and video, which says that it is not there. Its types
 * are not published, so any arguments will do.
 */
#include "binding.h"

/* X(name, names of the arguments) */
#define CALLS(X)                                                                                   \
    X(dvpp_free, "dev_ptr")                                                                        \
    X(dvpp_get_image_info, "img_type, stream, img_info")                                           \
    X(dvpp_get_version, "major_version, minor_version, patch_version")                             \
    X(dvpp_malloc, "dev_id, dev_ptr, size")                                                        \
    X(png_get_image_info, "png_stream, img_info")                                                  \
    X(pngd_create_chn, "chn, attr")                                                                \
    X(pngd_destroy_chn, "chn")                                                                     \
    X(pngd_get_image_data, "chn, png_pic_info, stream, milli_sec")                                 \
    X(pngd_send_stream, "chn, stream, png_pic_info, milli_sec")                                    \
    X(sys_close_epoll, "epoll_fd")                                                                 \
    X(sys_create_epoll, "size, epoll_fd")                                                          \
    X(sys_ctl_epoll, "epoll_fd, operation, fd, event")                                             \
    X(sys_exit, "")                                                                                \
    X(sys_get_chn_csc_matrix, "mode, chn, csc_matrix, csc_coefficient")                            \
    X(sys_init, "")                                                                                \
    X(sys_set_chn_csc_matrix, "mode, chn, csc_matrix, csc_coefficient")                            \
    X(sys_wait_epoll, "epoll_fd, events, max_events, timeout, event_num")                          \
    X(vdec_close_fd, "chn")                                                                        \
    X(vdec_create_chn, "chn, attr")                                                                \
    X(vdec_destroy_chn, "chn")                                                                     \
    X(vdec_get_chn_attr, "chn, attr")                                                              \
    X(vdec_get_chn_param, "chn, chn_param")                                                        \
    X(vdec_get_fd, "chn")                                                                          \
    X(vdec_get_frame, "chn, frame_info, supplement, stream, milli_sec")                            \
    X(vdec_get_protocol_param, "chn, protocol_param")                                              \
    X(vdec_query_status, "chn, status")                                                            \
    X(vdec_release_frame, "chn, frame_info")                                                       \
    X(vdec_reset_chn, "chn")                                                                       \
    X(vdec_send_stream, "chn, stream, vdec_pic_info, milli_sec")                                   \
    X(vdec_set_chn_attr, "chn, attr")                                                              \
    X(vdec_set_chn_param, "chn, chn_param")                                                        \
    X(vdec_set_jpegd_precision_mode, "chn, mode")                                                  \
    X(vdec_set_protocol_param, "chn, protocol_param")                                              \
    X(vdec_start_recv_stream, "chn")                                                               \
    X(vdec_stop_recv_stream, "chn")                                                                \
    X(venc_close_fd, "chn")                                                                        \
    X(venc_compact_jpeg_tables, "chn, table_type, enable")                                         \
    X(venc_create_chn, "chn, attr")                                                                \
    X(venc_destroy_chn, "chn")                                                                     \
    X(venc_get_fd, "chn")                                                                          \
    X(venc_get_jpeg_huffman_param, "chn, jpeg_huffman_data")                                       \
    X(venc_get_jpeg_param, "chn, jpeg_param")                                                      \
    X(venc_get_jpege_predicted_size, "frame, jpeg_param, size")                                    \
    X(venc_get_mod_param, "mod_param")                                                             \
    X(venc_get_rc_param, "chn, rc_param")                                                          \
    X(venc_get_stream, "chn, stream, milli_sec")                                                   \
    X(venc_query_status, "chn, status")                                                            \
    X(venc_release_stream, "chn, stream")                                                          \
    X(venc_request_idr, "chn, instant")                                                            \
    X(venc_send_frame, "chn, frame, milli_sec")                                                    \
    X(venc_send_jpege_frame, "chn, frame, jpege_stream, milli_sec")                                \
    X(venc_set_chn_param, "chn, chn_param")                                                        \
    X(venc_set_jpeg_huffman_param, "chn, jpeg_huffman_param")                                      \
    X(venc_set_jpeg_param, "chn, jpeg_param")                                                      \
    X(venc_set_mod_param, "mod_param")                                                             \
    X(venc_set_rc_param, "chn, rc_param")                                                          \
    X(venc_set_scene_mode, "chn, scene_mode")                                                      \
    X(venc_start_chn, "chn, recv_param")                                                           \
    X(venc_stop_chn, "chn")                                                                        \
    X(vpc_batch_crop_resize_make_border,                                                           \
      "chn, source_pic, pic_num, crop_resize_make_border_info, count, task_id, milli_sec")         \
    X(vpc_batch_crop_resize_paste,                                                                 \
      "chn, source_pic, pic_num, crop_resize_paste_info, count, task_id, milli_sec")               \
    X(vpc_blur, "chn, blur_param, task_id, milli_sec")                                             \
    X(vpc_calc_hist, "chn, source_pic, hist_config, task_id, milli_sec")                           \
    X(vpc_convert_color, "chn, source_pic, dest_pic, task_id, milli_sec")                          \
    X(vpc_convert_color_to_yuv420, "chn, source_pic, dest_pic, task_id, milli_sec")                \
    X(vpc_convert_color_v2, "chn, source_pic, dest_pic, conf, task_id, milli_sec")                 \
    X(vpc_copy_make_border, "chn, source_pic, dest_pic, make_border_info, task_id, milli_sec")     \
    X(vpc_create_chn, "chn, attr")                                                                 \
    X(vpc_crop, "chn, source_pic, crop_info, count, task_id, milli_sec")                           \
    X(vpc_crop_resize, "chn, source_pic, crop_resize_info, count, task_id, milli_sec")             \
    X(vpc_crop_resize_make_border,                                                                 \
      "chn, source_pic, crop_resize_make_border_info, count, task_id, milli_sec")                  \
    X(vpc_crop_resize_paste,                                                                       \
      "chn, source_pic, crop_resize_paste_info, count, task_id, milli_sec")                        \
    X(vpc_crop_resize_resize_paste,                                                                \
      "chn, source_pic, crop_resize_resize_paste_info, count, task_id, milli_sec")                 \
    X(vpc_destroy_chn, "chn")                                                                      \
    X(vpc_dilate, "chn, dilate_param, task_id, milli_sec")                                         \
    X(vpc_draw_cover, "chn, cover_param, task_id, milli_sec")                                      \
    X(vpc_draw_line, "chn, line_param, task_id, milli_sec")                                        \
    X(vpc_draw_mosaic, "chn, mosaic_param, task_id, milli_sec")                                    \
    X(vpc_draw_osd, "chn, osd_param, task_id, milli_sec")                                          \
    X(vpc_equalize_hist, "chn, source_pic, dest_pic, lut_remap, task_id, milli_sec")               \
    X(vpc_erode, "chn, erode_param, task_id, milli_sec")                                           \
    X(vpc_filter2d, "chn, filter_2d_param, task_id, milli_sec")                                    \
    X(vpc_gaussian_blur, "chn, gaussian_blur_param, task_id, milli_sec")                           \
    X(vpc_get_process_result, "chn, task_id, milli_sec")                                           \
    X(vpc_get_roundview_stitching_param, "chn, stitch_param")                                      \
    X(vpc_median_blur, "chn, median_blur_param, task_id, milli_sec")                               \
    X(vpc_pyrdown,                                                                                 \
      "chn, source_pic, dest_pic, filter_level, 5, divisor, make_border_info, task_id, milli_sec") \
    X(vpc_resize, "chn, source_pic, dest_pic, fx, fy, interpolation, task_id, milli_sec")          \
    X(vpc_rotate, "chn, rotate_param, task_id, milli_sec")                                         \
    X(vpc_roundview_stitching, "chn, roundview_stitching_pic_param, task_id, milli_sec")           \
    X(vpc_set_roundview_stitching_param, "chn, stitch_param")                                      \
    X(vpc_sys_create_chn, "chnl, attr")

#define CALL(name, names)                                                                          \
    int32_t hi_mpi_##name(void); /* of libacl_dvpp_mpi.so */                                       \
    METHOD(himpi_##name) { return code_only(hi_mpi_##name()); }
CALLS(CALL)

#define HIMPI_ROW(name, names)                                                                     \
    ROW(#name, himpi_##name, #name "(" names ") -> ret; not supported"),
PyMethodDef himpi_methods[] = {CALLS(HIMPI_ROW){NULL, NULL, 0, NULL}};
