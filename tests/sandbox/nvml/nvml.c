// An NVML of the tests' own: two devices, of which the second can be lost (NVML_LOST=1 in the environment), of a series
// that can be named (NVML_SERIES), since all servers of a machine claim devices by their names.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, LOST = 15 };
enum { DEVICES = 2 };
typedef struct { int index; } Device;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned int gpu, memory; } Utilisation;
static Device devices[DEVICES] = {{0}, {1}};

static int state(const Device *device) { return device->index == 1 && getenv("NVML_LOST") ? LOST : OK; }

int nvmlInitWithFlags(unsigned int flags) { return flags ? NOT_SUPPORTED : OK; }
const char *nvmlErrorString(int result) { return result == LOST ? "GPU is lost" : "failed"; }

int nvmlDeviceGetCount_v2(unsigned int *count) { *count = DEVICES; return OK; }

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, Device **device) {
    if (index >= DEVICES) return NOT_FOUND;
    *device = &devices[index];
    return OK;
}

int nvmlDeviceGetUUID(Device *device, char *text, unsigned int size) {
    const char *series = getenv("NVML_SERIES");
    snprintf(text, size, "GPU-%s-%d", series ? series : "0000", device->index);
    return OK;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, Device **device) {
    for (int index = 0; index < DEVICES; index++) {
        char known[32];
        nvmlDeviceGetUUID(&devices[index], known, sizeof known);
        if (!strcmp(known, uuid)) { *device = &devices[index]; return OK; }
    }
    return NOT_FOUND;
}

int nvmlDeviceGetName(Device *device, char *text, unsigned int size) {
    snprintf(text, size, "Toy %d", device->index);
    return OK;
}

int nvmlDeviceGetMinorNumber(Device *device, unsigned int *minor) { *minor = 4 + device->index; return OK; }

int nvmlDeviceGetMemoryInfo(Device *device, Memory *memory) {
    *memory = (Memory){80ull << 30, 77ull << 30, 3ull << 30};
    return state(device);
}

int nvmlDeviceGetUtilizationRates(Device *device, Utilisation *rates) {
    *rates = (Utilisation){25, 10};
    return device->index == 0 ? OK : NOT_SUPPORTED;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned int *count, void *processes) {
    unsigned int running = device->index == 0 ? 2 : 0;
    int fits = *count >= running;
    *count = running;
    return fits ? OK : TOO_SMALL;
}
