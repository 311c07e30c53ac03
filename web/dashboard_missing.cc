// Compiled in place of what build_pages.cmake makes, when the dashboard could not be bundled.
#include "web/dashboard.h"

namespace wellhead::web {

std::span<const DashboardFile> dashboard_files() { return {}; }

std::string_view dashboard_missing() { return WELLHEAD_DASHBOARD_MISSING; }

}  // namespace wellhead::web
