// The REST routes of observations, as service/resource makes them from the views.
#pragma once

#include "service/resource/routes.h"

namespace wellhead::observation {

resource::ResourceApi observation_api();

}  // namespace wellhead::observation
