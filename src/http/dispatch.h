/* SPDX-License-Identifier: MIT */
/* The functions that libmicrohttpd is given, each with a struct worker as its context; what they
 * are called for is in microhttpd.h. */
#pragma once

#include <microhttpd.h>

/* MHD_OPTION_NOTIFY_CONNECTION. */
void dispatch_connection(void *context, struct MHD_Connection *mhd, void **state,
    enum MHD_ConnectionNotificationCode code);

/* MHD_OPTION_URI_LOG_CALLBACK: the first line is there, nothing of it changed yet. */
void *dispatch_request_line(void *context, const char *target, struct MHD_Connection *mhd);

/* MHD_AccessHandlerCallback. */
enum MHD_Result dispatch_serve(void *context, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *data, size_t *len, void **state);

/* MHD_OPTION_NOTIFY_COMPLETED. */
void dispatch_request_over(
    void *context, struct MHD_Connection *mhd, void **state, enum MHD_RequestTerminationCode code);
