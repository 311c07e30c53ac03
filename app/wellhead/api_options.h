// How `up` and `serve` serve the API: by the settings, guarded.
#pragma once

#include "app/wellhead/composition.h"
#include "library/meta/settings.h"
#include "service/api/server.h"

namespace wellhead::app {

// Error{invalid_setting} for settings that contradict each other. worker outlives the server.
api::ServerOptions api_options(const meta::Settings& settings, const Database& database, Worker& worker);

}  // namespace wellhead::app
