/* The header alone, and a second time. */
#include "mqttlink.h"
#include "mqttlink.h"

int unused;
