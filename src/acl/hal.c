/* SPDX-License-Identifier: Apache-2.0 */
/* libascend_hal.so: empty. On a card it belongs to the driver; build files of programs for AscendCL
 * name it among what they link, though the programs call nothing of it. Its functions are not
 * public, so whoever calls one learns it from the linker. */
typedef int hal_is_empty; /* C knows no file without a declaration */
