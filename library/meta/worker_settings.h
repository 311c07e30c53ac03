// The settings of workers, most of them on a Temporal cluster, apart from the others so that few files depend on them.
// The registry has them all (settings.h).
#pragma once

#include "library/meta/settings.h"

namespace wellhead::meta::setting {

extern const Text kSlots;
extern const Integer kPollers;
extern const Text kDeployment, kBuildId, kVersioning, kCoreMetricsListen, kPayloadKeys;

}  // namespace wellhead::meta::setting
