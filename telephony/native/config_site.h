/* Limits and features of Ringside's PJSIP build; copied to pjlib/include/pj/config_site.h.
 *
 * PJSUA keeps its calls and ports in fixed arrays, so the limits are paid for in memory at start even when idle.
 * One leg = one call, one bridge port, two sockets (RTP and RTCP) in the media ioqueue.
 */

/* Legs, and what rides beside them on the bridge: prompts, recordings, PcmPorts, tone meters. */
#define PJSUA_MAX_CALLS                         2048
#define PJSUA_MAX_CONF_PORTS                    6144
#define PJSUA_MAX_PLAYERS                       1024
#define PJSUA_MAX_RECORDERS                     1024
#define PJSUA_MAX_ACC                           64      /* trunks and local identities; phones are not accounts */
#define PJSUA_MAX_BUDDIES                       8       /* presence is ours, not PJSUA's */

/* Media lines of one call: as many as the door lets in (DoorLimits::mediaLines). Each call has two tables of them. */
#define PJMEDIA_MAX_SDP_MEDIA                   8

/* Sockets of one ioqueue (epoll, so FD_SETSIZE does not bind) and of the signalling side. */
#define PJ_IOQUEUE_MAX_HANDLES                  8192
#define PJSIP_MAX_TRANSPORTS                    4096

/* Hash sizes; PJSIP wants 2^n - 1. A leg has one dialog; a transaction outlives its answer by 32 s. */
#define PJSIP_MAX_TSX_COUNT                     (32 * 1024 - 1)
#define PJSIP_MAX_DIALOG_COUNT                  (8 * 1024 - 1)

/* A conference roster or a browser's offer is longer than the default 4000 bytes. */
#define PJSIP_MAX_PKT_LEN                       16000
#define PJSIP_MAX_URL_SIZE                      512

/* An INVITE above 1300 bytes stays on UDP, where the phone registered: its TCP port may be closed or swallow the SYN. */
#define PJSIP_DONT_SWITCH_TO_TCP                1

/* Bursts: 300 calls in half a second overrun the default socket buffer and a backlog of 5 connections. */
#define PJSIP_UDP_SO_RCVBUF_SIZE                (4 * 1024 * 1024)
#define PJSIP_UDP_SO_SNDBUF_SIZE                (4 * 1024 * 1024)
#define PJSIP_TCP_TRANSPORT_BACKLOG             512
#define PJSIP_TLS_TRANSPORT_BACKLOG             512

/* A connection that brings no whole SIP message within 10 s is cut. */
#define PJSIP_TRANSPORT_SERVER_IDLE_TIME_FIRST  10

/* Media: SRTP keyed by SDES and DTLS; the serial bridge (one media clock); no codec we do not offer. */
#define PJMEDIA_HAS_SRTP                        1
#define PJMEDIA_SRTP_HAS_DTLS                   1
#define PJMEDIA_HAS_L16_CODEC                   0
#define PJMEDIA_HAS_ILBC_CODEC                  0
#define PJMEDIA_HAS_VIDEO                       0

/* Level 5 is for debugging PJSIP itself and costs time in every packet. */
#define PJ_LOG_MAX_LEVEL                        4
#define PJ_TODO(id)
