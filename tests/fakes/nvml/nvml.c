/* A stand-in for NVIDIA's libnvidia-ml.so.1: two GPUs that say what a test expects. FAKE_NVML holds words:
   missing  no power, no energy counter, no clocks, no GPM: calls that are not supported
   lost     from the 20th question about utilisation on, the first GPU has fallen off the bus
   slow     the power of the first GPU takes half a second to read, once
   mig      the first GPU is cut into instances: its first one is MIG-0
   busy     a process that is not ours is on the first GPU, it is hot, and throttled
   none     there is no driver
   gone0    the first GPU does not answer when its handle is asked for (gone1: the second)
   mixed    the second GPU is of another model
   FAKE_NVML_PIDS names a folder: each file in it is named like a process that is on the first GPU.
   Numbers: utilisation 40 + GPU, power 100 W + GPU, and energy that grows by exactly that power. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OK = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, DRIVER_NOT_LOADED = 9, TIMED_OUT = 10, LOST = 15 };
typedef struct { int number; int mig; } Gpu;
static Gpu gpus[2] = {{0, 0}, {1, 0}}, instance = {0, 1};
static int questions, slept;

static int told(const char *word) {
    const char *words = getenv("FAKE_NVML");
    return words && strstr(words, word) != NULL;
}
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}
static int lost(Gpu *gpu) { return told("lost") && gpu->number == 0 && questions > 20; }
#define ANSWER(gpu) if (lost(gpu)) return LOST
#define OWN(gpu) ANSWER(gpu); if ((gpu)->mig || told("missing")) return NOT_SUPPORTED

int nvmlInitWithFlags(unsigned flags) { return told("none") ? DRIVER_NOT_LOADED : OK; }
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int error) { return error == LOST ? "GPU is lost" : "an error"; }
int nvmlSystemGetCudaDriverVersion(int *version) { *version = 12040; return OK; }
int nvmlSystemGetDriverVersion(char *text, unsigned length) { snprintf(text, length, "550.54.14"); return OK; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return OK; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Gpu **gpu) {
    if (index > 1) return NOT_FOUND;
    if (told(index ? "gone1" : "gone0")) return LOST;
    *gpu = &gpus[index];
    return OK;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, Gpu **gpu) {
    if (!strncmp(uuid, "MIG-0", 5)) { *gpu = &instance; return OK; }
    if (!strncmp(uuid, "GPU-", 4) && uuid[4] >= '0' && uuid[4] <= '1') { *gpu = &gpus[uuid[4] - '0']; return OK; }
    return NOT_FOUND;
}
int nvmlDeviceGetMigMode(Gpu *gpu, unsigned *current, unsigned *pending) {
    *current = *pending = told("mig") && gpu->number == 0;
    return OK;
}
int nvmlDeviceGetMigDeviceHandleByIndex(Gpu *gpu, unsigned index, Gpu **found) { *found = &instance; return OK; }
int nvmlDeviceGetUUID(Gpu *gpu, char *text, unsigned length) {
    snprintf(text, length, gpu->mig ? "MIG-%d" : "GPU-%d", gpu->number);
    return OK;
}
int nvmlDeviceGetName(Gpu *gpu, char *text, unsigned length) {
    snprintf(text, length, gpu->mig ? "Stand-in GPU MIG 1g.5gb" : told("mixed") && gpu->number ? "Other GPU" : "Stand-in GPU");
    return OK;
}
int nvmlDeviceGetEnforcedPowerLimit(Gpu *gpu, unsigned *mw) { OWN(gpu); *mw = 250000; return OK; }
int nvmlDeviceGetMemoryInfo(Gpu *gpu, unsigned long long *memory) {
    ANSWER(gpu);
    memory[0] = 16000000000ULL; memory[1] = 14000000000ULL; memory[2] = 2000000000ULL;
    return OK;
}
int nvmlDeviceGetUtilizationRates(Gpu *gpu, unsigned *rates) {
    if (gpu->number == 0) questions++;
    ANSWER(gpu);
    if (gpu->mig) return NOT_SUPPORTED;
    rates[0] = 40 + gpu->number; rates[1] = 10;
    return OK;
}
int nvmlDeviceGetPowerUsage(Gpu *gpu, unsigned *mw) {
    OWN(gpu);
    if (told("slow") && gpu->number == 0 && questions > 10 && !slept++) usleep(500000);
    *mw = 100000 + 1000 * gpu->number;
    return OK;
}
int nvmlDeviceGetTotalEnergyConsumption(Gpu *gpu, unsigned long long *mj) {
    OWN(gpu);
    *mj = (unsigned long long)(now() * (100000 + 1000 * gpu->number));
    return OK;
}
int nvmlDeviceGetClockInfo(Gpu *gpu, int kind, unsigned *mhz) { OWN(gpu); *mhz = 1400 + kind; return OK; }
int nvmlDeviceGetApplicationsClock(Gpu *gpu, int kind, unsigned *mhz) { OWN(gpu); *mhz = 1000 + kind; return OK; }
int nvmlDeviceGetPowerManagementDefaultLimit(Gpu *gpu, unsigned *mw) { OWN(gpu); *mw = 300000; return OK; }
int nvmlDeviceGetEccMode(Gpu *gpu, int *now, int *next) { OWN(gpu); *now = *next = gpu->number == 0; return OK; }
int nvmlDeviceGetComputeMode(Gpu *gpu, int *mode) { OWN(gpu); *mode = 3; return OK; }
int nvmlDeviceGetTemperature(Gpu *gpu, int sensor, unsigned *c) { ANSWER(gpu); *c = told("busy") ? 91 : 41; return OK; }
int nvmlDeviceGetCurrentClocksThrottleReasons(Gpu *gpu, unsigned long long *bits) {
    ANSWER(gpu);
    *bits = told("busy") && gpu->number == 0 ? 0x41 : 1;
    return OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(Gpu *gpu, unsigned *count, char *list) {
    unsigned found = 0, pids[64], room = *count;
    ANSWER(gpu);
    if (told("busy") && !gpu->number) pids[found++] = 1; /* the process that started everything is never ours */
    const char *folder = getenv("FAKE_NVML_PIDS");
    DIR *names = folder && !gpu->number ? opendir(folder) : NULL;
    for (struct dirent *each; names && (each = readdir(names)) && found < 64;)
        if (atoi(each->d_name)) pids[found++] = atoi(each->d_name);
    if (names) closedir(names);
    *count = found;
    if (found && (!list || room < found)) return TOO_SMALL;
    for (unsigned place = 0; place < found; place++) {
        memset(list + 24 * place, 0, 24);
        *(unsigned *)(list + 24 * place) = pids[place];
    }
    return OK;
}
int nvmlDeviceGetTotalEccErrors(Gpu *gpu, int type, int counter, unsigned long long *n) { ANSWER(gpu); *n = 3; return OK; }
int nvmlEventSetCreate(void **set) { static int one; *set = &one; return OK; }
int nvmlDeviceRegisterEvents(Gpu *gpu, unsigned long long kinds, void *set) { OWN(gpu); return OK; }
int nvmlEventSetWait_v2(void *set, void *data, unsigned ms) { return TIMED_OUT; }
int nvmlDeviceGetPcieThroughput(Gpu *gpu, int direction, unsigned *kib) { OWN(gpu); *kib = 1000 * (1 + direction); return OK; }
/* No NVLink functions, and no newer name for throttle reasons: an old library. */
typedef struct { unsigned version, count; void *first, *second; } GpmQuestion;
typedef struct { unsigned metric; int error; double value; char *words[3]; } GpmAnswer;
int nvmlGpmQueryDeviceSupport(Gpu *gpu, unsigned *support) { OWN(gpu); support[1] = gpu->number == 1; return OK; }
int nvmlGpmSampleAlloc(void **sample) { *sample = malloc(1); return OK; }
int nvmlGpmSampleGet(Gpu *gpu, void *sample) { return OK; }
int nvmlGpmMetricsGet(GpmQuestion *question) {
    GpmAnswer *answer = (GpmAnswer *)(question + 1);
    for (unsigned place = 0; place < question->count; place++) {
        answer[place].error = OK;
        answer[place].value = 10.0 * answer[place].metric;
    }
    return OK;
}
