/* The driver `modbus-tcp`: Modbus TCP as a client, over libmodbus (Modbus Messaging on TCP/IP
 * Implementation Guide V1.0b). One connection a link, one request in flight; reads only. */
#ifndef DRIVERS_MODBUS_TCP_H
#define DRIVERS_MODBUS_TCP_H

#include "drivers/driver.h"

extern const struct driver modbus_tcp_driver;

#endif
