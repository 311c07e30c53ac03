// The settings of who may call the API, apart from the others so that few files depend on them. The registry has them
// all (settings.h).
#pragma once

#include "library/meta/settings.h"

namespace wellhead::meta::setting {

extern const Text kTlsCertificateFile, kTlsKeyFile, kCorsOrigins;
extern const Integer kClientRate, kClientConnections, kMaxHeaderBytes, kMaxRequestBytes, kSmallCounts;
extern const Duration kRequestTimeout;
extern const Text kJwtIssuer, kJwtAudience, kJwtKeys, kJwtCaFile, kJwtSecret;
extern const Duration kJwtLeeway;
extern const Text kSecret;

}  // namespace wellhead::meta::setting
