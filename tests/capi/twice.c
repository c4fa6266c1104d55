/* The headers alone, and a second time. */
#include "mqttlink.h"
#include "mqttlink.h"
#if __cplusplus >= 201703L
#include "mqttlink.hpp"
#include "mqttlink.hpp"
#endif

int unused;
