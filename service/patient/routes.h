// The REST routes of patients, as service/resource makes them from the view.
#pragma once

#include "service/resource/routes.h"

namespace wellhead::patient {

resource::ResourceApi patient_api();

}  // namespace wellhead::patient
